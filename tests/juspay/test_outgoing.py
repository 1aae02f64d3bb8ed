"""What is read from a connection is bounded, and read by turns with everything else."""

import asyncio
import socket
import struct
import time
from contextlib import aclosing, suppress
from threading import Thread
from typing import Final, Self

import anyio
import httpcore2
import pytest

from juspay_mcp.errors import WalletsError
from juspay_mcp.juspay.client import open_client
from juspay_mcp.juspay.outgoing import Wire
from tests.support.builders import CUSTOMER, account_of, make_settings
from tests.support.common import NOW

OK: Final = b"HTTP/1.1 200 OK\r\n"
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LIST: Final = b'{"list":[],"total":0}'

FLOODS: Final = {
    "1xx": (b"", b"HTTP/1.1 103 \r\n\r\n"),
    "1xx with a header": (b"", b"HTTP/1.1 100 \r\na:\r\n\r\n"),
    "headers": (OK, b"a:\r\n"),
    "one header": (OK + b"a:", b"a" * 16),
    "chunks of a byte": (CHUNKED, b"1\r\n \r\n"),
    "chunk extensions": (CHUNKED, b"1;" + b"a" * 4_000 + b"\r\n \r\n"),
    "trailers": (CHUNKED + b"0\r\n", b"a:\r\n"),
    "large chunks": (CHUNKED, b"4000\r\n" + b" " * 0x4000 + b"\r\n"),
    "a body without a length": (OK + b"\r\n", b" " * 0x4000),
}


class Flood:
    """A server in a thread of its own that sends to one client as fast as it reads, until that leaves."""

    def __init__(self, head: bytes, again: bytes) -> None:
        self._head, self._again = head, again * (65_536 // len(again) + 1)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection, suppress(OSError):
            connection.settimeout(5)
            connection.recv(65_536)
            connection.sendall(self._head)
            while True:
                connection.sendall(self._again)


class Turns:
    """How much processor time the event loop spends at most before others have their turn."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest, last = max(self.longest, now - last), now


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_ends_soon_and_others_have_their_turn_meanwhile(name: str) -> None:
    turns = Turns()
    with Flood(*FLOODS[name]) as flood:
        settings = make_settings(JUSPAY_BASE_URL=flood.url)
        async with (
            open_client(settings, account_of(settings), lambda: NOW) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(turns.watch)
            with anyio.fail_after(20), pytest.raises(WalletsError) as caught:
                await client.wallets("wallets", CUSTOMER)
            tasks.cancel_scope.cancel()
    assert caught.value.code in {"upstream_invalid", "upstream_unavailable"}
    assert turns.longest < 0.1


def chunked(body: bytes, size: int) -> bytes:
    """A response in chunks of so many bytes."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(OK + b"X-Long: " + b"a" * 60_000 + b"\r\n\r\n" + LIST, id="headers of 60 KB"),
        pytest.param(b"HTTP/1.1 103 X\r\n\r\n" * 100 + OK + b"\r\n" + LIST, id="a hundred interim responses"),
        pytest.param(chunked(LIST.ljust(8_000), 1), id="8,000 bytes in chunks of one"),
        pytest.param(chunked(LIST.ljust(1_048_576), 256), id="1 MiB in small chunks"),
        pytest.param(OK + b"\r\n" + LIST.ljust(1_048_576), id="1 MiB until the end of the connection"),
    ],
)
async def test_an_odd_response_within_the_bounds_is_read(response: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        settings = make_settings(JUSPAY_BASE_URL=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with open_client(settings, account_of(settings), lambda: NOW) as client:
            assert (await client.wallets("wallets", CUSTOMER)).wallets == ()


async def write_without_end(wire: Wire) -> None:
    while True:
        await wire.write(b"GET / HTTP/1.1\r\n\r\n")


async def test_a_request_that_cannot_be_written_is_an_error_of_writing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with aclosing(Wire()) as wire:
            await wire.connect_tcp(*listening.getsockname())
            accepted, _ = listening.accept()
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
            accepted.close()
            with anyio.fail_after(5), pytest.raises(httpcore2.WriteError):
                await write_without_end(wire)


async def test_a_call_that_is_given_up_in_the_tls_handshake_closes_its_connection() -> None:
    met, gone = anyio.Event(), anyio.Event()

    async def never_shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        met.set()
        with suppress(ConnectionError):
            await reader.read()
        gone.set()
        writer.close()

    async with await asyncio.start_server(never_shake_hands, "127.0.0.1", 0) as server:
        settings = make_settings(JUSPAY_BASE_URL=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with (
            open_client(settings, account_of(settings), lambda: NOW) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(client.wallets, "wallets", CUSTOMER)
            await met.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(1):
            await gone.wait()
