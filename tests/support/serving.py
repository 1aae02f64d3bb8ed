"""The server over HTTP: its app in the test's own loop, behind a real socket, or a process of its own."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import anyio
import httpx2
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.types import ASGIApp

from juspay_mcp.http.header_timeout import TimeoutProtocol
from tests.support.processes import COMMAND, MEASURING


async def until(holds: Callable[[], object], seconds: float = 10) -> None:
    """Returns as soon as something holds; fails if that takes longer."""
    with anyio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110 - what is looked at tells nobody of its changes
            await anyio.sleep(0.005)


@asynccontextmanager
async def served(app: ASGIApp, http: type[asyncio.Protocol] = TimeoutProtocol, **options: Any) -> AsyncIterator[str]:
    """The app's address, without a path, for as long as it is served."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(app, http=http, log_config=None, lifespan="on", timeout_graceful_shutdown=5, **options)
        )
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


ENDED: Final = 1 if sys.platform == "win32" else 0
"""The status of a server that was told to end; Windows knows no signals, and ends it by force."""


class Served:
    """A server process that listens on a free port."""

    def __init__(self, environ: dict[str, str], *arguments: str, prefix: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, *COMMAND, "serve", "--http", "--port", "0", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environ | MEASURING,
        )
        self.said = [self.line()]
        while not (found := re.findall(r"http://\S+(?=/mcp)", self.said[-1])):
            assert self.said[-1], f"it ended: {self.said}"
            self.said.append(self.line())
        [self.url] = found

    def line(self) -> str:
        """The next line on stderr, read byte by byte: `communicate` wouldn't see what a buffer holds beyond it."""
        assert self.process.stderr is not None
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(self.process.stderr.fileno(), 1)):
            line += byte
        return line.decode().replace("\r\n", "\n")

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[str, str, int]:
        """What is left on stdout and stderr, and the exit status, after a signal."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[str, str, int]:
        """What is left on stdout and stderr, and the exit status."""
        out, err = self.process.communicate(timeout=30)
        return out, err, self.process.returncode


async def until_healthy(url: str, seconds: float = 20) -> None:
    """Returns as soon as a server is ready, which it may not even listen for yet."""
    async with httpx2.AsyncClient() as http:
        with anyio.fail_after(seconds):
            while True:
                with suppress(httpx2.TransportError):
                    assert (await http.get(f"{url}/readyz")).text == "ready"
                    return
                await anyio.sleep(0.05)


@contextmanager
def started(environ: dict[str, str], *arguments: str, prefix: Sequence[str] = ()) -> Iterator[Served]:
    """A server process for a while; `prefix` is what starts it, if not this process itself."""
    server = Served(environ, *arguments, prefix=prefix)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.communicate(timeout=30)
