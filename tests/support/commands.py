"""The command line as a child process."""

import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "juspay_mcp"]


HEEDING_CTRL_C = (
    "from signal import *; signal(SIGINT, default_int_handler); from juspay_mcp.cli.main import main; main()"
)


INTERRUPTIBLE = [sys.executable, "-c", HEEDING_CTRL_C]


posix_only = pytest.mark.skipif(os.name != "posix", reason="other systems have no pseudo-terminals and no SIGINT")


def variables(**changed: str) -> dict[str, str]:
    """This process's environment without what would change a command's settings or looks."""
    looks = {"COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUSPAY_") and name not in looks}
    return kept | changed


def run(*arguments: str, stdin: str = "", **environ: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of one command."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="surrogateescape",
        env=variables(**environ),
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr
