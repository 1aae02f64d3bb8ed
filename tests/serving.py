"""An ASGI app behind a real socket, served by uvicorn in the test's own loop."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import httpx2
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.types import ASGIApp


async def until(holds: Callable[[], object], seconds: float = 10) -> None:
    """Returns as soon as something holds; fails if that takes longer."""
    with anyio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110 - what is looked at tells nobody of its changes
            await anyio.sleep(0.005)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The app's address, without a path, for as long as it is served."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=5))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listening])
            await until(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            server.should_exit = True


@asynccontextmanager
async def connected(url: str, token: str | None = None, mode: str = "auto") -> AsyncIterator[Client]:
    """An MCP client of the server at `url`; the mode `legacy` speaks the handshake era."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client
