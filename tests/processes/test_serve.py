"""`serve --http` as a team runs it: real processes, signals, and an end that loses no answer."""

import errno
import hashlib
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread

import anyio
import httpx2
import pytest

from juspay_mcp import VERSION
from juspay_mcp.errors import ConfigurationError
from juspay_mcp.http.auth.tokens import new_token
from juspay_mcp.http.serve import Address, bind, check_start, end_with
from juspay_mcp.settings.load import load_settings
from tests.support.commands import run
from tests.support.http_calls import HEADERS, TOOL, body, total_of
from tests.support.processes import COMMAND, MEASURING
from tests.support.programs import free_port
from tests.support.serving import ENDED, Served, connected, started, until, until_healthy
from tests.support.simulator import Behaviour, Simulator

posix_only = pytest.mark.skipif(os.name != "posix", reason="other systems end processes otherwise")
CUSTOMER = {"customer_id": "cth_all_linked"}


@posix_only
@pytest.mark.parametrize(("workers", "mode"), [("1", "legacy"), ("2", "auto")])
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


CHATTY = {"JUSPAY_MCP_LOG_LEVEL": "DEBUG", "JUSPAY_MCP_RATE_LIMIT": "off"}


@posix_only
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_no_answer_and_no_end_waits_for_stderr_to_be_read(environ: dict[str, str], workers: str) -> None:
    with started(environ | CHATTY, "--workers", workers) as server:
        assert server.process.stderr is not None
        await until_healthy(server.url)
        for _ in range(10):  # connections: each may come to another worker
            async with connected(server.url) as client:
                for _ in range(20):
                    assert total_of(await client.call_tool(TOOL, CUSTOMER)) == "1770.49"
        server.process.send_signal(signal.SIGTERM)
        assert await anyio.to_thread.run_sync(partial(server.process.wait, timeout=20)) == 0
        assert len(server.process.stderr.read()) > 60_000, "the pipe was full"


@posix_only
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_without_a_reader_of_stderr_it_serves_and_ends_with_0(environ: dict[str, str], workers: str) -> None:
    port = free_port()
    reading, writing = os.pipe()
    os.close(reading)
    command = [*COMMAND, "serve", "--http", "--port", str(port), "--workers", workers]
    with subprocess.Popen(command, stderr=writing, env=environ | MEASURING | CHATTY) as process:  # noqa: ASYNC220 - it begins at once
        os.close(writing)
        try:
            await until_healthy(f"http://127.0.0.1:{port}", 60)
            async with connected(f"http://127.0.0.1:{port}") as client:
                assert total_of(await client.call_tool(TOOL, CUSTOMER)) == "1770.49"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


@posix_only
def test_ctrl_c_before_any_call_ends_it_with_0(environ: dict[str, str]) -> None:
    with started(environ) as server:
        anyio.run(until_healthy, server.url)
        assert server.end(signal.SIGINT) == ("", "", 0)


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


@pytest.mark.parametrize("host", ["::", "192.0.2.1", "wallets.example.com", "1.2.3.4.5"])
def test_a_public_address_is_not_served_to_just_anyone(environ: dict[str, str], host: str) -> None:
    with pytest.raises(ConfigurationError, match="Anyone who reaches this address"):
        check_start(load_settings(environ), Address(host, 8000, 1, allow_unauthenticated=False))


def test_a_public_address_without_authentication_is_refused_in_one_line(environ: dict[str, str]) -> None:
    assert run(*PUBLIC, **environ) == (78, "", NOBODY_SAYS)


def test_a_public_address_needs_a_name(environ: dict[str, str]) -> None:
    assert run(*PUBLIC, "--allow-unauthenticated", **environ) == (78, "", NO_NAME)


