"""Parses Juspay's response: keeps only what may be passed on, already masked.

Lenient about the input (Juspay's documentation and samples contradict each other, and keys get added), strict about
what is kept: a wallet here has no field for a token, a whole id or mobile, or free text.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeGuard, TypeVar

from juspay_mcp.juspay.providers import Kind, Provider, provider_of
from juspay_mcp.values.amounts import parse_amount
from juspay_mcp.values.masking import mask, mask_mobile
from juspay_mcp.values.timestamps import parse_timestamp

MAX_ENTRIES = 1_000
"""How many entries of one list are read; the rest count as unreadable."""

_MAX_UNLISTED_CODES = 3
# With a letter, and without a mobile or card number, even one divided by underscores.
_HARMLESS_CODE = re.compile(r"(?=.*[A-Z])(?!.*\d(?:_*\d){6})[A-Z0-9_]{1,20}")
# In a response without an error these keys are absent, empty, null or false.
_ERROR_KEYS = ("error", "error_code", "error_info", "error_message", "errorCode", "errorInfo", "errorMessage")

# The `status` of an error in Juspay's documentation: `error`, `Invalid Request`, `Bad Request`, `NOT_FOUND`, ...
_ERROR_STATUS = re.compile(r"error|fail|invalid|denied|bad.request|not.found", re.IGNORECASE)

T = TypeVar("T")


class UndocumentedShape(ValueError):
    """The response isn't the documented list of wallets."""


class ErrorInstead(ValueError):
    """The response reports an error and has no readable wallet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of a wallet's `sub_details`, a provider's own breakdown; never summed."""

    provider: str
    """The display name."""
    code: str | None
    """None if the provider is unlisted and its code could carry a message."""
    kind: Kind
    balance: Decimal | None
    last_refreshed: datetime | None
    is_own: bool
    """It is the same product as the wallet itself, so both should have one balance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """One wallet, its provider as in a `Part`. None means unknown; `ref` and `mobile` are masked."""

    provider: str
    code: str | None
    kind: Kind
    ref: str | None
    linked: bool | None
    balance: Decimal | None
    last_refreshed: datetime | None
    mobile: str | None
    parts: tuple[Part, ...]
    unreadable_parts: int
    entries_differ: bool = False
    """Juspay listed this wallet id more than once, with different balances or providers, so `balance` is None."""

    @property
    def own_part_differs(self) -> bool:
        """Whether a part of the same product has another balance."""
        return any(part.is_own and part.balance not in {None, self.balance} for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletList:
    """All of a customer's wallets, in Juspay's order."""

    wallets: tuple[Wallet, ...]
    unreadable: int
    """The number of entries that couldn't be read."""
    incomplete: bool
    """The response has fewer entries than its own `total` says."""
    reports_error: bool = False
    """The response has wallets and reports an error as well."""
    request_id: str | None = None
    """Juspay's id of the request, if it looks like a trace id."""


def parse_wallets(response: object) -> WalletList:
    """The wallets in a decoded response of `/wallets/refresh-balances` or `/wallets`.

    Raises:
        UndocumentedShape: it isn't an object with a `list`.
        ErrorInstead: it reports an error and has no readable wallet.
    """
    if not _is_object(response) or not _is_array(entries := response.get("list")):
        raise UndocumentedShape
    codes = _UnlistedCodes()
    listed, unreadable = _read(entries, lambda entry: _wallet(entry, codes))
    reports_error = _reports_error(response)
    if reports_error and not listed:
        raise ErrorInstead
    by_id: dict[object, list[Wallet]] = {}
    for place, (wallet_id, wallet) in enumerate(listed):
        by_id.setdefault(wallet_id or place, []).append(wallet)
    total = response.get("total")
    if not isinstance(total, Decimal) or not total.is_finite():
        total = parse_amount(total)
    return WalletList(
        wallets=tuple(map(_merge, by_id.values())),
        unreadable=unreadable,
        incomplete=total is not None and total > len(entries),
        reports_error=reports_error,
    )


class _UnlistedCodes:
    """Decides which unlisted codes are shown: the first three of a response, so that they can't spell a sentence."""

    def __init__(self) -> None:
        self._first: list[str] = []

    def shown(self, provider: Provider) -> str | None:
        code = provider.code
        if provider.listed:
            return code
        if code not in self._first and len(self._first) < _MAX_UNLISTED_CODES:
            self._first.append(code)
        return code if code in self._first and _HARMLESS_CODE.fullmatch(code) else None


