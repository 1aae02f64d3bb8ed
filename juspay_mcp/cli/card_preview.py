"""The gallery: a page on loopback that plays an MCP host and shows the card for each of the simulator's customers.

What the page shows comes the whole way: its calls go to a server in a process of its own, over stdio, and from there
to the stand-in for Juspay. It listens on loopback, answers to loopback's names alone, so that no other site's page
can reach it by a name of its own, and calls the tool only for who knows this run's token.
"""

import json
import secrets
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, NamedTuple

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from mcp.types import TextResourceContents
from pydantic import BaseModel
from typing_extensions import override

from juspay_mcp.cli.demo import TIMEOUT_SECONDS, simulated_server
from juspay_mcp.simulator.api import API_KEY, CUSTOMERS, Simulator
from juspay_mcp.simulator.customers import DEMO_CUSTOMERS

_HOST: Final = "127.0.0.1"
_MAX_BODY: Final = 65_536
_JSON: Final = "application/json"
_HTML: Final = "text/html; charset=utf-8"
_INLINE: Final = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; "
_PAGE_POLICY: Final = f"{_INLINE}connect-src 'self'; frame-src 'self'; form-action 'none'; frame-ancestors 'none'"
# As strict as a host can be with a page whose script is in it: no origin, no request, no text that becomes markup.
_CARD_POLICY: Final = (
    f"{_INLINE}form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts; require-trusted-types-for 'script'"
)
_A_WHILE: Final = 3_600.0  # seconds


@dataclass(frozen=True, slots=True)
class Backend:
    """The server in its process, as the page's requests reach it: from their threads, through the portal."""

    portal: BlockingPortal
    client: Client
    token: str = field(default_factory=partial(secrets.token_urlsafe, 16), repr=False)

    def start(self) -> dict[str, Any]:
        """What the page needs to know first: the customers, and the tool as the server lists it."""
        tools = self.portal.call(self.client.list_tools).tools
        customers = [
            {"id": customer, "about": about, "demo": customer in DEMO_CUSTOMERS}
            for customer, about in CUSTOMERS.items()
        ]
        return {"customers": customers, "tool": _written(tools[0])}

    def card(self) -> str:
        """The card, read as a host reads it: by the address in the tool's `_meta`."""
        tool = self.portal.call(self.client.list_tools).tools[0]
        uri = (tool.meta or {})["ui"]["resourceUri"]
        [content] = self.portal.call(self.client.read_resource, uri).contents
        return content.text if isinstance(content, TextResourceContents) else ""

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The result of one tool call, or the protocol's error, each under its name."""
        try:
            return {"result": _written(self.portal.call(self.client.call_tool, name, dict(arguments)))}
        except MCPError as error:
            return {"error": {"code": error.error.code, "message": error.error.message}}


class _Reply(NamedTuple):
    body: str
    content_type: str = _JSON
    policy: str = "default-src 'none'"
    status: HTTPStatus = HTTPStatus.OK


def open_gallery(
    say: Callable[[str], None],
    browse: Callable[[str], object] = webbrowser.open,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Shows the gallery in a browser, and serves it until Ctrl-C interrupts the waiting."""
    try:
        with run_gallery() as url:
            say(f"The wallet card, with made-up customers, until Ctrl-C: {url}")
            browse(url)
            while True:  # on Windows, Ctrl-C ends a sleep, but not the waiting for an event
                sleep(_A_WHILE)
    except* KeyboardInterrupt:  # the portal raises it in an exception group
        say("")  # the terminal has written ^C


@contextmanager
def run_gallery(environment: str = "simulator") -> Iterator[str]:
    """The gallery's address, with this run's token, while the context is open; `environment` is its server's."""
    with Simulator() as simulator, start_blocking_portal() as portal:
        server = simulated_server(simulator, API_KEY)
        server.env = {**(server.env or {}), "JUSPAY_ENV": environment}
        client = Client(stdio_client(server), read_timeout_seconds=TIMEOUT_SECONDS)
        backend = Backend(portal, client)
        listening = ThreadingHTTPServer((_HOST, 0), partial(_Handler, backend))
        with portal.wrap_async_context_manager(client), listening:
            # Seconds between two looks at whether to stop.
            Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
            try:
                # Behind `#`, where no request, log or Referer carries it on.
                yield f"http://{_HOST}:{listening.server_port}/#{backend.token}"
            finally:
                listening.shutdown()


class _Handler(BaseHTTPRequestHandler):
    """The page, the card for its frame, and what the page asks the server."""

    def __init__(self, backend: Backend, *connection: Any) -> None:  # noqa: ANN401 - the base class takes anything
        self._backend = backend
        super().__init__(*connection)

    def do_GET(self) -> None:
        self._send(self._refusal(open_to_all=self.path in {"/", "/card"}) or self._got())

    def do_POST(self) -> None:
        self._send(self._refusal() or self._posted())

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the terminal is for the address."""

    def _refusal(self, *, open_to_all: bool = False) -> _Reply | None:
        port = self.connection.getsockname()[1]
        if self.headers.get("Host") not in {f"{_HOST}:{port}", f"localhost:{port}"}:
            return _error(HTTPStatus.MISDIRECTED_REQUEST)
        token = self.headers.get("Authorization", "").encode()
        if not open_to_all and not secrets.compare_digest(token, f"Bearer {self._backend.token}".encode()):
            return _error(HTTPStatus.UNAUTHORIZED)
        return None

    def _got(self) -> _Reply:
        match self.path:
            case "/":
                page = Path(__file__).with_name("card_preview.html").read_text(encoding="utf-8")
                return _Reply(page, _HTML, _PAGE_POLICY)
            case "/card":
                return _Reply(self._backend.card(), _HTML, _CARD_POLICY)
            case "/start":
                return _Reply(json.dumps(self._backend.start()))
        return _error(HTTPStatus.NOT_FOUND)

    def _posted(self) -> _Reply:
        if self.path != "/call":
            return _error(HTTPStatus.NOT_FOUND)
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MAX_BODY:
            return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        with suppress(ValueError):
            match json.loads(self.rfile.read(int(length))):
                case {"name": str(name), "arguments": dict(arguments)}:
                    return _Reply(json.dumps(self._backend.call(name, arguments)))
        return _error(HTTPStatus.BAD_REQUEST)

    def _send(self, reply: _Reply) -> None:
        body = reply.body.encode()
        headers = {
            "Content-Type": reply.content_type,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": reply.policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        with suppress(ConnectionError):  # the page has given up waiting: it was closed, or the call cancelled
            self.end_headers()
            self.wfile.write(body)


def _error(status: HTTPStatus) -> _Reply:
    return _Reply(json.dumps({"error": {"code": int(status), "message": status.phrase}}), status=status)


def _written(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