def test_a_gateway_that_signs_in_is_taken_at_its_word_and_warned_about(environ: dict[str, str]) -> None:
    with started(
        environ | {"JUSPAY_MCP_ALLOWED_HOSTS": "wallets.example"}, "--host", EVERYWHERE, "--allow-unauthenticated"
    ) as server:
        out, later, status = server.end()
    warning = (
        "WARNING juspay_mcp.http.serve anyone who reaches this address can ask about any customer: "
        "a gateway must sign callers in\n"
    )
    assert (out, status) == ("", ENDED)
    assert warning in "".join(server.said) + later  # the log comes by a thread


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_ipv6_address_means_every_ipv4_address_too(environ: dict[str, str], workers: str) -> None:
    named = environ | {"JUSPAY_MCP_ALLOWED_HOSTS": "wallets.example"}
    everywhere = ["--host", "::", "--allow-unauthenticated", "--workers", workers]
    with started(named, *everywhere) as server, httpx2.Client() as http:
        port = server.url.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            anyio.run(until_healthy, f"http://{host}:{port}")
            assert http.get(f"http://{host}:{port}/healthz").text == "ok"


@pytest.mark.parametrize("host", ["nosuch.invalid", "x" * 64 + ".invalid"])
def test_an_invalid_host_is_reported_in_one_line(environ: dict[str, str], host: str) -> None:
    named = environ | {"JUSPAY_MCP_ALLOWED_HOSTS": "wallets.example"}
    status, out, err = run("serve", "--http", "--host", host, "--port", "80", "--allow-unauthenticated", **named)
    said = f"juspay-wallets-mcp: can't listen on {host} port 80 (no such host); choose others."
    assert (status, out) == (69, "")
    assert said in err.splitlines()  # the log comes by a thread, so before it or after


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_answers_body_waits_for_the_receipt_of_its_head(environ: dict[str, str], workers: str) -> None:
    took = []
    with started(environ, "--workers", workers) as server, httpx2.Client() as http:
        for _ in range(20):  # a receipt comes at once for a connection's first packets
            begun = time.perf_counter()
            http.get(f"{server.url}/healthz").raise_for_status()
            took.append(time.perf_counter() - begun)
    assert min(took[10:]) < 0.03  # 40 ms is what Linux waits with a receipt


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_address_of_ipv6_is_of_ipv6_alone() -> None:
    with bind(Address("::1", 0, 1, allow_unauthenticated=False)) as held:
        assert held.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        socket.create_connection(held.getsockname()[:2]).close()


@pytest.mark.skipif(sys.platform != "linux", reason="limits are read from /proc")
@pytest.mark.parametrize(("hard", "warned"), [(4_096, False), (500, True)])
def test_as_many_files_as_the_system_allows_may_be_open(environ: dict[str, str], hard: int, *, warned: bool) -> None:
    prefix = ("bash", "-c", f'ulimit -Sn 300 && ulimit -Hn {hard} && exec "$@"', "bash")
    with started(environ, prefix=prefix) as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text(encoding="ascii")
        assert re.findall(r"^Max open files +(\d+) +(\d+)", limits, re.MULTILINE) == [(str(hard), str(hard))]
        _, later, _ = server.end()
    warning = (
        "at most 500 files can be open, fewer than the 1024 connections of a worker: raise the limit "
        "(LimitNOFILE=, ulimit -n)\n"
    )
    lines = [*server.said, *later.splitlines(keepends=True)]  # the log comes by a thread
    said = [line.partition("WARNING juspay_mcp.http.serve ")[2] for line in lines if "files" in line]
    assert said == [warning] * warned


def test_a_port_that_comes_free_a_moment_later_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        release = threading.Timer(1, taken.close)
        release.start()
        with bind(Address("127.0.0.1", port, 1, allow_unauthenticated=False)) as held:
            assert held.getsockname()[1] == port
        release.join()


def test_a_taken_port_is_reported_in_one_line(environ: dict[str, str]) -> None:
    with started(environ) as server:
        port = server.url.rpartition(":")[2]
        status, out, err = run("serve", "--http", "--port", port, **environ)
    assert (status, out) == (69, "")
    said = f"can't listen on 127.0.0.1 port {port} (another program uses it); choose others."
    assert err == f"juspay-wallets-mcp: {said}\n"


