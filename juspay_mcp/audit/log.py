"""Who asked about whom: one line of JSON for each tool call, written before the answer goes out.

A line has no field for anything that Juspay, a provider or a model wrote. The customer is there as a hash under a
key: with the key one can tell which lines are about a customer, and nobody can read a phone number out of them.
"""

import asyncio
import errno
import hmac
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import anyio
from pydantic import SecretStr

from juspay_mcp.answer.snapshot import Snapshot
from juspay_mcp.audit.file import LogFile, Stderr
from juspay_mcp.audit.writer import LineWriter
from juspay_mcp.errors import AuditUnwritable, InvalidCustomerId, NotConfigured, RateLimited, WalletsError, outcome_of
from juspay_mcp.observability.metrics import audit_failures
from juspay_mcp.observability.spans import trace_id
from juspay_mcp.settings.load import Settings
from juspay_mcp.settings.secrets import Key, audit_key
from juspay_mcp.settings.variables import broken_rule
from juspay_mcp.values.caller import Caller
from juspay_mcp.values.customer_id import CustomerId, parse_customer_id
from juspay_mcp.values.timestamps import Clock, format_timestamp, utc_now

T = TypeVar("T")
REFUSALS_A_MINUTE: Final = 5
"""Refused calls of one caller, for one reason, that have a line of their own; the others of the minute share one."""
MAX_COUNTED: Final = 10_000
"""Callers and reasons counted at one time; any more of them have a line for each refused call."""
_REFUSALS = (InvalidCustomerId, NotConfigured, RateLimited)
_logger = logging.getLogger(__name__)


def customer_hash(customer_id: CustomerId, key: SecretStr) -> str:
    """What stands for a customer in the audit log: HMAC-SHA256 of the id under `key`, in hexadecimal."""
    return hmac.digest(key.get_secret_value().encode(), customer_id.encode(), "sha256").hex()


class _Call(NamedTuple):
    """What is known of a call when it comes; refused calls are counted by it, without the customer and seconds."""

    moment: datetime
    caller: Caller
    tool: str
    customer_id: object


