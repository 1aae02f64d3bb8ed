"""An HTTPS server on loopback that answers like Juspay about a customer without wallets."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from typing_extensions import override


class Nobody(BaseHTTPRequestHandler):
    """Answers every GET with an empty list of wallets."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"list": []}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, *_: object) -> None:
        """Nothing: stderr is the tests'."""


class Https(ThreadingHTTPServer):
    """`Nobody` over TLS on loopback; counts the connections it accepts."""

    daemon_threads = True

    def __init__(self, show: Callable[[ssl.SSLContext], None]) -> None:
        self.accepted = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        show(self._context)
        super().__init__(("127.0.0.1", 0), Nobody)

    @override
    def server_bind(self) -> None:
        # HTTPServer's own looks up the host's name, which takes seconds where there is no DNS.
        socket.socket.bind(self.socket, self.server_address)
        self.server_address = self.socket.getsockname()

    @override
    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.accepted += 1
        return self._context.wrap_socket(connection, server_side=True), address

    @override
    def handle_error(self, *_: object) -> None:
        """Nothing: clients that distrust a certificate hang up."""


@contextmanager
def serving(show: Callable[[ssl.SSLContext], None]) -> Iterator[Https]:
    """A server whose certificate `show` loads."""
    with Https(show) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