@posix_only
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_the_keys_and_tokens_may_come_from_pipes_whatever_the_number_of_workers(
    environ: dict[str, str], tmp_path: Path, workers: str
) -> None:
    token, line = new_token("asha")
    contents = {"JUSPAY_API_KEY_FILE": environ["JUSPAY_API_KEY"], "JUSPAY_MCP_TOKENS_FILE": line}
    contents["JUSPAY_MCP_AUDIT_KEY_FILE"] = "k" * 32
    audit = tmp_path / "audit.jsonl"
    variables = environ | {"JUSPAY_API_KEY": "", "JUSPAY_MCP_AUDIT_LOG": str(audit)}
    for variable, content in contents.items():
        path = tmp_path / variable
        os.mkfifo(path)
        Thread(target=path.write_text, args=[content], daemon=True).start()
        variables[variable] = str(path)
    with started(variables, "--workers", workers) as server:
        async with connected(server.url, token) as client:
            assert total_of(await client.call_tool(TOOL, CUSTOMER)) == "1770.49"
        assert server.end()[1:] == ("", ENDED)
    assert '"caller":"token:asha"' in audit.read_text(encoding="utf-8")


UVICORN = [sys.executable, "-m", "uvicorn", "--factory", "juspay_mcp.asgi:app", "--host", "127.0.0.1"]


@pytest.fixture
def secured(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment in which one token is good: `secret`."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"asha:{hashlib.sha256(b'secret').hexdigest()}\n")
    return environ | MEASURING | {"JUSPAY_MCP_TOKENS_FILE": str(tokens)}


@asynccontextmanager
async def own_uvicorn(environ: dict[str, str], *options: str) -> AsyncIterator[str]:
    """Somebody else's server with the app, asked to stop in the end."""
    port = free_port()
    command = [*UVICORN, "--port", str(port), *options]
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process:  # noqa: ASYNC220 - as a shell does
        try:
            await until_healthy(f"http://127.0.0.1:{port}", 60)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)


async def test_somebody_elses_server_runs_the_app(secured: dict[str, str]) -> None:
    async with own_uvicorn(secured) as url, httpx2.AsyncClient(headers=HEADERS) as http:
        statuses = [
            (await http.post(f"{url}/mcp", content=body(), headers={"Authorization": f"Bearer {token}"})).status_code
            for token in ("secret", "x")
        ]
    assert statuses == [200, 401]


async def test_somebody_elses_uvicorn_closes_unread_bodies_with_the_option_that_the_documents_name(
    secured: dict[str, str],
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "team-server.md").read_text(encoding="utf-8")
    [options] = re.findall(r"`uvicorn --factory juspay_mcp\.asgi:app (--http [^`]+)`", page)
    async with (
        own_uvicorn(secured, *options.split()) as url,
        await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2])) as stream,
    ):
        await stream.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        assert b" 200 OK" in await stream.receive()
        await stream.send(b"x")
        with anyio.fail_after(20), suppress(anyio.EndOfStream):
            while True:
                await stream.receive()


@posix_only
async def test_somebody_elses_server_lets_the_calls_in_flight_finish(
    secured: dict[str, str], simulator: Simulator
) -> None:
    answers: list[str] = []

    async def ask(mode: str) -> None:
        async with connected(url, "secret", mode) as client:
            await client.list_tools()
            customer = {"auto": "cth_all_linked", "legacy": "cth_pay_later"}[mode]
            answers.append(total_of(await client.call_tool(TOOL, {"customer_id": customer})))

    simulator.behave_always(Behaviour(latency=1))
    async with anyio.create_task_group() as tasks, own_uvicorn(secured) as url:
        tasks.start_soon(ask, "auto")
        tasks.start_soon(ask, "legacy")
        await until(lambda: len(simulator.requests) > 1)
    assert sorted(answers) == ["1770.49", "640.75"]


