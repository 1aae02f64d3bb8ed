"""Juspay's reply, parsed: only what may be passed on, already masked.

Lenient about what comes (Juspay's documentation and samples contradict each other, and keys get added), strict
about what is kept: a wallet here has no field for a token, a whole id or mobile, or a sentence somebody wrote.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeGuard, TypeVar

from juspay_mcp.masking import mask, mask_mobile
from juspay_mcp.money import parse_amount
from juspay_mcp.providers import is_code
from juspay_mcp.times import parse_timestamp

MAX_ENTRIES = 1_000
"""How many entries of one list are read; the rest count as unreadable."""


T = TypeVar("T")


class UndocumentedShape(ValueError):
    """The reply isn't the documented list of wallets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of a wallet's `sub_details`: a provider's own breakdown, never summed."""

    code: str
    balance: Decimal | None
    last_refreshed: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """One wallet; None means that Juspay doesn't say. `ref` and `mobile` are masked."""

    code: str
    ref: str | None
    linked: bool | None
    balance: Decimal | None
    last_refreshed: datetime | None
    mobile: str | None
    parts: tuple[Part, ...]
    unreadable_parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletList:
    """All of a customer's wallets, in Juspay's order."""

    wallets: tuple[Wallet, ...]
    unreadable: int
    """Entries that could not be read at all."""
    incomplete: bool
    """The reply holds fewer entries than its own `total` says."""
    request_id: str | None = None
    """Juspay's id of the request; only what `replies.request_id` lets pass."""


def parse_wallets(reply: object) -> WalletList:
    """The wallets in a decoded reply of `/wallets/refresh-balances` or `/wallets`.

    Raises:
        UndocumentedShape: it is no object with a `list`.
    """
    if not _is_object(reply) or not _is_array(entries := reply.get("list")):
        raise UndocumentedShape
    wallets, unreadable = _read(entries, _wallet)
    total = _count(reply.get("total"))
    return WalletList(
        wallets=wallets,
        unreadable=unreadable,
        incomplete=total is not None and total > len(entries),
    )


def _read(entries: list[object], read: Callable[[object], T | None]) -> tuple[tuple[T, ...], int]:
    readable = tuple(item for entry in entries[:MAX_ENTRIES] if (item := read(entry)) is not None)
    return readable, len(entries) - len(readable)


def _wallet(entry: object) -> Wallet | None:
    if not _is_object(entry) or not is_code(code := entry.get("wallet")):
        return None
    details = entry.get("sub_details") or []
    parts, unreadable_parts = _read(details if _is_array(details) else [details], _part)
    return Wallet(
        code=code,
        ref=_ref(entry.get("id")),
        linked=_flag(entry.get("linked")),
        balance=parse_amount(entry.get("current_balance")),
        last_refreshed=parse_timestamp(entry.get("last_refreshed")),
        mobile=_mobile(entry.get("metadata")),
        parts=parts,
        unreadable_parts=unreadable_parts,
    )


def _part(entry: object) -> Part | None:
    if not _is_object(entry) or not is_code(code := entry.get("payment_method")):
        return None
    return Part(
        code=code,
        balance=parse_amount(entry.get("current_balance")),
        last_refreshed=parse_timestamp(entry.get("last_refreshed")),
    )


def _ref(wallet_id: object) -> str | None:
    return mask(wallet_id) if isinstance(wallet_id, str) and wallet_id else None


def _flag(value: object) -> bool | None:
    """Samples of older endpoints show `linked` as a string."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _count(value: object) -> Decimal | None:
    return value if isinstance(value, Decimal) and value.is_finite() else parse_amount(value)


def _mobile(metadata: object) -> str | None:
    number = metadata.get("mobile_number") if _is_object(metadata) else None
    if isinstance(number, Decimal):
        number = _digits(number)
    return mask_mobile(number) if isinstance(number, str) and number else None


def _digits(number: Decimal) -> str | None:
    """A mobile that came as a number: `9876543210`, even as `9876543210.0`."""
    whole = parse_amount(number)
    return f"{int(whole)}" if whole is not None and whole == whole.to_integral_value() else None


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _is_array(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
