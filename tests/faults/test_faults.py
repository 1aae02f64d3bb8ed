"""It keeps answering when things go wrong: the server process against an upstream that misbehaves on purpose.

What the upstream does, and what is to come of it, stands in the tables of `tests.faults`. Everything here is real:
the installed command, pipes, sockets, waits. `pytest -s` ends with the slowest cases against their bounds.
"""

import asyncio
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import trustme
from typing_extensions import override

from tests.support.faulty_upstream import (
    ENVIRON,
    FINE,
    FLOOD,
    GRACE,
    HELD,
    IMPATIENT,
    LEFTOVERS,
    MID_BODY,
    PATIENT,
    Certificates,
    Door,
    Fault,
    Host,
    Manner,
    Reply,
    Stored,
    Upstream,
    keep_silent,
    open_host,
    part,
    replies,
    reset_at_once,
    sends,
    shows,
    speaks,
    stall,
)
from tests.support.processes import CALL, MODERN, Pipes

NEVER = Fault(name="never", acts=(stall,), list_down=stall)
HALF = Fault(name="half", acts=(sends(part(MID_BODY), stall),))
NO_LIST = Fault(name="no list", acts=(replies("500 X"),), list_down=stall)
EVERYTHING = (*PATIENT, *IMPATIENT, *LEFTOVERS, FINE, FLOOD, HELD, NEVER, HALF, NO_LIST)
NUMBERS = count(1)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long a case took, and how long it may take."""

    case: str
    seconds: float
    bound: float

    @override
    def __str__(self) -> str:
        return f"{self.seconds:6.3f} s of {self.bound:.2f} s  {self.seconds / self.bound:4.0%}  {self.case}"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the module, so that tests can share a process."""
    return "asyncio"


@pytest.fixture(scope="module")
def timings(request: pytest.FixtureRequest) -> Iterator[list[Timing]]:
    """Takes note of what took how long."""
    taken: list[Timing] = []
    yield taken
    if request.config.getoption("capture") == "no":
        slowest = sorted(taken, key=lambda timing: timing.seconds / timing.bound, reverse=True)
        sys.stdout.write(
            "\n".join(["", f"the slowest of {len(taken)} cases, against their bounds:", *map(str, slowest[:20]), ""])
        )


@contextmanager
def timed(timings: list[Timing], case: str, bound: float) -> Iterator[None]:
    """Takes note of how long something takes."""
    begun = time.perf_counter()
    yield
    timings.append(Timing(case=case, seconds=time.perf_counter() - begun, bound=bound))


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A Juspay that misbehaves."""
    async with Upstream(EVERYTHING) as running:
        yield running


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A server process that several tests share, and its upstream."""

    host: Host
    upstream: Upstream


@asynccontextmanager
async def set_up(**variables: str) -> AsyncIterator[Bench]:
    """A bench; at its end, the process must end well, without one stray or leaking line, or a look elsewhere."""
    async with (
        Upstream([]) as elsewhere,
        Upstream(EVERYTHING, elsewhere.url) as upstream,
        open_host(upstream.url, **variables) as host,
    ):
        yield Bench(host=host, upstream=upstream)
        assert await host.finish() == 0
        assert (host.strays, host.leaks, host.crossed, elsewhere.connections) == ([], [], 0, 0)
        assert (upstream.reused, upstream.kept_alive) == (0, 0)


@pytest.fixture(scope="module")
async def patient() -> AsyncIterator[Bench]:
    """A process that gives a call twenty seconds, and says on stderr all it can."""
    variables = {"JUSPAY_TIMEOUT_SECONDS": "20", "JUSPAY_MAX_CONNECTIONS": "64", "JUSPAY_MCP_LOG_LEVEL": "DEBUG"}
    async with set_up(**variables) as bench:
        yield bench


@pytest.fixture(scope="module")
async def impatient() -> AsyncIterator[Bench]:
    """A process that gives a call one second."""
    async with set_up(JUSPAY_TIMEOUT_SECONDS="1", JUSPAY_MAX_CONNECTIONS="64") as bench:
        yield bench


@pytest.fixture(scope="module")
async def bench() -> AsyncIterator[Bench]:
    """A process that has four connections at most."""
    async with set_up(JUSPAY_MAX_CONNECTIONS="4") as bench:
        yield bench


