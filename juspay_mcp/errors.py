r"""Every way a call can fail, and the sentences a person gets.

    WalletsError
    ├── InvalidCustomerId      invalid_customer_id     nothing was sent
    ├── NotConfigured          not_configured          nothing was sent
    ├── UpstreamError          (the request to Juspay)
    │   ├── CustomerNotFound       customer_not_found
    │   ├── AuthenticationFailed   authentication_failed
    │   ├── AccessDenied           access_denied
    │   ├── RequestRejected        request_rejected
    │   ├── UpstreamRateLimited    rate_limited
    │   ├── UpstreamUnavailable    upstream_unavailable
    │   ├── UpstreamTimeout        upstream_timeout
    │   └── UpstreamInvalid        upstream_invalid
    ├── RateLimited            rate_limited            this server's own limit
    ├── ServerBusy             rate_limited            no connection to Juspay came free in time
    ├── AuditUnwritable        audit_unwritable        no line, no answer
    └── InternalError          internal_error          a bug here

An error is built only from what this package knows: numbers, an environment's name, and a request id that
passed `responses.request_id`. It has no field for anything Juspay, a provider or a caller wrote, so its text, its
`repr` and its traceback can't pass it on.
"""

import errno
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar, TypeVar

from typing_extensions import override

_logger = logging.getLogger(__name__)
T = TypeVar("T")
_Kinds = type[Exception] | tuple[type[Exception], ...]

DEFAULT_WAIT = 60
"""Seconds a caller is told to wait after a 429 that names no time; Juspay publishes no limits."""
MAX_WAIT = 3_600
"""The longest wait a caller is told, whatever a response asks for."""

# sysexits.h: what the commands exit with.
EX_OK, EX_USAGE, EX_UNAVAILABLE, EX_SOFTWARE, EX_NOPERM, EX_CONFIG = 0, 64, 69, 70, 77, 78

NO_READER = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EINVAL})
"""What writing fails with if nobody reads: a pipe, a socket, and a pipe on Windows."""


class WalletsError(Exception):
    """A failed call: `str()` is one to three sentences and, in brackets, the stable code.

    `problem` says what happened, `advice` what to do and whether to retry; each is one or two sentences.
    """

    code: ClassVar[str]
    exit_status: ClassVar[int] = EX_UNAVAILABLE
    request_id: str | None = None
    upstream_requests: int | None = 0
    """How many requests to Juspay the call came to; None if that isn't known."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem} {advice}")
        self.problem = problem
        self.advice = advice

    @override
    def __str__(self) -> str:
        request = f" Juspay's request id: {self.request_id}." if self.request_id else ""
        return f"{self.problem} {self.advice}{request} [{self.code}]"


class ConfigurationError(Exception):
    """An invalid setting: one line that names it, the rule and an example, and never the value. Stops the start.

    `variables` names the environment variables at fault; it is empty if the fault is elsewhere.
    """

    def __init__(self, line: str, *variables: str) -> None:
        super().__init__(line)
        self.variables = variables


class InvalidCustomerId(WalletsError):
    """The argument breaks the rule for customer ids, or isn't the one argument; nothing was sent.

    `number` if it came as a JSON number instead of a string.
    """

    code = "invalid_customer_id"
    exit_status = EX_USAGE

    def __init__(self, *, number: bool = False) -> None:
        super().__init__(
            "The call was rejected and no request was sent to Juspay"
            + (": customer_id was a number." if number else "."),
            "Try again with the same digits as a string, in quotes."
            if number
            else "Pass exactly one argument, customer_id: 1 to 128 printable ASCII characters, without spaces, "
            "without any of \\ ? # %, and with no path segment that is empty, '.' or '..'. Try again with the id as "
            "Juspay or the merchant wrote it.",
        )


class NotConfigured(WalletsError):
    """A credential is missing: `missing` names the variables, `why` is a sentence if there is a reason."""

    code = "not_configured"
    exit_status = EX_CONFIG

    def __init__(self, missing: tuple[str, ...], why: str = "") -> None:
        super().__init__(
            "This server has no Juspay credentials, so no request was sent.",
            f"{f'{why} ' if why else ''}Set {' and '.join(missing)} in this server's env block in the MCP host's "
            "settings (hosts don't pass on a shell's variables) and restart it; retrying won't help until then.",
        )


class RateLimited(WalletsError):
    """This server's own limit on tool calls; `seconds` to wait, at least one."""

    code = "rate_limited"

    def __init__(self, seconds: int) -> None:
        self.seconds = max(1, seconds)
        super().__init__(
            "Too many calls to this server, so no request was sent to Juspay.",
            f"Try again in {_seconds(self.seconds)}.",
        )


class ServerBusy(WalletsError):
    """No connection to Juspay came free in time, or too many calls wait already; `seconds` to wait, at least one."""

    code = "rate_limited"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "This server is busy: all its connections to Juspay are in use, so no request was sent.",
            f"Try again in {_seconds(max(1, seconds))}.",
        )


class AuditUnwritable(WalletsError):
    """The line in the audit log couldn't be written, so nothing is told; the reason is only in the log."""

    code = "audit_unwritable"
    upstream_requests = None

    def __init__(self) -> None:
        super().__init__(
            "This server couldn't write to its audit log, and it gives no answer without a line there.",
            "Try again in a few minutes; the server's log has the reason.",
        )


class InternalError(WalletsError):
    """A bug in this package; details are only in the log."""

    code = "internal_error"
    exit_status = EX_SOFTWARE
    upstream_requests = None

    def __init__(self) -> None:
        super().__init__(
            "This server failed because of a bug of its own, not because of the customer or Juspay.",
            "Report it with the time of the call; the server's log has the details.",
        )


