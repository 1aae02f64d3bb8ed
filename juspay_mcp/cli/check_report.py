"""What the command `check` reports, as text for a person and as JSON."""

import json
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

from rich.console import Console
from rich.text import Text

from juspay_mcp import VERSION
from juspay_mcp.errors import EX_CONFIG, EX_OK
from juspay_mcp.settings.load import Environment

Outcome = Literal["ok", "warning", "failed", "skipped"]

_WIDTH: Final = 100
# On Windows a file's mode says nothing about who may read it.
_ONLY_YOU: Final = (
    'icacls FILE /inheritance:r /grant:r "%USERNAME%:R"' if sys.platform == "win32" else "chmod 600 FILE"
)
_NARROW: Final = 60  # columns: with fewer, a finding has no room beside its check's name
_MARKS: Final[Mapping[Outcome, str]] = {"ok": "\u2713 ", "warning": "! ", "failed": "\u2717 ", "skipped": "- "}
_STYLES: Final = {"ok": "green", "warning": "yellow", "FAILED": "bold red", "skipped": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of one check.

    `finding` is one sentence. If there is something to do, `advice` says what, one step a line. `exit_status` is what
    this check alone would end the command with.
    """

    name: str
    outcome: Outcome
    finding: str
    advice: str | None = None
    exit_status: int = EX_OK


def failed_check(name: str, finding: str, advice: str | None, exit_status: int = EX_CONFIG) -> Check:
    """A check that failed."""
    return Check(name=name, outcome="failed", finding=finding, advice=advice, exit_status=exit_status)


NOT_SET_UP: Final = Check(
    name="variables",
    outcome="failed",
    finding="Not set up yet: none of this server's variables is set.",
    advice="Get an API key and your merchant id from Juspay's dashboard. To see what the server answers without "
    "them: juspay-wallets-mcp demo\n"
    f"Save the key in a file that only you can read ({_ONLY_YOU}), and set JUSPAY_API_KEY_FILE to its path, "
    "JUSPAY_MERCHANT_ID, and JUSPAY_ENV (sandbox or production): in the env block of your MCP host's settings for "
    "this server, and in this shell. For a host, juspay-wallets-mcp setup HOST --env sandbox does all that.\n"
    "Run juspay-wallets-mcp check again.",
    exit_status=EX_CONFIG,
)
"""The only check of an environment that says nothing about this server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks, in their order.

    `environment` is None if the variables are too wrong to say; `base_url` is None then, and for the built-in
    simulator.
    """

    checks: tuple[Check, ...]
    environment: Environment | None
    base_url: str | None

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed; a skipped one or a warning didn't."""
        return tuple(check for check in self.checks if check.outcome == "failed")

    @property
    def exit_status(self) -> int:
        """The first failed check's; 0 if none failed."""
        return next((check.exit_status for check in self.failed), EX_OK)

    def to_json(self) -> str:
        """`{"ok", "version", "environment", "base_url", "checks"}`, indented; every check has all keys of `Check`."""
        whole = {
            "ok": not self.failed,
            "version": VERSION,
            "environment": self.environment,
            "base_url": self.base_url,
            "checks": [asdict(check) for check in self.checks],
        }
        return json.dumps(whole, indent=2)


def show(report: Report, console: Console) -> None:
    """Prints the report for a person: at a terminal with marks and colours, as wide as it is."""
    marks = console.is_terminal and console.encoding.startswith("utf")
    lines = render(report, console.width, marks=marks)
    for number, line in enumerate(lines, start=1):
        text = Text(line)
        for word, style in _STYLES.items():
            text.highlight_regex(rf"^\S? ?{word}(?= )", style)
        if number == len(lines) and report.checks != (NOT_SET_UP,):
            text.stylize("bold red" if report.failed else "bold green")
        console.print(text, soft_wrap=True)


def render(report: Report, width: int = _WIDTH, *, marks: bool = False) -> list[str]:
    """The report as lines of plain text, the verdict last; a long word may be wider, as it is there to be copied."""
    title = f"juspay-wallets-mcp {VERSION}"
    if report.checks == (NOT_SET_UP,):
        steps = enumerate((NOT_SET_UP.advice or "").splitlines(), start=1)
        lines = [line for number, step in steps for line in _wrap(f"{number}. ", step, width)]
        return [*_wrap("", f"{title}: not set up yet; three steps", width), "", *lines]
    where = f"{report.environment}, {report.base_url or 'built in'}" if report.environment else "not usable yet"
    lines = [*_wrap("", f"{title}: {where}", width), ""]
    for check in report.checks:
        lines += _check_lines(check, width, _MARKS[check.outcome] if marks else "")
    if report.failed:
        names = ", ".join(check.name for check in report.failed)
        verdict = f"{len(report.failed)} of {len(report.checks)} checks failed: {names}."
        return [*lines, "", *_wrap("", verdict, width)]
    against = ", with the simulator and not with Juspay" if report.environment == "simulator" else ""
    warned = ", ".join(check.name for check in report.checks if check.outcome == "warning")
    verdict = f"This set-up works{against}{f'; see the warning about: {warned}' if warned else ''}."
    return [*lines, "", *_wrap("", verdict, width)]


def _check_lines(check: Check, width: int, mark: str) -> list[str]:
    """One check: its finding beside its name, or in a narrow terminal beneath it."""
    head = f"{mark}{'FAILED' if check.outcome == 'failed' else check.outcome:<8} {check.name:<13} "
    narrow = width < _NARROW
    indent = 2 if narrow else len(head)
    finding = _wrap("", check.finding, width, indent)
    lines = [head.rstrip(), *finding] if narrow else [head + finding[0].lstrip(), *finding[1:]]
    steps = (check.advice or "").splitlines()
    return lines + [line for step in steps for line in _wrap("-> ", step, width, indent)]


def _wrap(mark: str, sentence: str, width: int, margin: int = 0) -> list[str]:
    """The sentence, indented; a URL or a path stays in one piece, so that it can be copied."""
    return textwrap.wrap(
        sentence,
        width,
        initial_indent=" " * margin + mark,
        subsequent_indent=" " * (margin + len(mark)),
        break_long_words=False,
        break_on_hyphens=False,
    )