# Faults of replies


@dataclass(frozen=True, kw_only=True)
class Met:
    """A call that met a fault, and the call after it."""

    fault: Fault
    customer: str
    reply: Reply
    next: Reply
    next_customer: str


async def meet(host: Host, fault: Fault, stored: Stored) -> Met:
    customer, next_customer = fault.customer(next(NUMBERS), stored), FINE.customer(next(NUMBERS))
    return Met(
        fault=fault,
        customer=customer,
        reply=await host.call(customer),
        next=await host.call(next_customer),
        next_customer=next_customer,
    )


def both_ways(faults: Iterable[Fault]) -> list[tuple[Fault, Stored]]:
    """Each fault with the stored balances at hand; where they are asked for, also without."""
    stored: tuple[Stored, ...] = ("up", "down")
    return [(fault, each) for fault in faults for each in stored if fault.falls_back or each == "up"]


def check(met: Met, upstream: Upstream, bound: float) -> None:
    """Holds a call and the one after it against the table."""
    fault, customer = met.fault, met.customer
    assert (met.reply.kind, met.reply.result.get("total_balance")) == (fault.kind(customer), fault.total(customer))
    check_words(fault, met.reply)
    assert upstream.requests[customer, "refresh"] == fault.refreshes
    assert upstream.requests[customer, "list"] == int(fault.falls_back)
    assert (met.next.kind, met.next.result.get("total_balance")) == ("refresh", FINE.total(met.next_customer))
    assert max(met.reply.seconds, met.next.seconds) <= bound


def check_words(fault: Fault, reply: Reply) -> None:
    """What a person or a model reads: an error's text, or how old the figures are."""
    told = ["asking Juspay"] + ["waiting"] * (fault.refreshes - 1) + ["using stored balances"] * fault.falls_back
    assert [stage.partition(" ")[0] for stage in reply.stages] == [
        stage.partition(" ")[0] for stage in told[: len(reply.stages)]
    ]
    if not reply.result:
        assert reply.message["result"]["isError"] is True
        assert fault.says in reply.text
        return
    assert {key: reply.result.get(key) for key in fault.facts} == fault.facts
    old = reply.kind == "last_known"
    assert ("not refreshed" in reply.result["summary"].lower()) is old
    assert any(notice.startswith("The refresh failed") for notice in reply.result.get("notices", [])) is old
    assert any(wallet["freshness"] == "live" for wallet in reply.result["wallets"]) is not old or fault.facts


async def test_every_fault_ends_as_the_table_says_and_the_next_call_is_right(
    patient: Bench, timings: list[Timing], subtests: pytest.Subtests
) -> None:
    """All at once over one pipe."""
    everything = await asyncio.gather(*(meet(patient.host, fault, stored) for fault, stored in both_ways(PATIENT)))
    for met in everything:
        timings.append(Timing(case=met.fault.name, seconds=met.reply.seconds, bound=20 + GRACE))
        with subtests.test(met.customer):
            check(met, patient.upstream, 20 + GRACE)


async def test_what_is_left_on_a_connection_is_never_the_answer_to_the_next_call(
    patient: Bench, subtests: pytest.Subtests
) -> None:
    """One call after the other, so that the next one would find what the last one left."""
    everything = [await meet(patient.host, fault, "up") for fault in LEFTOVERS]
    for met in everything:
        with subtests.test(met.customer):
            check(met, patient.upstream, 20 + GRACE)


async def test_no_fault_lasts_longer_than_the_budget_and_the_next_call_is_right(
    impatient: Bench, timings: list[Timing], subtests: pytest.Subtests
) -> None:
    everything = await asyncio.gather(
        *(meet(impatient.host, fault, stored) for fault, stored in both_ways(IMPATIENT))
    )
    for met in everything:
        timings.append(Timing(case=met.fault.name, seconds=met.reply.seconds, bound=1 + GRACE))
        with subtests.test(met.customer):
            check(met, impatient.upstream, 1 + GRACE)


