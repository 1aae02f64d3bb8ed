"""The command `check`: its options. What it runs takes most of a second to import."""

import os
from dataclasses import replace

import click

from juspay_mcp.cli.setup_command import HOST_NAMES
from juspay_mcp.cli.terminal import PROGRAM, STDIN_HELP, Command, read_customer_id, spinner


@click.command(
    cls=Command,
    short_help="Check the configuration and the connection to Juspay.",
    epilog=f"""\b
Examples:
  {PROGRAM} check
  {PROGRAM} check --json | jq .ok
  {PROGRAM} check cth_eN4e4kR12CJV
  {PROGRAM} check --host claude-desktop

{STDIN_HELP}""",
)
@click.argument("customer_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, and nothing else.")
@click.option(
    "--host",
    type=click.Choice(HOST_NAMES),
    metavar="HOST",
    help="Check what this MCP host would get: its file, its variables, its PATH.",
)
@click.pass_obj
def check(ignored: list[str], customer_id: str | None, *, as_json: bool, host: str | None) -> int:
    """Check the configuration and the connection to Juspay, step by step.

    The variables, the host, its certificate, the credentials and the latency, by requests that change nothing;
    whatever else is set (tokens file, issuer, audit log, Redis, OTEL_ variables); and whether the server starts. With
    a CUSTOMER_ID, also whether Juspay knows that customer. With --host, the variables are those of the host's own
    file, and the server is started as that host starts it. Exits with 0 if nothing failed, else with the first
    failure's status: 78 for settings, 69 for what can't be reached, 77 for rejected credentials.
    """
    import anyio  # noqa: PLC0415 - it runs what the server's start runs, which takes most of a second to import

    from juspay_mcp.cli.check import run_checks  # noqa: PLC0415 - the same
    from juspay_mcp.cli.check_host import check_host  # noqa: PLC0415 - the same
    from juspay_mcp.cli.check_report import Report, show  # noqa: PLC0415 - the same
    from juspay_mcp.cli.tables import ResultConsole  # noqa: PLC0415 - the same

    customer = customer_id and read_customer_id(customer_id)
    with spinner("Checking ..."):
        if host is None:
            found = anyio.run(run_checks, os.environ, customer, ignored)
        else:
            first, environ = anyio.run(check_host, host, os.environ)
            found = Report(checks=first, environment=None, base_url=None)
            if environ:  # else the host's file doesn't say what the variables are
                found = anyio.run(run_checks, environ, customer)
                found = replace(found, checks=(*first, *found.checks))
    if as_json:
        click.echo(found.to_json())
    else:
        show(found, ResultConsole())
    return found.exit_status
