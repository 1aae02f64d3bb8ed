"""Who asked about whom: one line of JSON for each tool call, written before the answer goes out.

A line has no field for anything that Juspay, a provider or a model wrote. The customer is there as a hash under a
key: whoever has the key can tell which lines are about a customer, and nobody can read a phone number out of them.
"""

import errno
import hmac
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from juspay_mcp.callers import Caller
from juspay_mcp.credentials import Key, audit_key
from juspay_mcp.customers import CustomerId
from juspay_mcp.errors import InternalError, WalletsError, outcome_of
from juspay_mcp.logfile import LineStream, LogFile
from juspay_mcp.settings import Settings
from juspay_mcp.snapshot import Snapshot
from juspay_mcp.spans import trace_id
from juspay_mcp.times import Clock, format_timestamp, utc_now
from juspay_mcp.variables import broken_rule

Monotonic = Callable[[], float]
"""Gives seconds that only grow."""
_logger = logging.getLogger(__name__)


def customer_hash(customer_id: CustomerId, key: SecretStr) -> str:
    """What stands for a customer in the audit log: HMAC-SHA256 of the id under `key`, in hexadecimal."""
    return hmac.digest(key.get_secret_value().encode(), customer_id.encode(), "sha256").hex()


@dataclass(slots=True)
class Entry:
    """What becomes known of a call while it is answered."""

    customer_id: CustomerId | None = field(default=None, repr=False)
    snapshot: Snapshot | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Call:
    """What is known of a call when it comes."""

    caller: Caller
    tool: str
    moment: datetime
    begun: float


class AuditLog:
    """Writes the lines; `key` gives the key of the hash that is in force."""

    def __init__(
        self, lines: LineStream, key: Key, clock: Clock = utc_now, monotonic: Monotonic = time.monotonic
    ) -> None:
        self._lines = lines
        self._key = key
        self._clock = clock
        self._monotonic = monotonic

    @contextmanager
    def entry(self, caller: Caller, tool: str) -> Iterator[Entry]:
        """Goes around one call, whose line is written at its end, whatever that is.

        Raises:
            InternalError: there is no line, so there must be no answer. A cancelled call stays a cancelled one.
        """
        entry, call = Entry(), _Call(caller, tool, self._clock(), self._monotonic())
        try:
            yield entry
        except BaseException as error:
            if not self._write(call, entry, error) and isinstance(error, Exception):
                raise InternalError from None
            raise
        if not self._write(call, entry, None):
            raise InternalError

    def ready(self) -> bool:
        """Whether a line could be written now, as far as can be known without writing one."""
        return self._lines.ready()

    def _write(self, call: _Call, entry: Entry, error: BaseException | None) -> bool:
        try:
            fields = self._fields(call, entry, error)
            known = {name: value for name, value in fields.items() if value is not None}
            self._lines.append(json.dumps(known, separators=(",", ":")).encode("ascii"))
        except OSError as failure:
            why = errno.errorcode.get(failure.errno or 0, "unknown error")
            _logger.error("audit_unwritable, so the call fails (%s): see to JUSPAY_MCP_AUDIT_LOG", why)  # noqa: TRY400 - no traceback: the place is always this one
            return False
        return True

    def _fields(self, call: _Call, entry: Entry, error: BaseException | None) -> dict[str, str | int | None]:
        answered = entry.snapshot if error is None else None
        looked = error if isinstance(error, WalletsError) else entry.snapshot
        return {
            "time": format_timestamp(call.moment, "milliseconds"),
            "caller": call.caller.name,
            "transport": call.caller.transport,
            "tool": call.tool,
            "customer": self._customer(entry),
            "outcome": outcome_of(error),
            "source": answered.source if answered else None,
            "wallet_count": len(answered.wallets) if answered else None,
            "milliseconds": round((self._monotonic() - call.begun) * 1_000),
            "upstream_requests": looked.upstream_requests if looked else None,
            "request_id": looked.request_id if looked else None,
            "trace_id": trace_id(),
        }

    def _customer(self, entry: Entry) -> str | None:
        if entry.customer_id is None:
            return None
        key = self._key()
        if key is None:
            raise PermissionError(errno.EACCES, "no key to hash with")
        return customer_hash(entry.customer_id, key)


@contextmanager
def open_audit(
    settings: Settings, clock: Clock = utc_now, monotonic: Monotonic = time.monotonic
) -> Iterator[AuditLog | None]:
    """The audit log the settings ask for, closed at the end; None where they ask for none.

    Raises:
        ConfigurationError: the log can't be written to, or the key's file not be read.
    """
    if settings.audit_log is None:
        yield None
        return
    key, lines = audit_key(settings), _open_lines(settings.audit_log)
    try:
        yield AuditLog(lines, key, clock, monotonic)
    finally:
        lines.close()


def _open_lines(audit_log: str) -> LineStream:
    try:
        if audit_log != "stderr":
            return LogFile(Path(audit_log))
    except OSError:
        raise broken_rule("JUSPAY_MCP_AUDIT_LOG") from None
    if sys.__stderr__ is None:  # whoever started this process has closed it: its number is somebody else's by now
        raise broken_rule("JUSPAY_MCP_AUDIT_LOG")
    return LineStream()
