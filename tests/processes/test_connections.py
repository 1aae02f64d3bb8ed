"""Clients that keep the server waiting: real sockets, many at once, and a good call meanwhile."""

import hashlib
import json
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import anyio
import httpx2
import pytest
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from juspay_mcp.http.app import create_app
from juspay_mcp.http.header_timeout import MAX_CHUNKS, MAX_HEAD, MAX_HEADERS, TimeoutProtocol, Timeouts
from juspay_mcp.settings.load import load_settings
from tests.support.http_calls import HEADERS, TOOL, body, total_of
from tests.support.serving import connected, served, until
from tests.support.simulator import Behaviour, Simulator

MANY = 150
QUICK = Timeouts(header=1, request=1.5, unread_body=0.5, send=1, check=0.05)
BIG = 1_000_000
AUTHORIZED = HEADERS | {"Authorization": "Bearer secret"}


class Quick(TimeoutProtocol):
    """Has short timeouts, and knows which connections are open, and in what pieces their bytes were parsed."""

    timeouts = QUICK
    open: ClassVar[set[TimeoutProtocol]] = set()
    made: ClassVar = Counter[str]()
    parsed: ClassVar[list[int]] = []

    @override
    def connection_made(self, transport: Any) -> None:
        # So that little of a big answer fits into the system's buffer.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        self.open.add(self)
        self.made["so far"] += 1
        super().connection_made(transport)

    @override
    def data_received(self, data: bytes) -> None:
        if not self.transport.is_closing():  # on Windows more comes after that, which isn't parsed
            self.parsed.append(len(data))
        super().data_received(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.open.discard(self)
        super().connection_lost(exc)


class WithABigAnswer:
    """The same ASGI app, and at `/big` an answer of several megabytes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/big":
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % BIG)]})
        await send({"type": "http.response.body", "body": bytes(BIG)})


@pytest.fixture
async def url(environ: dict[str, str], tmp_path: Path) -> AsyncIterator[str]:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"asha:{hashlib.sha256(b'secret').hexdigest()}\n")
    app = create_app(load_settings(environ | {"JUSPAY_MCP_TOKENS_FILE": str(tokens)}))
    Quick.open.clear()
    Quick.made.clear()
    Quick.parsed.clear()
    async with served(WithABigAnswer(app), http=Quick) as url:
        yield url


def request(line: str, *headers: str, authorized: bool = False) -> bytes:
    given = AUTHORIZED if authorized else HEADERS
    lines = [f"{line} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in given.items()), *headers]
    return "\r\n".join([*lines, "", ""]).encode()


LENGTH, CHUNKED = ("Content-Length: 10",), ("Transfer-Encoding: chunked",)
PART = {LENGTH: b"x", CHUNKED: b"5\r\nab"}
PARTS = {
    f"{line}, {'chunked' if announced == CHUNKED else 'by length'}{', with a token' * authorized}": (
        request(line, *announced, authorized=authorized) + part
    )
    for line, authorized in [
        ("GET /healthz", False),
        ("GET /nowhere", False),
        ("POST /mcp", False),
        ("POST /mcp", True),
    ]
    for announced, part in PART.items()
}
SILENT = {
    "nothing": b"",
    "half a head": b"GET /healthz HTTP/1.1\r\nX: ",
    "half a head after an answer": request("GET /healthz") + b"GET /healthz HTTP/1.1\r\nX: ",
    "a body once it is asked for": request("POST /mcp", "Expect: 100-continue", *LENGTH),
    "an answer that isn't read": request("GET /big"),
    "answers that aren't read": request("GET /big") * 50,
    "thousands of requests at once": request("GET /healthz") * 2_000,
    "thousands of calls at once": (request("POST /mcp", f"Content-Length: {len(body())}") + body()) * 1_000,
    **PARTS,
}
SLOW = {
    **{name: (first, b"") for name, first in SILENT.items()},
    "a head, slowly": (b"GET /healthz HTTP/1.1\r\nX: ", b"x"),
    "a body that no answer waits for": (request("GET /healthz", "Content-Length: 10000"), b"x"),
    "a body that an answer waits for": (request("POST /mcp", "Content-Length: 10000", authorized=True), b"x"),
    "chunks, slowly": (request("POST /mcp", *CHUNKED, authorized=True), b"1\r\nx\r\n"),
}


@asynccontextmanager
async def crowd(url: str, first: bytes, more: bytes) -> AsyncIterator[None]:
    """Many connections that send `first`, then `more` every now and then, and read nothing."""
    port = int(url.rpartition(":")[2])

    async def speak(stream: SocketStream) -> None:
        with suppress(anyio.BrokenResourceError):
            await stream.send(first)
            while more:
                await stream.send(more)
                await anyio.sleep(0.1)

    streams = [await anyio.connect_tcp("127.0.0.1", port) for _ in range(MANY)]
    try:
        async with anyio.create_task_group() as tasks:
            for stream in streams:
                tasks.start_soon(speak, stream)
            yield
            tasks.cancel_scope.cancel()
    finally:
        for stream in streams:
            await anyio.aclose_forcefully(stream)


async def a_good_call_takes(url: str) -> float:
    begun = time.perf_counter()
    async with httpx2.AsyncClient(headers=AUTHORIZED, timeout=20) as http:
        answer = await http.post(f"{url}/mcp", content=body())
    assert answer.json()["result"]["structuredContent"]["total_balance"] == "1770.49"
    return time.perf_counter() - begun


@pytest.mark.parametrize(("first", "more"), SLOW.values(), ids=SLOW)
async def test_clients_that_fall_silent_or_send_too_slowly_delay_no_call_and_are_closed(
    url: str, first: bytes, more: bytes
) -> None:
    async with crowd(url, first, more):
        assert min([await a_good_call_takes(url) for _ in range(2)]) < 2
        await until(lambda: Quick.made["so far"] > MANY)
        await until(lambda: not Quick.open)


async def test_a_connection_more_than_the_limit_is_closed_at_once_and_those_before_it_get_their_answer(
    environ: dict[str, str],
) -> None:
    app = create_app(load_settings(environ), allow_unauthenticated=True)
    async with served(app, limit_concurrency=2) as url, AsyncExitStack() as stack:
        port = int(url.rpartition(":")[2])
        streams = [await stack.enter_async_context(await anyio.connect_tcp("127.0.0.1", port)) for _ in range(2)]
        more = await anyio.connect_tcp("127.0.0.1", port)
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await more.receive()
        await more.aclose()
        await streams[0].send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 503 Service Unavailable" in await streams[0].receive()


async def test_a_slow_but_steady_request_is_answered(url: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        content = body()
        for start in range(0, len(content), 50):
            yield content[start : start + 50]
            await anyio.sleep(0.7 * QUICK.request * 50 / len(content))

    async with httpx2.AsyncClient(headers=AUTHORIZED, timeout=20) as http:
        answer = await http.post(f"{url}/mcp", content=pieces())
    assert answer.json()["result"]["structuredContent"]["total_balance"] == "1770.49"


async def test_a_slow_but_steady_reader_gets_a_big_answer_whole(url: str) -> None:
    async with httpx2.AsyncClient(timeout=20) as http, http.stream("GET", f"{url}/big") as answer:
        got = 0
        async for piece in answer.aiter_bytes(BIG // 8):
            got += len(piece)
            await anyio.sleep(0.08 * QUICK.send)
    assert got == BIG


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_may_take_longer_than_any_timeout(url: str, simulator: Simulator, mode: str) -> None:
    told = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - the SDK's
        told.append(message)

    simulator.behave_always(Behaviour(latency=2 * QUICK.request))
    async with connected(url, "secret", mode) as client:
        streamed = await client.call_tool(TOOL, {"customer_id": "cth_all_linked"}, progress_callback=tell)
        whole = await client.call_tool(TOOL, {"customer_id": "cth_all_linked"})
    assert (total_of(streamed), total_of(whole)) == ("1770.49", "1770.49")
    assert told == ["asking Juspay"]


async def test_a_connection_serves_calls_for_longer_than_any_timeout(url: str) -> None:
    begun = time.perf_counter()
    async with httpx2.AsyncClient(headers=AUTHORIZED, timeout=20) as http:
        while time.perf_counter() - begun < 2 * QUICK.request:
            assert (await http.post(f"{url}/mcp", content=body())).status_code == 200
            assert len(Quick.open) == 1
            await anyio.sleep(0.2)
    [_] = Quick.open


async def test_a_request_that_doesnt_wait_for_the_answer_before_is_not_answered(url: str) -> None:
    async with await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2])) as stream:
        await stream.send(request("GET /healthz") * 2)
        got = b""
        with anyio.fail_after(QUICK.header / 2), suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                got += await stream.receive()
    assert got.count(b"HTTP/1.1 200 OK") == 1
    assert got.endswith(b"ok")


async def test_a_body_that_comes_after_its_answer_costs_no_connection(url: str) -> None:
    """Clients send head and body apart, and a call without a token is answered by its head alone."""
    content = body()
    length = f"Content-Length: {len(content)}"
    async with await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2])) as stream:
        reader = BufferedByteReceiveStream(stream)
        for _ in range(3):
            await stream.send(request("POST /mcp", length))
            assert (await answer_from(reader))["error"] == "no_token"
            await anyio.sleep(0.3)
            await stream.send(content)
        await stream.send(request("POST /mcp", length, authorized=True) + content)
        answer = await answer_from(reader)
    assert answer["result"]["structuredContent"]["total_balance"] == "1770.49"


async def answer_from(reader: BufferedByteReceiveStream) -> Any:
    """The JSON of the next answer on a connection."""
    head = (await reader.receive_until(b"\r\n\r\n", 10_000)).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    return json.loads(await reader.receive_exactly(length))


A_FEW = request("GET /healthz").count(b": ")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(request("GET /healthz", *["X:"] * (MAX_HEADERS - A_FEW)), b"200", id="a hundred headers"),
        pytest.param(request("GET /healthz", *["X:"] * (MAX_HEADERS - A_FEW + 1)), b"400", id="one more"),
        pytest.param(request("GET /healthz", *["X:"] * 3_000), b"400", id="thousands"),
        pytest.param(request("GET /healthz", "X: " + "x" * (MAX_HEAD - 1_000)), b"200", id="long"),
        pytest.param(request("GET /healthz")[:-2].ljust(MAX_HEAD + 4_096, b"x"), b"400", id="longer"),
    ],
)
async def test_a_head_has_at_most_so_many_bytes_and_headers(url: str, head: bytes, status: bytes) -> None:
    """A thousand connections with heads of 60 KB made of empty headers would take two gigabytes."""
    async with await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2])) as stream:
        await stream.send(head)
        assert (await BufferedByteReceiveStream(stream).receive_until(b"\r\n", 100)).split()[1] == status


@pytest.mark.parametrize("authorized", [False, True])
async def test_of_tiny_chunks_so_many_are_parsed_and_little_at_a_time(
    url: str, caplog: pytest.LogCaptureFixture, *, authorized: bool
) -> None:
    """A megabyte of chunks of one byte each would keep everybody else waiting for seconds."""
    chunk = b"1\r\nx\r\n"
    async with await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2])) as stream:
        with suppress(anyio.BrokenResourceError):
            await stream.send(request("POST /mcp", *CHUNKED, authorized=authorized) + chunk * 170_000)
        await until(lambda: not Quick.open)
    assert max(Quick.parsed) <= 4_096
    assert sum(Quick.parsed) <= MAX_CHUNKS * len(chunk) + 2 * 4_096
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("rest", "status"), [(b"0\r\n\r\n", b"200"), (b"zz\r\n", b""), (b"1\r\nx\r\n" * MAX_CHUNKS, b"")]
)
async def test_what_comes_after_an_answer_and_is_malformed_ends_the_connection(
    url: str, caplog: pytest.LogCaptureFixture, rest: bytes, status: bytes
) -> None:
    async with await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2])) as stream:
        reader = BufferedByteReceiveStream(stream)
        await stream.send(request("POST /mcp", *CHUNKED) + b"1\r\nx\r\n")
        assert b"401" in await reader.receive_until(b"\r\n\r\n", 1_000)
        await reader.receive_exactly(len(b'{"error":"no_token"}'))
        await stream.send(rest)
        if status:
            await stream.send(request("GET /healthz"))
            assert status in await reader.receive_until(b"\r\n\r\n", 1_000)
        else:
            with pytest.raises((anyio.IncompleteRead, anyio.BrokenResourceError)):
                await reader.receive_exactly(1)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_body_that_is_too_long_has_its_answer_each_time(url: str) -> None:
    async with httpx2.AsyncClient(headers=AUTHORIZED) as http:
        answers = [await http.post(f"{url}/mcp", content=bytes(200_000)) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {413}
