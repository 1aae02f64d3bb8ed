"""What Juspay's response means: the wallets in it, or an error.

Juspay's documentation gives one error several shapes, and its texts contradict their meaning (a blocked IP address
is an "internal server error"), so the HTTP status decides, and the body only refines it. No text is kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil

from juspay_mcp.errors import (
    AccessDenied,
    AuthenticationFailed,
    CustomerNotFound,
    RequestRejected,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamUnavailable,
)
from juspay_mcp.juspay.wallets import ErrorInstead, UndocumentedShape, WalletList, parse_wallets
from juspay_mcp.settings.load import Environment
from juspay_mcp.values.strict_json import MalformedJson, decode_json

NEEDS_BODY = frozenset({200, 400, 404})
"""The statuses that only a body explains; any other means the same, even if the connection broke after it."""

_MANY_DIGITS = 9  # thirty years of seconds; Python refuses to convert thousands of digits
# 400 and 404 come with any of these, in `error_code` or in `error_info.code`.
_NOT_FOUND = frozenset({"null_error", "object_not_found", "resource_not_found"})
_TRANSIENT = frozenset({408, 425, 502, 503, 504})
# A UUID (RFC 9562: versions 1 to 8, variant 10), or hexadecimal digits: neither can spell a sentence, and no mobile,
# card number, token or wallet id matches.
_REQUEST_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|(?!.*[0-9]{7})[0-9a-f]{16,64}",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP response, with header names in lower case; `defect` says why its body couldn't be read."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    defect: str | None = None


def read_wallets(response: Response, environment: Environment, now: datetime) -> WalletList:
    """The wallets in the response to a refresh or a list request.

    Raises:
        UpstreamError: the subclass for the status, or for a body of another shape.
    """
    if response.status != HTTPStatus.OK:
        raise _error(response, environment, now)
    if response.defect:
        raise UpstreamInvalid(response.defect, request_id(response))
    try:
        wallets = parse_wallets(decode_json(response.body, repeated_keys=True))
    except MalformedJson:
        raise UpstreamInvalid("it is not JSON", request_id(response)) from None
    except UndocumentedShape:
        raise UpstreamInvalid("it isn't the documented list of wallets", request_id(response)) from None
    except ErrorInstead:
        raise UpstreamInvalid("it reports an error, and lists no wallets", request_id(response)) from None
    return replace(wallets, request_id=_trace_id(response.headers.get("x-request-id")))


def request_id(response: Response) -> str | None:
    """Juspay's id of the request, for its support; None if there is none, or it doesn't look like a trace id."""
    return _trace_id(response.headers.get("x-request-id")) or _trace_id(
        _member(_member(_members(response), "error_info"), "request_id")
    )


def _trace_id(value: object) -> str | None:
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None


def retry_after(header: str | None, now: datetime) -> int | None:
    """The whole seconds from `now` that a `Retry-After` asks for; None if it can't be read.

    It is a number of seconds or a date (RFC 9110, section 10.2.3). A past date asks for no wait.
    """
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"\d+", text, re.ASCII):
        return int(text) if len(text) <= _MANY_DIGITS else 10**_MANY_DIGITS
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # asctime's form, which has no zone, is in UTC too.
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return max(0, ceil(seconds.total_seconds()))


def _error(response: Response, environment: Environment, now: datetime) -> UpstreamError:  # noqa: PLR0911 - a table
    status, trace_id = response.status, request_id(response)
    wait = retry_after(response.headers.get("retry-after"), now)
    body = _members(response)
    codes = (_member(body, "error_code"), _member(_member(body, "error_info"), "code"))
    not_found = any(isinstance(code, str) and code.strip().lower() in _NOT_FOUND for code in codes)
    match status:
        case HTTPStatus.BAD_REQUEST | HTTPStatus.NOT_FOUND if not_found:
            return CustomerNotFound(environment, trace_id)
        case HTTPStatus.UNAUTHORIZED:
            return AuthenticationFailed(environment, trace_id)
        case HTTPStatus.FORBIDDEN:
            return AccessDenied(trace_id)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return UpstreamRateLimited(wait, trace_id)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        reason = f"it answered HTTP {status}"
        return UpstreamUnavailable(reason, trace_id, transient=status in _TRANSIENT, retry_after=wait)
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        return RequestRejected(status, trace_id)
    return UpstreamInvalid(f"it is HTTP {status} without wallets", trace_id)


def _members(response: Response) -> object:
    try:
        return decode_json(response.body, repeated_keys=True)
    except MalformedJson:
        return None


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
