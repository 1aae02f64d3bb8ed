"""Both ends of a server process on a bad day: a Juspay that misbehaves on purpose, and a host with many calls.

The misbehaving Juspay is raw TCP on loopback: no HTTP library would send what it sends. Which fault a request meets
is written in its customer's id, so that one process and one upstream serve a whole table of faults at the same time.
`PATIENT`, `IMPATIENT` and `LEFTOVERS` are that table. Every customer has figures of their own, so that an answer
about somebody else can't pass for the right one.
"""

import asyncio
import json
import re
import socket
import ssl
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any, Final, Literal, Self
from urllib.parse import unquote

from tests.support.processes import COMMAND, MEASURING, MODERN

CANARY: Final = "CANARY"
"""Part of every text the upstream sends that is nobody's business."""
MOBILE: Final = "9812345678"
GRACE: Final = 1.0 if MEASURING else 0.25
"""Seconds that a call may take over its budget; more while the coverage is measured."""

ENVIRON: Final[Mapping[str, str]] = {
    "JUSPAY_API_KEY": f"{CANARY}KEY0123456789",
    "JUSPAY_MERCHANT_ID": f"{CANARY}_merchant",
    "JUSPAY_MCP_RATE_LIMIT": "off",
    **MEASURING,
}
"""What a server is told, but for whom to ask."""

_SECRETS: Final = (CANARY.lower(), MOBILE)

Endpoint = Literal["refresh", "list"]
Stored = Literal["up", "down"]
"""Whether the list of stored balances works."""
_ENDPOINTS: Final[Mapping[tuple[str, ...], Endpoint]] = {("refresh-balances",): "refresh", (): "list"}


def amount(customer: str, endpoint: Endpoint) -> str:
    """What a customer's one linked wallet holds: different for every customer, and in a refresh and in the list."""
    paise = zlib.crc32(f"{endpoint} {customer}".encode())
    return f"{paise // 100}.{paise % 100:02}"


# What a request meets


class Wire:
    """One request that has arrived, and raw ways to answer it."""

    def __init__(self, upstream: "Upstream", customer: str, endpoint: Endpoint, ends: "Ends") -> None:
        self.upstream = upstream
        self.customer = customer
        self.endpoint = endpoint
        self._reader, self.writer = ends

    async def send(self, data: bytes) -> None:
        """Sends these bytes, as fast as they are taken.

        Raises:
            ConnectionError: the client has gone.
        """
        self.writer.write(data)
        await self.writer.drain()

    def send_later(self, seconds: float, data: bytes) -> None:
        """Sends these bytes so much later, if the connection is still open then."""

        def send() -> None:
            if not self.writer.is_closing():
                self.writer.write(data)

        asyncio.get_running_loop().call_later(seconds, send)

    async def wait(self, seconds: float | None = None) -> None:
        """Waits; without a number, until the client goes.

        Raises:
            ConnectionError: the client has gone.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._until_gone()

    async def wait_for(self, event: asyncio.Event) -> None:
        """Waits for an event.

        Raises:
            ConnectionError: the client has gone.
        """
        either = [asyncio.ensure_future(self._until_gone()), asyncio.ensure_future(event.wait())]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        for each in either:
            each.cancel()
        await asyncio.gather(*either, return_exceptions=True)
        if not event.is_set():
            raise ConnectionResetError

    async def _until_gone(self) -> None:
        while await self._reader.read(1024):
            pass
        raise ConnectionResetError


def reset_connection(writer: asyncio.StreamWriter) -> None:
    """Sends a TCP reset, which is what closing does to a connection that mustn't linger."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Act = Callable[[Wire], Awaitable[None]]
"""What the upstream does with one request; it may leave the connection open for the next."""
Body = bytes | Callable[[Wire], bytes]


