"""The measurements. Subjects take turns, several in each round, so that a busy moment meets all of them."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from bench.caller import MODERN, OLDER, Caller, Era, StdioCaller, crowd
from bench.results import Curve, Goal, Report, Row, percentile
from bench.rig import FASTMCP, FLOOR, OURS, PLAIN, Rig, commands, peak_memory, processor_seconds, turns
from bench.starts import Start, start_to_answer
from bench.upstream import customer

IN_FLIGHT = 64
CONNECTIONS = 50
SECOND_WORKER = 3.0
"""Seconds in which another worker starts after the first."""
TURNS = 4
"""Of each subject, in a round."""
CALLERS = 200
DELAYS = (300, 1_000, 3_000)
WALLETS = (1, 10, 100, 1_000)
CROWDS = (1, 8, 64, 512)
MIB = "MiB"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured."""

    rounds: int = 7
    calls: int = 400
    """One after the other, a round."""
    crowd_calls: int = 640
    """Many at a time, a round."""
    delays: Sequence[int] = DELAYS
    wallets: Sequence[int] = WALLETS
    crowds: Sequence[int] = CROWDS
    callers: int = CALLERS
    measured: Sequence[str] = (PLAIN, FASTMCP, OURS)
    """Whose bytes are counted."""


class Taken(defaultdict[str, list[float]]):
    """Samples by subject."""

    def __init__(self) -> None:
        super().__init__(list)


@dataclass
class Numbers:
    """Gives out customers nobody asked about before."""

    batch: int = field(default=0)

    def fresh(self, wallets: int = 3, delay_ms: int = 0) -> Callable[[int], str]:
        """Names the customers of a new batch."""
        self.batch += 1
        return partial(_member, self.batch, wallets, delay_ms)


def _always(one: str) -> Callable[[int], str]:
    return lambda _number: one


def _member(batch: int, wallets: int, delay_ms: int, number: int) -> str:
    return customer(f"{batch}.{number}", wallets, delay_ms)


NUMBERS: Final = Numbers()


async def start(rig: Rig, plan: Plan) -> Report:
    """Spawn to first tool answer."""
    starts = await take_starts(rig, list(commands()), plan.rounds)
    goal = Goal(at_most=1.10, of=FLOOR)
    elapsed = {name: [each.elapsed for each in taken] for name, taken in starts.items()}
    processor = {name: [each.processor for each in taken] for name, taken in starts.items()}
    return Report(
        rows=[
            Row(name="spawn to first answer, stdio", unit="ms", samples=elapsed, goal=goal),
            Row(name="the same, processor time", unit="ms", samples=processor, goal=goal),
        ]
    )


async def take_starts(rig: Rig, names: list[str], rounds: int) -> dict[str, list[Start]]:
    """Starts of each subject, after one to warm up."""
    starts: dict[str, list[Start]] = {name: [] for name in names}
    for number, name in turns(names, rounds + 1):
        taken = await asyncio.to_thread(start_to_answer, commands()[name], rig.environ, customer(f"start{number}"))
        if number:
            starts[name].append(taken)
    return starts


async def call(rig: Rig, plan: Plan) -> Report:
    """One call after the other over stdio, in both eras."""
    modern, older = await _one_by_one(rig, plan, MODERN), await _one_by_one(rig, plan, OLDER)
    goal = Goal(at_most=1.10, of=PLAIN)
    return Report(
        rows=[
            Row(name="one call, stdio, p50", unit="ms", samples=_each(modern, 50), goal=goal),
            Row(name="one call, stdio, p99", unit="ms", samples=_each(modern, 99), goal=goal),
            Row(name="the same in the era before, p50", unit="ms", samples=_each(older, 50), goal=goal),
        ],
        curves={"percentile of one call (ms)": {name: _distribution(took) for name, took in modern.items()}},
    )


