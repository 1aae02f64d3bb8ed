"""Connections to Juspay as plain sockets: what is read, and what becomes of one that fails or is given up."""

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import anyio
import pytest

from juspay_mcp.juspay.sockets import SocketStream, connect

WINDOWS = sys.platform == "win32"


class Peer:
    """The other end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def reset(self) -> None:
        """Ends the connection at once, with a reset."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


@asynccontextmanager
async def connected(host: str = "127.0.0.1") -> AsyncIterator[tuple[SocketStream, Peer]]:
    """A connection to a server of the test, and its other end."""
    accepted = asyncio.Queue[Peer]()
    async with (
        await asyncio.start_server(
            lambda reader, writer: accepted.put_nowait(Peer(reader, writer)),
            host.replace("localhost", "127.0.0.1"),
            0,
        ) as server,
        aclosing(await connect(host, server.sockets[0].getsockname()[1])) as stream,
    ):
        peer = await accepted.get()
        try:
            yield stream, peer
        finally:
            peer.writer.transport.abort()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_a_host_is_reached_by_its_name_and_by_either_kind_of_address(host: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    async with connected(host) as (stream, peer):
        await stream.send(b"question")
        assert await peer.reader.readexactly(8) == b"question"
        peer.writer.write(b"answer")
        assert await stream.receive() == b"answer"


def has_ipv6() -> bool:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


async def test_no_more_is_read_from_a_connection_than_is_asked_for() -> None:
    async with connected() as (stream, peer):
        peer.writer.write(b"0123456789")
        assert [await stream.receive(4), await stream.receive(4), await stream.receive(4)] == [
            b"0123",
            b"4567",
            b"89",
        ]


async def test_a_closed_connection_has_an_end_in_each_direction() -> None:
    async with connected() as (stream, peer):
        await stream.send_eof()
        assert await peer.reader.read() == b""
        peer.writer.close()
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()


async def test_a_reset_is_a_broken_connection() -> None:
    async with connected() as (stream, peer):
        peer.reset()
        # The Proactor loop of Windows may report it as an end; what was cut short is told by its length.
        with pytest.raises((anyio.BrokenResourceError, anyio.EndOfStream) if WINDOWS else anyio.BrokenResourceError):
            await stream.receive()
        with pytest.raises(anyio.BrokenResourceError) as caught:
            await stream.send(b"more")
        assert isinstance(caught.value.__cause__, ConnectionError)


async def test_reading_that_is_cancelled_leaves_the_loop_ready_for_a_socket_of_the_same_number() -> None:
    for _ in range(3):
        async with connected() as (stream, peer):
            with anyio.move_on_after(0.01):
                await stream.receive()
            await stream.aclose()
            assert await peer.reader.read() == b""
