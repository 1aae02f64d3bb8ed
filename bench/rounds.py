"""What the measurements share: how much is measured, customers nobody asked about before, and rounds of calls."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from bench.caller import Caller, Era, StdioCaller, crowd
from bench.rig import FASTMCP, OURS, PLAIN, Rig, processor_seconds, turns
from bench.upstream import customer

IN_FLIGHT: Final = 64
CONNECTIONS: Final = 50
TURNS: Final = 4
"""Of each subject, in a round."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured."""

    rounds: int = 11
    calls: int = 400
    """One after the other, a round."""
    crowd_calls: int = 640
    """Many at a time, a round."""
    delays: Sequence[int] = (300, 1_000, 3_000)
    """Of a slow upstream, in milliseconds."""
    wallets: Sequence[int] = (1, 10, 100, 1_000)
    crowds: Sequence[int] = (1, 8, 64, 512)
    lives: Sequence[int] = (10_000, 100_000)
    """After how many calls a process's memory is compared."""
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


def _member(batch: int, wallets: int, delay_ms: int, number: int) -> str:
    return customer(f"{batch}.{number}", wallets, delay_ms)


def always(one: str) -> Callable[[int], str]:
    """Names one customer for every call."""
    return lambda _number: one


NUMBERS: Final = Numbers()


async def warm(rig: Rig, names: Sequence[str] | Mapping[str, object], era: Era) -> dict[str, StdioCaller]:
    """A client of each subject over stdio, which has answered some calls."""
    callers = {name: await rig.stdio(name, era) for name in names}
    for caller in callers.values():
        await crowd([caller], 20, NUMBERS.fresh())
        await crowd([caller] * IN_FLIGHT, 2 * IN_FLIGHT, NUMBERS.fresh())
    return callers


async def end(callers: Mapping[str, StdioCaller]) -> None:
    """Ends them all."""
    for caller in callers.values():
        await caller.end()


async def one_by_one(caller: Caller, calls: int, wallets: int = 3) -> list[float]:
    """What each of so many calls took, one after the other, in milliseconds."""
    _, took = await crowd([caller], calls, NUMBERS.fresh(wallets))
    return [seconds * 1_000 for seconds in took]


async def add_rates(
    crowds: Mapping[str, Sequence[Caller]], plan: Plan, named: Callable[[], Callable[[int], str]], taken: Taken
) -> None:
    """Adds a round's calls per second of each subject."""
    seconds = dict.fromkeys(crowds, 0.0)
    for _, name in turns(list(crowds), TURNS):
        took, _ = await crowd(crowds[name], plan.crowd_calls // TURNS, named())
        seconds[name] += took
    for name, took in seconds.items():
        taken[name].append(plan.crowd_calls / took)


def processor(callers: Mapping[str, StdioCaller]) -> dict[str, float]:
    """Seconds of the processor that each subject has used."""
    return {name: processor_seconds(caller.process.pid) for name, caller in callers.items()}