async def _one_by_one(rig: Rig, plan: Plan, era: Era) -> Mapping[str, list[list[float]]]:
    """What each call of each round took, in milliseconds."""
    callers = await _warm(rig, commands(), era)
    took: dict[str, list[list[float]]] = {name: [[] for _ in range(plan.rounds)] for name in callers}
    for number, name in turns(list(callers), plan.rounds * TURNS):
        took[name][number // TURNS] += await _sequence(callers[name], plan.calls // TURNS)
    await _end(callers)
    return took


async def _sequence(caller: Caller, calls: int, wallets: int = 3) -> list[float]:
    _, took = await crowd([caller], calls, NUMBERS.fresh(wallets))
    return [seconds * 1_000 for seconds in took]


def _each(took: Mapping[str, list[list[float]]], percent: float) -> Taken:
    taken = Taken()
    for name, rounds in took.items():
        taken[name] = [percentile(each, percent) for each in rounds]
    return taken


def _distribution(rounds: list[list[float]]) -> list[tuple[float, float]]:
    everything = [value for each in rounds for value in each]
    return [(percent, percentile(everything, percent)) for percent in range(100)]


async def many(rig: Rig, plan: Plan) -> Report:
    """Many calls at a time over stdio: about distinct customers, and about one; and the memory it took."""
    callers = await _warm(rig, commands(), MODERN)
    crowds = {name: [caller] * IN_FLIGHT for name, caller in callers.items()}
    distinct, processor, same = Taken(), Taken(), Taken()
    for number in range(plan.rounds):
        before = _processor(callers)
        await _rates(crowds, plan, NUMBERS.fresh, distinct)
        for name, used in _processor(callers).items():
            processor[name].append((used - before[name]) * 1_000 / plan.crowd_calls)
        await _rates(crowds, plan, partial(_always, customer(f"one{number}")), same)
    memory = {name: [peak_memory(caller.process.pid)] for name, caller in callers.items()}
    overlapping = [float(await _overlapping(rig, callers[OURS]))]
    await _end(callers)
    return Report(
        rows=[
            Row(name="64 in flight, stdio", unit="/s", samples=distinct, goal=Goal(at_least=0.95, of=PLAIN)),
            Row(name="the same, processor time a call", unit="ms", samples=processor),
            Row(name="the same, one customer", unit="/s", samples=same, goal=Goal(at_least=1.5, of=PLAIN)),
            Row(name="requests for 64 overlapping calls", unit="", samples={OURS: overlapping}, goal=Goal(at_most=1)),
            Row(name="peak memory", unit=MIB, samples=memory, goal=Goal(at_most=1.15, of=FLOOR)),
        ]
    )


async def _overlapping(rig: Rig, caller: Caller) -> int:
    """How many requests reach the upstream when all ask about one customer while the first answer is made."""
    before = await rig.asked()
    await crowd([caller] * IN_FLIGHT, IN_FLIGHT, _always(customer("all", delay_ms=500)))
    return await rig.asked() - before


async def _rates(
    crowds: Mapping[str, Sequence[Caller]], plan: Plan, named: Callable[[], Callable[[int], str]], taken: Taken
) -> None:
    """Adds a round's calls per second of each subject."""
    seconds = dict.fromkeys(crowds, 0.0)
    for _, name in turns(list(crowds), TURNS):
        took, _ = await crowd(crowds[name], plan.crowd_calls // TURNS, named())
        seconds[name] += took
    for name, took in seconds.items():
        taken[name].append(plan.crowd_calls / took)


def _processor(callers: Mapping[str, StdioCaller]) -> dict[str, float]:
    return {name: processor_seconds(caller.process.pid) for name, caller in callers.items()}


async def http(rig: Rig, plan: Plan) -> Report:
    """One connection over HTTP, and many with one call at a time each; two workers, and the era before."""
    ports = {name: await rig.http(name) for name in commands() if name != FLOOR}
    ports["two workers"] = await rig.http(OURS, workers=2)
    await asyncio.sleep(SECOND_WORKER)
    alone = await _http_one_by_one(rig, plan, ports)
    modern, older = await _http_rates(rig, plan, ports, MODERN), await _http_rates(rig, plan, ports, OLDER)
    two = {"one worker": modern[OURS], OURS: modern.pop("two workers")}
    for taken in (alone, older):
        del taken["two workers"]
    goal = Goal(at_least=0.90, of=PLAIN)
    return Report(
        rows=[
            Row(name="one call, HTTP, p50", unit="ms", samples=alone),
            Row(name="50 connections, HTTP, one worker", unit="/s", samples=modern, goal=goal),
            Row(name="the same in the era before", unit="/s", samples=older, goal=goal),
            Row(name="two workers", unit="/s", samples=two, goal=Goal(at_least=1.6, of="one worker")),
        ]
    )


async def _http_one_by_one(rig: Rig, plan: Plan, ports: Mapping[str, int]) -> Taken:
    halves = Taken()
    for _, name in turns(list(ports), plan.rounds):
        async with rig.connections(ports[name], 1) as (caller,):
            halves[name].append(percentile(await _sequence(caller, plan.calls // TURNS), 50))
    return halves


async def _http_rates(rig: Rig, plan: Plan, ports: Mapping[str, int], era: Era) -> Taken:
    rates = Taken()
    for number in range(plan.rounds + 1):
        async with AsyncExitStack() as stack:
            crowds = {
                name: await stack.enter_async_context(rig.connections(port, CONNECTIONS, era))
                for name, port in ports.items()
            }
            # The first is to warm up; each has connections of its own, for their share of the workers is a draw.
            await _rates(crowds, plan, NUMBERS.fresh, rates if number else Taken())
    return rates


async def slow(rig: Rig, plan: Plan) -> Report:
    """An upstream that takes its time, with 200 callers who begin one after the other: what is added to its time."""
    callers = {name: await rig.stdio(name, max_connections=plan.callers) for name in (PLAIN, OURS)}
    for caller in callers.values():  # so that connections are there
        await crowd([caller] * plan.callers, 2 * plan.callers, NUMBERS.fresh(delay_ms=200))
    added = defaultdict[int, Taken](Taken)
    for delay in plan.delays:
        for _, name in turns(list(callers), min(3, plan.rounds)):
            many = [callers[name]] * plan.callers
            _, took = await crowd(many, plan.callers * 4, NUMBERS.fresh(delay_ms=delay), stagger=delay / 1_000)
            added[delay][name].append(percentile(took, 99) * 1_000 - delay)
    await _end(callers)
    return Report(
        rows=[
            Row(
                name=f"added p99, {CALLERS} callers, upstream {delay / 1_000:g} s",
                unit="ms",
                samples=taken,
                goal=Goal(at_most=20),
            )
            for delay, taken in added.items()
        ]
    )


async def size(rig: Rig, plan: Plan) -> Report:
    """Bytes: what each conversation and each answer costs, here and elsewhere."""
    rows = {name: Taken() for name in SIZES}
    for subject in plan.measured:
        if subject in commands():
            for name, measured in (await _sizes(await rig.stdio(subject))).items():
                rows[name][subject].append(measured)
    return Report(
        rows=[Row(name=name, unit="bytes", samples=rows[name], goal=goal) for name, (_, goal) in SIZES.items()]
    )


SIZES: Final[Mapping[str, tuple[str | None, Goal]]] = {
    "tools/list": (None, Goal(at_most=2_995, fails=True)),
    "text for 3 wallets with a mobile each": (customer("s", 3, kind="m"), Goal(at_most=560, fails=True)),
    "text for 25 of 40 with a mobile each": (customer("s", 40, kind="m"), Goal(at_most=2_900, fails=True)),
}
"""Which customer each text is about, and how long it may be."""


async def _sizes(caller: StdioCaller) -> dict[str, float]:
    found = {}
    for name, (about, _) in SIZES.items():
        if about is None:
            listed = await caller.ask("tools/list", {})
            found[name] = len(json.dumps(listed, separators=(",", ":"), ensure_ascii=False).encode())
        else:
            params = {"name": "refresh_customer_wallets", "arguments": {"customer_id": about}}
            answer = await caller.ask("tools/call", params)
            found[name] = len(answer["content"][0]["text"].encode())
    await caller.end()
    return {name: float(number) for name, number in found.items()}


async def growth(rig: Rig, plan: Plan) -> Report:
    """How it grows: with a customer's wallets, and with the calls in flight."""
    callers = await _warm(rig, [PLAIN, OURS], MODERN)
    times, rates = defaultdict[int, Taken](Taken), defaultdict[int, Taken](Taken)
    for _, name in turns(list(callers), plan.rounds):
        for wallets in plan.wallets:
            times[wallets][name].append(percentile(await _sequence(callers[name], 30, wallets), 50))
        for number in plan.crowds:
            calls = max(100, number)
            seconds, _ = await crowd([callers[name]] * number, calls, NUMBERS.fresh())
            rates[number][name].append(calls / seconds)
    await _end(callers)
    return Report(rows=_growth_rows(times, rates), curves=_growth_curves(times, rates))


def _growth_rows(times: Mapping[int, Taken], rates: Mapping[int, Taken]) -> list[Row]:
    few, most = list(times)[-2:]
    least, crowd_of = list(rates)[-2:]
    return [
        Row(
            name=f"time for {most:,} wallets over {few:,}'s",
            unit="x",
            samples=_over(times[most], times[few]),
            goal=Goal(at_most=most / few),
        ),
        Row(
            name=f"calls a second, {crowd_of} in flight over {least}'s",
            unit="x",
            samples=_over(rates[crowd_of], rates[least]),
            goal=Goal(at_least=0.9),
        ),
    ]


def _over(many: Taken, few: Taken) -> dict[str, list[float]]:
    return {name: [a / b for a, b in zip(values, few[name], strict=True)] for name, values in many.items()}


def _growth_curves(times: Mapping[int, Taken], rates: Mapping[int, Taken]) -> dict[str, Curve]:
    def curve(points: Mapping[int, Taken]) -> Curve:
        names = next(iter(points.values()))
        return {name: [(x, percentile(taken[name], 50)) for x, taken in points.items()] for name in names}

    return {"wallets of a customer (ms a call)": curve(times), "calls in flight (calls a second)": curve(rates)}


async def loop(rig: Rig, plan: Plan) -> Report:
    """The other floor: a bare loop of GETs by httpx2."""
    bare = await rig.loop()
    halves, rates = list[float](), list[float]()
    for number in range(plan.rounds + 1):
        _, took = await bare.get(f"w3-d0-one{number}", 1, plan.calls)
        seconds, _ = await bare.get(f"w3-d0-many{number}", IN_FLIGHT, plan.crowd_calls)
        if number:  # the first is to warm up
            halves.append(percentile(took, 50) * 1_000)
            rates.append(plan.crowd_calls / seconds)
    return Report(
        rows=[
            Row(name="bare GETs, one at a time, p50", unit="ms", samples={FLOOR: halves}),
            Row(name="bare GETs, 64 in flight", unit="/s", samples={FLOOR: rates}),
        ]
    )


async def _warm(rig: Rig, names: Sequence[str] | Mapping[str, object], era: Era) -> dict[str, StdioCaller]:
    """A client of each subject, which has answered some calls."""
    callers = {name: await rig.stdio(name, era) for name in names}
    for caller in callers.values():
        await crowd([caller], 20, NUMBERS.fresh())
        await crowd([caller] * IN_FLIGHT, 2 * IN_FLIGHT, NUMBERS.fresh())
    return callers


async def _end(callers: Mapping[str, StdioCaller]) -> None:
    for caller in callers.values():
        await caller.end()


Measure = Callable[[Rig, Plan], Awaitable[Report]]
FIGURES: Final[Mapping[str, Measure]] = {
    "size": size,
    "start": start,
    "loop": loop,
    "call": call,
    "many": many,
    "http": http,
    "slow": slow,
    "growth": growth,
}
"""What can be measured, by the name `--only` knows it under."""
