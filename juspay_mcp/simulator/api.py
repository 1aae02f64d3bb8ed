"""A simulator of Juspay's wallet API, over real HTTP on loopback.

It demands what Juspay's documentation demands and answers in the documented forms. It shares no code with the client
that it tests, so that both can't be wrong in the same way.
"""

import json
import os
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, cycle
from threading import Event, Thread
from typing import Final, Self
from uuid import NAMESPACE_URL, uuid5

from juspay_mcp.simulator.customers import CASES, FAILURES, Case, Failure, Number, Stamp, Token
from juspay_mcp.simulator.http import Handler, Request, Response, Server

API_KEY: Final = "simulator_key"
MERCHANT_ID: Final = "simulator_merchant"

_ALL: Final[Mapping[str, Case | Failure]] = {**CASES, **FAILURES}

CUSTOMERS: Final[Mapping[str, str]] = {customer: each.about for customer, each in _ALL.items()}
"""Every customer id that the simulator knows, and one sentence about it; the demo's come first."""

FAILING_CUSTOMERS: Final = tuple(FAILURES)
"""The ids for which no request succeeds."""

MAX_RECORDED: Final = 1_000
"""How many requests a simulator remembers, as a server may run one for months."""

_FORM: Final = "application/x-www-form-urlencoded"
_VERSION: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")

# `Update Mobile Number` in Juspay's documentation asks for this version; samples without one lack these keys.
_METADATA_SINCE: Final = "2019-09-17"
_METADATA_KEYS: Final = {"metadata", "gateway_reference_id"}
# Juspay's documentation shows two forms of 401 and no version for either: this date is the simulator's choice.
_ERROR_INFO_SINCE: Final = "2024-01-01"
_STORED_AGO: Final = timedelta(hours=2)

# What proxies send while the API behind them is down; Juspay documents no body for it.
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
# The form that `Create Customer` documents for an invalid field; no page shows one for a header.
_BAD_REQUEST: Final = {
    "status": "Bad Request",
    "error_code": "Bad Request",
    "error_message": "Mandatory fields are missing",
}
_INVALID_INPUT: Final = {
    "code": "INVALID_INPUT",
    "category": "USER_ERROR",
    "user_message": "Invalid input data",
    "developer_message": "Invalid input data",
}