async def test_a_flood_is_left_in_time_and_holds_up_nobody_else(impatient: Bench, timings: list[Timing]) -> None:
    host, upstream = impatient.host, impatient.upstream
    customer, others = FLOOD.customer(next(NUMBERS)), [FINE.customer(next(NUMBERS)) for _ in range(8)]
    flooded = host.ask(customer)
    await upstream.until(lambda: upstream.requests[customer, "refresh"] > 0)
    for each in others:
        reply = await host.call(each)
        timings.append(Timing(case="beside a flood", seconds=reply.seconds, bound=GRACE))
        assert (reply.kind, reply.seconds <= GRACE) == ("refresh", True)
    reply = await flooded.reply()
    timings.append(Timing(case=FLOOD.name, seconds=reply.seconds, bound=1 + GRACE))
    assert (reply.kind, reply.seconds <= 1 + GRACE) == ("last_known", True)


# Faults before any request


@dataclass(frozen=True, kw_only=True)
class Reception:
    """How connections are received, and what a call makes of it.

    `connections` is how many it makes, the one for the list included; None where chance or the system decides.
    """

    name: str
    manner: Manner
    says: str
    code: str = "upstream_unavailable"
    connections: int | None = None


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port, how it receives one call after the other, and their budget in seconds."""

    scheme: str
    budget: int
    receptions: tuple[Reception, ...]


UNVERIFIED, BROKE = "its TLS certificate could not be verified", "the connection broke"
PORTS = (
    Port(
        scheme="http",
        budget=3,
        receptions=(
            Reception(name="refused", manner="closed", says="the connection was refused"),
            Reception(name="reset on accept", manner=reset_at_once, says=BROKE, connections=3 + 1),
        ),
    ),
    Port(
        scheme="http",
        budget=1,
        receptions=(Reception(name="never accepted", manner="crowded", says="within 1 s", code="upstream_timeout"),),
    ),
    Port(
        scheme="https",
        budget=1,
        receptions=(
            Reception(name="an unknown authority", manner=shows("unknown"), says=UNVERIFIED, connections=1 + 1),
            Reception(name="another host's certificate", manner=shows("other"), says=UNVERIFIED, connections=1 + 1),
            Reception(name="an expired certificate", manner=shows("expired"), says=UNVERIFIED, connections=1 + 1),
            Reception(name="no TLS at all", manner=speaks(b"HTTP/1.1 400 X\r\n\r\n"), says="no TLS connection"),
            Reception(name="hangs up in the handshake", manner=speaks(b"\x16\x03\x03"), says=BROKE),
            Reception(name="never shakes hands", manner=keep_silent, says="within 1 s", code="upstream_timeout"),
            Reception(name="silent over TLS", manner=shows("right"), says="within 1 s", code="upstream_timeout"),
        ),
    ),
)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Certificates by what is wrong with them; `authorities.pem` in the same folder trusts all but the unknown."""
    trusted, yesterday = trustme.CA(), datetime.now(UTC) - timedelta(days=1)
    trusted.cert_pem.write_to_path(str(tmp_path / "authorities.pem"))
    made = {
        "right": trusted.issue_cert("127.0.0.1"),
        "unknown": trustme.CA().issue_cert("127.0.0.1"),
        "other": trusted.issue_cert("juspay.example"),
        "expired": trusted.issue_cert("127.0.0.1", not_after=yesterday),
    }
    contexts = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in made}
    for name, certificate in made.items():
        certificate.configure_cert(contexts[name])
    return contexts


@dataclass(frozen=True, kw_only=True)
class Received:
    """A call that was received so, after how many connections it ended, and the call after it."""

    reception: Reception
    reply: Reply
    connections: int
    next: Reply


async def receive(port: Port, certificates: Certificates, tmp_path: Path) -> list[Received]:
    """Calls at a port, each followed by one that is received as it should be."""
    received = []
    variables = {"JUSPAY_TIMEOUT_SECONDS": str(port.budget), "SSL_CERT_FILE": str(tmp_path / "authorities.pem")}
    async with (
        Upstream([FINE]) as upstream,
        Door(upstream, port.scheme, certificates) as door,
        open_host(door.url, **variables) as host,
    ):
        for reception in port.receptions:
            before = door.connections
            await door.receive(reception.manner)
            reply = await host.call(FINE.customer(next(NUMBERS)))
            connections = door.connections - before
            await door.receive("well")
            after = await host.call(FINE.customer(next(NUMBERS)))
            await upstream.close_idle()
            received.append(Received(reception=reception, reply=reply, connections=connections, next=after))
        assert await host.finish() == 0
        assert (host.strays, host.leaks) == ([], [])
    return received


