"""The version, said once: in the package's metadata."""

from importlib.metadata import version

VERSION = version("juspay-wallets-mcp")
