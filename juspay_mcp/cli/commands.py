"""The command line: what a person types, what it prints, and the status it exits with."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import anyio
import click
from typing_extensions import override

from juspay_mcp import VERSION
from juspay_mcp.errors import (
    EX_CONFIG,
    EX_OK,
    EX_SOFTWARE,
    EX_UNAVAILABLE,
    EX_USAGE,
    ConfigurationError,
    WalletsError,
    bugs_as_internal_errors,
)
from juspay_mcp.observability.logs import configure_logging
from juspay_mcp.server.gc_tuning import frozen_imports
from juspay_mcp.settings.load import Settings, load_settings
from juspay_mcp.settings.variables import VARIABLES
from juspay_mcp.values.caller import CLI
from juspay_mcp.values.customer_id import parse_customer_id
from juspay_mcp.values.timestamps import utc_now

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PROGRAM = "juspay-wallets-mcp"
SIMULATOR_PORT = 8790
_INTERRUPTED = 130  # what shells give a command ended by SIGINT
_STDERR = 2
_END_OF_INPUT = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
_SAMPLE = "cth_eN4e4kR12CJV"  # the customer of Juspay's documented sample, whom the simulator knows
_STDIN = "-"
_STDIN_HELP = """\
Where CUSTOMER_ID is -, it is read from the first line of stdin. That keeps an e-mail or a phone number out of the
shell's history and the list of processes."""


def main() -> NoReturn:
    """Runs this process's command line."""
    _fill_closed_streams()
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


def _fill_closed_streams() -> None:
    """The number of a closed one would be the next file's, which would then be read or written in its stead."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(number)


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
    except (click.Abort, click.ClickException, ConfigurationError) as error:
        return _stopped(error)
    return status if isinstance(status, int) else EX_OK


def _stopped(error: click.Abort | click.ClickException | ConfigurationError) -> int:
    match error:
        case click.Abort():
            return _INTERRUPTED
        case ConfigurationError():
            return _fail(str(error), EX_CONFIG)
    error.show()
    return EX_USAGE


def _fail(line: str, status: int) -> int:
    click.echo(f"{PROGRAM}: {line}", err=True)
    return status


def _settings() -> Settings:
    settings = load_settings(os.environ)
    configure_logging(settings.log_level, sys.stderr)
    return settings


def _customer_id(argument: str) -> str:
    """The argument, or the line of stdin that it stands for; what isn't ASCII there is refused as an id later."""
    if argument != _STDIN:
        return argument
    if sys.stdin.isatty():
        click.echo("Customer id: ", nl=False, err=True)
    return sys.stdin.buffer.readline().decode("ascii", "replace").rstrip("\r\n")


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
    with frozen_imports():
        from juspay_mcp.observability.export import exported_spans  # noqa: PLC0415 - the same
        from juspay_mcp.server.stdio import serve_stdio  # noqa: PLC0415 - the SDK takes half a second to import

    if sys.stdin and sys.stdin.isatty():  # there is none where it was closed
        click.echo(
            f"{PROGRAM} {VERSION} waits for an MCP client on stdin ({_END_OF_INPUT} ends it). "
            f"To see what it answers, run: {PROGRAM} demo",
            err=True,
        )
    with exported_spans(os.environ):
        anyio.run(serve_stdio, settings)


@cli.command(
    short_help="Refresh a customer's wallets once and show them.",
    epilog=f"""\b
Examples:
  {PROGRAM} wallets {_SAMPLE}
  {PROGRAM} wallets {_SAMPLE} --json | jq -r .total_balance
  {PROGRAM} wallets - < customer_id.txt

\b
Without keys, with made-up figures:
  JUSPAY_ENV=simulator {PROGRAM} wallets {_SAMPLE}

{_STDIN_HELP}

The environment variables are those of the server: {PROGRAM} --help

Exits with 0, or 64 for a wrong customer id, 69 if Juspay can't answer or doesn't know the customer, 77 if it refuses
the credentials, 78 for wrong or missing settings, 70 for a bug here.""",
)
@click.argument("customer_id")
@click.option("--json", "as_json", is_flag=True, help="Print the structured result as JSON, and nothing else.")
def wallets(customer_id: str, *, as_json: bool) -> None:
    """Refresh a customer's wallets once and show what is in them.

    CUSTOMER_ID is Juspay's id (cth_..., cst_...) or the merchant's own, often an e-mail or a phone number. Juspay
    asks every wallet's provider, so it can take seconds; no money is moved.
    """
    settings, customer_id = _settings(), _customer_id(customer_id)
    if settings.missing:
        raise ConfigurationError(
            f"there are no credentials for Juspay: set {' and '.join(settings.missing)}, "
            "or JUSPAY_ENV=simulator alone to try it without."
        )
    anyio.run(partial(_show_wallets, settings, customer_id, as_json=as_json))


