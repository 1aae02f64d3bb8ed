"""No connection carries two requests, so no response can be taken for the answer about another customer."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from socket import socket
from typing import Final
from weakref import WeakKeyDictionary

import pytest
import trustme
from typing_extensions import override

from juspay_mcp.errors import WalletsError
from juspay_mcp.juspay.retries import Retries
from juspay_mcp.service.wallet_service import WalletService, open_service
from juspay_mcp.settings.load import load_settings
from juspay_mcp.values.caller import CLI
from juspay_mcp.values.customer_id import parse_customer_id
from tests.support.common import no_wait
from tests.support.faulty_upstream import (
    ENVIRON,
    FINE,
    FLAKY,
    SMUGGLED,
    Act,
    Certificates,
    Door,
    Fault,
    Upstream,
    Wire,
    amount,
    fine,
    http,
    replies,
    reset,
    right,
    sends,
    wallets,
)


def passes_on_late(status: str) -> Act:
    """An error at once, and the real response 0.3 s later."""

    async def act(wire: Wire) -> None:
        wire.send_later(0.3, right(wire))
        await wire.send(http(status, b"", {}))

    return act


async def slow(wire: Wire) -> None:
    """Answers as documented, after half a second."""
    await wire.wait(0.5)
    await fine(wire)


def sized(size: int) -> Act:
    """A right answer of so many bytes with its head, and another whole answer behind it."""

    async def act(wire: Wire) -> None:
        body = wallets(wire).ljust(size // 2)  # a Content-Length of as many digits
        head = len(http("200 OK", body, {})) - len(body)
        await wire.send(http("200 OK", body.ljust(size - head), {}) + SMUGGLED)

    return act


async def a_moment_behind(wire: Wire) -> None:
    """A right answer, and another whole answer a moment later."""
    wire.send_later(0.05, SMUGGLED)
    await fine(wire)


LATE: Final = [Fault(name=f"late {code}", acts=(passes_on_late(f"{code} X"),)) for code in (504, 503, 500, 429, 400)]
SURPLUS: Final = [
    Fault(name=f"surplus {size}", acts=(sized(size),))
    for size in (16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 131_072, 262_144)
]
BEHIND: Final = Fault(name="behind", acts=(a_moment_behind,))
SLOW: Final = Fault(name="slow", acts=(slow,))
RETRIED: Final = Fault(name="retried", acts=(FLAKY, sends(b"HTTP/1.1 200 OK\r\n", reset), fine))
FALLS_BACK: Final = Fault(name="falls back", acts=(replies("500 X"),))
FAULTS: Final = (*LATE, *SURPLUS, BEHIND, SLOW, RETRIED, FALLS_BACK, FINE)

both_schemes = pytest.mark.parametrize("scheme", ["http", "https"])


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """What a server shows, and the client trusts."""
    authority, shown = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(shown)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return {"right": shown}


@asynccontextmanager
async def juspay(scheme: str, certificates: Certificates) -> AsyncIterator[tuple[Upstream, WalletService]]:
    """A Juspay that misbehaves, and a service that asks it; no connection of it may carry two requests."""
    async with Upstream(FAULTS) as upstream, Door(upstream, scheme, certificates) as door:
        await door.receive("well")
        settings = load_settings({**ENVIRON, "JUSPAY_BASE_URL": door.url, "JUSPAY_TIMEOUT_SECONDS": "5"})
        async with open_service(settings, retries=Retries(sleep=no_wait)) as service:
            yield upstream, service
        assert (upstream.reused, upstream.kept_alive) == (0, 0)
        assert sum(upstream.requests.values()) == upstream.connections


async def told(service: WalletService, customer: str) -> str | None:
    """The balance that a call about a customer is told; None for an error."""
    with suppress(WalletsError):
        return str((await service.answer(parse_customer_id(customer), CLI, "wallets")).total_balance)
    return None


async def tell_two(scheme: str, certificates: Certificates, fault: Fault, then: Fault) -> None:
    """A call that meets a fault, and one about another customer, who must be told their own balance."""
    first, second = fault.customer(1), then.customer(2)
    async with juspay(scheme, certificates) as (_, service):
        assert await told(service, first) in {amount(first, "refresh"), amount(first, "list"), None}
        await asyncio.sleep(0.1)
        assert await told(service, second) == then.total(second)


@both_schemes
@pytest.mark.parametrize("fault", LATE, ids=lambda fault: fault.name)
async def test_a_response_that_comes_late_reaches_nobody_else(
    fault: Fault, scheme: str, certificates: Certificates
) -> None:
    """It comes while the next call waits for its own."""
    await tell_two(scheme, certificates, fault, SLOW)


@both_schemes
@pytest.mark.parametrize("fault", SURPLUS, ids=lambda fault: fault.name)
async def test_a_whole_response_behind_another_reaches_nobody(
    fault: Fault, scheme: str, certificates: Certificates
) -> None:
    """Wherever the first one ends, the second can wait in a buffer: the parser's, TLS's or the system's."""
    await tell_two(scheme, certificates, fault, FINE)


class ReadsAhead(asyncio.SelectorEventLoop):
    """Reads all that has come before it is asked to, as the Proactor loop of Windows does for its transports."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = WeakKeyDictionary[socket, bytearray]()

    @override
    async def sock_recv(self, sock: socket, nbytes: int) -> bytes:
        ahead = self._ahead.setdefault(sock, bytearray())
        if not ahead:
            ahead += await super().sock_recv(sock, 1 << 20)
        data = bytes(ahead[:nbytes])
        del ahead[:nbytes]
        return data


@both_schemes
def test_a_response_that_the_event_loop_read_ahead_reaches_nobody(scheme: str, certificates: Certificates) -> None:
    """Then the socket looks as if nothing had come."""
    with asyncio.Runner(loop_factory=ReadsAhead) as runner:
        runner.run(tell_two(scheme, certificates, BEHIND, FINE))


@both_schemes
async def test_retries_and_the_stored_balances_have_connections_of_their_own_that_are_closed(
    scheme: str, certificates: Certificates
) -> None:
    retried, falls_back = RETRIED.customer(1), FALLS_BACK.customer(2)
    async with juspay(scheme, certificates) as (upstream, service):
        assert await told(service, retried) == FINE.total(retried)
        assert await told(service, falls_back) is not None
        await upstream.until(lambda: not upstream.open)
        assert upstream.connections == 5


@both_schemes
async def test_calls_at_once_have_connections_of_their_own(scheme: str, certificates: Certificates) -> None:
    customers = [FINE.customer(number) for number in range(64)]
    async with juspay(scheme, certificates) as (upstream, service):
        balances = await asyncio.gather(*(told(service, customer) for customer in customers))
        assert balances == [FINE.total(customer) for customer in customers]
        assert upstream.most_open <= 16
