"""Measures start-up and bytes against their budgets, side by side with a bare server, in one run.

The bare server, `bench/floor.py`, answers without asking anybody; ours asks an upstream over HTTP. Both are started
in turn, with bytecode at hand, and one client asks them the same and ends them at their first answer. The ratio can
be below 1: ours imports without the garbage collector (`gc_tuning.py`), the bare one as Python does. Processor time
stands beside elapsed time because other jobs disturb it less; no single figure proves anything on a busy machine, so
a start is over its budget if it is so by each of three. Exits with 1 where it is, or where a count of bytes is over
its budget. `--bytes` counts bytes alone; `make bench` measures the rest.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from operator import attrgetter
from pathlib import Path

from bench import figures
from bench.rig import FLOOR, OURS, compile_package, open_rig
from bench.rounds import Plan
from bench.starts import Start

RUNS = 20
BUDGET = 1.10
ELAPSED, PROCESSOR = attrgetter("elapsed"), attrgetter("processor")


async def main() -> int:
    """Prints the measurements; 1 where a budget is broken."""
    if sys.argv[1:] not in ([], ["--bytes"]):
        raise SystemExit(__doc__)
    compile_package()
    with tempfile.TemporaryDirectory() as folder:
        async with open_rig(Path(folder)) as rig:
            over = print_bytes(await figures.size(rig, Plan(measured=(OURS,))))
            if sys.argv[1:]:
                return over
            return over | print_times(await figures.take_starts(rig, [FLOOR, OURS], RUNS))


def print_times(starts: dict[str, list[Start]]) -> int:
    """Spawn to first tool answer over stdio; 1 where it is over its budget."""
    for name, taken in starts.items():
        print(f"{name:12} spawn to answer: {in_words(map(ELAPSED, taken))}")
        print(f"{'':12}  processor time: {in_words(map(PROCESSOR, taken))}")
    ratios = {
        "medians": ratio(starts, ELAPSED, statistics.median),
        "bests": ratio(starts, ELAPSED, min),
        "medians of processor time": ratio(starts, PROCESSOR, statistics.median),
    }
    over = min(ratios.values()) > BUDGET
    said = ", ".join(f"of {what} {value:.3f}" for what, value in ratios.items())
    print(f"ratio {said} (budget {BUDGET:.2f}){'  OVER' if over else ''}")
    return int(over)


def in_words(values: Iterable[float]) -> str:
    """The median of values, and how far they are spread."""
    ordered = sorted(values)
    low, median, high = statistics.quantiles(ordered, n=4)
    return f"median {median:4.0f} ms, half of them {low:.0f} to {high:.0f}, best {ordered[0]:.0f}"


def ratio(
    starts: dict[str, list[Start]], value: Callable[[Start], float], measure: Callable[[list[float]], float]
) -> float:
    """Our measure over the floor's."""
    floor, ours = (measure([value(start) for start in starts[name]]) for name in (FLOOR, OURS))
    return ours / floor


def print_bytes(sizes: figures.Report) -> int:
    """What every conversation pays: the tool's description, and an answer."""
    for row in sizes.rows:
        if row.goal and row.goal.fails:
            said = f"{row.samples[OURS][0]:.0f} bytes (budget {row.goal})"
            print(f"{row.name}: {said}{'' if row.holds else '  OVER'}")
    return int(bool(sizes.broken))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