async def test_a_port_that_lets_nobody_in_is_an_answer_in_time_and_the_next_call_is_right(
    certificates: Certificates, timings: list[Timing], subtests: pytest.Subtests, tmp_path: Path
) -> None:
    received = await asyncio.gather(*(receive(port, certificates, tmp_path) for port in PORTS))
    for port, calls in zip(PORTS, received, strict=True):
        for call in calls:
            timings.append(Timing(case=call.reception.name, seconds=call.reply.seconds, bound=port.budget + GRACE))
            with subtests.test(call.reception.name):
                check_reception(call, port.budget + GRACE)


def check_reception(call: Received, bound: float) -> None:
    reception = call.reception
    assert (call.reply.kind, call.next.kind) == (reception.code, "refresh")
    assert reception.says in call.reply.text
    assert reception.connections in {None, call.connections}
    assert max(call.reply.seconds, call.next.seconds) <= bound


async def test_a_host_name_that_does_not_exist_is_an_answer_in_time(timings: list[Timing]) -> None:
    async with open_host("https://juspay.invalid", JUSPAY_TIMEOUT_SECONDS="5") as host:
        reply = await host.call(FINE.customer(0))
        assert await host.finish() == 0
    timings.append(Timing(case="DNS failure", seconds=reply.seconds, bound=5 + GRACE))
    assert reply.kind == "upstream_unavailable"
    assert "its host name could not be resolved (DNS)" in reply.text
    assert reply.seconds <= 5 + GRACE
    assert (host.strays, host.leaks) == ([], [])


# Clients that give up, and servers that are told to end


@pytest.mark.parametrize("fault", [NEVER, HALF, NO_LIST], ids=lambda fault: fault.name)
async def test_a_cancelled_call_ends_its_request_within_a_second(
    fault: Fault, bench: Bench, timings: list[Timing]
) -> None:
    host, upstream = bench.host, bench.upstream
    customer = fault.customer(next(NUMBERS), "down")
    call = host.ask(customer)
    await upstream.until(lambda: upstream.stalled(customer))
    with timed(timings, f"cancelled: {fault.name}", 1):
        host.cancel(call)
        await upstream.until(lambda: customer in upstream.gone, 1)
    assert (await host.call(FINE.customer(next(NUMBERS)))).kind == "refresh"


async def test_64_calls_at_once_for_one_customer_make_one_request_and_one_that_is_cancelled_reaches_nobody_else(
    bench: Bench,
) -> None:
    host, upstream = bench.host, bench.upstream
    customer = HELD.customer(next(NUMBERS))
    cancelled, *calls = [host.ask(customer) for _ in range(64)]
    await upstream.until(lambda: upstream.requests[customer, "refresh"] > 0)
    host.cancel(cancelled)
    await host.has_read_everything()
    upstream.gate.set()
    replies = await asyncio.gather(*(call.reply() for call in calls))
    upstream.gate.clear()
    assert [reply.result.get("total_balance") for reply in replies] == [HELD.total(customer)] * 63
    assert upstream.requests[customer, "refresh"] == 1
    assert customer not in upstream.gone


async def test_the_last_of_two_callers_to_give_up_ends_their_request(bench: Bench) -> None:
    host, upstream = bench.host, bench.upstream
    customer = NEVER.customer(next(NUMBERS))
    first, last = host.ask(customer), host.ask(customer)
    await upstream.until(lambda: upstream.stalled(customer))
    host.cancel(first)
    await host.has_read_everything()
    assert customer not in upstream.gone
    host.cancel(last)
    await upstream.until(lambda: customer in upstream.gone, 1)
    assert upstream.requests[customer, "refresh"] == 1


async def test_calls_about_64_customers_at_once_share_the_connections_there_may_be(bench: Bench) -> None:
    host, upstream = bench.host, bench.upstream
    customers = [HELD.customer(next(NUMBERS)) for _ in range(64)]
    await upstream.close_idle()
    upstream.most_open = 0
    calls = [host.ask(customer) for customer in customers]
    await upstream.until(lambda: upstream.answering == 4)
    await host.has_read_everything()
    upstream.gate.set()
    replies = await asyncio.gather(*(call.reply() for call in calls))
    upstream.gate.clear()
    assert [reply.result.get("total_balance") for reply in replies] == [HELD.total(each) for each in customers]
    assert upstream.most_open == 4


