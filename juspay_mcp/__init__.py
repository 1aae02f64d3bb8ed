"""An MCP server that refreshes a Juspay customer's wallets and answers with masked, summarized balances."""

from importlib.metadata import version

VERSION = version("juspay-wallets-mcp")
"""The version, said once: in the package's metadata."""
