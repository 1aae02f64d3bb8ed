"""The upstream of every subject: Juspay's documented reply for any customer, by a process that does little else.

A customer's id says what the reply is like: `w3-d300-17` is number 17, has three wallets, and gets the answer after
300 ms. Wallets are as in Juspay's samples; every third is not linked, and has but an id and a name. `m25-d0-1` has 25
that are all linked. `GET /requests` answers how many replies were asked for so far. An argument names a file with a
certificate and its key; with it, TLS is spoken.
"""

import asyncio
import json
import re
import ssl
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache

from typing_extensions import override

CODES = (
    *("PAYTM", "MOBIKWIK", "FREECHARGE", "AMAZONPAY", "PHONEPE", "OLAMONEY", "PAYZAPP", "JIOMONEY", "AIRTELMONEY"),
    *("OXIGEN", "PAYPAL", "PICPAY", "MERCADOPAGO", "GOOGLEPAY", "PAYUMONEY", "MPESA", "SBIBUDDY", "ITZCASH"),
    *("IDEAMONEY", "JANACASH", "MRUPEE", "TATAPAY", "YPAYCASH", "GRABPAY", "LINKAJA"),
)
"""As many as one answer lists, so that none of them has a twin among those."""

_ASKED = re.compile(rb"GET /customers/([wm])(\d+)-d(\d+)-[^/ ]*/wallets/refresh-balances ")
_END = b"\r\n\r\n"


def customer(number: object, wallets: int = 3, delay_ms: int = 0, kind: str = "w") -> str:
    """The id of a customer with so many wallets, whom the upstream answers about after so long."""
    return f"{kind}{wallets}-d{delay_ms}-{number}"


def reply_body(wallets: int, kind: str, moment: datetime) -> bytes:
    """The documented reply about so many wallets, refreshed at `moment`."""
    entries = [_wallet(number, moment, linked=kind != "w" or number % 3 != 2) for number in range(wallets)]
    envelope = {"list": entries, "object": "list", "offset": 0, "count": wallets, "total": wallets}
    return json.dumps(envelope).encode()


def _wallet(number: int, moment: datetime, *, linked: bool) -> dict[str, object]:
    code = CODES[number % len(CODES)]
    return {
        "id": f"wlt_{number:04}{code.lower():x<12.12}",
        "object": "wallet_account",
        "wallet": code,
        "juspay_bank_code": f"JP_{code}",
        "token": f"tkn_{number:032x}" if linked else None,
        "current_balance": 109.55 + 10 * number if linked else None,
        "linked": linked,
        "last_refreshed": f"{moment:%Y-%m-%dT%H:%M:%SZ}" if linked else None,
        "metadata": {"mobile_number": "9876543210"} if linked else {},
        "gateway_reference_id": None,
    }


@lru_cache(maxsize=64)
def _response(wallets: int, kind: str, minute: int) -> bytes:
    moment = datetime.fromtimestamp(minute * 60, UTC)
    return _http(reply_body(wallets, kind, moment))


def _http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Upstream(asyncio.Protocol):
    """One connection; requests have no body, and come one after the other."""

    asked = 0

    def __init__(self) -> None:
        self._rest = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(_END)
        for request in requests:
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        found = _ASKED.match(request)
        if found is None:
            self._transport.write(_http(b"%d" % Upstream.asked))
            return
        Upstream.asked += 1
        response = _response(int(found[2]), found[1].decode(), int(time.time()) // 60)
        delay = int(found[3]) / 1000
        if delay:
            asyncio.get_running_loop().call_later(delay, self._transport.write, response)
        else:
            self._transport.write(response)


async def serve() -> None:
    """Serves on a free port of loopback, which it prints, until stdin closes."""
    loop = asyncio.get_running_loop()
    tls = None
    if sys.argv[1:]:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(sys.argv[1])
    server = await loop.create_server(Upstream, "127.0.0.1", 0, backlog=1_024, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