async def test_a_signal_after_the_end_of_stdin_leaves_no_process_and_no_connection(
    upstream: Upstream, timings: list[Timing]
) -> None:
    customers = [fault.customer(next(NUMBERS), "down") for fault in (NEVER, HALF, NO_LIST)]
    async with open_host(upstream.url) as host:
        for customer in customers:
            host.ask(customer)
        await upstream.until(lambda: all(upstream.stalled(customer) for customer in customers))
        host.close_stdin()
        await asyncio.sleep(0.5)
        assert upstream.open == len(customers), "the end of stdin alone ended a call"
        with timed(timings, "SIGTERM after the end of stdin: connections", 1):
            host.process.terminate()
            await upstream.until(lambda: not upstream.open, 1)
        assert await host.ended() == 0
    assert (host.strays, host.leaks) == ([], [])


@asynccontextmanager
async def open_pipes(upstream: Upstream) -> AsyncIterator[Pipes]:
    """A server process whose pipes nobody reads; a call has a second."""
    pipes = Pipes({**ENVIRON, "JUSPAY_BASE_URL": upstream.url, "JUSPAY_TIMEOUT_SECONDS": "1"})
    try:
        yield pipes
    finally:
        pipes.kill()


def call_about(customer: str) -> dict[str, object]:
    """A call, as it is sent."""
    return {
        "id": customer,
        "method": "tools/call",
        "params": {"_meta": MODERN, **CALL, "arguments": {"customer_id": customer}},
    }


async def test_a_client_that_is_killed_leaves_no_process_and_no_connection(
    upstream: Upstream, timings: list[Timing]
) -> None:
    """Then all pipes break at once, stderr too."""
    customer = NEVER.customer(next(NUMBERS), "down")
    async with open_pipes(upstream) as pipes:
        pipes.send(call_about(customer))
        await upstream.until(lambda: upstream.stalled(customer))
        with timed(timings, "client killed: connections", 1):
            pipes.hang_up()
            await upstream.until(lambda: not upstream.open, 1)
        assert await asyncio.to_thread(pipes.process.wait, 5) == 0


@pytest.mark.parametrize("how", ["stdin closes", "SIGTERM"])
async def test_a_client_that_has_stopped_reading_does_not_keep_the_process_from_ending(
    how: str, upstream: Upstream, timings: list[Timing]
) -> None:
    customers = [FINE.customer(number) for number in range(200)]  # a pipe holds the answers to sixty or so
    async with open_pipes(upstream) as pipes:
        for customer in customers:
            pipes.send(call_about(customer))
        await upstream.until(lambda: all(upstream.requests[customer, "refresh"] for customer in customers))
        with timed(timings, f"nobody reads, {how}: exit", 1 + 3):
            if how == "SIGTERM":
                pipes.process.terminate()
            elif pipes.process.stdin is not None:
                pipes.process.stdin.close()
            assert await asyncio.to_thread(pipes.process.wait, 1 + 3) == 0


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT, None], ids=["SIGTERM", "SIGINT", "stdin closes"])
async def test_a_signal_or_the_end_of_stdin_lets_the_calls_under_way_be_answered(
    told: signal.Signals | None, upstream: Upstream, timings: list[Timing]
) -> None:
    """By the gate, which opens after it, and by the budget."""
    held, never = HELD.customer(0), NEVER.customer(0, "down")
    async with open_host(upstream.url, JUSPAY_TIMEOUT_SECONDS="1") as host:
        calls = [host.ask(held), host.ask(never)]
        await upstream.until(lambda: upstream.answering == 2)
        if told is None:
            host.close_stdin()
        else:
            host.process.send_signal(told)
        upstream.gate.set()
        replies = [await call.reply() for call in calls]
        with timed(timings, f"{told}: exit after the last answer", 1):
            assert await host.ended(1) == 0
    assert [reply.kind for reply in replies] == ["refresh", "upstream_timeout"]
    assert (host.strays, host.leaks) == ([], [])
