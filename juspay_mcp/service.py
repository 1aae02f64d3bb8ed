"""One question about one customer, from the id to the answer: what every shell of this package calls."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import httpx2
from pydantic import SecretStr

from juspay_mcp.answer import Answer, make_answer
from juspay_mcp.audit import AuditLog, Entry, Monotonic, open_audit
from juspay_mcp.callers import Caller
from juspay_mcp.client import open_client
from juspay_mcp.customers import CustomerId
from juspay_mcp.errors import NotConfigured
from juspay_mcp.flights import Flights, Report
from juspay_mcp.limiter import CallLimiter, Limiter
from juspay_mcp.lookup import Lookup
from juspay_mcp.retry import Retries, Tell
from juspay_mcp.settings import Settings
from juspay_mcp.snapshot import Snapshot
from juspay_mcp.times import Clock, utc_now


async def report_nothing(_number: int, _stage: str) -> None:
    """For callers that don't ask what is happening."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """What one lookup came to; made once for all who asked for it."""

    snapshot: Snapshot
    answer: Answer


class WalletService:
    """Answers about customers' wallets; questions about one customer that overlap share one lookup."""

    def __init__(
        self,
        settings: Settings,
        lookup: Lookup,
        flights: Flights[CustomerId, _Answered],
        limiter: Limiter,
        audit: AuditLog | None,
    ) -> None:
        self._settings = settings
        self._lookup = lookup
        self._flights = flights
        self._limiter = limiter
        self._audit = audit

    def audited(self, caller: Caller, tool: str) -> AbstractContextManager[Entry]:
        """Goes around one call, to which the audit log, if there is one, has its line at the end.

        Raises:
            InternalError: the line couldn't be written, so the answer must not go out.
        """
        return self._audit.entry(caller, tool) if self._audit else nullcontext(Entry())

    def ready(self) -> bool:
        """Whether calls can be answered, as far as this process can know: the audit log, if any, can be written."""
        return self._audit is None or self._audit.ready()

    async def refresh(
        self,
        customer_id: CustomerId,
        caller: Caller,
        report: Report = report_nothing,
        entry: Entry | None = None,
    ) -> Answer:
        """The answer about one customer; it counts against the limit and the connections of `caller`.

        What an audit log needs to know of it goes into `entry`.

        Raises:
            WalletsError: the leaf for what went wrong.
        """
        entry = entry or Entry()
        entry.customer_id = customer_id
        if self._settings.missing:
            raise NotConfigured(self._settings.missing)
        await self._limiter.admit(caller.name)
        answered = await self._flights.join(customer_id, partial(self._look, customer_id, caller), report)
        entry.snapshot = answered.snapshot
        return answered.answer

    async def _look(self, customer_id: CustomerId, caller: Caller, tell: Tell) -> _Answered:
        snapshot = await self._lookup.look(customer_id, caller, tell)
        return _Answered(snapshot, make_answer(snapshot, customer_id, self._settings.environment))


@asynccontextmanager
async def open_service(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    monotonic: Monotonic = time.monotonic,
    transport: httpx2.AsyncBaseTransport | None = None,
    retries: Retries | None = None,
) -> AsyncIterator[WalletService]:
    """A service with its connections; in the simulator environment, with a simulator of its own.

    Raises:
        ConfigurationError: a key's file, or a file of certificate authorities, can't be read, the audit log not be
            written, or the address of the limit's storage can't be one.
    """
    async with AsyncExitStack() as stack:
        audit = stack.enter_context(open_audit(settings, clock, monotonic))
        if settings.environment == "simulator" and settings.base_url is None:
            settings = stack.enter_context(own_simulator(settings))
        limiter = await stack.enter_async_context(_open_limiter(settings))
        client = await stack.enter_async_context(open_client(settings, clock, transport))
        flights = await stack.enter_async_context(Flights[CustomerId, _Answered]())
        lookup = Lookup(settings, client, retries or Retries(), clock)
        yield WalletService(settings, lookup, flights, limiter, audit)


@asynccontextmanager
async def _open_limiter(settings: Settings) -> AsyncIterator[Limiter]:
    if settings.rate_limit and settings.rate_limit_storage:
        from juspay_mcp.shared_limiter import open_shared_limiter  # noqa: PLC0415 - only where replicas share it

        async with open_shared_limiter(settings.rate_limit, settings.rate_limit_storage) as limiter:
            yield limiter
    else:
        yield CallLimiter(settings.rate_limit)


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
