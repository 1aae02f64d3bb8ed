"""The limits that an orchestrator sets, around the real command: see tests/support/container.py.

Without a container there is no image to try; what runs in it, and under which limits, is the same.
"""

import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.support.checkout import ROOT
from tests.support.container import container, process_1
from tests.support.http_calls import HEADERS, body
from tests.support.serving import Served, started, until
from tests.support.simulator import Behaviour, Simulator
from tests.support.trace_collector import Collector

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")

MEBIBYTE = 1_048_576
MEMORY = 128 * MEBIBYTE
FILES = 1_024

Start = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def start(environ: dict[str, str]) -> Start:
    """A server in a container, with other variables, options and limits if need be."""

    @contextmanager
    def start(*arguments: str, uid: int = 65532, writable: Path | None = None, **variables: str) -> Iterator[Served]:
        limits = {"nofile": str(FILES), "data": str(MEMORY)}
        prefix = container(environ | variables, uid=uid, limits=limits, writable=writable)
        with started({}, *arguments, prefix=prefix) as server:
            yield server

    return start


async def totals(url: str, number: int) -> list[str]:
    """The totals in the answers to so many calls at one time."""
    found = []

    async def ask(http: httpx2.AsyncClient) -> None:
        reply = await http.post("/mcp", content=body())
        found.append(reply.json()["result"]["structuredContent"]["total_balance"])

    limits = httpx2.Limits(max_connections=number)
    async with (
        httpx2.AsyncClient(base_url=url, headers=HEADERS, timeout=60, limits=limits) as http,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(number):
            tasks.start_soon(ask, http)
    return found


async def answered(http: httpx2.AsyncClient, url: str) -> httpx2.Response | None:
    """The answer to a call; None, a moment later, if it was turned away."""
    with suppress(httpx2.TransportError):
        reply = await http.post(url, content=body())
        if reply.status_code != 503:
            return reply
    await anyio.sleep(0.1)
    return None


def memory(pid: int, what: str) -> int:
    """Bytes of a process's memory, by the kernel's name of the figure."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    [kibibytes] = re.findall(rf"^{what}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kibibytes) * 1_024


@pytest.mark.parametrize("uid", [65532, 1_000_650_000])
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_any_user_without_home_shell_or_a_place_to_write_is_served_and_sigterm_ends_process_1(
    start: Start, simulator: Simulator, uid: int, workers: str
) -> None:
    with start("--workers", workers, uid=uid) as server:
        inside = process_1(server.process.pid)
        root = Path(f"/proc/{inside}/root")
        assert not [path for path in ("bin/sh", "usr/bin/sh", "etc") if (root / path).exists()]
        python_and_package = [Path(path).parts for path in (ROOT, sys.prefix, sys.base_prefix)]
        here = {parts[2] for parts in python_and_package if parts[1] == "tmp"}  # if they are in /tmp themselves
        assert {path.name for path in (root / "tmp").glob("*")} <= here
        with pytest.raises(OSError, match="Read-only"):
            (root / "written").touch()
        assert await totals(server.url, 8) == ["1770.49"] * 8
        simulator.behave(Behaviour(latency=1))
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                assert await totals(server.url, 1) == ["1770.49"]

            tasks.start_soon(ask)
            before = len(simulator.requests)
            await until(lambda: len(simulator.requests) > before)
            os.kill(inside, signal.SIGTERM)
        out, err, status = await anyio.to_thread.run_sync(server.ended)
    assert (out, err, status) == ("", "", 0)


async def test_one_worker_with_all_that_a_team_uses_stays_within_128_mebibytes(start: Start, tmp_path: Path) -> None:
    key = "0123456789abcdef" * 2
    with Collector() as collector:
        variables = {
            "JUSPAY_MCP_AUDIT_LOG": str(tmp_path / "audit.jsonl"),
            "JUSPAY_MCP_AUDIT_KEY": key,
            "JUSPAY_MCP_RATE_LIMIT": "100000/hour",
            # Nobody is there: the client for it is, and tries.
            "JUSPAY_MCP_RATE_LIMIT_STORAGE": "redis://127.0.0.1:1/0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
        with start(writable=tmp_path, **variables) as server:
            for _ in range(8):
                assert await totals(server.url, 100) == ["1770.49"] * 100
            inside = process_1(server.process.pid)
            assert memory(inside, "VmHWM") < MEMORY
            os.kill(inside, signal.SIGTERM)
            out, _, status = await anyio.to_thread.run_sync(server.ended)
        assert (out, status) == ("", 0)
        assert collector.metric_bodies


async def test_with_1024_open_files_many_connections_make_calls_wait_and_fail_none(
    start: Start,
) -> None:
    with start() as server, ExitStack() as idle:
        port = int(server.url.rpartition(":")[2])
        for _ in range(FILES + 100):
            connection = idle.enter_context(socket.socket())
            connection.settimeout(0)
            connection.connect_ex(("127.0.0.1", port))
        async with httpx2.AsyncClient(headers=HEADERS, timeout=60) as http:
            with anyio.fail_after(30):
                while not (reply := await answered(http, f"{server.url}/mcp")):
                    continue
        assert reply.json()["result"]["structuredContent"]["total_balance"] == "1770.49"
        assert await totals(server.url, 50) == ["1770.49"] * 50
