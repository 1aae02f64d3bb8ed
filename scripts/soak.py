"""Soaks the server process: thousands of calls under random faults; nothing may hang, grow or stay unexplained.

The real command over stdio, 64 calls in flight, against the misbehaving upstream of the fault suite: four calls of
five meet no fault, the others one drawn from its tables, and every fiftieth is cancelled by its caller. The same seed
asks the same questions in the same order.

Exits with 1 when a call had no answer, when an answer was not the one that its fault explains (its figures included),
when a secret or a stray line came out, and on growth between the middle and the end. Before something is counted,
everything in flight has ended and every idle connection is closed, so descriptors may not grow at all. Memory may by
`MEMORY_ALLOWANCE`: less than a leak of 200 bytes a call comes to in 20,000 calls, more than the ups and downs of an
allocator.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.faulty_upstream import FINE, GRACE, IMPATIENT, PATIENT, Fault, Host, Reply, Upstream, open_host

BUDGET = 2.0
"""Seconds a call has."""
PATIENCE = 20.0
"""Seconds after which a call without an answer counts as hung."""
FAULTY, CANCELLED, SHARED = 0.2, 0.02, 0.05
"""Shares of calls: that meet a fault, that are cancelled, that are about a few customers everybody asks about."""
MEMORY_ALLOWANCE = 2_048
"""KiB, for the second half of the run."""
LINES_A_MINUTE = 10 * 15
"""How many lines the log may have: ten for each thing it can say, and it can't say more than fifteen."""
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}

# Without what is left on a connection: it reaches whoever comes next, whose outcome would be anybody's guess.
FAULTS = (*PATIENT, *IMPATIENT)

Sizes = Mapping[str, int]
"""What could grow: connections, and where the system tells them, KiB of memory and open descriptors."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One call to make: the fault it meets, and after how long its caller gives up, if at all."""

    fault: Fault
    customer: str
    gives_up: float | None


def questions(seed: int) -> Iterator[Question]:
    """Questions without end."""
    chance = random.Random(seed)  # noqa: S311 - the same on every run is what is wanted
    number = 0
    while True:
        number += 1
        fault = chance.choice(FAULTS) if chance.random() < FAULTY else FINE
        shared = fault is FINE and chance.random() < SHARED
        yield Question(
            fault=fault,
            customer=fault.customer(-chance.randrange(4) if shared else number, chance.choice(("up", "down"))),
            gives_up=chance.random() / 4 if chance.random() < CANCELLED else None,
        )


@dataclass(kw_only=True)
class Tally:
    """What came of the calls."""

    kinds: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many calls have ended."""
        return self.kinds.total()

    def take(self, question: Question, reply: Reply) -> None:
        """Takes note of an answer, and holds it against its fault."""
        self.kinds[reply.kind] += 1
        self.seconds.append(reply.seconds)
        total = reply.result.get("total_balance")
        if not explained(question, reply.kind, total):
            self.wrong.append(f"{reply.kind} {total} after {reply.seconds:.3f} s for {question.customer}")

    def miss(self, question: Question) -> None:
        """Takes note of a call that was given up."""
        self.kinds["cancelled" if question.gives_up else "no answer"] += 1
        if question.gives_up is None:
            self.wrong.append(f"no answer for {question.customer}")


def explained(question: Question, kind: str, total: object) -> bool:
    """Whether a call that met this fault may end so: as the table says, or because its last retry didn't fit."""
    fault, customer = question.fault, question.customer
    if (kind, total) == (fault.kind(customer), fault.total(customer)):
        return True
    out_of_time = {"last_known"} if "~up~" in customer else {"upstream_unavailable", "rate_limited"}
    return fault.refreshes > 1 and kind in out_of_time


class Soak:
    """The callers: they ask what is still to be asked, until all of it is or time is up."""

    def __init__(self, host: Host, upstream: Upstream, asked: Iterator[Question]) -> None:
        self.tally = Tally()
        self._host = host
        self._upstream = upstream
        self._asked = asked

    async def ask(self, calls: int, seconds: float, in_flight: int) -> None:
        """Makes so many calls, or as many as can be begun in that time; returns when the last one has ended."""
        left, end = iter(range(calls)), time.monotonic() + seconds

        async def caller() -> None:
            for _ in left:
                if time.monotonic() > end:
                    return
                await self._ask(next(self._asked))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(caller())

    async def _ask(self, question: Question) -> None:
        call = self._host.ask(question.customer)
        try:
            self.tally.take(question, await call.reply(question.gives_up or PATIENCE))
        except TimeoutError:
            self._host.cancel(call)
            self.tally.miss(question)

    async def sizes(self) -> Sizes:
        """Lets everything end that nobody waits for, and looks."""
        await self._upstream.until(lambda: not self._upstream.answering)
        await self._host.call(FINE.customer(0))
        await self._upstream.until(lambda: not self._upstream.open)
        await self._host.has_read_everything()
        return {"connections left open": self._upstream.open, **process_sizes(self._host.process.pid)}


