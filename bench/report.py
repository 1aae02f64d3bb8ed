"""The figures in words: one table for people, the same in Markdown, and all there is in JSON."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from bench.results import Report, Row, spread
from bench.rig import FASTMCP, FLOOR, OURS, PLAIN

_COLUMNS = ("figure", "unit", FLOOR, PLAIN, FASTMCP, OURS, "goal", "ratio", "holds")
_LIBRARIES = ("mcp", "httpx2", "pydantic")


def circumstances() -> str:
    """When and on what it was measured: a line."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, {libraries}; load average at the end: {load}"
    )


def as_json(report: Report) -> str:
    """Everything, every sample included."""
    rows = [
        {
            "figure": row.name,
            "unit": row.unit,
            "goal": str(row.goal) if row.goal else None,
            "ratio": row.ratio,
            "holds": row.holds,
            "median": {name: statistics.median(values) for name, values in row.samples.items()},
            "spread": {name: spread(values) for name, values in row.samples.items()},
            "samples": {name: list(values) for name, values in row.samples.items()},
        }
        for row in report.rows
    ]
    return json.dumps({"measured": circumstances(), "figures": rows, "curves": report.curves}, indent=2)


def as_text(report: Report) -> str:
    """A table for a terminal."""
    lines = [_COLUMNS, *map(_cells, report.rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(_COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def as_markdown(report: Report) -> str:
    """The same table, for the documents."""
    head = [_COLUMNS, ["---"] * len(_COLUMNS)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in [*head, *map(_cells, report.rows)])
    return f"Measured {circumstances()}.\n\n{table}"


def _cells(row: Row) -> Sequence[str]:
    subjects = [_figure(row.samples.get(name)) for name in (FLOOR, PLAIN, FASTMCP, OURS)]
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    holds = {True: "yes", False: "no", None: ""}[row.holds]
    return row.name, row.unit, *subjects, str(row.goal or ""), ratio, holds


def _figure(values: Sequence[float] | None) -> str:
    if not values:
        return ""
    median, around = statistics.median(values), spread(values)
    return f"{_short(median)} ± {_short(around)}" if around else _short(median)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
