"""A stand-in for Juspay's wallet API, over real HTTP on loopback.

It demands what Juspay's documentation demands, answers in the documented shapes, and can be told to be slow, to
fail and to recover. It shares no code with the client that it is there to test, so both can't be wrong together.
"""

import json
import os
import re
import socket
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, cycle
from socketserver import TCPServer
from threading import Event, Lock, Thread
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import unquote
from uuid import NAMESPACE_URL, uuid5

from typing_extensions import override

from juspay_mcp.simulator import customers as simulator_data
from juspay_mcp.simulator.customers import CASES, FAILURES, Case, Failure, Number, Stamp, Token

API_KEY: Final = "simulator_key"
MERCHANT_ID: Final = "simulator_merchant"

_ALL: Final[Mapping[str, Case | Failure]] = {**CASES, **FAILURES}

CUSTOMERS: Final[Mapping[str, str]] = {customer: each.about for customer, each in _ALL.items()}
"""Every customer id the simulator knows, with one sentence on what it is a case of; the demo's come first."""

DEMO_CUSTOMERS: Final = simulator_data.DEMO_CUSTOMERS
"""The ids that the demo shows, in its order."""

FAILING_CUSTOMERS: Final = tuple(FAILURES)
"""The ids for which no request succeeds."""

MAX_RECORDED: Final = 1_000
"""How many requests a simulator remembers: a server may have one for months."""

_AUTHORIZATION: Final = f"Basic {b64encode(f'{API_KEY}:'.encode()).decode()}"
_FORM: Final = "application/x-www-form-urlencoded"
_VERSION: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")

# Juspay's documentation, Update Mobile Number, asks for this version; samples without one lack these keys.
_METADATA_SINCE: Final = "2019-09-17"
_METADATA_KEYS: Final = {"metadata", "gateway_reference_id"}
# Juspay's documentation shows two forms of 401 and no version for either: this date is the simulator's choice.
_ERROR_INFO_SINCE: Final = "2024-01-01"
_STORED_AGO: Final = timedelta(hours=2)

# What proxies in front of an API answer while it is down; Juspay documents no body for it.
_DOWN: Final = b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"
_UNKNOWN_CUSTOMER: Final = {
    "status": "Invalid Request",
    "error_code": "null_error",
    "error_message": "Customer not found for given customerId.",
}
_UNAUTHORIZED: Final = {
    "status": "Invalid Authentication",
    "error_code": "access_denied",
    "error_message": "Invalid Authentication",
}
_UNAUTHORIZED_NEWER: Final = {
    "status": "error",
    "error_code": "access_denied",
    "error_info": {
        "code": "UNAUTHORIZED",
        "category": "USER_ERROR",
        "user_message": "Unauthorized.",
        "developer_message": "Invalid API Key. Please pass a valid and active api key.",
    },
}


@dataclass(frozen=True)
class Request:
    """One request as it arrived, recorded before anything is checked.

    `target` is the raw request target. `segments` are its path's segments, split first and percent-decoded then,
    so that an encoded slash stays inside its segment. `headers` have lower-case names, repeated ones joined by
    ", ", and lack `authorization`: `authorized` says whether it was the one documented value.
    """

    method: str
    target: str
    segments: tuple[str, ...]
    headers: Mapping[str, str]
    authorized: bool


@dataclass(frozen=True)
class Behaviour:
    """What to do to a reply: delay it by `latency` seconds, and replace what is given here.

    Where `status` is given and `body` isn't, the body is empty. `headers` are added and override, even
    `content-length`. `hang_up` closes the connection, after `latency`, without a reply.
    """

    latency: float = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hang_up: bool = False


