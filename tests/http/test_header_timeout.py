"""The protocol of one connection, by itself; what it does to real ones is in tests/processes/test_connections.py."""

import asyncio

import uvicorn
from starlette.applications import Starlette
from typing_extensions import override
from uvicorn.server import ServerState

from juspay_mcp.http.header_timeout import TimeoutProtocol


class Wire(asyncio.Transport):
    """A connection whose client goes on sending after it was closed, as one of Windows' event loop may."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    @override
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    @override
    def close(self) -> None:
        self.closed = True

    @override
    def is_closing(self) -> bool:
        return self.closed


async def test_bytes_that_come_after_the_end_of_a_connection_are_not_answered() -> None:
    wire = Wire()
    protocol = TimeoutProtocol(uvicorn.Config(Starlette(), lifespan="off"), ServerState(), {})
    protocol.connection_made(wire)
    protocol.data_received(b"no request\r\n\r\n")
    answer = wire.written
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert wire.closed
    protocol.data_received(b"no request\r\n\r\n")
    assert wire.written == answer
    protocol.connection_lost(None)
