"""The command line: from a process's arguments to its exit status."""

import io
import os
import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

import click
from typing_extensions import override

from juspay_mcp.cli.commands import cli
from juspay_mcp.cli.terminal import PROGRAM
from juspay_mcp.errors import (
    EX_CONFIG,
    EX_OK,
    EX_UNAVAILABLE,
    EX_USAGE,
    NO_READER,
    ConfigurationError,
    WalletsError,
    bugs_as_internal_errors,
)
from juspay_mcp.observability.logs import configure_logging

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_INTERRUPTED = 130  # what shells report for a command ended by SIGINT
_STDIN, _STDOUT, _STDERR = range(3)


def main() -> NoReturn:
    """Runs this process's command line."""
    # A closed stream becomes the null device: else the next file opened would get its number, and be used as it.
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(number)
    sys.stdin = sys.stdin or os.fdopen(_STDIN, encoding="utf-8", closefd=False)  # it is None if it was closed
    sys.stdout = _without_reader_errors(sys.stdout or os.fdopen(_STDOUT, "w", encoding="utf-8", closefd=False))
    sys.stderr = _without_reader_errors(sys.stderr or os.fdopen(_STDERR, "w", encoding="utf-8", closefd=False))
    sys.exit(run(sys.argv[1:]))


def _without_reader_errors(stream: TextIO) -> TextIO:
    """The same stream, on which a command goes on without an error once nobody reads (`| head`).

    With Python's own it would end with a traceback, or at the end with status 120. What the stream's encoding lacks,
    a path's name in Hindi on Windows for instance, is written as an escape, where Python's own would fail.
    """
    if sys.platform == "win32" and stream.isatty():  # pragma: no cover - a console is no file there
        return stream
    raw = io.BufferedWriter(Output(stream.fileno(), may_lose_all=stream.fileno() == _STDERR))
    return io.TextIOWrapper(raw, stream.encoding, "backslashreplace", line_buffering=bool(stream.line_buffering))


class Unwritable(OSError):
    """The result can't be written, to a full disk for instance."""


class Output(io.FileIO):
    """A descriptor to write to, without an error if nobody reads; with `may_lose_all`, without any at all."""

    def __init__(self, descriptor: int, *, may_lose_all: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._may_lose_all = may_lose_all

    @override
    def write(self, data: "ReadableBuffer") -> int:
        try:
            written = super().write(data)
        except OSError as error:
            if not self._may_lose_all and error.errno not in NO_READER:
                self._may_lose_all = True  # else Python would try again at the end
                raise Unwritable(error.errno, error.strerror) from None
            return memoryview(data).nbytes
        # It is None if the descriptor is non-blocking, and full.
        return memoryview(data).nbytes if self._may_lose_all and written is None else written


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
            except Unwritable as error:
                return _fail(f"The result can't be written: {error.strerror}.", EX_UNAVAILABLE)
            return status if isinstance(status, int) else EX_OK
    except WalletsError as error:
        return _fail(str(error), error.exit_status)


def _fail(line: str, status: int) -> int:
    click.echo(f"{PROGRAM}: {line}", err=True)
    return status