class _Reply(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})
    latency: float = 0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Simulator:
    """Juspay's `Refresh All Wallets` and `List Wallets` for made-up customers, on a thread of its own.

    A context manager. `now` dates the balances, and `sleep` does the waiting of a slow reply, in the thread of its
    request. Port 0 takes a free port at the first start and keeps it from then on, so that a simulator that is
    stopped and started again comes back at the same `url`. `requests` holds the latest `MAX_RECORDED` of them.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.host = host
        self.port = port
        self.requests: list[Request] = []
        self._now = now
        self._sleep = sleep
        self._server: _Server | None = None
        self._stopped = Event()
        self._lock = Lock()
        self._queue: deque[Behaviour] = deque()
        self._always = Behaviour()
        self._numbers = count(1)
        self._statuses = {name: cycle(case.refresh_statuses) for name, case in CASES.items()}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; its port is right once started."""
        return f"http://{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many connections neither side has closed, those of unfinished requests included."""
        server = self._server
        return 0 if server is None else server.count_open()

    def start(self) -> None:
        """Listen and answer, until `stop`. Nothing happens if it does already.

        Raises:
            OSError: The port is taken.
        """
        if self._server is None:
            self._server = _Server((self.host, self.port), partial(_Handler, self._answer))
            self.port = self._server.server_address[1]
            self._stopped.clear()
            # Seconds between two looks at whether to stop.
            Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and cut all connections at once, whatever they wait for. May be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._stopped.set()

    def serve_forever(self) -> None:
        """Start if need be, block until Ctrl-C or until another thread calls `stop`, and stop."""
        with suppress(KeyboardInterrupt):
            self.start()
            self._stopped.wait()
        self.stop()

    def behave(self, *behaviours: Behaviour) -> None:
        """Queue behaviours for the next requests, one for each, in order."""
        with self._lock:
            self._queue.extend(behaviours)

    def behave_always(self, behaviour: Behaviour | None) -> None:
        """Set the behaviour for all requests that no queued one is for; None: be itself again."""
        self._always = behaviour or Behaviour()

    def _answer(self, request: Request) -> _Reply | None:
        with self._lock:
            self.requests.append(request)
            del self.requests[:-MAX_RECORDED]
            number = next(self._numbers)
            behaviour = self._queue.popleft() if self._queue else self._always
        reply = _changed(self._usual(request), behaviour, number)
        if reply.latency > 0:
            self._sleep(reply.latency)
        return None if behaviour.hang_up else reply

    def _usual(self, request: Request) -> _Reply:
        if request.method != "GET":
            return _error(405, {"status": "error", "error_code": "method_not_allowed"}, allow="GET")
        match request.segments:
            case ("customers", customer, "wallets", "refresh-balances"):
                return _refusal(request, customer) or self._refresh(request, customer)
            case ("customers", customer, "wallets"):
                return _refusal(request, customer) or self._listing(request, customer, stored=True)
        return _error(404, {"status": "error", "error_code": "not_found"})

    def _refresh(self, request: Request, customer: str) -> _Reply:
        case = CASES[customer]
        if next(self._statuses[customer]) != 200:  # noqa: PLR2004 - the HTTP status
            return _Reply(503, _DOWN, {"content-type": "text/html"})
        return self._listing(request, customer, stored=False)._replace(latency=case.refresh_latency)

    def _listing(self, request: Request, customer: str, *, stored: bool) -> _Reply:
        listing = _envelope(customer, CASES[customer], request.headers.get("version", ""))
        moment = _Moment(self._now().astimezone(UTC), stored=stored)
        return _Reply(200, _written(listing, moment).encode())


def _changed(reply: _Reply, behaviour: Behaviour, number: int) -> _Reply:
    body = reply.body if behaviour.status is None else b""
    return _Reply(
        status=reply.status if behaviour.status is None else behaviour.status,
        body=body if behaviour.body is None else behaviour.body,
        headers={
            "x-request-id": str(uuid5(NAMESPACE_URL, f"request/{number}")),
            "x-response-id": str(uuid5(NAMESPACE_URL, f"response/{number}")),
            **reply.headers,
            **{name.lower(): value for name, value in behaviour.headers.items()},
        },
        latency=reply.latency + behaviour.latency,
    )


def _error(status: int, body: Mapping[str, object], **headers: str) -> _Reply:
    return _Reply(status, json.dumps(body).encode(), headers)


def _refusal(request: Request, customer: str) -> _Reply | None:
    """Why this request gets no wallets: first who asks, then how, then whom for."""
    if not request.authorized:
        newer = request.headers.get("version", "") >= _ERROR_INFO_SINCE
        return _error(401, _UNAUTHORIZED_NEWER if newer else _UNAUTHORIZED)
    if faults := _faults(request.headers, customer):
        return _error(400, _bad_request(faults))
    if failure := FAILURES.get(customer):
        return _error(failure.status, failure.body)
    return None if customer in CASES else _error(400, _UNKNOWN_CUSTOMER)


def _faults(headers: Mapping[str, str], customer: str) -> list[dict[str, str]]:
    """The headers that are wrong. Only the content type must be there: the documented curl leaves others out."""
    right = {
        "x-merchantid": headers.get("x-merchantid", MERCHANT_ID) == MERCHANT_ID,
        "version": _VERSION.fullmatch(headers.get("version", _METADATA_SINCE)),
        "x-routing-id": headers.get("x-routing-id", customer) == customer,
        "content-type": headers.get("content-type") == _FORM,
    }
    reasons = {name: "Invalid value." if name in headers else "Missing value." for name in right}
    return [{"field_name": name, "reason": reasons[name]} for name, ok in right.items() if not ok]


