"""The simulator of Juspay's API, with faults: it can be told to be slow, to fail and to hang up."""

import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from juspay_mcp.simulator import api
from juspay_mcp.simulator.http import Request, Response


@dataclass(frozen=True)
class Behaviour:
    """What to do to a response: delay it by `latency` seconds, and replace what is given here.

    If `status` is given without `body`, the body is empty. `headers` are added, and override even `content-length`.
    `hang_up` closes the connection, after `latency`, without a response.
    """

    latency: float = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hang_up: bool = False


class Simulator(api.Simulator):
    """The simulator, with a behaviour for each request."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._queue: deque[Behaviour] = deque()
        self._always = Behaviour()

    def behave(self, *behaviours: Behaviour) -> None:
        """Queues behaviours for the next requests, one for each."""
        self._queue.extend(behaviours)

    def behave_always(self, behaviour: Behaviour | None) -> None:
        """Sets the behaviour for all requests for which none is queued; None resets it."""
        self._always = behaviour or Behaviour()

    @property
    def open_connections(self) -> int:
        """How many connections neither side has closed, including those of unfinished requests."""
        return sum(map(is_open, tuple(self._server.connections))) if self._server else 0

    @override
    def answer(self, request: Request) -> Response:
        try:
            behaviour = self._queue.popleft()
        except IndexError:
            behaviour = self._always
        usual = super().answer(request)
        if behaviour.latency:
            self._sleep(behaviour.latency)
        if behaviour.hang_up:
            raise ConnectionAbortedError
        body = usual.body if behaviour.status is None else b""
        return Response(
            status=behaviour.status or usual.status,
            body=body if behaviour.body is None else behaviour.body,
            headers={**usual.headers, **{name.lower(): value for name, value in behaviour.headers.items()}},
        )


def is_open(connection: socket.socket) -> bool:
    """Whether the client's end is open, seen through a duplicate that neither waits nor takes anything away.

    A thread that waits to respond doesn't see its client leave. That the duplicate doesn't wait is harmless, as the
    server's socket has a timeout, and so isn't blocking itself.
    """
    try:
        with connection.dup() as twin:
            twin.settimeout(0)
            return twin.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