def _read(entries: list[object], read: Callable[[object], T | None]) -> tuple[tuple[T, ...], int]:
    readable = tuple(item for entry in entries[:MAX_ENTRIES] if (item := read(entry)) is not None)
    return readable, len(entries) - len(readable)


def _wallet(entry: object, codes: _UnlistedCodes) -> tuple[str | None, Wallet] | None:
    """A wallet, and its whole id, which is needed only to find duplicates."""
    if not _is_object(entry) or not (provider := provider_of(entry.get("wallet"), entry.get("payment_method_type"))):
        return None
    given_id = entry.get("id")
    wallet_id = given_id.strip() or None if isinstance(given_id, str) else None
    code = codes.shown(provider)
    details = entry.get("sub_details") or []
    details = details if _is_array(details) else [details]
    parts, unreadable_parts = _read(details, lambda part: _part(part, provider, codes))
    return wallet_id, Wallet(
        provider=provider.name,
        code=code,
        kind=provider.kind,
        ref=None if wallet_id is None else mask(wallet_id),
        linked=_flag(entry.get("linked")),
        balance=parse_amount(entry.get("current_balance")),
        last_refreshed=parse_timestamp(entry.get("last_refreshed")),
        mobile=_mobile(entry.get("metadata")),
        parts=parts,
        unreadable_parts=unreadable_parts,
    )


def _part(entry: object, of_wallet: Provider, codes: _UnlistedCodes) -> Part | None:
    if not _is_object(entry) or not (
        provider := provider_of(entry.get("payment_method"), entry.get("payment_method_type"))
    ):
        return None
    return Part(
        provider=provider.name,
        code=codes.shown(provider),
        kind=provider.kind,
        balance=parse_amount(entry.get("current_balance")),
        last_refreshed=parse_timestamp(entry.get("last_refreshed")),
        is_own=provider.is_same_as(of_wallet),
    )


def _merge(entries: list[Wallet]) -> Wallet:
    """One wallet from all entries with its id; whatever they contradict each other about is unknown."""
    if len(entries) == 1:
        return entries[0]
    known = [entry for entry in entries if entry.balance is not None]
    differ = len({entry.balance for entry in known}) > 1 or len({(each.provider, each.kind) for each in entries}) > 1
    dated = [entry.last_refreshed for entry in known if entry.last_refreshed is not None]
    return replace(
        (known or entries)[0],
        linked=_agreed(entry.linked for entry in entries),
        balance=None if differ else _agreed(entry.balance for entry in entries),
        last_refreshed=None if differ else min(dated, default=None),
        mobile=_agreed(entry.mobile for entry in entries),
        parts=tuple(dict.fromkeys(part for entry in entries for part in entry.parts)),
        unreadable_parts=sum(entry.unreadable_parts for entry in entries),
        entries_differ=differ,
    )


def _agreed(values: Iterable[T | None]) -> T | None:
    """The value of all that are known; None if they differ."""
    known = set(values) - {None}
    return known.pop() if len(known) == 1 else None


def _reports_error(response: dict[str, object]) -> bool:
    """Whether the response has any of Juspay's forms of an error; `error: false` and empty codes aren't one."""
    kind, status = response.get("object"), response.get("status")
    return (
        any(_is_filled(response.get(key)) for key in _ERROR_KEYS)
        or _flag(response.get("success")) is False
        or (isinstance(kind, str) and kind.strip().lower() == "error")
        or (isinstance(status, str) and _ERROR_STATUS.search(status) is not None)
    )


def _is_filled(value: object) -> bool:
    """Whether a value says anything: not null, false, 0, blank, or an object or array of nothing else."""
    members = value.values() if _is_object(value) else value if _is_array(value) else [value]
    return any(
        each.strip().lower() not in {"", "false", "null"} if isinstance(each, str) else bool(each) for each in members
    )


def _flag(value: object) -> bool | None:
    """A boolean; samples of older endpoints show `linked` as a string, and 1 and 0 are accepted as well."""
    if isinstance(value, str):
        return {"true": True, "false": False, "1": True, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, bool | Decimal) and value in {0, 1} else None


def _mobile(metadata: object) -> str | None:
    """The mobile, masked; None if it has no digit (`N/A`). It may have come as a number, even as `9876543210.0`."""
    number = metadata.get("mobile_number") if _is_object(metadata) else None
    if isinstance(number, Decimal):
        whole = parse_amount(number)
        number = f"{whole:.0f}" if whole is not None and whole == whole.to_integral_value() else None
    return mask_mobile(number) if isinstance(number, str) and any(map(str.isdigit, number)) else None


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _is_array(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
