"""The commands: what a person types, and what it prints.

Each command imports what it runs when it is called, so that --help and --version stay quick.
"""

import os
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from juspay_mcp.cli.check_command import check
from juspay_mcp.cli.setup_command import setup
from juspay_mcp.cli.terminal import PROGRAM, STDIN_HELP, Group, greet, read_customer_id, spinner
from juspay_mcp.errors import EX_OK, EX_SOFTWARE, ConfigurationError
from juspay_mcp.observability.logs import configure_logging
from juspay_mcp.server.gc_tuning import frozen_imports
from juspay_mcp.values.customer_id import parse_customer_id
from juspay_mcp.values.timestamps import utc_now

if TYPE_CHECKING:
    from juspay_mcp.settings.load import Settings

SIMULATOR_PORT = 8790
_SAMPLE = "cth_eN4e4kR12CJV"  # the customer of Juspay's documented sample, known to the simulator


def _settings() -> "Settings":
    from juspay_mcp.settings.load import load_settings  # noqa: PLC0415 - pydantic: a third of the time that --help takes

    settings = load_settings(os.environ)
    configure_logging(settings.log_level, sys.stderr, settings.log_format)
    return settings


@click.group(cls=Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=PROGRAM, prog_name=PROGRAM)  # read only when it is asked for
@click.pass_context
def cli(context: click.Context) -> None:
    """Serve a Juspay customer's wallet balances to AI assistants, over MCP.

    Without a command this is the MCP server, over stdin and stdout: an MCP host (Claude, Cursor, VS Code, ...)
    starts it so. To see what it answers, without keys or a network: juspay-wallets-mcp demo
    """
    from juspay_mcp.settings.machine_variables import ignore_unusable  # noqa: PLC0415 - 15 ms, which --help needn't wait for

    context.obj = ignore_unusable(os.environ)  # before what reads them is imported
    if context.invoked_subcommand is None:
        _serve_stdio()


def _serve_stdio() -> None:
    settings = _settings()
    with frozen_imports():
        import anyio  # noqa: PLC0415 - the SDK takes half a second to import

        from juspay_mcp import VERSION  # noqa: PLC0415 - the same
        from juspay_mcp.observability.export import exported_telemetry  # noqa: PLC0415 - the same
        from juspay_mcp.server.stdio import serve_stdio  # noqa: PLC0415 - the same

    greet(VERSION)
    with exported_telemetry(os.environ):
        anyio.run(serve_stdio, settings)


@cli.command(
    short_help="Refresh a customer's wallets once and show them.",
    epilog=f"""\b
Examples:
  {PROGRAM} wallets {_SAMPLE}
  {PROGRAM} wallets {_SAMPLE} --json | jq -r .total_balance
  {PROGRAM} wallets - < customer_id.txt

\b
Without keys:
  JUSPAY_ENV=simulator {PROGRAM} wallets {_SAMPLE}

In PowerShell, set it first: $env:JUSPAY_ENV="simulator"

{STDIN_HELP}

The environment variables are those of the server: {PROGRAM} --help

Exits with 0, or 64 if the customer id is invalid, 69 if Juspay can't answer or doesn't know the customer, 77 if it
rejects the credentials, 78 if a setting is invalid or missing, 70 if there is a bug here.""",
)
@click.argument("customer_id")
@click.option("--json", "as_json", is_flag=True, help="Print the structured result as JSON, and nothing else.")
def wallets(customer_id: str, *, as_json: bool) -> None:
    """Refresh a customer's wallets once and show what is in them.

    CUSTOMER_ID is Juspay's id (cth_..., cst_...) or the merchant's own, often an e-mail or a phone number. Juspay
    asks every wallet's provider, so it can take seconds; no money is moved.
    """
    import anyio  # noqa: PLC0415 - the HTTP client and the rest take 0.2 s to import

    from juspay_mcp.cli.tables import ResultConsole, answer_view  # noqa: PLC0415 - the same
    from juspay_mcp.service.wallet_service import open_service  # noqa: PLC0415 - the same
    from juspay_mcp.values.caller import CLI  # noqa: PLC0415 - the same

    settings, customer = _settings(), read_customer_id(customer_id)
    if settings.missing:
        why = f" ({settings.why_missing.removesuffix('.')})" if settings.why_missing else ""
        raise ConfigurationError(
            f"there are no Juspay credentials{why}: set {' and '.join(settings.missing)}, "
            "or only JUSPAY_ENV=simulator to try it without."
        )

    async def show() -> None:
        with spinner("Juspay is asking the wallets' providers ..."):
            async with open_service(settings) as service:
                answer = await service.answer(customer, CLI, "wallets")
        if as_json:
            click.echo(answer.model_dump_json(indent=2))
        else:
            ResultConsole().print(answer_view(answer))

    anyio.run(show)


