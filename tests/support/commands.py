"""The command line as a child process."""

import os
import subprocess
import sys
from contextlib import suppress

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


def at_a_terminal(columns: int, *arguments: str, **environ: str) -> tuple[int, str]:
    """Exit status of one command at a pseudo-terminal of so many columns, and all that it wrote there."""
    import termios  # noqa: PLC0415 - Windows has none

    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (50, columns))
    seen = bytearray()
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL,
        env=variables(TERM="xterm-256color", **environ),
    ) as process:  # fmt: skip
        try:
            os.close(theirs)
            with suppress(OSError):  # Linux says so that nobody writes there any more
                while some := os.read(ours, 65_536):
                    seen += some
            status = process.wait(timeout=30)
        finally:
            process.kill()
            os.close(ours)
    return status, seen.decode().replace("\r\n", "\n")
