"""One look into a customer's wallets within its budget: refreshed, or failing that as Juspay stored them."""

from collections.abc import Awaitable, Callable

import anyio

from juspay_mcp.answer.snapshot import Snapshot, Source
from juspay_mcp.errors import UpstreamError, UpstreamTimeout
from juspay_mcp.juspay.client import JuspayClient
from juspay_mcp.juspay.retries import Retries
from juspay_mcp.juspay.wallets import WalletList
from juspay_mcp.service.connection_slots import ConnectionSlots
from juspay_mcp.settings.load import Settings
from juspay_mcp.values.caller import Caller
from juspay_mcp.values.customer_id import CustomerId
from juspay_mcp.values.timestamps import Clock

WAIT_SHARE = 0.5
"""How much of a call's budget it may wait for a connection, so that enough is left for the refresh."""
REFRESH_SHARE = 0.8
"""How much of the rest the refresh gets, retries included; what is left is kept for the stored balances."""


class Lookup:
    """Looks up wallets; all requests of one call, retries and fallback included, share the settings' budget.

    Each lookup has one slot, and so one connection at a time, from its first request to its last.
    """

    def __init__(self, settings: Settings, client: JuspayClient, retries: Retries, clock: Clock) -> None:
        self._settings = settings
        self._client = client
        self._retries = retries
        self._clock = clock
        self._slots = ConnectionSlots(settings.max_connections)

    async def look(self, customer_id: CustomerId, caller: Caller, tell: Callable[[str], None]) -> Snapshot:
        """The customer's wallets; its slot counts as one of `caller`'s.

        Raises:
            ServerBusy: it got none in time; nothing was sent.
            UpstreamError: the refresh's error, if the stored balances couldn't be read either, or wouldn't help.
        """
        budget = self._settings.timeout_seconds
        deadline = anyio.current_time() + budget
        requests = _Requests(self._client, customer_id)
        async with self._slots.slot(caller, budget * WAIT_SHARE, lambda: tell("waiting for a connection")):
            try:
                response, source = await self._refreshed_or_stored(requests, deadline, tell)
            except UpstreamError as error:
                error.upstream_requests = requests.sent
                raise
        return Snapshot(
            response=response,
            source=source,
            as_of=self._clock().replace(microsecond=0),
            currency=self._settings.currency,
            upstream_requests=requests.sent,
        )

    async def _refreshed_or_stored(
        self, requests: "_Requests", deadline: float, tell: Callable[[str], None]
    ) -> tuple[WalletList, Source]:
        now = anyio.current_time()
        refreshed_by = now + (deadline - now) * REFRESH_SHARE
        tell("asking Juspay")
        refresh = self._retries.run(requests.refresh, lambda: refreshed_by - anyio.current_time(), tell)
        try:
            return await self._by(refreshed_by, refresh), "refresh"
        except UpstreamError as error:
            if not error.fall_back_to_stored:
                raise
            failure = error
        tell("using stored balances")
        try:
            return await self._by(deadline, requests.stored()), "last_known"
        except UpstreamError:
            raise failure from None

    async def _by(self, deadline: float, reply: Awaitable[WalletList]) -> WalletList:
        with anyio.CancelScope(deadline=deadline):
            return await reply
        raise UpstreamTimeout(self._settings.timeout_seconds)


class _Requests:
    """The requests of one look, counted as they are sent."""

    def __init__(self, client: JuspayClient, customer_id: CustomerId) -> None:
        self._client = client
        self._customer_id = customer_id
        self.sent = 0

    async def refresh(self) -> WalletList:
        """Refreshes; whatever was sent before was a refresh too."""
        self.sent += 1
        return await self._client.wallets("wallets/refresh-balances", self._customer_id, resends=self.sent - 1)

    async def stored(self) -> WalletList:
        self.sent += 1
        return await self._client.wallets("wallets", self._customer_id)
