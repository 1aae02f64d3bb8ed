"""What running a server costs: TLS to Juspay, slow wallet providers, memory over time, and a million calls."""

import shutil
import sys
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from redis.asyncio import Redis

from bench.caller import MODERN, crowd
from bench.results import Goal, Report, Row, percentile
from bench.rig import FLOOR, OURS, PLAIN, Rig, free_port, memory_now, processor_seconds, turns
from bench.rounds import CONNECTIONS, IN_FLIGHT, NUMBERS, Plan, Taken, add_rates, end, one_by_one, warm
from juspay_mcp.http.auth.tokens import new_token

LOADS: Final = {0.5: Goal(at_most=20), 0.8: None}
"""Parts of the measured capacity, and how many milliseconds may be added there."""
MOST_CALLERS: Final = 1_000
"""Of a slow upstream: JUSPAY_MAX_CONNECTIONS allows no more connections."""
OVER_TLS: Final = "over TLS"


async def alone(rig: Rig, plan: Plan) -> Report:
    """What the upstream answers when it is asked directly, so that one sees that it holds nobody up."""
    async with rig.getters(IN_FLIGHT) as getters:
        taken = Taken()
        for number in range(plan.rounds + 1):
            await add_rates({FLOOR: getters}, plan, NUMBERS.fresh, taken if number else Taken())
    return Report(rows=[Row(name="the upstream alone, 64 in flight", unit="/s", samples={FLOOR: taken[FLOOR]})])


async def tls(rig: Rig, plan: Plan) -> Report:
    """Processor time of a call to an upstream that speaks TLS, which plain asks on kept connections, and its time."""
    used, took = Taken(), Taken()
    with TemporaryDirectory() as folder:
        secure = await rig.over_tls(Path(folder))
        callers = await warm(rig, [PLAIN, OURS], MODERN)
        callers |= {
            f"{name} {OVER_TLS}": caller for name, caller in (await warm(secure, [PLAIN, OURS], MODERN)).items()
        }
        for _, name in turns(list(callers), plan.rounds):
            pid = callers[name].process.pid
            before = processor_seconds(pid)
            took[name].append(percentile(await one_by_one(callers[name], plan.calls), 50))
            used[name].append((processor_seconds(pid) - before) * 1_000 / plan.calls)
        await end(callers)

    def of(taken: Taken) -> dict[str, list[float]]:
        return {name: taken[f"{name} {OVER_TLS}"] for name in (PLAIN, OURS)}

    added = {
        name: [secured - bare for secured, bare in zip(used[f"{name} {OVER_TLS}"], used[name], strict=True)]
        for name in (PLAIN, OURS)
    }
    return Report(
        rows=[
            Row(name="one call to a TLS upstream, stdio, p50", unit="ms", samples=of(took)),
            Row(name="the same, processor time", unit="ms", samples=of(used)),
            Row(name="of that, what TLS adds", unit="ms", samples=added, goal=Goal(at_most=3)),
        ]
    )


async def unaudited(rig: Rig, plan: Plan) -> Report:
    """The same without an audit log, which plain hasn't either."""
    bare = replace(rig, environ={name: value for name, value in rig.environ.items() if "_AUDIT_" not in name})
    callers = await warm(bare, [PLAIN, OURS], MODERN)
    ports = {name: (await bare.http(name))[0] for name in callers}
    halves, rates, http_halves, http_rates = Taken(), Taken(), Taken(), Taken()
    for number in range(plan.rounds):
        for name in [PLAIN, OURS][:: 1 if number % 2 else -1]:
            halves[name].append(percentile(await one_by_one(callers[name], plan.calls), 50))
            async with bare.connections(ports[name], 1) as (caller,):
                http_halves[name].append(percentile(await one_by_one(caller, plan.calls), 50))
        await add_rates({name: [caller] * IN_FLIGHT for name, caller in callers.items()}, plan, NUMBERS.fresh, rates)
        async with AsyncExitStack() as stack:
            crowds = {
                name: await stack.enter_async_context(bare.connections(port, CONNECTIONS))
                for name, port in ports.items()
            }
            await add_rates(crowds, plan, NUMBERS.fresh, http_rates)
    await end(callers)
    return Report(
        rows=[
            Row(name="no audit log: one call, stdio, p50", unit="ms", samples=halves, goal=Goal(at_most=1, of=PLAIN)),
            Row(
                name="no audit log: 64 in flight, stdio", unit="/s", samples=rates, goal=Goal(at_least=1.2, of=PLAIN)
            ),
            Row(
                name="no audit log: one call, HTTP, p50",
                unit="ms",
                samples=http_halves,
                goal=Goal(at_most=1, of=PLAIN),
            ),
            Row(
                name="no audit log: 50 connections, HTTP",
                unit="/s",
                samples=http_rates,
                goal=Goal(at_least=1.05, of=PLAIN),
            ),
        ]
    )


