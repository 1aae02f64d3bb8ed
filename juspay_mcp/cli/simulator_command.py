"""The command `simulator`: runs the stand-in for Juspay's API by itself, and says how to ask it."""

import sys
from typing import Final

import click

from juspay_mcp.cli.terminal import PROGRAM, why_not_listening
from juspay_mcp.errors import EX_OK, EX_UNAVAILABLE
from juspay_mcp.simulator.api import API_KEY, CUSTOMERS, MERCHANT_ID, Simulator

_POSIX: Final = ("export {}={}", "curl", "\\")
_POWERSHELL: Final = ("$env:{}='{}'", "curl.exe", "`")
"""How to set a variable, what curl is called, and what says that a command goes on in the next line."""


def run_simulator(port: int, sample: str) -> int:
    """Serves on a port of loopback until Ctrl-C; the exit status. `sample` is the customer of the examples."""
    stand_in = Simulator(port=port)
    try:
        stand_in.start()
    except OSError as error:
        reason = why_not_listening(error)
        click.echo(f"{PROGRAM}: can't use port {port} ({reason}); choose another one with --port.", err=True)
        return EX_UNAVAILABLE
    url, width = stand_in.url, max(map(len, CUSTOMERS))
    customers = "\n".join(f"  {customer:{width}}  {about}" for customer, about in CUSTOMERS.items())
    set_variable, curl, continued = _POWERSHELL if sys.platform == "win32" else _POSIX
    asking = {
        "JUSPAY_ENV": "simulator",
        "JUSPAY_BASE_URL": url,
        "JUSPAY_API_KEY": API_KEY,
        "JUSPAY_MERCHANT_ID": MERCHANT_ID,
    }
    variables = "\n".join(f"  {set_variable.format(*pair)}" for pair in asking.items())
    how_to_ask = f"""\
A stand-in for Juspay's API listens on {url} until Ctrl-C. All its figures are made up.

Ask it through this program, in another terminal:
{variables}
  {PROGRAM} wallets {sample}

Or directly:
  {curl} -u {API_KEY}: -H 'version: 2023-06-30' -H 'x-merchantid: {MERCHANT_ID}' {continued}
    -H 'x-routing-id: {sample}' -H 'Content-Type: application/x-www-form-urlencoded' {continued}
    {url}/customers/{sample}/wallets/refresh-balances

Customers:
{customers}"""
    click.echo(how_to_ask, err=True)
    stand_in.serve_forever()
    return EX_OK
