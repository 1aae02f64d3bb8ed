"""The servers that the cases need: one process for each set of settings, over stdio, started when first needed."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from fastmcp.client.transports import StdioTransport
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import TextContent
from pydantic_ai.toolsets import AbstractToolset

from evals.case import ServerName
from evals.simulated_juspay import SimulatedJuspay
from juspay_mcp.simulator.api import API_KEY, MERCHANT_ID

TOOL: Final = "refresh_customer_wallets"
PROMPT: Final = "answer_wallet_question"

_CHANGES: Final[Mapping[ServerName, Mapping[str, str]]] = {
    "simulator": {},
    "production": {"JUSPAY_ENV": "production"},
    "dollars": {"JUSPAY_ENV": "production", "JUSPAY_CURRENCY": "USD"},
    "wrong-key": {"JUSPAY_API_KEY": "not_the_simulators_key"},
    "no-credentials": {"JUSPAY_API_KEY": "", "JUSPAY_MERCHANT_ID": ""},
    "impatient": {"JUSPAY_TIMEOUT_SECONDS": "2"},
    "unaccounted": {"JUSPAY_MCP_AUDIT_KEY": "evals" * 8},
}


S = TypeVar("S", bound="Servers")


class Servers:
    """Gives the toolset of a server by its name; all of them ask one simulated Juspay."""

    def __init__(self, juspay: SimulatedJuspay, stack: AsyncExitStack, folder: Path) -> None:
        self._juspay = juspay
        self._stack = stack
        self._audit_log = folder / "audit.jsonl"
        self._started: dict[ServerName, MCPToolset[Any]] = {}

    async def start(self, names: set[ServerName]) -> None:
        """Starts those that don't run yet. To be called by the task that entered `open_servers`."""
        for name in sorted(names - self._started.keys()):
            self._started[name] = await self._stack.enter_async_context(self._open(name))
            if name == "unaccounted":  # its audit log can't be written from now on
                self._audit_log.unlink()
                self._audit_log.mkdir()

    def toolset(self, name: ServerName) -> AbstractToolset[Any]:
        """The tools of a server that was started."""
        return self._started[name]

    async def prompt(self, name: ServerName, **arguments: str) -> str:
        """The text of the server's prompt."""
        given = await self._started[name].get_prompt(PROMPT, arguments)
        return "\n".join(
            message.content.content for message in given.messages if isinstance(message.content, TextContent)
        )

    def _open(self, name: ServerName) -> MCPToolset[Any]:
        env = {
            "JUSPAY_ENV": "simulator",
            "JUSPAY_BASE_URL": self._juspay.url,
            "JUSPAY_API_KEY": API_KEY,
            "JUSPAY_MERCHANT_ID": MERCHANT_ID,
            "JUSPAY_MCP_RATE_LIMIT": "100000/minute",  # repeats are no crowd of users
            "JUSPAY_MCP_LOG_LEVEL": "ERROR",
            **({"JUSPAY_MCP_AUDIT_LOG": str(self._audit_log)} if name == "unaccounted" else {}),
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
async def open_servers(kind: type[S]) -> AsyncIterator[S]:
    """A simulated Juspay, and the servers that ask it; both end with the context."""
    with SimulatedJuspay() as juspay, TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            yield kind(juspay, stack, Path(folder))
