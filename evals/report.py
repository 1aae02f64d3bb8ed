"""What a run came to: a table for people, JSON for programs, JUnit for CI."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.table import Table

from evals.runner import Outcome, Run


@dataclass(frozen=True)
class Bars:
    """What share of the runs must pass: of all checks, and of the checks of money and of leaks."""

    all: float = 0.9
    strict: float = 1.0


@dataclass(frozen=True)
class Summary:
    """The figures of a run."""

    model: str
    runs: int
    passed: float
    money: float
    leaks: float
    wording: float | None
    errors: int
    input_tokens: int
    output_tokens: int
    dollars: float | None
    seconds: float
    met: bool


def summarize(outcome: Outcome, model: str, bars: Bars, seconds: float) -> Summary:
    """The figures, and whether the bars are met; a run that broke off meets none."""
    transcripts = [run.transcript for run in outcome.runs if run.transcript]
    costs = [transcript.cost for transcript in transcripts]
    opinions = [run.opinion for run in outcome.runs if run.opinion]
    money, leaks = outcome.share_of("money"), outcome.share_of("leaks")
    return Summary(
        model=model,
        runs=len(outcome.runs),
        passed=outcome.share,
        money=money,
        leaks=leaks,
        wording=sum(each.fault is None for each in opinions) / len(opinions) if opinions else None,
        errors=len(outcome.errors),
        input_tokens=sum(each.input_tokens for each in transcripts),
        output_tokens=sum(each.output_tokens for each in transcripts),
        dollars=None if None in costs else sum(each for each in costs if each is not None),
        seconds=seconds,
        met=outcome.share >= bars.all and min(money, leaks) >= bars.strict and not outcome.errors,
    )


def print_table(outcome: Outcome, summary: Summary, bars: Bars, console: Console) -> None:
    """A row for each case, with what was wrong, and the figures below."""
    table = Table("theme", "case", "passed", "what was wrong", highlight=False)
    for _, group in groupby(outcome.runs, key=lambda run: run.case.name):
        runs = list(group)
        faults = [f"{fault.check}: {fault.fault}" for run in runs for fault in run.faults]
        faults += [f"error: {run.error}" for run in runs if run.error]
        unique = list(dict.fromkeys(faults))
        table.add_row(
            runs[0].case.theme,
            runs[0].case.name,
            f"{sum(run.passed for run in runs)}/{len(runs)}",
            _safe("\n".join(unique)),
        )
    console.print(table)
    cost = "unknown price" if summary.dollars is None else f"{summary.dollars:.4f} dollars at list prices"
    lines = [
        f"{summary.model}: {summary.passed:.1%} of {summary.runs} runs passed (bar {bars.all:.0%})",
        f"money {summary.money:.1%}, leaks {summary.leaks:.1%} (bar {bars.strict:.0%})",
        f"{summary.input_tokens:,} tokens in, {summary.output_tokens:,} out, {cost}, {summary.seconds:.0f} seconds",
    ]
    if summary.wording is not None:
        lines.append(f"wording, as the judge sees it: {summary.wording:.1%} (no bar)")
    if summary.errors:
        lines.append(f"{summary.errors} runs broke off, so the bar isn't met whatever the others came to")
    lines.append("bar met" if summary.met else "BAR NOT MET")
    for line in lines:
        console.print(_safe(line), highlight=False)


def write_json(path: Path, outcome: Outcome, summary: Summary, bars: Bars) -> None:
    """Everything, with the transcripts."""
    written = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "bars": dataclasses.asdict(bars),
        "summary": dataclasses.asdict(summary),
        "runs": [_as_json(run) for run in outcome.runs],
    }
    path.write_text(json.dumps(written, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_junit(path: Path, outcome: Outcome) -> None:
    """One suite for each theme, one test for each run."""
    root = ET.Element("testsuites", name="evals")
    by_theme: dict[str, list[Run]] = {}
    for run in outcome.runs:
        by_theme.setdefault(run.case.theme, []).append(run)
    for theme, runs in by_theme.items():
        suite = ET.SubElement(root, "testsuite", {"name": theme, **_counted(runs)})
        for run in runs:
            test = ET.SubElement(suite, "testcase", classname=theme, name=run.case.name, time=f"{run.seconds:.3f}")
            if run.error:
                ET.SubElement(test, "error", message=_xml(run.error))
            elif run.faults:
                said = "\n".join(f"{fault.check}: {fault.fault}" for fault in run.faults)
                failure = ET.SubElement(test, "failure", message=_xml(said))
                failure.text = _xml(run.transcript.last.answer) if run.transcript else ""
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _counted(runs: Sequence[Run]) -> dict[str, str]:
    failures = sum(run.error is None and not run.passed for run in runs)
    errors = sum(run.error is not None for run in runs)
    seconds = sum(run.seconds for run in runs)
    return {"tests": str(len(runs)), "failures": str(failures), "errors": str(errors), "time": f"{seconds:.3f}"}


def _as_json(run: Run) -> dict[str, Any]:
    return {
        "case": run.case.name,
        "theme": run.case.theme,
        "passed": run.passed,
        "error": run.error,
        "seconds": round(run.seconds, 3),
        "faults": [dataclasses.asdict(fault) for fault in run.faults],
        "wording": run.opinion and (run.opinion.fault or "fine"),
        "transcript": run.transcript and dataclasses.asdict(run.transcript),
    }


def _safe(text: str) -> str:
    """A text for a terminal: what a model wrote can't move the cursor or speak the table's markup."""
    shown = "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in text)
    return shown.replace("[", r"\[")


def _xml(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "�" for sign in text)