def _bad_request(faults: list[dict[str, str]]) -> dict[str, object]:
    """The shape that `Create Customer` documents for an invalid field; no page shows one for a header."""
    return {
        "status": "Bad Request",
        "error_code": "Bad Request",
        "error_message": "Mandatory fields are missing",
        "error_info": {
            "code": "INVALID_INPUT",
            "category": "USER_ERROR",
            "user_message": "Invalid input data",
            "developer_message": "Invalid input data",
            "fields": faults,
        },
    }


def _envelope(customer: str, case: Case, version: str) -> dict[str, object]:
    left_out = _METADATA_KEYS if version < _METADATA_SINCE else set()
    entries = [_entry(customer, place, entry, left_out) for place, entry in enumerate(case.wallets)]
    total = len(entries)
    return {"list": entries, "offset": 0, "count": total, "total": total, "object": "list", **case.envelope}


def _entry(customer: str, place: int, entry: object, left_out: set[str]) -> object:
    if not isinstance(entry, dict) or not entry:
        return entry
    made_up = f"wlm_{uuid5(NAMESPACE_URL, f'{customer}/{place}').hex[:16]}"
    return {"id": made_up} | {key: value for key, value in entry.items() if key not in left_out}


class _Moment(NamedTuple):
    """When a reply is made, and whether it tells of now or of the balances stored before."""

    now: datetime
    stored: bool


def _written(value: object, moment: _Moment) -> str:
    """A template as JSON text. `json.dumps` can't: it has no way to write a number digit for digit."""
    match value:
        case Number(fresh, stored):
            return stored if moment.stored else fresh
        case Stamp():
            return json.dumps(value.text(moment.now, _STORED_AGO if moment.stored else timedelta()))
        case Token(prefix, suffix):
            return json.dumps(f"{prefix}{os.urandom(16).hex()}{suffix}")
        case dict():
            pairs = (f"{json.dumps(key)}: {_written(item, moment)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list():
            return f"[{', '.join(_written(item, moment) for item in value)}]"
    return json.dumps(value)


class _Server(ThreadingHTTPServer):
    """A threading server that knows its connections, so that it can count and cut them."""

    request_queue_size = 256
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, handler)

    @override
    def server_bind(self) -> None:
        # HTTPServer's own looks up the host's name, which takes seconds where there is no DNS.
        TCPServer.server_bind(self)

    @override
    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    @override
    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def count_open(self) -> int:
        """A thread that waits to reply doesn't see its client go: so ask the sockets."""
        with self._lock:
            return sum(map(_is_open, self._connections))

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _is_open(connection: socket.socket) -> bool:
    """Whether the client's end is open, seen through a twin that doesn't wait and takes nothing away."""
    with connection.dup() as twin:
        twin.settimeout(0)
        try:
            return twin.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False


class _Handler(BaseHTTPRequestHandler):
    """HTTP in, `Request` and `_Reply` in the middle, HTTP out in one send."""

    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    # Seconds that a connection may idle. Given any limit, Python keeps the socket itself from blocking, and only then
    # is `_is_open` harmless: a twin shares that setting.
    timeout = 3600

    def __init__(self, answer: Callable[[Request], _Reply | None], *connection: Any) -> None:  # noqa: ANN401 - the base class's own
        self._answer = answer
        super().__init__(*connection)

    @override
    def handle(self) -> None:
        # The client has gone, or the simulator was stopped.
        with suppress(ConnectionError):
            super().handle()

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing: stderr belongs to the program that runs the simulator."""

    def do_GET(self) -> None:
        reply = self._answer(self._request())
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply)

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815 - the base class looks for them

    def _request(self) -> Request:
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        # A body means nothing here, but left unread it would be taken for the next request.
        self.rfile.read(int(headers.get("content-length", 0)))
        authorized = headers.pop("authorization", None) == _AUTHORIZATION
        # Not `self.path`, from which the base class strips leading slashes.
        target = self.requestline.split()[1]
        segments = tuple(unquote(segment) for segment in target.partition("?")[0].split("/")[1:])
        return Request(self.command, target, segments, headers, authorized)

    def _send(self, reply: _Reply) -> None:
        headers = {
            "date": self.date_time_string(),
            "content-type": "application/json",
            "content-length": str(len(reply.body)),
            **reply.headers,
        }
        if headers.get("connection") == "close":
            self.close_connection = True
        phrase, _ = self.responses.get(reply.status, ("", ""))
        lines = [f"{self.protocol_version} {reply.status} {phrase}", *map(": ".join, headers.items()), "", ""]
        body = b"" if self.command == "HEAD" else reply.body
        self.wfile.write("\r\n".join(lines).encode("latin-1") + body)