async def slow(rig: Rig, plan: Plan) -> Report:
    """A slow upstream, at half and at four fifths of what each subject can answer: what is added to its time.

    As many callers ask as the capacity and the upstream's time call for (Little's law), each one call after the
    other, and begin one after the other.
    """
    callers = {name: await rig.stdio(name, max_connections=MOST_CALLERS) for name in (PLAIN, OURS)}
    able = Taken()
    for number in range(plan.rounds + 1):
        crowds = {name: [caller] * IN_FLIGHT for name, caller in callers.items()}
        await add_rates(crowds, plan, NUMBERS.fresh, able if number else Taken())
    added = defaultdict[tuple[float, int], Taken](Taken)
    for load in LOADS:
        for delay in plan.delays:
            for _, name in turns(list(callers), min(3, plan.rounds)):
                seconds = delay / 1_000
                number = min(MOST_CALLERS, round(percentile(able[name], 50) * load * seconds))
                many = [callers[name]] * number
                _, took = await crowd(many, number * 4, NUMBERS.fresh(delay_ms=delay), stagger=seconds)
                added[load, delay][name].append(percentile(took, 99) * 1_000 - delay)
    await end(callers)
    return Report(
        rows=[
            Row(
                name=f"added p99 at {load:.0%} of capacity, upstream {delay / 1_000:g} s",
                unit="ms",
                samples=taken,
                goal=LOADS[load],
            )
            for (load, delay), taken in added.items()
        ]
    )


async def lifetime(rig: Rig, plan: Plan) -> Report:
    """A long life: the memory after many calls over that after few."""
    caller = await rig.stdio(OURS)
    young, old = plan.lives
    await crowd([caller] * IN_FLIGHT, young, NUMBERS.fresh())
    before = memory_now(caller.process.pid)
    await crowd([caller] * IN_FLIGHT, old - young, NUMBERS.fresh())
    after = memory_now(caller.process.pid)
    await caller.end()
    return Report(
        rows=[
            Row(name=f"memory after {young:,} calls", unit="MiB", samples={OURS: [before]}),
            Row(
                name=f"memory after {old:,} calls over that",
                unit="x",
                samples={OURS: [after / before]},
                goal=Goal(at_most=1.02),
            ),
        ]
    )


async def capacity(rig: Rig, plan: Plan) -> Report:
    """One worker as in production: HTTP with tokens, TLS to Juspay, an audit log, and a limit counted in Redis."""
    if shutil.which("redis-server") is None:
        print("redis-server isn't installed here: no figure of capacity", file=sys.stderr)
        return Report()
    rates, used, memory, asked, sent, written = (list[float]() for _ in range(6))
    with TemporaryDirectory() as folder:
        path = Path(folder)
        secure = await rig.over_tls(path)
        token, line = new_token("bench")
        (path / "tokens").write_text(f"{line}\n", encoding="utf-8")
        port = free_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        await rig.program(command, port)
        audit = path / "production.jsonl"
        more = {
            "JUSPAY_MCP_TOKENS_FILE": str(path / "tokens"),
            "JUSPAY_MCP_RATE_LIMIT": "1000000/hour",
            "JUSPAY_MCP_RATE_LIMIT_STORAGE": f"redis://127.0.0.1:{port}/0",
            "JUSPAY_MCP_AUDIT_LOG": str(audit),
        }
        served, process = await secure.http(OURS, more=more)
        async with (
            secure.connections(served, 50, token=token) as callers,
            Redis(host="127.0.0.1", port=port) as redis,
        ):
            await crowd(callers, plan.crowd_calls, NUMBERS.fresh())
            for _ in range(plan.rounds):
                before, commands, size = (
                    processor_seconds(process.pid),
                    await redis.info("stats"),
                    audit.stat().st_size,
                )
                seconds, _ = await crowd(callers, plan.crowd_calls, NUMBERS.fresh())
                rates.append(plan.crowd_calls / seconds)
                used.append((processor_seconds(process.pid) - before) * 1_000 / plan.crowd_calls)
                memory.append(memory_now(process.pid))
                after = await redis.info("stats")
                asked.append(
                    (after["total_commands_processed"] - commands["total_commands_processed"]) / plan.crowd_calls
                )
                sent.append((_bytes(after) - _bytes(commands)) / plan.crowd_calls)
                written.append((audit.stat().st_size - size) / plan.crowd_calls)
    return Report(
        rows=[
            Row(name="as in production, one worker", unit="/s", samples={OURS: rates}),
            Row(name="the same, processor time a call", unit="ms", samples={OURS: used}),
            Row(name="the same, memory of a worker", unit="MiB", samples={OURS: memory}),
            Row(name="the same, commands to Redis a call", unit="", samples={OURS: asked}),
            Row(name="the same, to and from Redis a call", unit="bytes", samples={OURS: sent}),
            Row(name="the same, audit log a call", unit="bytes", samples={OURS: written}),
        ]
    )


def _bytes(counts: Mapping[str, int]) -> int:
    return counts["total_net_input_bytes"] + counts["total_net_output_bytes"]
