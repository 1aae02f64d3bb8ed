"""The servers that the cases need: one process for each set of settings, over stdio, started when first needed."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
from fastmcp.client.transports import StdioTransport
from pydantic_ai.mcp import MCPToolset

from evals.case import ServerName
from evals.simulated_juspay import SimulatedJuspay
from juspay_mcp.simulator.api import API_KEY, MERCHANT_ID

TOOL: Final = "refresh_customer_wallets"

_CHANGES: Final[Mapping[ServerName, Mapping[str, str]]] = {
    "simulator": {},
    "production": {"JUSPAY_ENV": "production"},
    "dollars": {"JUSPAY_ENV": "production", "JUSPAY_CURRENCY": "USD"},
    "wrong-key": {"JUSPAY_API_KEY": "not_the_simulators_key"},
    "no-credentials": {"JUSPAY_API_KEY": "", "JUSPAY_MERCHANT_ID": ""},
    "one-second": {"JUSPAY_TIMEOUT_SECONDS": "1"},
}


class Servers:
    """Gives the toolset of a server by its name; all of them ask one simulated Juspay."""

    def __init__(self, juspay: SimulatedJuspay, stack: AsyncExitStack) -> None:
        self._juspay = juspay
        self._stack = stack
        self._started: dict[ServerName, MCPToolset[Any]] = {}
        self._lock = anyio.Lock()

    async def start(self, names: set[ServerName]) -> None:
        """Starts those that don't run yet. To be called by the task that entered `open_servers`."""
        for name in sorted(names - self._started.keys()):
            self._started[name] = await self._stack.enter_async_context(self._toolset(name))

    def __getitem__(self, name: ServerName) -> "MCPToolset[Any]":
        return self._started[name]

    def _toolset(self, name: ServerName) -> "MCPToolset[Any]":
        env = {
            "JUSPAY_ENV": "simulator",
            "JUSPAY_BASE_URL": self._juspay.url,
            "JUSPAY_API_KEY": API_KEY,
            "JUSPAY_MERCHANT_ID": MERCHANT_ID,
            "JUSPAY_MCP_RATE_LIMIT": "100000/minute",  # repeats are no crowd of users
            "JUSPAY_MCP_LOG_LEVEL": "ERROR",
            **_CHANGES[name],
        }
        transport = StdioTransport(
            command=str(Path(sys.executable).with_name("juspay-wallets-mcp")),
            args=[],
            env=env,
            log_file=Path(os.devnull),
        )
        # A failed call is shown to the model as what it is, without advice of the framework's own to try again.
        return MCPToolset(transport, tool_error_behavior="failed", include_instructions=True)


@asynccontextmanager
async def open_servers() -> AsyncIterator[Servers]:
    """A simulated Juspay, and the servers that ask it; both end with the context."""
    with SimulatedJuspay() as juspay:
        async with AsyncExitStack() as stack:
            yield Servers(juspay, stack)
