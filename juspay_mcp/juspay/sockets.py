"""TCP connections as plain sockets of the event loop: nothing is read before it is asked for.

A transport of asyncio reads ahead, and costs a request about a third of its processor time.
"""

import asyncio
import socket
from typing import Final

import aiohappyeyeballs
import anyio
from anyio.abc import ByteStream
from typing_extensions import override

_NEXT_ADDRESS_SECONDS: Final = 0.25
"""After which the host's next address is tried beside those before it (RFC 8305 recommends this value)."""


class SocketStream(ByteStream):
    """A connected socket, which it closes."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()

    @override
    async def receive(self, max_bytes: int = 65_536) -> bytes:
        try:
            data = await self._loop.sock_recv(self._socket, max_bytes)
        except OSError as error:
            raise anyio.BrokenResourceError from error
        if not data:
            raise anyio.EndOfStream
        return data

    @override
    async def send(self, item: bytes) -> None:
        try:
            await self._loop.sock_sendall(self._socket, item)
        except OSError as error:
            raise anyio.BrokenResourceError from error

    @override
    async def send_eof(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    @override
    async def aclose(self) -> None:
        self._socket.close()


async def connect(host: str, port: int) -> SocketStream:
    """Connects to the first address of the host that accepts.

    Raises:
        OSError: it has no address (`socket.gaierror`), or none accepts.
    """
    loop = asyncio.get_running_loop()
    try:  # without a thread for what is an address already
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # of the codec for names: a part is empty (`a..b`), or over 63 characters
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None
    connected = await aiohappyeyeballs.start_connection(
        addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, loop=loop
    )
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a message of TLS waits for no acknowledgement
    return SocketStream(connected)
