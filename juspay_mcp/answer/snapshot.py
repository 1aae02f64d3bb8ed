"""A customer's wallets at one moment: which of them are counted, and how old each balance is."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal

from juspay_mcp.juspay.providers import UNLISTED
from juspay_mcp.juspay.wallets import Wallet, WalletList
from juspay_mcp.values.amounts import total
from juspay_mcp.values.timestamps import SECONDS

Freshness = Literal["live", "stale", "unknown"]
Source = Literal["refresh", "last_known"]

LIVE_FOR = timedelta(minutes=5)
"""A balance is live if it was refreshed at most this long ago, or is dated at most this far in the future."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The parsed wallets, and when and how they were read."""

    response: WalletList
    source: Source
    as_of: datetime
    """In whole seconds, as in the answer, so that every age computed from it is the same."""
    currency: str
    upstream_requests: int
    """How many requests were sent to Juspay, including retries and a failed refresh."""

    @property
    def request_id(self) -> str | None:
        """Juspay's id of the request."""
        return self.response.request_id

    @cached_property
    def wallets(self) -> tuple[Wallet, ...]:
        """The readable wallets: linked ones first, otherwise in Juspay's order."""
        return tuple(sorted(self.response.wallets, key=lambda wallet: not wallet.linked))

    @cached_property
    def linked(self) -> tuple[Wallet, ...]:
        """The wallets Juspay says are linked."""
        return tuple(wallet for wallet in self.wallets if wallet.linked)

    @cached_property
    def counted(self) -> tuple[Wallet, ...]:
        """The wallets in the total: linked, money (not credit or points), and of known balance."""
        return tuple(w for w in self.linked if w.kind == "wallet" and w.balance is not None)

    @cached_property
    def total(self) -> Decimal | None:
        """The exact sum of the counted wallets; None if there are none."""
        return total(w.balance for w in self.counted if w.balance is not None) if self.counted else None

    @cached_property
    def twins(self) -> frozenset[str]:
        """The display names shared by several wallets."""
        names = Counter(wallet.provider for wallet in self.wallets)
        return frozenset(name for name, count in names.items() if count > 1)

    @cached_property
    def has_unlisted(self) -> bool:
        """Whether a wallet or a part is of an unlisted provider."""
        return any(UNLISTED in (each.provider, *(part.provider for part in each.parts)) for each in self.wallets)

    def freshness(self, last_refreshed: datetime | None) -> Freshness:
        """Whether a balance of this time is current."""
        return freshness(last_refreshed, self.as_of, self.source)

    def age(self, last_refreshed: datetime | None) -> str:
        """How old a balance is, in words."""
        return age(last_refreshed, self.as_of, self.source)


def freshness(last_refreshed: datetime | None, as_of: datetime, source: Source) -> Freshness:
    """Whether a balance of this time is current; a stored balance is never `live`."""
    if last_refreshed is None or last_refreshed - as_of > LIVE_FOR:
        return "unknown"
    return "stale" if source == "last_known" or as_of - last_refreshed > LIVE_FOR else "live"


def age(last_refreshed: datetime | None, as_of: datetime, source: Source) -> str:
    """How old a balance is, in the words of all sentences and tables: `just refreshed`, `3 days old`."""
    known = freshness(last_refreshed, as_of, source)
    if last_refreshed is None or known == "unknown":
        return "of unknown age"
    if known == "live":
        return "just refreshed"
    seconds = max(60, int((as_of - last_refreshed).total_seconds()))
    unit, size = next((unit, size) for unit, size in SECONDS.items() if seconds >= size)
    return f"{seconds // size} {unit}{'s' if seconds // size > 1 else ''} old"
