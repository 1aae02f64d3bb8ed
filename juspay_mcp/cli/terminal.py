"""What commands ask for and show at a terminal besides their results."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from juspay_mcp.settings.variables import VARIABLES

PROGRAM: Final = "juspay-wallets-mcp"
"""The command that people type."""
STDIN_HELP: Final = """\
If CUSTOMER_ID is -, it is read from the first line of stdin, which keeps an e-mail or a phone number out of the
shell's history and the process list."""

_END_OF_INPUT = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
_STDIN = "-"
_TAKEN_ON_WINDOWS = (10_048, 10_013)  # WSAEADDRINUSE; WSAEACCES, if the other program keeps the port for itself


def variables_help() -> str:
    """The variables for `--help`."""
    lines = []
    for variable in VARIABLES:
        default = f" [default: {variable.default}]" if variable.default else ""
        lines.append(f"  {variable.name}\n      {variable.meaning}{default}")
    return "\b\nEnvironment variables:\n" + "\n".join(lines)


def greet(version: str) -> None:
    """Says on stderr what the server waits for, if it was started at a terminal and not by an MCP client."""
    if sys.stdin and sys.stdin.isatty():  # it is None if it was closed
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
    if error.errno == errno.EADDRINUSE or getattr(error, "winerror", None) in _TAKEN_ON_WINDOWS:
        return "another program uses it"
    if error.errno == errno.EACCES:
        return "this user may not use it"
    # In the system's words alone, to which Python adds addresses; an unknown name has no positive number.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else "no such host"


@contextmanager
def spinner(words: str) -> Iterator[None]:
    """Shows a spinner on stderr during the block, if stderr is a terminal."""
    if sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - rich takes 30 ms to import

        with Console(stderr=True).status(words):
            yield
    else:
        yield
