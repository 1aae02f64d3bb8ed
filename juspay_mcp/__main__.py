"""`python -m juspay_mcp` is the command `juspay-wallets-mcp`."""

import sys

if not sys.flags.safe_path:
    # `python -m` looks into the current folder first, which may have an `mcp` or a `click` of its own.
    del sys.path[0]

from juspay_mcp.cli.main import main

main()