async def _show_wallets(settings: Settings, customer_id: str, *, as_json: bool) -> None:
    from juspay_mcp.service.wallet_service import open_service  # noqa: PLC0415 - not needed to show help

    with _spinner("Juspay is asking the wallets' providers ..."):
        async with open_service(settings) as service:
            answer = await service.answer(customer_id, CLI, "wallets")
    if as_json:
        click.echo(answer.model_dump_json(indent=2))
    else:
        from juspay_mcp.cli.tables import ResultConsole, answer_view  # noqa: PLC0415 - rich is for people only

        ResultConsole().print(answer_view(answer))


@contextmanager
def _spinner(words: str) -> Iterator[None]:
    """Turns on stderr while something is waited for, if stderr is a terminal."""
    if sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - rich is for people only

        with Console(stderr=True).status(words):
            yield
    else:
        yield


@cli.command(
    "serve",
    short_help="Serve a team: MCP over HTTP.",
    epilog=f"""\b
Examples:
  {PROGRAM} serve --http
  {PROGRAM} serve --http --host 0.0.0.0 --workers 2

On an address that other machines can reach it demands to know who may call: set JUSPAY_MCP_TOKENS_FILE (see
{PROGRAM} token --help), or JUSPAY_MCP_OAUTH_ISSUER with JUSPAY_MCP_PUBLIC_URL. SIGTERM lets the calls in flight
finish.

Exits with 0, or 78 for settings that don't do, 69 if the port is taken.""",
)
@click.option("--http", is_flag=True, help="Over Streamable HTTP, at /mcp; without it, over stdin and stdout.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="The port; 0 takes a free one."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="How many processes.")
@click.option(
    "--allow-unauthenticated", is_flag=True, help="Let anyone call who reaches the address: a gateway signs them in."
)
def serve_command(*, http: bool, host: str, port: int, workers: int, allow_unauthenticated: bool) -> int:
    """Serve MCP until Ctrl-C: over HTTP for a team, or over stdin and stdout as without a command.

    Any worker and any replica answers any request. /healthz and /readyz say, without a token, whether the process
    lives and whether it takes calls.
    """
    if not http:
        _serve(_settings())
        return EX_OK
    return _serve_http(host, port, workers, allow_unauthenticated=allow_unauthenticated)


def _serve_http(host: str, port: int, workers: int, *, allow_unauthenticated: bool) -> int:
    with frozen_imports():
        from juspay_mcp.http import serve  # noqa: PLC0415 - not for the start over stdio

    address = serve.Address(host, port, workers, allow_unauthenticated=allow_unauthenticated)
    settings = _settings()
    traces = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
    serve.check_start(settings, address, traces)
    try:
        held = serve.bind(address)
    except (OSError, UnicodeError) as error:
        return _fail(f"{host} port {port} can't be listened on ({_reason(error)}); choose others.", EX_UNAVAILABLE)
    where = f"{f'[{host}]' if ':' in host else host}:{held.getsockname()[1]}"
    greeting = f"{PROGRAM} {VERSION} serves http://{where}/mcp until Ctrl-C"
    with held:
        return serve.serve_http(settings, address, held, traces, partial(click.echo, greeting, err=True))


def _reason(error: OSError | UnicodeError) -> str:
    """In the system's words alone, to which Python adds addresses; a name that can't be looked up has no number."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number and number > 0 else "no such host"


@cli.command(
    short_help="Make a token that lets someone call over HTTP.",
    epilog=f"\b\nExamples:\n  {PROGRAM} token priya --days 90\n  {PROGRAM} token billing-bot",
)
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 3_650), help="How many days it works; without this option, for good.")
def token(name: str, *, days: int | None) -> None:
    """Make a new token for NAME, and the line that accepts it.

    The token is shown this once and kept nowhere. The line, which doesn't give it away, goes into the file that
    JUSPAY_MCP_TOKENS_FILE names; a running server reads it again by itself. Two lines of one NAME both work, so a
    token is replaced without a call lost: add the new line, hand the token out, take the old line away. A date at the
    end of the line is the last day (UTC) on which it works; the log warns of it two weeks before.
    """
    from juspay_mcp.http.auth.tokens import new_token  # noqa: PLC0415 - not needed to show help

    last_day = utc_now().date() + timedelta(days=days) if days else None
    try:
        made, line = new_token(name, last_day)
    except ValueError:
        raise click.BadParameter("1 to 64 letters, digits and any of . _ @ -", param_hint="NAME") from None
    click.echo(f"Token for {name}, shown only now:\n  {made}\n\nLine for the file of tokens:\n  {line}")


@cli.command(
    "audit-hash",
    short_help="Show what stands for a customer in the audit log.",
    epilog=f"""\b
Examples:
  {PROGRAM} audit-hash {_SAMPLE}
  hash=$({PROGRAM} audit-hash -) && grep "$hash" audit.jsonl

{_STDIN_HELP}""",
)
@click.argument("customer_id")
def audit_hash(customer_id: str) -> None:
    """Show what stands for CUSTOMER_ID in the audit log, to find who asked about that customer.

    It depends on the key in force: JUSPAY_MCP_AUDIT_KEY or JUSPAY_MCP_AUDIT_KEY_FILE.
    """
    from juspay_mcp.audit.log import customer_hash  # noqa: PLC0415 - not needed to show help
    from juspay_mcp.settings.secrets import audit_key  # noqa: PLC0415 - the same

    key = audit_key(_settings())()
    if key is None:
        raise ConfigurationError("there is no key to hash with: set JUSPAY_MCP_AUDIT_KEY or its _FILE.")
    click.echo(customer_hash(parse_customer_id(_customer_id(customer_id)), key))


@cli.command(
    short_help="Show what the server answers, without keys.",
    epilog=f"\b\nExamples:\n  {PROGRAM} demo\n  {PROGRAM} demo | less\n  {PROGRAM} demo --open",
)
@click.option("--open", "in_browser", is_flag=True, help="Show the wallet card in the browser instead.")
def demo(*, in_browser: bool) -> int:
    """Show what the server answers: no keys, no network, made-up figures.

    Starts a stand-in for Juspay on loopback and the server as a host would, asks it about the stand-in's customers as
    an MCP client, shows every answer, and what to paste into Claude Desktop, Claude Code, Cursor and VS Code.
    Takes a few seconds. Exits with 0, or with 70 if an answer wasn't as expected.

    With --open, a page on loopback plays the host instead and shows the card that hosts with MCP Apps show, for each
    of those customers, until Ctrl-C.
    """
    if in_browser:
        from juspay_mcp.cli.card_preview import open_gallery  # noqa: PLC0415 - as below

        open_gallery(click.echo)
        return EX_OK
    from juspay_mcp.cli.demo import run_demo  # noqa: PLC0415 - the SDK and rich: not for the server's start
    from juspay_mcp.cli.tables import ResultConsole  # noqa: PLC0415 - the same

    return EX_OK if anyio.run(run_demo, ResultConsole()) else EX_SOFTWARE


@cli.command(
    short_help="Say what is right and wrong with this set-up.",
    epilog=f"""\b
Examples:
  {PROGRAM} check
  {PROGRAM} check --json | jq .ok
  {PROGRAM} check {_SAMPLE}

{_STDIN_HELP}""",
)
@click.argument("customer_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, and nothing else.")
def check(customer_id: str | None, *, as_json: bool) -> int:
    """Say what is right and wrong with this set-up, check by check.

    The variables, the host, its certificate, the credentials and the latency, by requests that change nothing; with a
    CUSTOMER_ID, also whether Juspay knows that customer. Exits with 0 if all is right, else with the first failure's
    status: 78 for settings, 69 for what can't be reached, 77 for refused credentials.
    """
    from juspay_mcp.cli.check import render, run_checks  # noqa: PLC0415 - not needed to show help

    customer = customer_id and _customer_id(customer_id)
    with _spinner("Checking ..."):
        report = anyio.run(run_checks, os.environ, customer)
    click.echo(report.to_json() if as_json else "\n".join(render(report)))
    return report.exit_status


@cli.command(
    short_help="Run the stand-in for Juspay's API.",
    epilog=f"\b\nExamples:\n  {PROGRAM} simulator\n  {PROGRAM} simulator --port 0",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=SIMULATOR_PORT,
    show_default=True,
    help="The port to listen on; 0 takes a free one.",
)
def simulator(port: int) -> int:
    """Run the stand-in for Juspay's API by itself, on loopback, until Ctrl-C.

    It demands what Juspay's documentation demands and has a customer for every documented form of reply. It says on
    stderr where it listens, how to ask it, and which customers it knows.
    """
    from juspay_mcp.simulator.api import Simulator  # noqa: PLC0415 - only where it is asked for

    stand_in = Simulator(port=port)
    try:
        stand_in.start()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return _fail(f"port {port} can't be used ({reason}); choose another one with --port.", EX_UNAVAILABLE)
    click.echo(_how_to_ask(stand_in.url), err=True)
    stand_in.serve_forever()
    return EX_OK


def _how_to_ask(url: str) -> str:
    from juspay_mcp.simulator.api import API_KEY, CUSTOMERS, MERCHANT_ID  # noqa: PLC0415 - as above

    width = max(map(len, CUSTOMERS))
    customers = "\n".join(f"  {customer:{width}}  {about}" for customer, about in CUSTOMERS.items())
    return f"""\
A stand-in for Juspay's API listens on {url} until Ctrl-C. All its figures are made up.

Ask it through this program, in another terminal:
  export JUSPAY_ENV=simulator
  export JUSPAY_BASE_URL={url}
  export JUSPAY_API_KEY={API_KEY}
  export JUSPAY_MERCHANT_ID={MERCHANT_ID}
  {PROGRAM} wallets {_SAMPLE}

Or directly:
  curl -u {API_KEY}: -H 'version: 2023-06-30' -H 'x-merchantid: {MERCHANT_ID}' \\
    -H 'x-routing-id: {_SAMPLE}' -H 'Content-Type: application/x-www-form-urlencoded' \\
    {url}/customers/{_SAMPLE}/wallets/refresh-balances

Customers:
{customers}"""
