"""A real HTTP proxy on loopback that connects wherever it is asked to (CONNECT), or refuses."""

import re
import socket
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Self


class ConnectProxy:
    """A context manager: the proxy, which leads every host of `routes` to a port of loopback.

    With `user`, as `name:password`, others get 407. `heads` has each request's head as it came. With `status`, every
    request is answered by it.
    """

    def __init__(self, routes: Mapping[str, int], *, user: str | None = None, status: str | None = None) -> None:
        self.heads: list[str] = []
        self._routes = routes
        self._expected = f"Basic {b64encode(user.encode()).decode()}" if user else None
        self._status = status
        self._threads: list[Thread] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.1)  # seconds: closing it doesn't wake who waits for a connection
        self.port: int = self._server.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                with suppress(TimeoutError):
                    self._start(self._connect, self._server.accept()[0])

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and (chunk := client.recv(65_536)):
                head += chunk
            self.heads.append(head.decode())
            asked = re.match(r"CONNECT (\S+):\d+ HTTP/1\.1\r\n", head.decode())
            if status := self._refusal(head.decode()):
                client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
            elif asked:
                with socket.create_connection(("127.0.0.1", self._routes[asked[1]])) as upstream:
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back = Thread(target=_pump, args=(upstream, client))
                    back.start()
                    _pump(client, upstream)
                    back.join(10)

    def _refusal(self, head: str) -> str | None:
        given = re.search(r"^Proxy-Authorization: (.*)\r$", head, re.MULTILINE | re.IGNORECASE)
        if self._expected and (given is None or given[1] != self._expected):
            return "407 Proxy Authentication Required <b>SECRET</b>"
        return self._status


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
