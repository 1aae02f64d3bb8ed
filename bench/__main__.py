"""`make bench`: measures this server beside a floor, and beside what a user would write instead."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import FIGURES
from bench.plot import as_svg
from bench.report import as_json, as_markdown, as_text
from bench.results import Report
from bench.rig import FASTMCP, ROOT, commands, compile_package, open_rig
from bench.rounds import Plan

_DOCUMENT = ROOT / "docs" / "performance.md"
_PLOT = ROOT / "docs" / "performance.svg"
_BEGIN, _END = "<!-- measured -->", "<!-- /measured -->"


async def measure(names: Sequence[str], plan: Plan) -> Report:
    """The figures of these names, one after the other; says on stderr how far it is."""
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            begun = time.monotonic()
            purpose = (FIGURES[name].__doc__ or "").partition("\n")[0]
            print(f"{name}: {purpose} ...", end="", file=sys.stderr, flush=True)
            async with open_rig(Path(folder)) as rig:
                found = await FIGURES[name](rig, plan)
            report.rows.extend(found.rows)
            report.curves.update(found.curves)
            print(f" {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return report


def write(report: Report) -> None:
    """Puts the table into the document, between its markers, and the plot beside it."""
    text = _DOCUMENT.read_text(encoding="utf-8")
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    table = f"{_BEGIN}\n{as_markdown(report)}\n{_END}"
    _DOCUMENT.write_text(f"{before}{table}{after}", encoding="utf-8")
    _PLOT.write_text(as_svg(report.curves), encoding="utf-8")


def main() -> int:
    """Runs what the command line asks for; 1 where a count of bytes is over its goal."""
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=list(FIGURES), help="what to measure")
    parser.add_argument("--rounds", type=int, default=Plan().rounds, help="how often (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print every sample, as JSON")
    parser.add_argument("--write", action="store_true", help=f"put all of it into {_DOCUMENT.name} as well")
    wanted = parser.parse_args()
    if wanted.write and len(wanted.only) < len(FIGURES):
        parser.error("--write needs all figures")
    if FASTMCP not in commands():
        print("FastMCP isn't installed here: make bench does it", file=sys.stderr)
    compile_package()
    report = asyncio.run(measure(wanted.only, Plan(rounds=wanted.rounds)))
    print(as_json(report) if wanted.json else as_text(report))
    if wanted.write:
        write(report)
    return int(bool(report.broken))


if __name__ == "__main__":
    sys.exit(main())
