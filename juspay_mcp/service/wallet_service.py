"""One question about one customer, from the id to the answer: the commands and the tool all call this."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial

import httpx2
from pydantic import SecretStr

from juspay_mcp.answer.model import Answer, make_answer
from juspay_mcp.answer.snapshot import Snapshot
from juspay_mcp.audit.log import AuditLog, open_audit
from juspay_mcp.errors import NotConfigured, outcome_of
from juspay_mcp.juspay.client import open_client
from juspay_mcp.juspay.retries import Retries
from juspay_mcp.observability.metrics import calls
from juspay_mcp.service.lookup import Lookup
from juspay_mcp.service.rate_limit import CallLimiter, Limiter
from juspay_mcp.service.single_flight import Report, SingleFlight
from juspay_mcp.settings.load import JuspayAccount, Settings
from juspay_mcp.values.caller import Caller
from juspay_mcp.values.customer_id import CustomerId, parse_customer_id
from juspay_mcp.values.timestamps import Clock, utc_now

_logger = logging.getLogger(__name__)


async def report_nothing(_number: int, _stage: str) -> None:
    """For callers that don't ask what is happening."""


class WalletService:
    """Answers about customers' wallets; questions about one customer that overlap share one lookup."""

    def __init__(
        self,
        settings: Settings,
        lookup: Lookup,
        single_flight: SingleFlight[CustomerId, tuple[Snapshot, Answer]],
        limiter: Limiter,
        audit: AuditLog | None,
    ) -> None:
        self._settings = settings
        self._lookup = lookup
        self._single_flight = single_flight
        self._limiter = limiter
        self._audit = audit
        self._warned_of_unlisted = False

    async def answer(self, customer_id: object, caller: Caller, tool: str, report: Report = report_nothing) -> Answer:
        """The answer about the customer; the one way to get one.

        The call counts against the limit of `caller`, whether `customer_id` is valid or not; and if there is an audit
        log, it has a line about the call before this returns or raises.

        Raises:
            WalletsError: the leaf for what went wrong.
        """

        async def look_up() -> tuple[Snapshot, Answer]:
            await self._limiter.admit(caller.name)
            valid = parse_customer_id(customer_id)
            if self._settings.missing:
                raise NotConfigured(self._settings.missing, self._settings.why_missing)
            return await self._single_flight.join(valid, partial(self._look, valid, caller), report)

        try:
            if self._audit is None:
                _, answer = await look_up()
            else:
                answer = await self._audit.record(caller, tool, customer_id, look_up)
        except BaseException as error:
            calls.add(1, {"outcome": outcome_of(error), "transport": caller.transport})
            raise
        calls.add(1, {"outcome": "ok", "source": answer.source, "transport": caller.transport})
        return answer

    async def ready(self) -> bool:
        """Whether calls can be answered, as far as this process can know: the audit log, if any, can be written."""
        return self._audit is None or await self._audit.ready()

    async def _look(
        self, customer_id: CustomerId, caller: Caller, tell: Callable[[str], None]
    ) -> tuple[Snapshot, Answer]:
        snapshot = await self._lookup.look(customer_id, caller, tell)
        if snapshot.has_unlisted and not self._warned_of_unlisted:
            # Once a process, and without the code, which somebody else wrote.
            self._warned_of_unlisted = True
            _logger.warning(
                "an unlisted provider in Juspay's reply: its balance is shown, but isn't in the total; report the "
                "code that the answer gives, so that it gets listed"
            )
        return snapshot, make_answer(snapshot, customer_id, self._settings.environment)


@asynccontextmanager
async def open_service(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
    transport: httpx2.AsyncBaseTransport | None = None,
    retries: Retries | None = None,
) -> AsyncIterator[WalletService]:
    """A service with its connections; in the simulator environment, with a simulator of its own.

    Raises:
        ConfigurationError: a key's file, or a file of certificate authorities, can't be read, the audit log can't be
            written, or the address of the limit's storage isn't one.
    """
    async with AsyncExitStack() as stack:
        audit = await stack.enter_async_context(open_audit(settings, clock, monotonic))
        account = settings.account or stack.enter_context(own_simulator())
        limiter: Limiter = CallLimiter(settings.rate_limit)
        if settings.rate_limit and settings.rate_limit_storage:
            from juspay_mcp.service.redis_rate_limit import open_shared_limiter  # noqa: PLC0415 - only where replicas share it

            shared = open_shared_limiter(settings.rate_limit, settings.rate_limit_storage)
            limiter = await stack.enter_async_context(shared)
        client = await stack.enter_async_context(open_client(settings, account, clock, transport))
        single_flight = await stack.enter_async_context(SingleFlight[CustomerId, tuple[Snapshot, Answer]]())
        lookup = Lookup(settings, client, retries or Retries(), clock)
        yield WalletService(settings, lookup, single_flight, limiter, audit)


@contextmanager
def own_simulator() -> Iterator[JuspayAccount]:
    """Starts a simulator on a free port of loopback; the account that reaches it. The simulator stops at the end."""
    from juspay_mcp.simulator.api import API_KEY, MERCHANT_ID, Simulator  # noqa: PLC0415 - only where it is asked for

    with Simulator() as simulator:
        yield JuspayAccount(
            base_url=simulator.url, api_key=SecretStr(API_KEY), api_key_file=None, merchant_id=MERCHANT_ID
        )
