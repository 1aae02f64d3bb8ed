"""`python -m juspay_mcp` is the command `juspay-wallets-mcp`."""

from juspay_mcp.cli.commands import main

main()
