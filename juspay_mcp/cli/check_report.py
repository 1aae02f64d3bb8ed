"""What the command `check` reports, as text for a person and as JSON."""

import json
import sys
import textwrap
from dataclasses import asdict, dataclass
from typing import Final, Literal

from juspay_mcp import VERSION
from juspay_mcp.errors import EX_CONFIG, EX_OK
from juspay_mcp.settings.load import Environment

Outcome = Literal["ok", "warning", "failed", "skipped"]

_WIDTH: Final = 100
# On Windows a file's mode says nothing about who may read it.
_ONLY_YOU: Final = (
    'icacls FILE /inheritance:r /grant:r "%USERNAME%:R"' if sys.platform == "win32" else "chmod 600 FILE"
)
_INDENT: Final = 23  # the columns of the mark and the name


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


NOT_SET_UP: Final = Check(
    name="variables",
    outcome="failed",
    finding="Not set up yet: none of this server's variables is set.",
    advice="Get an API key and your merchant id from Juspay's dashboard. To see what the server answers without "
    "them: juspay-wallets-mcp demo\n"
    f"Save the key in a file that only you can read ({_ONLY_YOU}), and set JUSPAY_API_KEY_FILE to its path, "
    "JUSPAY_MERCHANT_ID, and JUSPAY_ENV (sandbox or production): in the env block of your MCP host's settings for "
    "this server, and in this shell.\n"
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


def render(report: Report) -> list[str]:
    """The report as lines of plain text, the verdict last."""
    title = f"juspay-wallets-mcp {VERSION}"
    if report.checks == (NOT_SET_UP,):
        steps = enumerate((NOT_SET_UP.advice or "").splitlines(), start=1)
        lines = [line for number, step in steps for line in _wrap(f"{number}. ", step, margin=0)]
        return [f"{title}: not set up yet; three steps", "", *lines]
    where = f"{report.environment}, {report.base_url or 'built in'}" if report.environment else "not usable yet"
    lines = [f"{title}: {where}", ""]
    for check in report.checks:
        mark = "FAILED" if check.outcome == "failed" else check.outcome
        first, *rest = _wrap("", check.finding)
        lines += [f"{mark:<8} {check.name:<13} {first.lstrip()}", *rest]
        lines += [line for step in (check.advice or "").splitlines() for line in _wrap("-> ", step)]
    if report.failed:
        names = ", ".join(check.name for check in report.failed)
        return [*lines, "", f"{len(report.failed)} of {len(report.checks)} checks failed: {names}."]
    against = ", with the simulator and not with Juspay" if report.environment == "simulator" else ""
    warned = ", ".join(check.name for check in report.checks if check.outcome == "warning")
    return [*lines, "", f"This set-up works{against}{f'; see the warning about: {warned}' if warned else ''}."]


def _wrap(mark: str, sentence: str, margin: int = _INDENT) -> list[str]:
    """The sentence, indented; a URL or a path stays in one piece, so that it can be copied."""
    return textwrap.wrap(
        sentence,
        _WIDTH,
        initial_indent=" " * margin + mark,
        subsequent_indent=" " * (margin + len(mark)),
        break_long_words=False,
        break_on_hyphens=False,
    )
