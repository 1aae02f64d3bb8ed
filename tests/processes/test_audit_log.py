"""What holds the audit log up fails the calls that need it, and stops nothing else: real processes, locks, pipes."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from tests.support.http_calls import TOOL, total_of
from tests.support.serving import Served, connected, started, until_healthy

CUSTOMER = {"customer_id": "cth_all_linked"}
ENOUGH = 5
"""Seconds in which a call has failed, and a process has ended, on a busy machine."""
HOLDER = (
    "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
)


def audited(log: object) -> dict[str, str]:
    return {
        "JUSPAY_MCP_AUDIT_LOG": str(log),
        "JUSPAY_MCP_AUDIT_KEY": "k" * 32,
        "JUSPAY_MCP_RATE_LIMIT": "off",
    }


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds a lock on the file, as a backup does."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield
        finally:
            holder.communicate()


async def healthy(url: str) -> None:
    async with httpx2.AsyncClient(timeout=1) as http:
        assert (await http.get(f"{url}/healthz")).text == "ok"


async def refused_in_time(server: Served, client: Client) -> None:
    """A call fails, and whoever asks for something else meanwhile doesn't notice."""
    results: list[Any] = []

    async def call() -> None:
        results.append(await client.call_tool(TOOL, CUSTOMER))

    begun = time.monotonic()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        while not results:
            await healthy(server.url)
    assert results[0].content[0].text.endswith("[audit_unwritable]")
    assert time.monotonic() - begun < ENOUGH


def end_in_time(server: Served) -> list[dict[str, Any]]:
    """Ends the process; the lines that it left on stderr."""
    begun = time.monotonic()
    server.process.terminate()
    assert server.process.wait(ENOUGH) == 0
    assert time.monotonic() - begun < ENOUGH
    _, err, _ = server.ended()
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such locks there")
async def test_a_held_lock_fails_calls_and_stops_nothing_else(environ: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "audit"
    with started(environ | audited(log)) as server:
        await until_healthy(server.url)
        async with connected(server.url) as client:
            assert total_of(await client.call_tool(TOOL, CUSTOMER))
            with locked(log):
                await refused_in_time(server, client)
                async with httpx2.AsyncClient() as http:
                    assert (await http.get(f"{server.url}/readyz")).status_code == 503
            assert total_of(await client.call_tool(TOOL, CUSTOMER))
        with locked(log):
            end_in_time(server)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["ok", "ok"]


@pytest.mark.skipif(sys.platform != "linux", reason="makes the pipe small")
async def test_a_stderr_that_nobody_reads_fails_calls_and_stops_nothing_else(environ: dict[str, str]) -> None:
    from fcntl import F_SETPIPE_SZ, fcntl  # noqa: PLC0415 - Linux alone has it

    with started(environ | audited("stderr")) as server:
        assert server.process.stderr is not None
        fcntl(server.process.stderr, F_SETPIPE_SZ, 4_096)
        async with connected(server.url) as client:
            answered = 0
            while not (await client.call_tool(TOOL, CUSTOMER)).is_error:
                answered += 1
            for _ in range(3):  # the log, which has the reason, goes there as well
                await refused_in_time(server, client)
        lines = end_in_time(server)
    assert [line["outcome"] for line in lines] == ["ok"] * answered
