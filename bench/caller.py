"""The client of every subject: raw lines and raw HTTP, so that it costs little beside the server it asks."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, Protocol

Era = Literal["2026-07-28", "2025-06-18"]
MODERN: Final[Era] = "2026-07-28"
OLDER: Final[Era] = "2025-06-18"
META: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_TOOL: Final = "refresh_customer_wallets"
_ID = re.compile(rb'"id":(\d+)')
_LIMIT = 1 << 22
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class Refused(Exception):
    """A call was answered with an error."""


class Caller(Protocol):
    """Asks one server."""

    async def call(self, customer: str) -> float:
        """Seconds until the answer about a customer was there.

        Raises:
            Refused: it was an error.
        """


def request(number: int, method: str, params: Mapping[str, object], era: Era) -> bytes:
    """One request."""
    meta = {"_meta": META} if era == MODERN else {}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": {**meta, **params}}).encode()


def tool_call(number: int, customer: str, era: Era) -> bytes:
    """A call of the tool."""
    return request(number, "tools/call", {"name": _TOOL, "arguments": {"customer_id": customer}}, era)


def handshake(era: Era) -> tuple[bytes, bytes] | None:
    """What the older era begins with: a request, and a notification."""
    if era == MODERN:
        return None
    client = {"protocolVersion": era, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    return request(0, "initialize", client, era), b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


def checked(answer: bytes) -> bytes:
    """The answer to a call.

    Raises:
        Refused: it is an error.
    """
    if b'"isError":true' in answer or b'"result"' not in answer:
        raise Refused(answer[:300].decode(errors="replace"))
    return answer


class StdioCaller:
    """Asks a server process over its pipes, as many things at a time as one likes."""

    def __init__(self, process: asyncio.subprocess.Process, era: Era) -> None:
        self.process = process
        self._era = era
        self._number = 0
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._reader = asyncio.create_task(self._read())

    async def begin(self) -> None:
        """Opens the conversation, and returns when the server can be asked."""
        opening = handshake(self._era)
        if opening:
            await self._answer(0, opening[0])
            self._write(opening[1])
        await self.ask("tools/list", {})

    async def ask(self, method: str, params: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """The result of a request."""
        self._number += 1
        return json.loads(await self._answer(self._number, request(self._number, method, params, self._era)))[
            "result"
        ]

    async def call(self, customer: str) -> float:
        """Seconds until the answer about a customer was there."""
        self._number += 1
        line = tool_call(self._number, customer, self._era)
        begun = time.perf_counter()
        answer = await self._answer(self._number, line)
        took = time.perf_counter() - begun
        checked(answer)
        return took

    async def end(self) -> None:
        """Ends the process."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self._reader

    async def _answer(self, number: int, line: bytes) -> bytes:
        future = self._waiting[number] = asyncio.Future[bytes]()
        self._write(line)
        return await future

    def _write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            found = _ID.search(line)
            if found:
                self._waiting.pop(int(found[1])).set_result(line)
        for future in self._waiting.values():
            future.set_exception(Refused("the server ended"))


async def open_stdio(command: list[str], environ: Mapping[str, str], era: Era = MODERN) -> StdioCaller:
    """Starts a server; returns when it can be asked."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, env=environ, limit=_LIMIT
    )
    caller = StdioCaller(process, era)
    await caller.begin()
    return caller


class _Connection:
    """One connection, over which one thing at a time is asked."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def _connect(self) -> None:
        self.close()
        self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=_LIMIT)

    async def _exchange(self, message: bytes) -> bytes:
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(message)
        return await _read_response(reader)

    def close(self) -> None:
        """Closes the connection."""
        if self._streams:
            self._streams[1].close()


class HttpCaller(_Connection):
    """Asks a server over one connection, one thing at a time."""

    def __init__(self, port: int, era: Era, token: str | None = None) -> None:
        super().__init__(port)
        self._era = era
        self._token = token
        self._number = 0

    async def call(self, customer: str) -> float:
        """Seconds until the answer about a customer was there; the connection is made before they begin.

        A server may close a connection that waits while the others are measured, even as the call is sent: then it is
        made again, on a new connection.
        """
        self._number += 1
        message = self._head(tool_call(self._number, customer, self._era))
        kept = self._streams
        if kept is None or kept[0].at_eof():
            kept = None
            await self._connect()
        begun = time.perf_counter()
        try:
            answer = await self._exchange(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            if kept is None:
                raise
            await self._connect()
            begun = time.perf_counter()
            answer = await self._exchange(message)
        took = time.perf_counter() - begun
        checked(answer)
        return took

    def _head(self, body: bytes) -> bytes:
        lines = [
            "POST /mcp HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            "Content-Type: application/json",
            "Accept: application/json, text/event-stream",
            f"MCP-Protocol-Version: {self._era}",
            *(["Mcp-Method: tools/call", f"Mcp-Name: {_TOOL}"] if self._era == MODERN else []),
            *([f"Authorization: Bearer {self._token}"] if self._token else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


class RawGetter(_Connection):
    """Asks the upstream itself, over one connection: what it answers when no server stands between."""

    async def call(self, customer: str) -> float:
        """Seconds until the reply about a customer was there."""
        if self._streams is None:
            await self._connect()
        begun = time.perf_counter()
        await self._exchange(
            f"GET /customers/{customer}/wallets/refresh-balances HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        return time.perf_counter() - begun


async def _read_response(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, rest = head.partition(b"content-length: ")
    if found:
        return await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    return await reader.readuntil(_LAST_CHUNK)


async def crowd(
    callers: Sequence[Caller], calls: int, customer: Callable[[int], str], stagger: float = 0
) -> tuple[float, list[float]]:
    """Seconds that so many calls took together, and each of them.

    Each caller makes its next call when its last one is answered; they begin one after the other, over `stagger`
    seconds.
    """
    left, took = iter(range(calls)), list[float]()

    async def ask(number: int, caller: Caller) -> None:
        await asyncio.sleep(stagger * number / len(callers))
        for call in left:
            took.append(await caller.call(customer(call)))

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number, caller in enumerate(callers):
            tasks.create_task(ask(number, caller))
    return time.perf_counter() - begun, took
