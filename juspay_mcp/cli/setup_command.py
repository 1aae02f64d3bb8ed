"""The command `setup`: its options. What it does is in `setup`, which takes 0.1 s to import."""

import os
from typing import Final

import click

from juspay_mcp.cli.terminal import PROGRAM, Command
from juspay_mcp.values.timestamps import utc_now

HOST_NAMES: Final = (
    "antigravity-cli",
    "claude-code",
    "claude-desktop",
    "codex",
    "copilot-cli",
    "cursor",
    "kiro",
    "vs-code",
    "windsurf",
    "zed",
)
"""The hosts of `host_configs`, as they are called on the command line."""


@click.command(
    cls=Command,
    short_help="Connect an MCP host to this server.",
    epilog=f"""Hosts: {", ".join(HOST_NAMES)}.

\b
Examples:
  {PROGRAM} setup cursor
  {PROGRAM} setup claude-desktop --env sandbox
  {PROGRAM} setup codex --remove
  {PROGRAM} setup zed --print""",
)
@click.argument("host", type=click.Choice(HOST_NAMES), metavar="HOST")
@click.option(
    "--env",
    type=click.Choice(["simulator", "sandbox", "production"]),
    default="simulator",
    show_default=True,
    help="Which Juspay the server asks; the simulator needs no keys.",
)
@click.option("--merchant-id", help="The merchant id, if it is not to be asked for.")
@click.option("--yes", is_flag=True, help="Change the file without asking.")
@click.option("--remove", is_flag=True, help="Take the server out of the host's file again.")
@click.option("--print", "print_only", is_flag=True, help="Print the block and where it goes, and change nothing.")
def setup(  # noqa: PLR0913 - one for each option
    host: str, *, env: str, merchant_id: str | None, yes: bool, remove: bool, print_only: bool
) -> int:
    """Write this server into the configuration of HOST.

    Shows the change and asks before it writes. The rest of the file keeps its values, and a copy of the file as it
    was is kept beside it. For sandbox and production the API key is asked for once and saved in a file that only you
    can read, not in the host's file. If this command doesn't know the host's file, it prints the block.
    """
    from juspay_mcp.cli.setup import Wish, run_setup  # noqa: PLC0415 - tomllib, pydantic and more take 0.1 s to import

    wish = Wish(host=host, env=env, merchant_id=merchant_id, yes=yes, remove=remove, print_only=print_only)
    return run_setup(wish, os.environ, utc_now())
