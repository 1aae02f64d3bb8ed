"""What a reply of Juspay's means: the wallets in it, or the error it stands for.

Juspay's documentation gives one error several shapes, and its texts contradict their meaning (a blocked IP address
is an "internal server error"), so the HTTP status decides and a body only refines it. No text of a reply is kept.
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

_MANY_DIGITS = 9  # thirty years of seconds; Python refuses to convert a few thousand digits
# 400 and 404 come with any of these, in `error_code` or in `error_info.code`.
_NOT_FOUND = frozenset({"null_error", "object_not_found", "resource_not_found"})
_TRANSIENT = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
_AS_UNAVAILABLE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
# A UUID (RFC 9562: versions 1 to 8, variant 10), or hexadecimal digits: neither can spell a sentence, and no mobile,
# card number, token or wallet id passes for one.
_REQUEST_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|(?!.*[0-9]{7})[0-9a-f]{16,64}",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP reply: header names in lower case; `defect` says why its body could not be read."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    defect: str | None = None


def read_wallets(reply: Reply, environment: Environment, now: datetime) -> WalletList:
    """The wallets in a reply of a wallet list.

    Raises:
        UpstreamError: the leaf that the status, or a body of another shape, stands for.
    """
    if reply.status != HTTPStatus.OK:
        raise _error(reply, environment, now)
    if reply.defect:
        raise UpstreamInvalid(reply.defect, request_id(reply))
    try:
        wallets = parse_wallets(decode_json(reply.body, repeated_keys=True))
    except MalformedJson:
        raise UpstreamInvalid("it is not JSON", request_id(reply)) from None
    except UndocumentedShape:
        raise UpstreamInvalid("it isn't the documented list of wallets", request_id(reply)) from None
    except ErrorInstead:
        raise UpstreamInvalid("it reports an error, and lists no wallets", request_id(reply)) from None
    return replace(wallets, request_id=_trace_id(reply.headers.get("x-request-id")))


def request_id(reply: Reply) -> str | None:
    """Juspay's own id of the request, for its support; None where there is none of a trace id's form."""
    return _trace_id(reply.headers.get("x-request-id")) or _trace_id(
        _member(_member(_members(reply), "error_info"), "request_id")
    )


def _trace_id(value: object) -> str | None:
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None


def retry_after(header: str | None, now: datetime) -> int | None:
    """Whole seconds from `now` that a `Retry-After` asks for, in seconds or as a date; None where it asks nothing.

    RFC 9110, section 10.2.3. A date that has passed asks for no wait.
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
    # The form without a zone, asctime's, is in UTC too.
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return max(0, ceil(seconds.total_seconds()))


def _error(reply: Reply, environment: Environment, now: datetime) -> UpstreamError:
    status, trace = reply.status, request_id(reply)
    wait = retry_after(reply.headers.get("retry-after"), now)
    match status:
        case HTTPStatus.BAD_REQUEST | HTTPStatus.NOT_FOUND if _says_not_found(reply):
            return CustomerNotFound(environment, trace)
        case HTTPStatus.UNAUTHORIZED:
            return AuthenticationFailed(environment, trace)
        case HTTPStatus.FORBIDDEN:
            return AccessDenied(trace)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return UpstreamRateLimited(wait, trace)
    return _error_by_class(status, trace, wait)


def _says_not_found(reply: Reply) -> bool:
    body = _members(reply)
    codes = (_member(body, "error_code"), _member(_member(body, "error_info"), "code"))
    return any(isinstance(code, str) and code.strip().lower() in _NOT_FOUND for code in codes)


def _error_by_class(status: int, trace: str | None, wait: int | None) -> UpstreamError:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _AS_UNAVAILABLE:
        transient = status in _TRANSIENT | _AS_UNAVAILABLE
        return UpstreamUnavailable(f"it answered HTTP {status}", trace, transient=transient, retry_after=wait)
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        return RequestRejected(status, trace)
    return UpstreamInvalid(f"it is HTTP {status} without wallets", trace)


def _members(reply: Reply) -> object:
    try:
        return decode_json(reply.body, repeated_keys=True)
    except MalformedJson:
        return None


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
