"""The command line: what a person types, what it prints, and the status it exits with."""

import os
import sys
from typing import NoReturn

import anyio
import click

from juspay_mcp.boundary import bugs_as_internal_errors
from juspay_mcp.errors import EX_CONFIG, EX_OK, EX_USAGE, ConfigurationError, WalletsError
from juspay_mcp.logs import configure_logging
from juspay_mcp.settings import VARIABLES, Settings, load_settings
from juspay_mcp.version import VERSION

PROGRAM = "juspay-wallets-mcp"
_INTERRUPTED = 130  # what shells give a command ended by SIGINT


def main() -> NoReturn:
    """Runs this process's command line."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command line to its exit status; what fails says so in one line on stderr."""
    configure_logging("WARNING", sys.stderr)
    try:
        with bugs_as_internal_errors():
            return _run(arguments)
    except WalletsError as error:
        return _fail(str(error), error.exit_status)


def _run(arguments: list[str]) -> int:
    try:
        status = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return EX_USAGE
    except click.Abort:
        return _INTERRUPTED
    except ConfigurationError as error:
        return _fail(str(error), EX_CONFIG)
    return status if isinstance(status, int) else EX_OK


def _fail(line: str, status: int) -> int:
    click.echo(f"{PROGRAM}: {line}", err=True)
    return status


def _settings() -> Settings:
    settings = load_settings(os.environ)
    configure_logging(settings.log_level, sys.stderr)
    return settings


def _variables_help() -> str:
    """The variables for `--help`, from the one table that knows them."""
    lines = []
    for variable in VARIABLES:
        default = f" [default: {variable.default}]" if variable.default else ""
        lines.append(f"  {variable.name}\n      {variable.meaning}{default}")
    return "\b\nEnvironment variables:\n" + "\n".join(lines)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_variables_help(),
)
@click.version_option(VERSION, prog_name=PROGRAM)
@click.pass_context
def cli(context: click.Context) -> None:
    """Serve a Juspay customer's wallet balances to AI assistants, over MCP.

    Without a command this is the MCP server, over stdin and stdout: an MCP host (Claude, Cursor, VS Code, ...)
    starts it so. To see what it answers, without keys or a network: juspay-wallets-mcp demo
    """
    if context.invoked_subcommand is None:
        _serve(_settings())


def _serve(settings: Settings) -> None:
    from juspay_mcp.server import serve_stdio  # noqa: PLC0415 - the SDK takes half a second to import

    if sys.stdin.isatty():
        click.echo(
            f"{PROGRAM} {VERSION} waits for an MCP client on stdin (Ctrl-D ends it). "
            f"To see what it answers, run: {PROGRAM} demo",
            err=True,
        )
    if settings.missing:
        click.echo(
            f"{PROGRAM}: no credentials, the tool will answer not_configured: set {' and '.join(settings.missing)}.",
            err=True,
        )
    anyio.run(serve_stdio, settings)
