"""`serve --http` as a team runs it: real processes, signals, and an end that loses no answer."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import anyio
import httpx2
import pytest

from juspay_mcp.simulator import Behaviour, Simulator
from juspay_mcp.version import VERSION
from tests.processes import MEASURING
from tests.serving import connected, started, until, until_healthy
from tests.test_cli import run
from tests.test_web import HEADERS, TOOL, body, total_of

posix_only = pytest.mark.skipif(os.name != "posix", reason="other systems end processes otherwise")
CUSTOMER = {"customer_id": "cth_all_linked"}


@posix_only
@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_signal_lets_the_calls_in_flight_finish(
    environ: dict[str, str], simulator: Simulator, workers: str, mode: str
) -> None:
    answers: list[str] = []

    async def ask() -> None:
        async with connected(server.url, mode=mode) as client:
            await client.list_tools()  # or the client asks for the schema afterwards, when nobody listens any more
            answers.append(total_of(await client.call_tool(TOOL, CUSTOMER)))

    with started(environ, "--workers", workers) as server:
        await until_healthy(server.url)
        simulator.behave_always(Behaviour(latency=1))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await until(lambda: simulator.requests)
            server.process.send_signal(signal.SIGTERM)
        assert answers == ["1770.49"]
        assert server.said == [f"juspay-wallets-mcp {VERSION} serves {server.url}/mcp until Ctrl-C\n"]
        assert server.ended() == ("", "", 0)


@posix_only
def test_ctrl_c_before_any_call_ends_it_with_0(environ: dict[str, str]) -> None:
    with started(environ) as server:
        anyio.run(until_healthy, server.url)
        assert server.end(signal.SIGINT) == ("", "", 0)


def workers_of(supervisor: int) -> list[int]:
    """The processes that serve; the supervisor's other child only tracks what they share."""
    found = subprocess.run(
        ["pgrep", "-P", str(supervisor), "-f", "spawn_main"], capture_output=True, encoding="ascii", check=True
    )
    return [int(line) for line in found.stdout.split()]


@posix_only
async def test_a_worker_that_dies_is_replaced(environ: dict[str, str]) -> None:
    with started(environ, "--workers", "2") as server:
        await until_healthy(server.url)
        first, _ = workers_of(server.process.pid)
        os.kill(first, signal.SIGKILL)
        async with connected(server.url) as client:
            for _ in range(20):
                assert total_of(await client.call_tool(TOOL, CUSTOMER)) == "1770.49"
        assert server.end()[2] == 0


EVERYWHERE = "0.0.0.0"  # noqa: S104 - what these tests are about
PUBLIC = ["serve", "--http", "--port", "0", "--host", EVERYWHERE]
NOBODY_SAYS = (
    "juspay-wallets-mcp: Anyone who reaches this address could ask about any customer. Set JUSPAY_MCP_TOKENS_FILE or "
    "JUSPAY_MCP_OAUTH_ISSUER, or pass --allow-unauthenticated if a gateway in front signs callers in.\n"
)
NO_NAME = (
    "juspay-wallets-mcp: From elsewhere this server is called by a name it must know: set JUSPAY_MCP_ALLOWED_HOSTS "
    "or JUSPAY_MCP_PUBLIC_URL; for example: JUSPAY_MCP_ALLOWED_HOSTS=wallets.example.com.\n"
)


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "wallets.example.com", "1.2.3.4.5"])
def test_a_public_address_is_not_served_to_just_anyone(environ: dict[str, str], host: str) -> None:
    assert run("serve", "--http", "--host", host, "--port", "0", **environ) == (78, "", NOBODY_SAYS)


def test_a_public_address_needs_a_name(environ: dict[str, str]) -> None:
    assert run(*PUBLIC, "--allow-unauthenticated", **environ) == (78, "", NO_NAME)


def test_a_gateway_that_signs_in_is_taken_at_its_word_and_warned_about(environ: dict[str, str]) -> None:
    with started(
        environ | {"JUSPAY_MCP_ALLOWED_HOSTS": "wallets.example"}, "--host", EVERYWHERE, "--allow-unauthenticated"
    ) as server:
        assert server.said[0].endswith(
            "WARNING juspay_mcp.serve anyone who reaches this address can ask about any customer: "
            "a gateway must sign callers in\n"
        )
        assert server.end() == ("", "", 0)


def test_a_taken_port_is_said_in_one_line(environ: dict[str, str]) -> None:
    with started(environ) as server:
        port = server.url.rpartition(":")[2]
        status, out, err = run("serve", "--http", "--port", port, **environ)
    assert (status, out) == (69, "")
    said = f"127.0.0.1 port {port} can't be listened on (Address already in use); choose others."
    assert err == f"juspay-wallets-mcp: {said}\n"


@pytest.mark.parametrize("variable", ["JUSPAY_API_KEY_FILE", "JUSPAY_MCP_TOKENS_FILE"])
def test_a_file_that_cant_be_read_stops_the_start(environ: dict[str, str], variable: str) -> None:
    changed = environ | {"JUSPAY_API_KEY": "", variable: "/nonexistent/file"}
    status, out, err = run("serve", "--http", "--port", "0", **changed)
    assert (status, out) == (78, "")
    assert err.startswith(f"juspay-wallets-mcp: {variable} must be ")


UVICORN = [sys.executable, "-m", "uvicorn", "--factory", "juspay_mcp.asgi:app", "--host", "127.0.0.1"]


def test_somebody_elses_server_runs_the_app(environ: dict[str, str], tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"asha:{hashlib.sha256(b'secret').hexdigest()}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secured = environ | MEASURING | {"JUSPAY_MCP_TOKENS_FILE": str(tokens)}
    with subprocess.Popen([*UVICORN, "--port", str(port)], env=secured, stderr=subprocess.PIPE) as process:
        anyio.run(until_healthy, f"http://127.0.0.1:{port}")
        post = partial(httpx2.post, f"http://127.0.0.1:{port}/mcp", content=body())
        statuses = [
            post(headers=HEADERS | {"Authorization": f"Bearer {token}"}).status_code for token in ("secret", "x")
        ]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert statuses == [200, 401]


def test_and_is_told_when_nobody_says_who_may_call(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [*UVICORN, "--port", "0"],
        env=environ | MEASURING,
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=20,
    )
    assert done.returncode != 0
    assert "Set JUSPAY_MCP_TOKENS_FILE or JUSPAY_MCP_OAUTH_ISSUER" in done.stderr.splitlines()[-1]


def test_and_when_the_start_fails_later(environ: dict[str, str], tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"asha:{hashlib.sha256(b'secret').hexdigest()}\n")
    wrong = {"JUSPAY_MCP_TOKENS_FILE": str(tokens), "JUSPAY_API_KEY": "", "JUSPAY_API_KEY_FILE": "/nonexistent"}
    command, environ = [*UVICORN, "--port", "0"], environ | MEASURING | wrong
    done = subprocess.run(command, env=environ, capture_output=True, check=False, encoding="utf-8", timeout=20)
    assert done.returncode != 0
    assert "ERROR juspay_mcp.web the start failed: JUSPAY_API_KEY_FILE must be " in done.stderr
