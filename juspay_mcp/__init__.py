"""An MCP server that refreshes a Juspay customer's wallets and answers with masked, summarized balances."""

VERSION: str
"""The version, said once: in the package's metadata."""


def __getattr__(name: str) -> str:
    """`VERSION`, read when it is imported: reading metadata takes a third of the time of --help."""
    if name != "VERSION":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # noqa: PLC0415 - see above

    return version("juspay-wallets-mcp")
