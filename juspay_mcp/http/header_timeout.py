"""HTTP/1.1 with the bounds that uvicorn lacks, on what anybody who connects can cost.

They are on the time for a request to come and for an answer to be read, and on the size of a request as it comes.
"""

import asyncio
import math
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Final

import h11
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEAD: Final = 16_384
"""Bytes of a request's head; its token may have half of them."""
MAX_HEADERS: Final = 100
"""Of a request: each takes some hundred bytes of memory, however few it has itself."""
MAX_CHUNKS: Final = 1_000
"""Of a body: a chunk takes as long to parse as some hundred bytes, however few it has."""

_AT_ONCE = 4_096  # bytes read before others have their turn


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a client may take."""

    header: float = 10.0
    """For a request's head, from the connection or the last answer on."""
    request: float = 20.0
    """For a whole request, head and body, from the same moment."""
    unread_body: float = 5.0
    """For the rest of a body which the answer didn't wait for, from the end of the answer on."""
    send: float = 20.0
    """For taking what was written."""
    check: float = 1.0
    """Between two looks at a connection: a timeout may come later by as much."""


class _Connection(h11.Connection):
    """h11's, which has no bound on how many headers and chunks there are."""

    _chunks = 0

    @override
    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = 0
            if len(event.headers) > MAX_HEADERS:
                raise h11.RemoteProtocolError("too many headers")
        elif isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            if self._chunks > MAX_CHUNKS:
                raise h11.RemoteProtocolError("too many chunks")
        return event


class TimeoutProtocol(H11Protocol, asyncio.BufferedProtocol):
    """Closes a connection whose client keeps it waiting, and one that is more than uvicorn's `limit_concurrency`.

    uvicorn counts such connections too, and refuses requests when there are enough of them; but each is an open file,
    and when there are no more, Juspay can't be reached either.
    """

    timeouts: ClassVar = Timeouts()

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self.conn = _Connection(h11.SERVER, MAX_HEAD)
        connected = transport.get_extra_info("socket")
        if connected and connected.family in {socket.AF_INET, socket.AF_INET6}:
            # Otherwise an answer's body would wait for the receipt of its head. asyncio does this only if the socket
            # names its protocol, which accepted ones don't on Windows.
            with suppress(OSError):  # the client has left
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # `pause_writing` is called as soon as the system takes no more, and `resume_writing` when it has taken all.
        transport.set_write_buffer_limits(high=1, low=0)
        self._awaited_since = self.loop.time()
        self._unread_since: float | None = None
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            transport.abort()
        self._check()

    @override
    def get_buffer(self, sizehint: int) -> bytearray:
        self._buffer = bytearray(_AT_ONCE)
        return self._buffer

    @override
    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._buffer[:nbytes]))

    @override
    def data_received(self, data: bytes) -> None:
        # On Windows bytes still come after the connection was closed; uvicorn would answer a malformed head twice.
        if not self.transport.is_closing():
            super().data_received(data)

    @override
    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:  # it has an answer already, which didn't wait for its body
            self.transport.close()

    @override
    def on_response_complete(self) -> None:
        self._awaited_since = self.loop.time()
        if self.conn.their_state is h11.DONE and self.conn.trailing_data[0]:
            # The next request came before the answer to this one. A client that reads no answer could have sent
            # thousands; one that does sends them again (RFC 9112, 9.3.2).
            self.transport.close()
        super().on_response_complete()

    @override
    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        super().pause_writing()

    @override
    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    def _check(self) -> None:
        if self not in self.connections:
            return
        if self.loop.time() < self._deadline():
            self.loop.call_later(self.timeouts.check, self._check)
        else:
            self.transport.abort()

    def _deadline(self) -> float:
        """When the client must have read what was written, or have sent what is awaited."""
        if self._unread_since is not None:
            return self._unread_since + self.timeouts.send
        if self.conn.their_state is h11.IDLE:
            return self._awaited_since + self.timeouts.header
        if self.conn.their_state is h11.SEND_BODY:
            answered = self.cycle.response_complete
            return self._awaited_since + (self.timeouts.unread_body if answered else self.timeouts.request)
        return math.inf