def process_sizes(pid: int) -> Sizes:
    """Memory and descriptors of a process; nothing where there is no /proc."""
    folder = Path(f"/proc/{pid}")
    if not folder.exists():
        return {}
    status = (folder / "status").read_text(encoding="utf-8").split()
    memory = int(status[status.index("VmRSS:") + 1])
    return {"descriptors": len(list((folder / "fd").iterdir())), "KiB of memory": memory}


def growth(middle: Sizes, end: Sizes) -> list[str]:
    """What grew by more than it may."""
    allowed = {"KiB of memory": MEMORY_ALLOWANCE}
    return [
        f"{name} grew from {size} to {end[name]}"
        for name, size in middle.items()
        if end[name] > size + allowed.get(name, 0)
    ]


async def show_progress(tally: Tally, calls: int) -> None:
    """Says on stderr, every few seconds, how far it is."""
    begun = time.monotonic()
    while True:
        await asyncio.sleep(5)
        seconds = time.monotonic() - begun
        print(f"{seconds:4.0f} s: {tally.done} of {calls} calls, {len(tally.wrong)} wrong", file=sys.stderr)


@asynccontextmanager
async def progress_shown(tally: Tally, calls: int) -> AsyncIterator[None]:
    """Says on stderr how far it is, for as long as it lasts."""
    task = asyncio.create_task(show_progress(tally, calls))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def print_answers(tally: Tally, seconds: float) -> None:
    """Prints how many there were of each kind, and how long they took."""
    print(f"{tally.done} calls in {seconds:.0f} s, {tally.done / seconds:.0f} a second")
    for kind, number in tally.kinds.most_common():
        print(f"  {kind:24}{number:7}")
    took = sorted(tally.seconds)
    at = [f"{name} {took[int(share * (len(took) - 1))] * 1000:.0f} ms" for name, share in PERCENTILES.items()]
    late = sum(each > BUDGET + GRACE for each in took)
    print(f"latency: {', '.join(at)}; {late} over the budget of {BUDGET:g} s by more than {GRACE * 1000:.0f} ms")


def print_sizes(sizes: Mapping[str, Sizes]) -> None:
    """Prints each size at each time."""
    for name in sizes["start"]:
        print(f"{name}: {', '.join(f'{each[name]} at the {when}' for when, each in sizes.items())}")


async def run(wanted: argparse.Namespace) -> list[str]:
    """Soaks, prints what came of it, and returns what was wrong."""
    variables = {"JUSPAY_TIMEOUT_SECONDS": f"{BUDGET:g}", "JUSPAY_MAX_CONNECTIONS": str(wanted.in_flight)}
    async with (
        Upstream([]) as elsewhere,
        Upstream([*FAULTS, FINE], elsewhere.url, BUDGET) as upstream,
        open_host(upstream.url, **variables) as host,
    ):
        soak = Soak(host, upstream, questions(wanted.seed))
        async with progress_shown(soak.tally, wanted.calls):
            sizes = {"start": await soak.sizes()}
            begun = time.monotonic()
            for when in ("middle", "end"):
                await soak.ask(wanted.calls // 2, wanted.seconds / 2, wanted.in_flight)
                sizes[when] = await soak.sizes()
            seconds = time.monotonic() - begun
        status = await host.finish()
    print_answers(soak.tally, seconds)
    print_sizes(sizes)
    print(f"lines on stderr: {host.errors}; answers that crossed a cancellation: {host.crossed}")
    print(f"connections to the upstream at once: {upstream.most_open} at most, {upstream.open} left at the end")
    return [
        *soak.tally.wrong,
        *growth(sizes["middle"], sizes["end"]),
        *(f"a secret came out: {line}" for line in host.leaks),
        *(f"a line nobody asked for: {line}" for line in host.strays),
        *[f"exit status {status}"] * bool(status),
        *["too many lines on stderr"] * (host.errors > LINES_A_MINUTE * (seconds // 60 + 1)),
        *["a redirect was followed"] * bool(elsewhere.connections),
        *["connections were left open"] * bool(upstream.open),
        *["more connections than allowed"] * (upstream.most_open > wanted.in_flight),
    ]


def main() -> int:
    """Runs what the command line asks for; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=20_000, help="how many (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=600, help="no call begins later (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which questions (default: %(default)s)")
    parser.add_argument("--in-flight", type=int, default=64, help="calls at a time (default: %(default)s)")
    troubles = asyncio.run(run(parser.parse_args()))
    for trouble in troubles[:20]:
        print(f"WRONG: {trouble}")
    print(f"{len(troubles)} things are wrong" if troubles else "All is well.")
    return int(bool(troubles))


if __name__ == "__main__":
    sys.exit(main())
