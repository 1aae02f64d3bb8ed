"""One reading of a customer's wallets at one moment: what is counted, and how old each figure is."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal

from juspay_mcp.juspay.providers import UNLISTED
from juspay_mcp.juspay.wallets import Wallet, WalletList
from juspay_mcp.values.amounts import total

Freshness = Literal["live", "stale", "unknown"]
Source = Literal["refresh", "last_known"]

LIVE_FOR = timedelta(minutes=5)
"""A figure refreshed this long ago still counts as live; one dated this far ahead still counts as the present."""

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Parsed wallets, and the circumstances they were read in."""

    reply: WalletList
    source: Source
    as_of: datetime
    currency: str
    upstream_requests: int
    """How many requests to Juspay it took, retries and a refresh that failed included."""

    @property
    def request_id(self) -> str | None:
        """Juspay's id of the request whose reply this is."""
        return self.reply.request_id

    @cached_property
    def wallets(self) -> tuple[Wallet, ...]:
        """The readable wallets: linked ones first, otherwise in Juspay's order."""
        return tuple(sorted(self.reply.wallets, key=lambda wallet: not wallet.linked))

    @cached_property
    def linked(self) -> tuple[Wallet, ...]:
        """The wallets Juspay says are linked."""
        return tuple(wallet for wallet in self.wallets if wallet.linked)

    @cached_property
    def counted(self) -> tuple[Wallet, ...]:
        """Linked, money rather than credit or points, and of known balance: what the total is made of."""
        return tuple(w for w in self.linked if w.kind == "wallet" and w.balance is not None)

    @cached_property
    def total(self) -> Decimal | None:
        """The exact sum of what is counted; None if nothing is."""
        return total(w.balance for w in self.counted if w.balance is not None) if self.counted else None

    @cached_property
    def twins(self) -> frozenset[str]:
        """The display names that more than one wallet has."""
        names = Counter(wallet.provider for wallet in self.wallets)
        return frozenset(name for name, count in names.items() if count > 1)

    @cached_property
    def has_unlisted(self) -> bool:
        """Whether a wallet or a part is a provider's that the table doesn't list."""
        return any(UNLISTED in (each.provider, *(part.provider for part in each.parts)) for each in self.wallets)

    def freshness(self, last_refreshed: datetime | None) -> Freshness:
        """How far a figure can be trusted to be the current one."""
        return freshness(last_refreshed, self.as_of, self.source)

    def age(self, last_refreshed: datetime | None) -> str:
        """How old a figure is, in words."""
        return age(last_refreshed, self.as_of, self.source)


def freshness(last_refreshed: datetime | None, as_of: datetime, source: Source) -> Freshness:
    """How far a figure can be trusted to be the current one; a stored figure is never `live`."""
    if last_refreshed is None or last_refreshed - as_of > LIVE_FOR:
        return "unknown"
    return "stale" if source == "last_known" or as_of - last_refreshed > LIVE_FOR else "live"


def age(last_refreshed: datetime | None, as_of: datetime, source: Source) -> str:
    """How old a figure is, in the words of every sentence, line and table: `just refreshed`, `3 days old`."""
    known = freshness(last_refreshed, as_of, source)
    if last_refreshed is None or known == "unknown":
        return "of unknown age"
    if known == "live":
        return "just refreshed"
    seconds = max(60, int((as_of - last_refreshed).total_seconds()))
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return f"{seconds // size} {unit}{'s' if seconds // size > 1 else ''} old"
