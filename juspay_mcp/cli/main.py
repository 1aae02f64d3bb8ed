"""The command line: from a process's arguments to its exit status."""

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click
from typing_extensions import override

from juspay_mcp.cli.commands import cli
from juspay_mcp.cli.terminal import PROGRAM
from juspay_mcp.errors import EX_CONFIG, EX_OK, EX_USAGE, ConfigurationError, WalletsError, bugs_as_internal_errors
from juspay_mcp.observability.logs import configure_logging

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_INTERRUPTED = 130  # what shells report for a command ended by SIGINT
_STDERR = 2


def main() -> NoReturn:
    """Runs this process's command line."""
    # A closed stream becomes the null device: else the next file opened would get its number, and be used as it.
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(number)
    if sys.stderr and sys.platform != "win32":  # where consoles are no files
        raw = io.BufferedWriter(_Stderr(_STDERR, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(raw, sys.stderr.encoding, "backslashreplace", line_buffering=True)
    sys.exit(run(sys.argv[1:]))


class _Stderr(io.FileIO):
    """stderr that may lose its reader: what is written from then on is lost, but the command goes on.

    With Python's own, the command would end with a traceback, or at the end with status 120.
    """

    @override
    def write(self, data: "ReadableBuffer") -> int:
        with suppress(OSError):
            if (written := super().write(data)) is not None:  # None if it is non-blocking, and full
                return written
        return memoryview(data).nbytes


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit status; a failure is one line on stderr."""
    configure_logging("WARNING", sys.stderr)
    try:
        with bugs_as_internal_errors():
            try:
                status = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
            except click.Abort:
                return _INTERRUPTED
            except click.ClickException as error:
                error.show()
                return EX_USAGE
            except ConfigurationError as error:
                return _fail(str(error), EX_CONFIG)
            return status if isinstance(status, int) else EX_OK
    except WalletsError as error:
        return _fail(str(error), error.exit_status)


def _fail(line: str, status: int) -> int:
    click.echo(f"{PROGRAM}: {line}", err=True)
    return status
