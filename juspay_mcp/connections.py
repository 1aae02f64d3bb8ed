"""How long a connection over HTTP may keep a worker waiting for a request."""

import asyncio
import socket
from typing import Final

import h11
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_SECONDS: Final = 10.0
"""For a whole request head, from the connection or the last answer on; twice that at most, as it is looked at only
now and then."""


class PromptProtocol(H11Protocol):
    """Closes a connection on which no whole request head comes in time.

    uvicorn waits for ever for one, and counts the connection: 1,024 that say nothing would shut everybody out.
    """

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        # An answer is two writes, and the second would wait for the first one's receipt, which takes a client 40 ms.
        # asyncio sees to that itself for sockets that say they are TCP; those of socket.create_server don't.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._look_later(waited_after=())

    def _look_later(self, waited_after: tuple[RequestResponseCycle | None, ...]) -> None:
        self.loop.call_later(HEAD_SECONDS, self._look, waited_after)

    def _look(self, waited_after: tuple[RequestResponseCycle | None, ...]) -> None:
        """Closes where it already waited at the last look, after the same request."""
        if self.transport.is_closing():
            return
        waits = self.conn.their_state is h11.IDLE
        if waits and waited_after == (self.cycle,):
            self.transport.close()
        else:
            self._look_later((self.cycle,) if waits else ())
