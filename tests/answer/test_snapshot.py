from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from juspay_mcp.answer.snapshot import Freshness, Source
from juspay_mcp.juspay.wallets import Wallet
from tests.support.builders import make_part, make_snapshot, make_wallet
from tests.support.common import NOW

FIVE_MINUTES = timedelta(minutes=5)
TICK = timedelta(microseconds=1)

LINKED = make_wallet("PAYTM", "95.00")
LINKED_TOO = make_wallet("MOBIKWIK", "100.10")
UNLINKED = make_wallet("FREECHARGE", "7.00", linked=False)
UNSAID = make_wallet("PHONEPE", "8.00", linked=None)
CREDIT = make_wallet("SIMPL", "10000.00")
POINTS = make_wallet("TWID", "250.00")
UNLISTED = make_wallet("NEWPAY", "12.34")
UNKNOWN = make_wallet("AMAZONPAY", None)


def test_linked_wallets_come_first_and_otherwise_juspay_s_order_stays() -> None:
    snapshot = make_snapshot(UNSAID, LINKED, UNLINKED, CREDIT, LINKED_TOO)
    assert snapshot.wallets == (LINKED, CREDIT, LINKED_TOO, UNSAID, UNLINKED)


def test_only_what_juspay_says_is_linked_is_linked() -> None:
    assert make_snapshot(UNSAID, LINKED, UNLINKED, CREDIT, UNKNOWN).linked == (LINKED, CREDIT, UNKNOWN)


def test_only_linked_money_of_known_balance_is_counted() -> None:
    snapshot = make_snapshot(UNSAID, LINKED, UNLINKED, CREDIT, POINTS, UNLISTED, UNKNOWN, LINKED_TOO)
    assert (snapshot.counted, snapshot.total) == ((LINKED, LINKED_TOO), Decimal("195.10"))


@pytest.mark.parametrize(
    "wallet", [UNLINKED, UNSAID, CREDIT, POINTS, UNLISTED, UNKNOWN], ids=lambda wallet: wallet.code
)
def test_there_is_no_total_if_nothing_is_counted(wallet: Wallet) -> None:
    assert make_snapshot(wallet).total is None


@pytest.mark.parametrize(
    ("wallet", "holds"),
    [
        (LINKED, False),
        (UNLISTED, True),
        (make_wallet("NEWBANK_PAYLATER"), True),
        (make_wallet(parts=(make_part("PAYTM"), make_part("NEWPAY"))), True),
    ],
)
def test_a_snapshot_knows_whether_a_provider_is_unlisted(wallet: Wallet, holds: bool) -> None:  # noqa: FBT001 - an outcome
    assert make_snapshot(wallet).has_unlisted is holds


def test_parts_are_never_summed() -> None:
    wallet = make_wallet("AMAZONPAY", "0", parts=(make_part("AMAZONPAY", "230"),))
    assert make_snapshot(wallet).total == 0


@pytest.mark.parametrize(
    ("last_refreshed", "source", "freshness"),
    [
        pytest.param(NOW - FIVE_MINUTES, "refresh", "live", id="five minutes ago"),
        pytest.param(NOW - FIVE_MINUTES - TICK, "refresh", "stale", id="a moment longer"),
        pytest.param(NOW + FIVE_MINUTES, "refresh", "live", id="five minutes ahead: a clock that is off"),
        pytest.param(NOW + FIVE_MINUTES + TICK, "refresh", "unknown", id="a moment further ahead"),
        pytest.param(None, "refresh", "unknown", id="not said"),
        pytest.param(NOW, "last_known", "stale", id="stored now: stored all the same"),
        pytest.param(None, "last_known", "unknown", id="stored, not said when"),
    ],
)
def test_a_figure_is_live_for_five_minutes_unless_it_was_stored(
    last_refreshed: datetime | None, source: Source, freshness: Freshness
) -> None:
    assert make_snapshot(source=source).freshness(last_refreshed) == freshness
