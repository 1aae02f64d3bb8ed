"""What commands ask for and show at a terminal besides their results."""

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from typing_extensions import override

from juspay_mcp.settings.variables import VARIABLES

PROGRAM: Final = "juspay-wallets-mcp"
"""The command that people type."""
STDIN_HELP: Final = """\
If CUSTOMER_ID is -, it is read from the first line of stdin, which keeps an e-mail or a phone number out of the
shell's history and the process list. PowerShell has no <: Get-Content FILE | command."""

_END_OF_INPUT = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
_STDIN = "-"
_HELP_WIDTH = 80
_LEAST_WIDTH = 30  # click's own is 50, which breaks words in a terminal of 40 columns
_UNBREAKABLE = "\u2011"  # a hyphen at which no line is broken; never printed
_TAKEN_ON_WINDOWS = (10_048, 10_013)  # WSAEADDRINUSE; WSAEACCES, if the other program keeps the port for itself


class _Formatter(click.HelpFormatter):
    """Formats help as wide as the terminal, even a narrow one; lines break at blanks, not at hyphens."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        fitting = min(shutil.get_terminal_size().columns, max_width or _HELP_WIDTH) - 2
        super().__init__(indent_increment, width or max(fitting, _LEAST_WIDTH))

    @override
    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", _UNBREAKABLE))

    @override
    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        kept = [(first, second.replace("-", _UNBREAKABLE)) for first, second in rows]
        super().write_dl(kept, min(col_max, self.width // 3), col_spacing)

    @override
    def getvalue(self) -> str:
        return super().getvalue().replace(_UNBREAKABLE, "-")


class _Context(click.Context):
    formatter_class = _Formatter


class Command(click.Command):
    """A command whose help fits the terminal."""

    context_class = _Context


class Group(click.Group):
    """The command line as a whole, whose help ends with the variables."""

    context_class = _Context
    command_class = Command

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Environment variables"):
            for variable in VARIABLES:
                default = f" [default: {variable.default}]" if variable.default else ""
                formatter.write_text(variable.name)
                with formatter.indentation():
                    formatter.write_text(f"{variable.meaning}{default}")


def greet(version: str) -> None:
    """Says on stderr what the server waits for, if it was started at a terminal and not by an MCP client."""
    if sys.stdin.isatty():
        click.echo(
            f"{PROGRAM} {version} waits for an MCP client on stdin ({_END_OF_INPUT} ends it). "
            f"To see what it answers, run: {PROGRAM} demo",
            err=True,
        )


def read_customer_id(argument: str) -> str:
    """The argument, or a line of stdin if it is "-"; what isn't ASCII there is rejected as an id later."""
    if argument != _STDIN:
        return argument
    if sys.stdin.isatty():
        click.echo("Customer id: ", nl=False, err=True)
    return sys.stdin.buffer.readline().decode("ascii", "replace").rstrip("\r\n")


def why_not_listening(error: OSError) -> str:
    """Why a port can't be listened on, in the same words on every platform."""
    from socket import gaierror  # noqa: PLC0415 - socket takes 3 ms to import, of every --help

    if error.errno == errno.EADDRINUSE or getattr(error, "winerror", None) in _TAKEN_ON_WINDOWS:
        return "another program uses it"
    if error.errno == errno.EACCES:
        return "this user may not use it"
    if isinstance(error, gaierror):
        return "no such host"
    return os.strerror(error.errno or 0)  # in the system's words alone, to which Python adds addresses


@contextmanager
def spinner(words: str) -> Iterator[None]:
    """Shows a spinner on stderr during the block, if stderr is a terminal."""
    if sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - rich takes 30 ms to import

        with Console(stderr=True).status(words):
            yield
    else:
        yield