class UpstreamError(WalletsError):
    """The request to Juspay failed. `fall_back_to_stored`: Juspay's stored balances may still be available."""

    fall_back_to_stored: ClassVar[bool] = False

    def __init__(self, problem: str, advice: str, request_id: str | None = None) -> None:
        super().__init__(problem, advice)
        self.request_id = request_id


class CustomerNotFound(UpstreamError):
    """400 with `null_error`, or 404 with `object_not_found`."""

    code = "customer_not_found"

    def __init__(self, environment: str, request_id: str | None = None) -> None:
        super().__init__(
            f"Juspay knows no customer with this id in its {environment} environment.",
            "Check the id; retrying with the same one won't help.",
            request_id,
        )


class AuthenticationFailed(UpstreamError):
    """401: the key is wrong, or belongs to the other environment."""

    code = "authentication_failed"
    exit_status = EX_NOPERM

    def __init__(self, environment: str, request_id: str | None = None) -> None:
        super().__init__(
            f"Juspay rejected this server's credentials in its {environment} environment.",
            "Check JUSPAY_API_KEY, JUSPAY_MERCHANT_ID and JUSPAY_ENV; retrying won't help until they are corrected.",
            request_id,
        )


class AccessDenied(UpstreamError):
    """403: usually an IP address that isn't on the merchant's allow-list."""

    code = "access_denied"
    exit_status = EX_NOPERM

    def __init__(self, request_id: str | None = None) -> None:
        super().__init__(
            "Juspay denied access (HTTP 403), usually because this server's IP address isn't on the merchant's "
            "allow-list.",
            "Add the address in Juspay's dashboard; retrying won't help until then.",
            request_id,
        )


class RequestRejected(UpstreamError):
    """Any other 3xx or 4xx."""

    code = "request_rejected"

    def __init__(self, status: int, request_id: str | None = None) -> None:
        super().__init__(
            f"Juspay rejected the request (HTTP {status}).",
            "Check JUSPAY_MERCHANT_ID, JUSPAY_BASE_URL and JUSPAY_API_VERSION; retrying unchanged won't help.",
            request_id,
        )


class UpstreamRateLimited(UpstreamError):
    """429 from Juspay; `retry_after` is the seconds it asked for, None if it named none."""

    code = "rate_limited"
    fall_back_to_stored = True

    def __init__(self, retry_after: int | None, request_id: str | None = None) -> None:
        seconds = DEFAULT_WAIT if retry_after is None else max(1, min(retry_after, MAX_WAIT))
        super().__init__(
            "Juspay is limiting this merchant's requests (HTTP 429).",
            f"Try again in {_seconds(seconds)}.",
            request_id,
        )
        self.retry_after = retry_after


class UpstreamUnavailable(UpstreamError):
    """5xx, or no connection: refused, reset, DNS, TLS. `transient`: the next try may well succeed.

    `hint` is one sentence about what is likely wrong here, if it may be something here.
    """

    code = "upstream_unavailable"
    fall_back_to_stored = True

    def __init__(
        self,
        reason: str,
        request_id: str | None = None,
        *,
        transient: bool,
        retry_after: int | None = None,
        hint: str = "",
    ) -> None:
        advice = f"{hint} Try again in a few minutes." if hint else "Try again in a few minutes."
        super().__init__(f"Juspay is unavailable: {reason}.", advice, request_id)
        self.transient = transient
        self.retry_after = retry_after


class UpstreamTimeout(UpstreamError):
    """The deadline passed; `seconds` is the budget of one call."""

    code = "upstream_timeout"
    fall_back_to_stored = True

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Juspay did not answer within {_seconds(seconds)}, as happens when a wallet provider is slow.",
            "Try again in a few minutes.",
        )


class UpstreamInvalid(UpstreamError):
    """Not JSON, not the documented shape, or over 1 MiB."""

    code = "upstream_invalid"
    fall_back_to_stored = True

    def __init__(self, reason: str, request_id: str | None = None) -> None:
        super().__init__(
            f"Juspay's response can't be used: {reason}.",
            "Retrying won't help; report it to the people who run this server.",
            request_id,
        )


def outcome_of(error: BaseException | None) -> str:
    """The result of a call in one word: `ok`, an error's code, or `cancelled`."""
    if isinstance(error, WalletsError):
        return error.code
    if isinstance(error, Exception):
        return InternalError.code
    return "cancelled" if error else "ok"


@contextmanager
def bugs_as_internal_errors() -> Iterator[None]:
    """What no one expected goes to the log without its words, and on as an InternalError.

    Raises:
        WalletsError: the one that came, or InternalError for anything else.
    """
    try:
        yield
    except WalletsError:
        raise
    except Exception as bug:
        _logger.error("internal_error", exc_info=bug)  # noqa: TRY400 - `exception` is the same, said twice
        raise InternalError from None


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it, each once; connecting to several addresses fails as a group."""
    left, seen = [error], set[int]()
    while left:
        cause = left.pop(0)
        if id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            group = cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
            left += group or [each for each in (cause.__cause__ or cause.__context__,) if each is not None]


def first_reason(error: BaseException, reasons: Iterable[tuple[_Kinds, T]]) -> T:
    """The first of `reasons` with a type that is among the causes of the error; the last one fits any."""
    found = list(causes(error))
    return next(reason for kinds, reason in reasons if any(isinstance(cause, kinds) for cause in found))


def _seconds(number: float) -> str:
    return "1 second" if number == 1 else f"{number:g} seconds"