def test_somebody_elses_server_is_told_if_nothing_says_who_may_call(environ: dict[str, str]) -> None:
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


def test_somebody_elses_server_is_told_if_the_start_fails_later(secured: dict[str, str]) -> None:
    wrong = {"JUSPAY_API_KEY": "", "JUSPAY_API_KEY_FILE": "/nonexistent"}
    command, environ = [*UVICORN, "--port", "0"], secured | wrong
    done = subprocess.run(command, env=environ, capture_output=True, check=False, encoding="utf-8", timeout=20)
    assert done.returncode != 0
    assert "ERROR juspay_mcp.http.app the start failed: JUSPAY_API_KEY_FILE must be " in done.stderr


def workers_of(supervisor: int) -> list[int]:
    """The processes that serve; the supervisor's other child only tracks what they share."""
    found = subprocess.run(
        ["pgrep", "-P", str(supervisor), "-f", "spawn_main"], capture_output=True, encoding="ascii", check=False
    )
    return [int(line) for line in found.stdout.split()]


def kill_workers(server: Served) -> None:
    for worker in workers_of(server.process.pid):
        os.kill(worker, signal.SIGKILL)


async def answers(url: str, token: str | None = None) -> str:
    """The total of one call."""
    async with connected(url, token) as client:
        return total_of(await client.call_tool(TOOL, CUSTOMER))


def refusal(port: int, *, reuse_address: bool) -> int | None:
    """Why another program can't have a port."""
    with socket.socket() as another:
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse_address)
        try:
            another.bind(("127.0.0.1", port))
            another.listen()
        except OSError as error:
            return error.errno
    return None


SHARING = """
import os, sys
from juspay_mcp.http.serve import Address, bind, serve_http
from juspay_mcp.settings.load import load_settings
if __name__ == "__main__":
    address = Address("127.0.0.1", 0, 2, allow_unauthenticated=False)
    settings = load_settings(os.environ)
    with bind(address, spreads=False) as held:
        greeting = f"serves http://127.0.0.1:{held.getsockname()[1]}/mcp"
        sys.exit(serve_http(settings, address, held, {}, lambda: print(greeting, file=sys.stderr, flush=True)))
"""


@pytest.fixture(params=["own", "shared"])
def pair(request: pytest.FixtureRequest, environ: dict[str, str], tmp_path: Path) -> Iterator[Served]:
    """Two workers: as here, and as where the system doesn't spread connections over sockets."""
    program = tmp_path / "program.py"
    program.write_text(SHARING)
    prefix = {"own": (), "shared": (sys.executable, str(program))}[request.param]
    with started(environ, "--workers", "2", prefix=prefix) as server:
        yield server


@posix_only
async def test_workers_that_die_are_replaced_and_meanwhile_no_other_program_gets_the_port(pair: Served) -> None:
    port = int(pair.url.rpartition(":")[2])
    before = set(workers_of(pair.process.pid))
    assert await answers(pair.url) == "1770.49"
    kill_workers(pair)
    refusals: set[int | None] = set()

    def served_again() -> bool:
        refusals.update(refusal(port, reuse_address=reuse) for reuse in (True, False))
        return len(set(workers_of(pair.process.pid)) - before) == 2

    await until(served_again, 60)
    assert refusals == {errno.EADDRINUSE}
    await until_healthy(pair.url)
    assert await answers(pair.url) == "1770.49"
    assert pair.end()[2] == ENDED


@posix_only
async def test_workers_end_with_a_parent_that_was_killed_and_the_next_start_finds_the_port(
    pair: Served, environ: dict[str, str]
) -> None:
    workers = workers_of(pair.process.pid)
    pair.process.kill()
    pair.process.wait()
    await until(lambda: not any(map(is_running, workers)), 20)
    with started(environ, "--workers", "2", "--port", pair.url.rpartition(":")[2]) as next_server:
        assert next_server.url == pair.url
        assert await answers(pair.url) == "1770.49"


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@posix_only
async def test_a_worker_ends_as_by_sigterm_when_its_parent_has_ended() -> None:
    received = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: received.append(number))
    parent = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    parent.start()
    await anyio.to_thread.run_sync(end_with, parent)
    await until(lambda: received)
    signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]