@cli.command(
    "serve",
    short_help="Serve a team: MCP over HTTP.",
    epilog=f"""\b
Examples:
  {PROGRAM} serve --http
  {PROGRAM} serve --http --host 0.0.0.0 --workers 2

On a non-loopback address, authentication must be configured: set JUSPAY_MCP_TOKENS_FILE (see {PROGRAM}
token --help), or JUSPAY_MCP_OAUTH_ISSUER with JUSPAY_MCP_PUBLIC_URL. SIGTERM lets the calls in progress finish.

Exits with 0, 78 if a setting is invalid, or 69 if the port is taken.""",
)
@click.option("--http", is_flag=True, help="Over Streamable HTTP, at /mcp; without it, over stdin and stdout.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="The port; 0 takes a free one."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="How many processes.")
@click.option(
    "--allow-unauthenticated",
    is_flag=True,
    help="Accept unauthenticated requests (only behind a gateway that authenticates callers).",
)
def serve_command(*, http: bool, host: str, port: int, workers: int, allow_unauthenticated: bool) -> int | None:
    """Serve MCP until Ctrl-C: over HTTP for a team, or over stdin and stdout as without a command.

    Any worker and any replica answers any request. Without a token, /healthz says whether the process is alive, and
    /readyz whether it accepts calls.
    """
    if not http:
        return _serve_stdio()  # type: ignore[func-returns-value] # coverage loses the line after a run of the loop
    with frozen_imports():
        # The SDK and uvicorn take most of a second to import.
        from juspay_mcp.cli.serve_command import serve_over_http  # noqa: PLC0415
        from juspay_mcp.http.serve import Address  # noqa: PLC0415

    address = Address(host, port, workers, allow_unauthenticated=allow_unauthenticated)
    return serve_over_http(_settings(), address, os.environ)


@cli.command(
    short_help="Make a token for a caller over HTTP.",
    epilog=f"\b\nExamples:\n  {PROGRAM} token priya --days 90\n  {PROGRAM} token billing-bot",
)
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 3_650), help="How many days it works; without this option, no limit.")
def token(name: str, *, days: int | None) -> None:
    """Make a new token for NAME, and its line for the tokens file.

    The token is shown only now and stored nowhere. The line, which doesn't reveal it, goes into the file that
    JUSPAY_MCP_TOKENS_FILE names; a running server notices the change. Two lines with one NAME both work, so a token
    can be replaced without a failed call: add the new line, hand the token out, remove the old line. A date at the
    end of the line is the last day (UTC) on which it works; the log warns of it two weeks before.
    """
    from juspay_mcp.http.auth.tokens import new_token  # noqa: PLC0415 - secrets and hashlib take 10 ms to import

    last_day = utc_now().date() + timedelta(days=days) if days else None
    try:
        made, line = new_token(name, last_day)
    except ValueError:
        raise click.BadParameter("1 to 64 letters, digits and any of . _ @ -", param_hint="NAME") from None
    click.echo(f"Token for {name}, shown only now:\n  {made}\n\nLine for the tokens file:\n  {line}")


@cli.command(
    "audit-hash",
    short_help="Print a customer's hash in the audit log.",
    epilog=f"""\b
Examples:
  {PROGRAM} audit-hash {_SAMPLE}
  hash=$({PROGRAM} audit-hash -) && grep "$hash" audit.jsonl

{STDIN_HELP}""",
)
@click.argument("customer_id")
def audit_hash(customer_id: str) -> None:
    """Print the hash that identifies CUSTOMER_ID in the audit log, to find who asked about that customer.

    It depends on the current key: JUSPAY_MCP_AUDIT_KEY or JUSPAY_MCP_AUDIT_KEY_FILE.
    """
    from juspay_mcp.audit.log import customer_hash  # noqa: PLC0415 - pydantic and more take 0.1 s to import
    from juspay_mcp.settings.secrets import audit_key  # noqa: PLC0415 - the same

    key = audit_key(_settings())()
    if key is None:
        raise ConfigurationError(
            "there is no key for the hash: set JUSPAY_MCP_AUDIT_KEY or JUSPAY_MCP_AUDIT_KEY_FILE."
        )
    click.echo(customer_hash(parse_customer_id(read_customer_id(customer_id)), key))


@cli.command(
    short_help="Show what the server answers, without keys.",
    epilog=f"\b\nExamples:\n  {PROGRAM} demo\n  {PROGRAM} demo | less\n  {PROGRAM} demo --open",
)
@click.option("--open", "in_browser", is_flag=True, help="Show the wallet card in the browser instead.")
def demo(*, in_browser: bool) -> int:
    """Show what the server answers: no keys, no network, made-up figures.

    Starts a stand-in for Juspay on loopback and the server as a host would, asks it about the stand-in's customers as
    an MCP client, shows every answer, and what to paste into Claude Desktop, Claude Code, Cursor and VS Code.
    Takes a few seconds. Exits with 0, or with 70 if an answer was unexpected.

    With --open, a page on loopback plays the host instead and shows the card that hosts with MCP Apps show, for each
    of those customers, until Ctrl-C.
    """
    import anyio  # noqa: PLC0415 - the SDK takes half a second to import

    from juspay_mcp.cli.card_preview import open_gallery  # noqa: PLC0415 - the same
    from juspay_mcp.cli.demo import run_demo  # noqa: PLC0415 - the same
    from juspay_mcp.cli.tables import ResultConsole  # noqa: PLC0415 - the same

    if in_browser:
        open_gallery(click.echo)
        return EX_OK
    return EX_OK if anyio.run(run_demo, ResultConsole()) else EX_SOFTWARE


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

    It demands what Juspay's documentation demands and has a customer for every documented form of response. It says
    on stderr where it listens, how to ask it, and which customers it knows.
    """
    from juspay_mcp.cli.simulator_command import run_simulator  # noqa: PLC0415 - an HTTP server takes 30 ms to import

    return run_simulator(port, _SAMPLE)


cli.add_command(check)
cli.add_command(setup)
