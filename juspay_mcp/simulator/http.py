"""The simulator's HTTP server: requests in, responses out, and all connections closed when it stops."""

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import unquote

from typing_extensions import override


@dataclass(frozen=True)
class Request:
    """One request as it arrived, before any check.

    `target` is the raw request target. `segments` are its path's segments, split before they are percent-decoded, so
    that an encoded slash stays inside its segment. `headers` have lower-case names, repeated ones joined by ", ", and
    lack `authorization`: `authorized` says whether it had the documented value.
    """

    method: str
    target: str
    segments: tuple[str, ...]
    headers: Mapping[str, str]
    authorized: bool


class Response(NamedTuple):
    """What is sent; `headers` have lower-case names and override the usual ones."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


class Server(ThreadingHTTPServer):
    """A threading server that knows its connections, so that it can close them."""

    request_queue_size = 256
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(address, handler)

    @override
    def server_bind(self) -> None:
        # HTTPServer's own resolves the host's name, which takes seconds without a DNS server.
        TCPServer.server_bind(self)

    @override
    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.connections.add(connection)
        return connection, address

    @override
    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Stops listening and closes all connections, whatever they wait for."""
        self.shutdown()
        self.server_close()
        for connection in tuple(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """Serves one connection: passes each request to `answer`, and sends its response.

    `authorization` is the value that the header of that name must have. If `answer` raises a ConnectionError, the
    connection is closed without a response.
    """

    protocol_version = "HTTP/1.1"
    timeout = 3600  # seconds that a connection may be idle
    # A response is sent in one piece, and at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def __init__(self, answer: Callable[[Request], Response], authorization: str, *connection: Any) -> None:  # noqa: ANN401 - the base class's own
        self._answer = answer
        self._authorization = authorization
        super().__init__(*connection)

    @override
    def handle(self) -> None:
        # The client is gone, or the simulator was stopped.
        with suppress(ConnectionError):
            super().handle()

    @override
    def finish(self) -> None:
        # The same: what is left of a response is sent here.
        with suppress(ConnectionError):
            super().finish()

    @override
    def log_message(self, *_: object) -> None:
        """Logs nothing: stderr belongs to the program that runs the simulator."""

    def do_GET(self) -> None:
        """Answers one request, of any method."""
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        # An unread body would be taken for the next request.
        self.rfile.read(int(headers.get("content-length", 0)))
        authorized = headers.pop("authorization", None) == self._authorization
        # Not `self.path`, from which the base class removes leading slashes.
        target = self.requestline.split()[1]
        segments = tuple(unquote(segment) for segment in target.partition("?")[0].split("/")[1:])
        response = self._answer(Request(self.command, target, segments, headers, authorized))
        usual = {
            "date": self.date_time_string(),
            "content-type": "application/json",
            "content-length": str(len(response.body)),
        }
        self.send_response_only(response.status)
        for name, value in {**usual, **response.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815 - the base class looks for them