def http(status: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A reply in HTTP; `headers` may override."""
    planted = {"X-Request-Id": f"tkn_{CANARY}", "Set-Cookie": f"session={CANARY}", "Server": CANARY}
    usual = {"Content-Type": "application/json", "Content-Length": str(len(body)), **planted}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in {**usual, **headers}.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def wallets(wire: Wire, *, balance: object = None) -> bytes:
    """The documented reply about this customer, with secrets wherever the documentation has a text."""
    now = datetime.now(UTC) - (timedelta(hours=2) if wire.endpoint == "list" else timedelta())
    paytm = {
        "id": f"wlt_{CANARY}{CANARY}w7xy",
        "object": "wallet_account",
        "wallet": "PAYTM",
        "token": f"tkn_{CANARY}",
        "current_balance": float(amount(wire.customer, wire.endpoint)) if balance is None else balance,
        "linked": True,
        "last_refreshed": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "metadata": {"mobile_number": MOBILE, "email": f"{CANARY}@example.com"},
        "gateway_reference_id": CANARY,
    }
    unlinked = {"id": "", "wallet": "MOBIKWIK", "token": None, "current_balance": None, "linked": False}
    return json.dumps({"list": [paytm, unlinked], "object": "list", "offset": 0, "count": 2, "total": 2}).encode()


def replies(status: str = "200 OK", body: Body = wallets, **headers: str) -> Act:
    """Answers in HTTP; underscores in a header's name stand for hyphens, and an empty value leaves it out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def act(wire: Wire) -> None:
        await wire.send(http(status, body if isinstance(body, bytes) else body(wire), named))

    return act


def right(wire: Wire) -> bytes:
    """A whole answer as documented."""
    return http("200 OK", wallets(wire), {})


async def fine(wire: Wire) -> None:
    """Answers as documented."""
    await wire.send(right(wire))


async def reset(wire: Wire) -> None:
    """Resets the connection."""
    reset_connection(wire.writer)


async def close(wire: Wire) -> None:
    """Closes the connection, once everything is sent."""
    wire.writer.close()


async def nothing(_wire: Wire) -> None:
    """Waits for the next request."""


async def stall(wire: Wire) -> None:
    """Keeps the client waiting for good."""
    wire.upstream.stall(wire.customer)
    await wire.wait()


async def hold(wire: Wire) -> None:
    """Answers as documented, once the upstream's gate opens."""
    await wire.wait_for(wire.upstream.gate)
    await fine(wire)


def sends(raw: Body, end: Act) -> Act:
    """Sends these bytes, HTTP or not; then `end`."""

    async def act(wire: Wire) -> None:
        await wire.send(raw if isinstance(raw, bytes) else raw(wire))
        await end(wire)

    return act


def drips(skip: int) -> Act:
    """Sends a right answer: `skip` bytes at once, and then a byte a second."""

    async def act(wire: Wire) -> None:
        answer = right(wire)
        await wire.send(answer[:skip])
        for byte in answer[skip:]:
            await wire.send(bytes([byte]))
            await wire.wait(1)

    return act


def late(act: Act) -> Act:
    """Does it when the refresh's time is over, and the call's isn't yet."""

    async def wait_and_act(wire: Wire) -> None:
        await wire.wait(0.9 * wire.upstream.budget)
        await act(wire)

    return wait_and_act


def floods(head: bytes, again: bytes, times: int | None = None) -> Act:
    """Sends `head` and then `again` so many times; without a number, for as long as it is taken."""

    async def act(wire: Wire) -> None:
        await wire.send(head)
        for _ in count() if times is None else range(times):
            await wire.send(again)

    return act


def redirects(status: str) -> Act:
    """Sends the client elsewhere, to a host that must never hear of it."""

    async def act(wire: Wire) -> None:
        await wire.send(http(status, b"", {"Location": f"{wire.upstream.elsewhere}/{CANARY}"}))

    return act


def in_a_second(_wire: Wire) -> bytes:
    """A 429 that names the next second, as a date."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    return http("429 Too Many Requests", b"", {"Retry-After": date})


def as_json(value: object) -> bytes:
    """JSON text."""
    return json.dumps(value).encode()


def bomb() -> bytes:
    """A gibibyte of zeros in a megabyte of gzip."""
    deflate = zlib.compressobj(wbits=31)
    head = deflate.compress(b"") + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return head + block * 1024


def gzipped(wire: Wire) -> bytes:
    """The documented reply, in gzip."""
    deflate = zlib.compressobj(wbits=31)
    return deflate.compress(wallets(wire)) + deflate.flush()


def with_balance(literal: bytes) -> Callable[[Wire], bytes]:
    """The documented reply with any text in the place of its balance."""
    return lambda wire: wallets(wire, balance="HERE").replace(b'"HERE"', literal)


def part(keep: slice) -> Callable[[Wire], bytes]:
    """A part of a right answer."""
    return lambda wire: right(wire)[keep]


def right_and(more: bytes) -> Callable[[Wire], bytes]:
    """A right answer, and bytes that belong to none."""
    return lambda wire: right(wire) + more


def short_length(wire: Wire) -> bytes:
    """A right answer whose Content-Length is twenty bytes too short."""
    return http("200 OK", wallets(wire), {"Content-Length": str(len(wallets(wire)) - 20)})


def head_only(status: str, *headers: str) -> bytes:
    """The head of a reply, which announces a body."""
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 9", *headers, "", ""]).encode()


# The table

HTML: Final = f"<html><body><h1>{CANARY}</h1></body></html>".encode()
FLAKY: Final = replies("503 Service Unavailable", HTML, Content_Type="text/html")
"""What stands before an API that is down."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to misbehave, and what a call makes of it.

    `acts` are what the first, second, ... refresh of a customer meets; the last is for all later ones. `code` is the
    error where the stored balances can't be had either, None where a refresh succeeds in the end. `refreshes` is how
    many are made. `falls_back` says whether the stored balances are asked for. `facts` are keys of the result, None
    for those it must lack; `says` stands in the error's text.
    """

    name: str
    acts: tuple[Act, ...]
    code: str | None = None
    refreshes: int = 1
    falls_back: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)
    says: str = ""
    list_down: Act = FLAKY

    @property
    def slug(self) -> str:
        """The name, as a customer's id can hold it."""
        return re.sub(r"[^A-Za-z0-9,-]+", "_", self.name)

    def customer(self, number: int, stored: Stored = "up") -> str:
        """The id of a customer who meets this fault."""
        return f"{self.slug}~{stored}~{number}"

    def kind(self, customer: str) -> str:
        """How a call about a customer ends: `refresh`, `last_known` or the code of an error."""
        if self.code is None:
            return "refresh"
        return "last_known" if self.falls_back and "~up~" in customer else self.code

    def total(self, customer: str) -> object:
        """The total balance that a call about a customer answers with; None for none."""
        kind = self.kind(customer)
        right = {"refresh": amount(customer, "refresh"), "last_known": amount(customer, "list")}.get(kind)
        return self.facts.get("total_balance", right)

    def act(self, customer: str, endpoint: Endpoint, nth: int) -> Act:
        """What the nth request of a customer meets."""
        if endpoint == "list":
            return self.list_down if "~down~" in customer else fine
        return self.acts[min(nth, len(self.acts)) - 1]


def unavailable(name: str, *acts: Act, refreshes: int = 3, says: str = "the connection broke") -> Fault:
    """A fault that may pass, so a refresh is tried three times; then come the stored balances."""
    return Fault(name=name, acts=acts, code="upstream_unavailable", refreshes=refreshes, falls_back=True, says=says)


def invalid(name: str, act: Act, says: str) -> Fault:
    """A reply that can't be trusted: asked for once; then come the stored balances."""
    return Fault(name=name, acts=(act,), code="upstream_invalid", falls_back=True, says=says)


def limited(name: str, *acts: Act, refreshes: int = 1, says: str) -> Fault:
    """A 429; then come the stored balances."""
    return Fault(name=name, acts=acts, code="rate_limited", refreshes=refreshes, falls_back=True, says=says)


def refused(name: str, act: Act, code: str, says: str) -> Fault:
    """A clear no: asked once, and nothing else after it."""
    return Fault(name=name, acts=(act,), code=code, says=says)


def recovers(name: str, *acts: Act) -> Fault:
    """A refresh that succeeds in the end, at the last of these."""
    return Fault(name=name, acts=acts, refreshes=len(acts))


def harmless(name: str, act: Act, **facts: object) -> Fault:
    """An oddity that costs nothing, or no more than `facts` say."""
    return Fault(name=name, acts=(act,), facts=facts)


def too_slow(name: str, *acts: Act) -> Fault:
    """A refresh that the deadline ends, the last of these; where the list of stored balances is down, it hangs."""
    return Fault(
        name=name,
        acts=acts,
        code="upstream_timeout",
        refreshes=len(acts),
        falls_back=True,
        says="within",
        list_down=stall,
    )


CHUNKED: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
FIFTY_MIB: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 52428800\r\n\r\n"
TWO_LENGTHS: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
SWITCHING: Final = b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: c\r\n\r\n"
NOT_FOUND: Final = {"status": "invalid_request_error", "error_code": "object_not_found", "error_message": CANARY}
NULL_ERROR: Final = {"status": "Invalid Request", "error_code": "null_error", "error_message": CANARY}
DENIED: Final = {"status": CANARY, "error_code": "access_denied", "error_message": CANARY}
DENIED_NEWER: Final = {
    "status": "error",
    "error_code": "access_denied",
    "error_info": {"code": "UNAUTHORIZED", "user_message": CANARY, "request_id": f"tkn_{CANARY}"},
}
BAD_ORIGIN: Final = {"error": True, "error_message": CANARY, "error_info": {"code": "BAD_ORIGIN"}}
MID_HEADERS, MID_BODY = slice(30), slice(-50)
SMUGGLED: Final = http("200 OK", as_json({"list": [{"wallet": "PAYTM", "linked": True, "current_balance": 1}]}), {})

PATIENT: Final = (
    # Connections that break.
    unavailable("resets instead of answering", reset),
    unavailable("closes instead of answering", close),
    unavailable("resets in the middle of the headers", sends(part(MID_HEADERS), reset)),
    unavailable("closes in the middle of the headers", sends(part(MID_HEADERS), close)),
    unavailable("resets in the middle of the body", sends(part(MID_BODY), reset)),
    unavailable("Content-Length too long", sends(part(MID_BODY), close)),
    unavailable("chunked and closed early", sends(CHUNKED + b'5\r\n{"lis\r\n', close)),
    # HTTP that is none.
    unavailable("chunk sizes that are no numbers", sends(CHUNKED + b"CANARY\r\n{}\r\n0\r\n\r\n", stall)),
    unavailable("two Content-Lengths that differ", sends(TWO_LENGTHS, stall)),
    unavailable("another protocol, by a 101", sends(SWITCHING, stall)),
    unavailable("no HTTP at all", sends(b"SSH-2.0-CANARY\r\n\r\n", stall)),
    unavailable("headers of 200 KB", replies(X_C="c" * 200_000)),
    unavailable("headers without end", floods(b"HTTP/1.1 200 OK\r\n", b"X-C: CANARY\r\n" * 999)),
    # Juspay, or a proxy before it, is down.
    unavailable("500", replies("500 CANARY", as_json(DENIED)), refreshes=1, says="HTTP 500"),
    unavailable("HTML 502", replies("502 Bad Gateway", HTML, Content_Type="text/html"), says="HTTP 502"),
    unavailable("503", FLAKY, says="HTTP 503"),
    unavailable("504", replies("504 Gateway Timeout", b""), says="HTTP 504"),
    unavailable("503 for an hour", replies("503 X", HTML, Retry_After="3600"), refreshes=1, says="HTTP 503"),
    unavailable("503, cut off before its body", sends(head_only("503 X"), close), says="HTTP 503"),
    unavailable("500, cut off before its body", sends(head_only("500 X"), close), refreshes=1, says="HTTP 500"),
    # Too many requests.
    limited("429", replies("429 X", as_json(DENIED)), says="in 60 seconds"),
    limited("429 for an hour", replies("429 X", HTML, Retry_After="3600"), says="in 3600 seconds"),
    limited("429 for eternity", replies("429 X", HTML, Retry_After="9" * 5000), says="in 3600 seconds"),
    limited("429 until some CANARY", replies("429 X", HTML, Retry_After=CANARY), says="in 60 seconds"),
    limited("429 for an hour, cut off before its body",
            sends(head_only("429 X", "Retry-After: 3600"), reset), says="in 3600 seconds"),
    limited("429 for a second, every time", replies("429 X", Retry_After="1"), refreshes=3, says="in 1 second."),
    # It comes back.
    recovers("recovers on the second try", reset, fine),
    recovers("recovers on the third try", FLAKY, sends(part(MID_BODY), reset), fine),
    recovers("503 for a second, then fine", replies("503 X", HTML, Retry_After="1"), fine),
    recovers("429 for a second, then fine", replies("429 X", HTML, Retry_After="1"), fine),
    recovers("429 until a date, then fine", sends(in_a_second, nothing), fine),
    # Replies that can't be trusted.
    invalid("Content-Length too short", sends(short_length, close), says="not JSON"),
    invalid("truncated JSON", replies(body=lambda wire: wallets(wire)[:-20]), says="not JSON"),
    invalid("no body", replies(body=b""), says="not JSON"),
    invalid("204", sends(b"HTTP/1.1 204 No Content\r\n\r\n", close), says="HTTP 204"),
    invalid("HTML 200", replies(body=HTML), says="not JSON"),
    invalid("200 with an error in its body", replies(body=as_json(DENIED)), says="documented list"),
    invalid("null", replies(body=b"null"), says="documented list"),
    invalid("a bare list", replies(body=b"[{}]"), says="documented list"),
    invalid("a bare text", replies(body=as_json(CANARY)), says="documented list"),
    invalid("100,000 brackets", replies(body=b"[" * 100_000), says="not JSON"),
    invalid("a list under 100,000 brackets",
            replies(body=b'{"list":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), says="not JSON"),
    invalid("invalid UTF-8", replies(body=b'{"list": [], "CANARY": "\xff"}'), says="not JSON"),
    invalid("UTF-16", replies(body='{"list": []}'.encode("utf-16")), says="not JSON"),
    invalid("a duplicate list", replies(body=b'{"list": [], "list": [{}]}'), says="documented list"),
    invalid("a body of 50 MiB", floods(FIFTY_MIB, bytes(1 << 20), 50), says="over 1 MiB"),
    invalid("a body without end", floods(CHUNKED, b"10000\r\n" + bytes(0x10000) + b"\r\n"), says="over 1 MiB"),
    invalid("a gzip bomb", replies(body=bomb(), Content_Encoding="gzip"), says="compressed"),
    invalid("gzip though plain was asked for", replies(body=gzipped, Content_Encoding="gzip"), says="compressed"),
    invalid("gzip that doesn't say so", replies(body=gzipped), says="not JSON"),
    invalid("a compression nobody asked for", replies(Content_Encoding="br"), says="compressed"),
    # A clear no.
    refused("401, the documented shape", replies("401 X", as_json(DENIED)), "authentication_failed", "API_KEY"),
    refused("401, the newer shape", replies("401 X", as_json(DENIED_NEWER)), "authentication_failed", "API_KEY"),
    refused("401 without a body", replies("401 X", b""), "authentication_failed", "API_KEY"),
    refused("401, cut off before its body", sends(head_only("401 X"), close), "authentication_failed", "API_KEY"),
    refused("403, the documented shape", replies("403 X", as_json(BAD_ORIGIN)), "access_denied", "allow-list"),
    refused("403 in HTML", replies("403 X", HTML), "access_denied", "allow-list"),
    refused("400 null_error", replies("400 X", as_json(NULL_ERROR)), "customer_not_found", "no customer"),
    refused("404 object_not_found", replies("404 X", as_json(NOT_FOUND)), "customer_not_found", "no customer"),
    refused("404 in HTML", replies("404 X", HTML), "request_rejected", "HTTP 404"),
    refused("400", replies("400 X", as_json(DENIED)), "request_rejected", "HTTP 400"),
    refused("302, cut off before its body", sends(head_only("302 X"), close), "request_rejected", "HTTP 302"),
    refused("302 to another host", redirects("302 Found"), "request_rejected", "HTTP 302"),
    refused("308 to another host", redirects("308 Permanent Redirect"), "request_rejected", "HTTP 308"),
    # Odd, but to be read.
    harmless("right JSON as text/html", replies(Content_Type="text/html; charset=utf-16")),
    harmless("an encoding that is none", replies(Content_Encoding="utf-8")),
    harmless("a byte order mark", replies(body=lambda wire: b"\xef\xbb\xbf" + wallets(wire))),
    harmless("headers of 60 KB", replies(X_C=CANARY * 10_000)),
    harmless("103 before the answer", sends(b"HTTP/1.1 103 Early Hints\r\nX-C: CANARY\r\n\r\n", fine)),
    harmless("no length, then closed", sends(lambda wire: b"HTTP/1.0 200 OK\r\n\r\n" + wallets(wire), close)),
    harmless("a balance of NaN", replies(body=with_balance(b"NaN")), total_balance=None, linked_count=1),
    harmless("a balance of 100,000 digits", replies(body=with_balance(b"9" * 100_000)), total_balance=None),
    harmless("a balance that is a text", replies(body=with_balance(as_json(CANARY))), total_balance=None),
    harmless("a duplicate balance", replies(body=with_balance(b'1, "current_balance": 2')), total_balance=None),
)  # fmt: skip
"""What a call settles long before its deadline: by an error, by the stored balances, or by trying again."""

IMPATIENT: Final = (
    too_slow("never answers", stall),
    too_slow("stops in the middle of the headers", sends(part(MID_HEADERS), stall)),
    too_slow("stops in the middle of the body", sends(part(MID_BODY), stall)),
    too_slow("drips its headers, a byte a second", drips(0)),
    too_slow("drips its body, a byte a second", drips(len(http("200 OK", b"", {})) + 10)),
    too_slow("answers after the deadline", late(fine)),
    too_slow("refuses after the deadline", late(replies("401 X", as_json(DENIED)))),
    too_slow("503 whose body never comes", sends(head_only("503 X"), stall)),
    too_slow("503, then never answers", FLAKY, stall),
    unavailable("503 for longer than is left", replies("503 X", Retry_After="1"), refreshes=1, says="HTTP 503"),
    limited("429 for longer than is left", replies("429 X", Retry_After="1"), says="in 1 second."),
)
"""What lasts until the deadline, and what must not wait for it."""

LEFTOVERS: Final = (
    harmless("another answer behind the right one", sends(right_and(SMUGGLED), nothing)),
    harmless("another answer a moment behind", sends(right, sends(SMUGGLED, nothing))),
    harmless("bytes that are no HTTP behind the answer", sends(right_and(f"{CANARY}\r\n".encode()), nothing)),
    invalid("an answer that goes on behind its Content-Length", sends(short_length, nothing), says="not JSON"),
    invalid("another answer behind a 204", sends(b"HTTP/1.1 204 X\r\n\r\n" + SMUGGLED, nothing), says="HTTP 204"),
)
"""What is left on a connection that stays open, for the next call to find."""

FLOOD: Final = too_slow("a body without end, in chunks of a byte", floods(CHUNKED, b"1\r\n \r\n" * 5000))
"""What keeps a reader so busy that it can forget everything else."""

FINE: Final = Fault(name="fine", acts=(fine,))
HELD: Final = Fault(name="held", acts=(hold,))


# The misbehaving Juspay


class Upstream:
    """The misbehaving Juspay; an async context manager, which cuts all its connections at the end.

    `gate` lets those go who are held. `gone` are the customers about whom a request was given up before its answer
    was whole. `reused` counts the requests that weren't the first of their connection, `kept_alive` those that don't
    ask for the connection to be closed. `elsewhere` is the address of another host, for redirects; `budget` is what
    its client gives a call.
    """

    def __init__(self, faults: Iterable[Fault], elsewhere: str = "", budget: float = 1) -> None:
        self.requests: Counter[tuple[str, Endpoint]] = Counter()
        self.gate = asyncio.Event()
        self.gone: set[str] = set()
        self.elsewhere = elsewhere
        self.budget = budget
        self.connections = self.most_open = self.answering = 0
        self.reused = self.kept_alive = 0
        self._stalled: set[str] = set()
        self._faults = {fault.slug: fault for fault in faults}
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=256)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def url(self) -> str:
        """The base URL."""
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def stalled(self, customer: str) -> bool:
        """Whether a request about this customer waits, having had all the answer it will ever have."""
        return customer in self._stalled

    def stall(self, customer: str) -> None:
        """Takes note that a request is left waiting."""
        self._stalled.add(customer)
        self._tell()

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Waits for something to become true of this upstream.

        Raises:
            TimeoutError: it did not.
        """
        async with asyncio.timeout(seconds):
            while not condition():
                await self._changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        self.connections += 1
        self.most_open = max(self.most_open, self.open)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._one(reader, writer)
                while not writer.is_closing():
                    await self._one(reader, writer, reused=True)
        finally:
            writer.close()
            self._open.discard(writer)
            self._tasks.discard(task)
            self._tell()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, reused: bool = False) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.reused += reused
        self.kept_alive += b"\r\nconnection: close\r\n" not in head.lower()
        _, customers, customer, wallets, *rest = map(unquote, head.split()[1].decode().split("/"))
        assert (customers, wallets) == ("customers", "wallets")
        endpoint = _ENDPOINTS[tuple(rest)]
        self.requests[customer, endpoint] += 1
        act = self._faults[customer.partition("~")[0]].act(customer, endpoint, self.requests[customer, endpoint])
        self._tell()
        self.answering += 1
        try:
            await act(Wire(self, customer, endpoint, (reader, writer)))
        except OSError:
            self.gone.add(customer)
            raise
        finally:
            self.answering -= 1

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


# Ports that let nobody in

Certificates = Mapping[str, ssl.SSLContext]
"""What a server needs to shake hands, by the name of the certificate it then shows."""
Greeting = Callable[["Door", Ends], Awaitable[None]]
"""What happens to a connection once it is accepted."""
Manner = Literal["well", "closed", "crowded"] | Greeting
"""How connections are received: as they should be, refused, left waiting to be accepted, or greeted so."""


class Door:
    """A port of its own that receives connections in whatever manner it is told; closed at first.

    Received well, they are the upstream's; with the scheme https, after the `right` certificate was shown.
    """

    def __init__(self, upstream: Upstream, scheme: str, certificates: Certificates) -> None:
        self.upstream = upstream
        self.certificates = certificates
        self.connections = 0
        self._scheme = scheme
        self._greet = self._well = shows("right", let_in) if scheme == "https" else let_in
        self._socket = socket.socket()
        self._crowd: list[socket.socket] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._socket.bind(("127.0.0.1", 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._socket.close()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self._scheme}://127.0.0.1:{self._socket.getsockname()[1]}"

    async def receive(self, manner: Manner) -> None:
        """Changes how later connections are received; it can't be closed or crowded once it was open."""
        match manner:
            case "closed":
                return
            case "crowded":
                self._fill()
                return
            case "well":
                self._greet = self._well
            case _:
                self._greet = manner
        if self._server is None:
            self._server = await asyncio.start_server(self._welcome, sock=self._socket)
            for one in self._crowd:
                one.close()

    def _fill(self) -> None:
        """Takes up all the room in which connections wait to be accepted: the next ones don't even come about."""
        self._socket.listen(0)
        self._crowd = [socket.socket() for _ in range(4)]
        for one in self._crowd:
            one.settimeout(0)
            with suppress(BlockingIOError):
                one.connect(self._socket.getsockname())

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError):
            await self._greet(self, (reader, writer))
        writer.close()


async def let_in(door: Door, ends: Ends) -> None:
    """Leaves the connection to the upstream."""
    await door.upstream.serve(*ends)


async def reset_at_once(_door: Door, ends: Ends) -> None:
    """Resets the connection."""
    reset_connection(ends[1])


async def keep_silent(_door: Door, ends: Ends) -> None:
    """Listens, for good."""
    while await ends[0].read(1024):
        pass


def speaks(first: bytes) -> Greeting:
    """Says something without having been asked, and hangs up."""

    async def greet(_door: Door, ends: Ends) -> None:
        ends[1].write(first)
        await ends[1].drain()

    return greet


def shows(certificate: str, then: Greeting = keep_silent) -> Greeting:
    """Shakes hands, showing this certificate."""

    async def greet(door: Door, ends: Ends) -> None:
        await ends[1].start_tls(door.certificates[certificate])
        await then(door, ends)

    return greet


# The host


class ServerGone(Exception):
    """The server process ended before it answered."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """How a call ended: the message, after how many seconds, and what was reported on the way."""

    message: Mapping[str, Any]
    seconds: float
    stages: tuple[str, ...]

    @property
    def result(self) -> Mapping[str, Any]:
        """The structured result; empty for a call that failed."""
        found: Mapping[str, Any] = self.message.get("result", {}).get("structuredContent", {})
        return found

    @property
    def text(self) -> str:
        """The text block."""
        return str(self.message["result"]["content"][0]["text"])

    @property
    def kind(self) -> str:
        """`refresh`, `last_known` or the code of the error."""
        if "result" not in self.message:
            return f"JSON-RPC error {self.message['error']['code']}"
        return str(self.result["source"]) if self.result else self.text.rpartition("[")[2].rstrip("]")


@dataclass(kw_only=True)
class Call:
    """A call under way."""

    number: int
    sent: float
    answer: asyncio.Future[Reply]
    stages: list[str] = field(default_factory=list)

    async def reply(self, seconds: float = 30) -> Reply:
        """How it ends.

        Raises:
            TimeoutError: it doesn't.
            ServerGone: the server did.
        """
        async with asyncio.timeout(seconds):
            return await self.answer


class Host:
    """A server process and a host's side of its pipes, with as many calls under way as one likes.

    `strays` are lines on stdout that should not have come, `leaks` those of stdout and stderr that hold a secret.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        self.process = process
        self.strays: list[str] = []
        self.leaks: list[str] = []
        self.errors = self.crossed = 0
        self._stdin = process.stdin
        self._calls: dict[int, Call] = {}
        self._given_up: set[int] = set()
        self._numbers = count(1)
        self._readers = [asyncio.create_task(self._read_stdout()), asyncio.create_task(self._read_stderr())]

    def ask(self, customer: str) -> Call:
        """Sends a call, with a wish to hear of its progress."""
        number = next(self._numbers)
        meta = {**MODERN, "progressToken": number}
        arguments = {"customer_id": customer}
        return self._send(
            number, "tools/call", {"_meta": meta, "name": "refresh_customer_wallets", "arguments": arguments}
        )

    async def call(self, customer: str) -> Reply:
        """How a call about this customer ends."""
        return await self.ask(customer).reply()

    async def has_read_everything(self) -> None:
        """Returns when the server has begun with all it was sent."""
        await self._send(next(self._numbers), "tools/list", {"_meta": MODERN}).reply()

    def cancel(self, call: Call) -> None:
        """Gives a call up; an answer that is on its way all the same counts as `crossed`."""
        del self._calls[call.number]
        self._given_up.add(call.number)
        self._write({"method": "notifications/cancelled", "params": {"requestId": call.number}})

    async def finish(self, seconds: float = 5) -> int:
        """The exit status, once stdin has closed.

        Raises:
            TimeoutError: the process goes on.
        """
        self._stdin.close()
        return await self.ended(seconds)

    async def ended(self, seconds: float = 5) -> int:
        """The exit status.

        Raises:
            TimeoutError: the process goes on.
        """
        async with asyncio.timeout(seconds):
            status = await self.process.wait()
            await asyncio.gather(*self._readers, return_exceptions=True)
        return status

    def _send(self, number: int, method: str, params: Mapping[str, object]) -> Call:
        loop = asyncio.get_running_loop()
        call = self._calls[number] = Call(number=number, sent=loop.time(), answer=loop.create_future())
        self._write({"id": number, "method": method, "params": params})
        return call

    def _write(self, message: Mapping[str, object]) -> None:
        self._stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def _read_stdout(self) -> None:
        async for line in self._lines(self.process.stdout):
            try:
                self._take(line, json.loads(line))
            except (ValueError, LookupError):
                self.strays.append(line)
        for call in self._calls.values():
            call.answer.set_exception(ServerGone())
            call.answer.exception()  # so that nobody who doesn't wait for it is told of it

    def _take(self, line: str, message: Mapping[str, Any]) -> None:
        progress = message.get("params", {}) if message.get("method") == "notifications/progress" else {}
        number = progress.get("progressToken", message.get("id"))
        if number in self._given_up:
            self.crossed += not progress
        elif number not in self._calls or progress.get("progress") not in {None, len(self._calls[number].stages) + 1}:
            self.strays.append(line)
        elif progress:
            self._calls[number].stages.append(progress["message"])
        else:
            self._answered(self._calls.pop(number), message)

    def _answered(self, call: Call, message: Mapping[str, Any]) -> None:
        seconds = asyncio.get_running_loop().time() - call.sent
        call.answer.set_result(Reply(message=message, seconds=seconds, stages=tuple(call.stages)))

    async def _read_stderr(self) -> None:
        async for _ in self._lines(self.process.stderr):
            self.errors += 1

    async def _lines(self, stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
        assert stream is not None
        async for raw in stream:
            line = raw.decode()
            if any(secret in line.lower() for secret in _SECRETS):
                self.leaks.append(line)
            yield line


@asynccontextmanager
async def open_host(url: str, **variables: str) -> AsyncIterator[Host]:
    """A host whose server asks the Juspay at `url`, with `ENVIRON` and these variables; leaves no process behind."""
    environ = {**ENVIRON, "JUSPAY_BASE_URL": url, **variables}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, env=environ, limit=1 << 20
    )
    host = Host(process)
    try:
        await host.has_read_everything()
        yield host
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await host.finish()