class Simulator:
    """Juspay's `Refresh All Wallets` and `List Wallets` for made-up customers, on a thread of its own.

    A context manager. `now` dates the balances; `sleep` delays slow responses, in the thread of the request. Port 0
    takes a free port at the first start and keeps it, so that a restarted simulator has the same `url`. `requests`
    holds the latest `MAX_RECORDED` of them.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.host = host
        self.port = port
        self.requests: list[Request] = []
        self._now = now
        self._sleep = sleep
        self._server: Server | None = None
        self._stopped = Event()
        self._numbers = count(1)
        self._statuses = {name: cycle(case.refresh_statuses) for name, case in CASES.items()}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; its port is known once the simulator has started."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listens and answers until `stop`; does nothing if it runs already.

        Raises:
            OSError: The port is taken.
        """
        if self._server is None:
            handler = partial(Handler, self.answer, f"Basic {b64encode(f'{API_KEY}:'.encode()).decode()}")
            self._server = Server((self.host, self.port), handler)
            self.port = self._server.server_address[1]
            self._stopped.clear()
            # The seconds are the interval at which it checks whether to stop.
            Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stops listening and closes all connections at once. May be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        self._stopped.set()

    def serve_forever(self) -> None:
        """Starts, and blocks until Ctrl-C or until another thread calls `stop`."""
        with suppress(KeyboardInterrupt):
            self.start()
            while not self._stopped.wait(0.1):  # on Windows, Ctrl-C is noticed only between two such waits
                pass
        self.stop()

    def answer(self, request: Request) -> Response:
        """Records the request and answers it."""
        self.requests.append(request)
        del self.requests[:-MAX_RECORDED]
        number = next(self._numbers)
        ids = {f"x-{each}-id": str(uuid5(NAMESPACE_URL, f"{each}/{number}")) for each in ("request", "response")}
        response = self._respond(request)
        return response._replace(headers={**ids, **response.headers})

    def _respond(self, request: Request) -> Response:
        if request.method != "GET":
            return _error(405, {"status": "error", "error_code": "method_not_allowed"}, allow="GET")
        match request.segments:
            case ("customers", customer, "wallets", "refresh-balances"):
                return _refusal(request, customer) or self._refresh(request, customer)
            case ("customers", customer, "wallets"):
                return _refusal(request, customer) or self._list(request, customer, stored=True)
        return _error(404, {"status": "error", "error_code": "not_found"})

    def _refresh(self, request: Request, customer: str) -> Response:
        if latency := CASES[customer].refresh_latency:
            self._sleep(latency)
        if next(self._statuses[customer]) != 200:  # noqa: PLR2004 - the HTTP status
            return Response(503, _DOWN, {"content-type": "text/html"})
        return self._list(request, customer, stored=False)

    def _list(self, request: Request, customer: str, *, stored: bool) -> Response:
        case, version = CASES[customer], request.headers.get("version", "")
        left_out = _METADATA_KEYS if version < _METADATA_SINCE else set()
        entries: list[object] = []
        for place, entry in enumerate(case.wallets):
            if isinstance(entry, dict) and entry:
                made_up_id = f"wlm_{uuid5(NAMESPACE_URL, f'{customer}/{place}').hex[:16]}"
                entries.append({"id": made_up_id} | {key: entry[key] for key in entry if key not in left_out})
            else:
                entries.append(entry)
        total = len(entries)
        listing = {"list": entries, "offset": 0, "count": total, "total": total, "object": "list", **case.envelope}
        return Response(200, _written(listing, self._now().astimezone(UTC), stored=stored).encode())


def _error(status: int, body: Mapping[str, object], **headers: str) -> Response:
    return Response(status, json.dumps(body).encode(), headers)


def _refusal(request: Request, customer: str) -> Response | None:
    """Why this request gets no wallets: checks the caller, then the headers, then the customer.

    Only the content type must be there: the documented curl leaves other headers out.
    """
    headers = request.headers
    if not request.authorized:
        newer = headers.get("version", "") >= _ERROR_INFO_SINCE
        return _error(401, _UNAUTHORIZED_NEWER if newer else _UNAUTHORIZED)
    valid = {
        "x-merchantid": headers.get("x-merchantid", MERCHANT_ID) == MERCHANT_ID,
        "version": _VERSION.fullmatch(headers.get("version", _METADATA_SINCE)),
        "x-routing-id": headers.get("x-routing-id", customer) == customer,
        "content-type": headers.get("content-type") == _FORM,
    }
    reasons = {name: "Invalid value." if name in headers else "Missing value." for name in valid}
    if fields := [{"field_name": name, "reason": reasons[name]} for name, ok in valid.items() if not ok]:
        return _error(400, _BAD_REQUEST | {"error_info": _INVALID_INPUT | {"fields": fields}})
    if failure := FAILURES.get(customer):
        return _error(failure.status, failure.body)
    return None if customer in CASES else _error(400, _UNKNOWN_CUSTOMER)


def _written(value: object, now: datetime, *, stored: bool) -> str:
    """A template as JSON text. `json.dumps` can't write a number digit for digit."""
    written = partial(_written, now=now, stored=stored)
    match value:
        case Number():
            return value.stored if stored else value.fresh
        case Stamp():
            return json.dumps(value.text(now, _STORED_AGO if stored else timedelta()))
        case Token(prefix, suffix):
            return json.dumps(f"{prefix}{os.urandom(16).hex()}{suffix}")
        case dict():
            return f"{{{', '.join(f'{json.dumps(key)}: {written(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(written, value))}]"
    return json.dumps(value)