class AuditLog:
    """Writes the lines; `key` gives the current key of the hash, `monotonic` seconds that only grow."""

    def __init__(  # noqa: PLR0913 - most are given only in tests
        self,
        lines: LineWriter,
        key: Key,
        *,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        max_counted: int = MAX_COUNTED,
    ) -> None:
        self._lines = lines
        self._key = key
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._max_counted = max_counted
        self._refused: Counter[tuple[_Call, str]] = Counter()
        self._in_flight = 0

    async def record(
        self,
        caller: Caller,
        tool: str,
        customer_id: object,
        look_up: Callable[[], Awaitable[tuple[Snapshot, T]]],
    ) -> T:
        """The answer that `look_up` gives, once the call's line is written; it names the customer if the id is valid.

        Raises:
            AuditUnwritable: the line couldn't be written, whether `look_up` gave an answer or failed.
            Exception: what `look_up` raised. A call that is cancelled has its line too, and stays cancelled.
        """
        call, begun = _Call(self._clock(), caller, tool, customer_id), self._monotonic()
        self._in_flight += 1
        try:
            try:
                snapshot, answer = await look_up()
            except BaseException as error:
                await self._write(call, begun, error)
                raise
            await self._write(call, begun, snapshot)
            return answer
        finally:
            self._in_flight -= 1

    async def ready(self) -> bool:
        """Whether a line could be written now."""
        try:
            await self._lines.check()
        except OSError:
            return False
        return True

    async def sum_up_every_minute(self) -> None:
        """Writes the lines of a minute's refused calls soon after its end."""
        while True:
            now = self._clock()
            await self._sleep(60 - now.second - now.microsecond / 1e6)
            await self.sum_up(_minute(self._clock()))

    async def sum_up(self, current: datetime | None = None) -> None:
        """Writes a line for the refused calls that have none of their own, except those of the `current` minute.

        What can't be written now is kept for the next time.
        """
        for shared, outcome in [key for key in self._refused if key[0].moment != current]:
            number = self._refused.pop((shared, outcome))
            if number > REFUSALS_A_MINUTE:
                try:
                    await self._append(shared, outcome=outcome, count=number - REFUSALS_A_MINUTE)
                except AuditUnwritable:
                    self._refused[shared, outcome] += number
                    return  # the others would fail too, each as slowly

    async def _write(self, call: _Call, begun: float, outcome: Snapshot | BaseException) -> None:
        if isinstance(outcome, _REFUSALS) and self._is_one_of_many(call, outcome.code):
            return
        answered = outcome if isinstance(outcome, Snapshot) else None
        looked_up = outcome if isinstance(outcome, Snapshot | WalletsError) else None
        try:
            await self._append(
                call,
                outcome="ok" if isinstance(outcome, Snapshot) else outcome_of(outcome),
                source=answered.source if answered else None,
                wallet_count=len(answered.wallets) if answered else None,
                milliseconds=round((self._monotonic() - begun) * 1_000),
                upstream_requests=looked_up.upstream_requests if looked_up else None,
                request_id=looked_up.request_id if looked_up else None,
                trace_id=trace_id(),
            )
        except AuditUnwritable:
            if isinstance(outcome, Snapshot | Exception):
                raise

    def _is_one_of_many(self, call: _Call, outcome: str) -> bool:
        """Counts a refused call; true if the line of the whole minute is enough for it."""
        key = call._replace(moment=_minute(call.moment), customer_id=None), outcome
        if key in self._refused or len(self._refused) < self._max_counted:
            self._refused[key] += 1
        return self._refused[key] > REFUSALS_A_MINUTE

    async def _append(self, call: _Call, **fields: str | int | None) -> None:
        try:
            line = {
                "time": format_timestamp(call.moment, "milliseconds"),
                "caller": call.caller.name,
                "transport": call.caller.transport,
                "tool": call.tool,
                "customer": self._customer(call.customer_id),
                **fields,
            }
            known = {name: value for name, value in line.items() if value is not None}
            data = json.dumps(known, separators=(",", ":")).encode("ascii") + b"\n"
            await self._lines.append(data, expected=self._in_flight)
        except OSError as failure:
            why = errno.errorcode.get(failure.errno or 0, "unknown error")
            _logger.error("audit_unwritable (%s): call refused; check JUSPAY_MCP_AUDIT_LOG", why)  # noqa: TRY400 - no traceback: the place is always this one
            audit_failures.add(1)
            raise AuditUnwritable from None

    def _customer(self, customer_id: object) -> str | None:
        try:
            valid = parse_customer_id(customer_id)
        except InvalidCustomerId:
            return None
        key = self._key()
        if key is None:
            raise PermissionError(errno.EACCES, "no key to hash with")
        return customer_hash(valid, key)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


@asynccontextmanager
async def open_audit(
    settings: Settings, clock: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic
) -> AsyncIterator[AuditLog | None]:
    """The audit log the settings ask for, closed at the end; None if they ask for none.

    Raises:
        ConfigurationError: the log can't be written to, or the key's file can't be read.
    """
    if settings.audit_log is None:
        yield None
        return
    key = audit_key(settings)
    try:
        lines = LineWriter(Stderr() if settings.audit_log == "stderr" else LogFile(Path(settings.audit_log)))
    except OSError:
        raise broken_rule("JUSPAY_MCP_AUDIT_LOG") from None
    log = AuditLog(lines, key, clock=clock, monotonic=monotonic)
    audit_failures.add(0)  # so that an alert on its increase sees the first failure
    every_minute = asyncio.create_task(log.sum_up_every_minute())
    try:
        yield log
    finally:
        every_minute.cancel()
        await log.sum_up()
        lines.close()