@posix_only
async def test_a_replacement_that_cant_start_is_tried_again_and_ends_nothing(
    environ: dict[str, str], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    token, line = new_token("priya")
    tokens.write_text(line, encoding="ascii")
    with started(environ | {"JUSPAY_MCP_TOKENS_FILE": str(tokens)}, "--workers", "2") as server:
        tokens.unlink()
        kill_workers(server)
        for _ in range(2):
            assert "a worker can't start" in await anyio.to_thread.run_sync(server.line)
        tokens.write_text(line, encoding="ascii")
        await until_healthy(server.url, 60)
        assert await answers(server.url, token) == "1770.49"
        assert server.end()[2] == ENDED


async def replace_workers(server: Served) -> None:
    """Hangs up, and returns when no worker is left of those there were."""
    before = set(workers_of(server.process.pid))
    server.process.send_signal(signal.SIGHUP)
    await until(lambda: before.isdisjoint(workers_of(server.process.pid)), 60)


@posix_only
async def test_a_hangup_after_which_no_worker_could_start_leaves_those_there_are(
    environ: dict[str, str], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    token, line = new_token("priya")
    tokens.write_text(line, encoding="ascii")
    with started(environ | {"JUSPAY_MCP_TOKENS_FILE": str(tokens)}, "--workers", "2") as server:
        await until_healthy(server.url)
        await replace_workers(server)  # after which both are known to have started
        before = workers_of(server.process.pid)
        tokens.unlink()
        server.process.send_signal(signal.SIGHUP)
        assert "a worker can't start" in await anyio.to_thread.run_sync(server.line)
        await until(lambda: workers_of(server.process.pid) == before)
        async with connected(server.url, token) as client:
            assert total_of(await client.call_tool(TOOL, CUSTOMER)) == "1770.49"
        assert server.end()[2] == ENDED


def sockets_of(process: int) -> int:
    found = 0
    for file in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += str(file.readlink()).startswith("socket:")
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="other systems spread nothing")
async def test_connections_that_come_together_are_spread_over_the_workers(environ: dict[str, str]) -> None:
    with started(environ, "--workers", "2") as server, ExitStack() as connections:
        await until_healthy(server.url)
        workers = workers_of(server.process.pid)
        for _ in range(80):
            connections.enter_context(socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))))
        await until(lambda: min(map(sockets_of, workers)) >= 20)  # of which a worker has less than ten by itself
        assert server.end()[2] == ENDED


UNCHECKED = """
import sys
from juspay_mcp.http.serve import Address, bind, serve_http
from juspay_mcp.settings.load import load_settings
if __name__ == "__main__":
    address = Address("127.0.0.1", 0, 2, allow_unauthenticated=False)
    settings = load_settings({"JUSPAY_MCP_TOKENS_FILE": "/nonexistent/tokens", "JUSPAY_ENV": "simulator"})
    with bind(address) as held:
        sys.exit(serve_http(settings, address, held, {}, lambda: None))
"""


def test_if_no_worker_can_start_the_server_ends_with_a_line_from_each(tmp_path: Path) -> None:
    """What `check_start` finds before, unless it happens in the moment between."""
    program = tmp_path / "program.py"
    program.write_text(UNCHECKED)
    done = subprocess.run(
        [sys.executable, str(program)], env=os.environ, capture_output=True, check=False, encoding="utf-8", timeout=60
    )
    assert (done.returncode, done.stdout) == (78, "")
    assert "ERROR juspay_mcp.http.serve a worker can't start: JUSPAY_MCP_TOKENS_FILE must be " in done.stderr
    assert "Traceback" not in done.stderr
