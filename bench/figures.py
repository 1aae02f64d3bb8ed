"""The measurements. Subjects take turns, several in each round, so that a busy moment meets all of them."""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from bench.caller import MODERN, OLDER, Era, StdioCaller, crowd
from bench.production import alone, capacity, lifetime, slow, tls, unaudited
from bench.results import Curve, Goal, Report, Row, percentile
from bench.rig import FLOOR, OURS, PLAIN, UVLOOP, Rig, commands, peak_memory, turns
from bench.rounds import (
    CONNECTIONS,
    IN_FLIGHT,
    NUMBERS,
    TURNS,
    Plan,
    Taken,
    add_rates,
    always,
    end,
    one_by_one,
    processor,
    warm,
)
from bench.starts import Start, processor_time, start_to_answer
from bench.upstream import customer

SECOND_WORKER = 3.0
"""Seconds in which another worker starts after the first."""
ONE_WORKER, TWO_WORKERS, ON_UVLOOP = "one worker", "two workers", "on uvloop"


async def start(rig: Rig, plan: Plan) -> Report:
    """Spawn to first tool answer."""
    starts = await take_starts(rig, list(commands()), plan.rounds)
    goal = Goal(at_most=1.03, of=FLOOR)
    elapsed = {name: [each.elapsed for each in taken] for name, taken in starts.items()}
    used = {name: [each.processor for each in taken] for name, taken in starts.items()}
    helps = [processor_time([*commands()[OURS], "--help"], rig.environ) for _ in range(plan.rounds)]
    return Report(
        rows=[
            Row(name="spawn to first answer, stdio", unit="ms", samples=elapsed, goal=goal),
            Row(name="the same, processor time", unit="ms", samples=used, goal=goal),
            Row(name="--help, processor time", unit="ms", samples={OURS: helps}, goal=Goal(at_most=150)),
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
    modern, older = await _stdio_calls(rig, plan, MODERN), await _stdio_calls(rig, plan, OLDER)
    goal = Goal(at_most=0.9, of=PLAIN)
    return Report(
        rows=[
            Row(name="one call, stdio, p50", unit="ms", samples=_each(modern, 50), goal=goal),
            Row(name="one call, stdio, p99", unit="ms", samples=_each(modern, 99)),
            Row(name="the same in the era before, p50", unit="ms", samples=_each(older, 50), goal=goal),
        ],
        curves={"percentile of one call (ms)": {name: _distribution(took) for name, took in modern.items()}},
    )


async def _stdio_calls(rig: Rig, plan: Plan, era: Era) -> Mapping[str, list[list[float]]]:
    """What each call of each round took, in milliseconds."""
    callers = await warm(rig, commands(), era)
    took: dict[str, list[list[float]]] = {name: [[] for _ in range(plan.rounds)] for name in callers}
    for number, name in turns(list(callers), plan.rounds * TURNS):
        took[name][number // TURNS] += await one_by_one(callers[name], plan.calls // TURNS)
    await end(callers)
    return took


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
    callers = await warm(rig, commands(), MODERN)
    crowds = {name: [caller] * IN_FLIGHT for name, caller in callers.items()}
    distinct, used, same = Taken(), Taken(), Taken()
    for number in range(plan.rounds):
        before = processor(callers)
        await add_rates(crowds, plan, NUMBERS.fresh, distinct)
        for name, seconds in processor(callers).items():
            used[name].append((seconds - before[name]) * 1_000 / plan.crowd_calls)
        await add_rates(crowds, plan, partial(always, customer(f"one{number}")), same)
    beyond = {OURS: [ours - floor for ours, floor in zip(used[OURS], used[FLOOR], strict=True)]}
    memory = {name: [peak_memory(caller.process.pid)] for name, caller in callers.items()}
    overlapping = [float(await _overlapping(rig, callers[OURS]))]
    await end(callers)
    return Report(
        rows=[
            Row(name="64 in flight, stdio", unit="/s", samples=distinct, goal=Goal(at_least=1.2, of=PLAIN)),
            Row(name="the same, processor time a call", unit="ms", samples=used),
            Row(name="the same, beyond the floor", unit="ms", samples=beyond, goal=Goal(at_most=1.1)),
            Row(name="the same, one customer", unit="/s", samples=same, goal=Goal(at_least=2.5, of=PLAIN)),
            Row(name="requests for 64 overlapping calls", unit="", samples={OURS: overlapping}, goal=Goal(at_most=1)),
            Row(name="peak memory", unit="MiB", samples=memory, goal=Goal(at_most=1.10, of=FLOOR)),
        ]
    )


async def _overlapping(rig: Rig, caller: StdioCaller) -> int:
    """How many requests reach the upstream when all ask about one customer while the first answer is made."""
    before = await rig.asked()
    await crowd([caller] * IN_FLIGHT, IN_FLIGHT, always(customer("all", delay_ms=500)))
    return await rig.asked() - before


async def http(rig: Rig, plan: Plan) -> Report:
    """One connection over HTTP, and many with one call at a time each; two workers, uvloop, and the era before."""
    ports = {name: (await rig.http(name))[0] for name in commands() if name != FLOOR}
    ports[TWO_WORKERS] = (await rig.http(OURS, workers=2))[0]
    if UVLOOP.exists():
        ports[ON_UVLOOP] = (await rig.http(OURS, more={"PYTHONPATH": str(UVLOOP)}))[0]
    else:
        print("uvloop isn't installed here: make bench does it", file=sys.stderr)
    await asyncio.sleep(SECOND_WORKER)
    halves = await _http_one_by_one(rig, plan, ports)
    modern, older = await _http_rates(rig, plan, ports, MODERN), await _http_rates(rig, plan, ports, OLDER)
    others = {
        name: {ONE_WORKER: modern[OURS], OURS: modern.pop(name)}
        for name in (TWO_WORKERS, ON_UVLOOP)
        if name in modern
    }
    for taken in (halves, older):
        for name in others:
            del taken[name]
    goal = Goal(at_least=1.05, of=PLAIN)
    enough = {TWO_WORKERS: Goal(at_least=1.6, of=ONE_WORKER), ON_UVLOOP: Goal(at_least=1.1, of=ONE_WORKER)}
    return Report(
        rows=[
            Row(name="one call, HTTP, p50", unit="ms", samples=halves, goal=Goal(at_most=0.9, of=PLAIN)),
            Row(name="50 connections, HTTP, one worker", unit="/s", samples=modern, goal=goal),
            Row(name="the same in the era before", unit="/s", samples=older, goal=goal),
            *(
                Row(name=f"the same, {name}", unit="/s", samples=pair, goal=enough[name])
                for name, pair in others.items()
            ),
        ]
    )


async def _http_one_by_one(rig: Rig, plan: Plan, ports: Mapping[str, int]) -> Taken:
    halves = Taken()
    for _, name in turns(list(ports), plan.rounds):
        async with rig.connections(ports[name], 1) as (caller,):
            halves[name].append(percentile(await one_by_one(caller, plan.calls // TURNS), 50))
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
            await add_rates(crowds, plan, NUMBERS.fresh, rates if number else Taken())
    return rates


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
    callers = await warm(rig, [PLAIN, OURS], MODERN)
    times, rates = defaultdict[int, Taken](Taken), defaultdict[int, Taken](Taken)
    for _, name in turns(list(callers), plan.rounds):
        for wallets in plan.wallets:
            times[wallets][name].append(percentile(await one_by_one(callers[name], 30, wallets), 50))
        for number in plan.crowds:
            calls = max(100, number)
            seconds, _ = await crowd([callers[name]] * number, calls, NUMBERS.fresh())
            rates[number][name].append(calls / seconds)
    await end(callers)
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


Measure = Callable[[Rig, Plan], Awaitable[Report]]
FIGURES: Final[Mapping[str, Measure]] = {
    "size": size,
    "start": start,
    "loop": loop,
    "alone": alone,
    "call": call,
    "many": many,
    "http": http,
    "unaudited": unaudited,
    "tls": tls,
    "slow": slow,
    "growth": growth,
    "capacity": capacity,
    "lifetime": lifetime,
}
"""What can be measured, by the name `--only` knows it under."""
