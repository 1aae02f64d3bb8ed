"""One question about one customer, from the id to the answer: what every shell of this package calls."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace

import anyio
import httpx2
from pydantic import SecretStr

from juspay_mcp.answer import Answer, make_answer
from juspay_mcp.client import JuspayClient, open_client
from juspay_mcp.customers import CustomerId
from juspay_mcp.errors import NotConfigured, UpstreamTimeout
from juspay_mcp.limiter import CallLimiter
from juspay_mcp.settings import Settings
from juspay_mcp.snapshot import Snapshot
from juspay_mcp.times import Clock, utc_now


class WalletService:
    """Refreshes a customer's wallets and answers about them."""

    def __init__(self, settings: Settings, client: JuspayClient, limiter: CallLimiter, clock: Clock) -> None:
        self._settings = settings
        self._client = client
        self._limiter = limiter
        self._clock = clock

    async def refresh(self, customer_id: CustomerId, caller: str) -> Answer:
        """The answer about one customer; `caller` is whose limit the call counts against.

        Raises:
            WalletsError: the leaf for what went wrong.
        """
        if self._settings.missing:
            raise NotConfigured(self._settings.missing)
        self._limiter.admit(caller)
        try:
            with anyio.fail_after(self._settings.timeout_seconds):
                reply = await self._client.wallets("wallets/refresh-balances", customer_id)
        except TimeoutError:
            raise UpstreamTimeout(self._settings.timeout_seconds) from None
        snapshot = Snapshot(reply=reply, source="refresh", as_of=self._clock(), currency=self._settings.currency)
        return make_answer(snapshot, customer_id, self._settings.environment)


@asynccontextmanager
async def open_service(
    settings: Settings, *, clock: Clock = utc_now, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[WalletService]:
    """A service with its connections; in the simulator environment, with a simulator of its own.

    Raises:
        ConfigurationError: the key's file can't be read.
    """
    async with AsyncExitStack() as stack:
        if settings.environment == "simulator" and settings.base_url is None:
            settings = stack.enter_context(own_simulator(settings))
        client = await stack.enter_async_context(open_client(settings, clock, transport))
        yield WalletService(settings, client, CallLimiter(settings.rate_limit), clock)


@contextmanager
def own_simulator(settings: Settings) -> Iterator[Settings]:
    """The settings that reach a simulator started for them; loopback, on a free port."""
    from juspay_mcp.simulator import API_KEY, MERCHANT_ID, Simulator  # noqa: PLC0415 - only where it is asked for

    with Simulator() as simulator:
        yield replace(
            settings,
            base_url=simulator.url,
            api_key=SecretStr(API_KEY),
            api_key_file=None,
            merchant_id=MERCHANT_ID,
        )
