from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.snapshot import Snapshot, Source
from juspay_mcp.summary import notices, summarize
from juspay_mcp.wallets import Wallet
from tests.builders import ago, make_snapshot, make_wallet
from tests.conftest import NOW

FAILED = "Juspay could not refresh the balances just now; these are older ones it had stored."
UNLINKED = make_wallet("FREECHARGE", None, linked=False)
UNSAID = make_wallet("PHONEPE", "8.00", linked=None)
codes = st.sampled_from(["PAYTM", "MOBIKWIK", "SIMPL", "LAZYPAY", "NEWPAY"])
wallets = st.builds(
    make_wallet,
    codes,
    st.sampled_from([None, "0", "-5", "1234.5"]),
    ref=st.sampled_from([None, "XXXXXX1234"]),
    linked=st.sampled_from([True, False, None]),
    refreshed=st.none() | st.timedeltas(timedelta(minutes=-9), timedelta(days=9)).map(NOW.__sub__),
    unreadable_parts=st.integers(0, 2),
)
snapshots = st.builds(
    lambda wallets, source, unreadable, incomplete: make_snapshot(
        *wallets, source=source, unreadable=unreadable, incomplete=incomplete
    ),
    st.lists(wallets, max_size=12),
    st.sampled_from(["refresh", "last_known"]),
    st.integers(0, 2),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("held", "sentences"),
    [
        pytest.param([], "The customer has no wallets.", id="no wallets"),
        pytest.param([make_wallet()], "Paytm holds INR 100.00, just refreshed.", id="one wallet"),
        pytest.param([make_wallet("NEWPAY")], "NEWPAY holds INR 100.00, just refreshed.", id="an unlisted provider"),
        pytest.param([make_wallet(balance="0")], "Paytm holds INR 0.00, just refreshed.", id="nothing in it"),
        pytest.param([make_wallet(balance="-1234.5")], "Paytm holds INR -1,234.50, just refreshed.", id="less"),
        pytest.param(
            [make_wallet(refreshed=ago(hours=2))], "Paytm holds INR 100.00, 2 hours old.", id="one, not live"
        ),
        pytest.param(
            [make_wallet(refreshed=None)],
            "Paytm holds INR 100.00, of unknown age.",
            id="one, nobody knows since when",
        ),
        pytest.param(
            [make_wallet(), make_wallet("MOBIKWIK", "1234567.5")],
            "2 wallets hold INR 1,234,667.50, just refreshed: Paytm 100.00, MobiKwik 1,234,567.50.",
            id="two wallets",
        ),
        pytest.param(
            [make_wallet(refreshed=ago(days=1)), make_wallet("MOBIKWIK"), make_wallet("PHONEPE", refreshed=None)],
            "3 wallets hold INR 300.00: Paytm 100.00 (1 day old), MobiKwik 100.00, PhonePe 100.00 (of unknown age).",
            id="not all of them live",
        ),
        pytest.param(
            [make_wallet(ref="XXXXXX545d"), make_wallet("MOBIKWIK", ref="XXXXXX0000"), make_wallet(ref="XXXXXX533c")],
            (
                "3 wallets hold INR 300.00, just refreshed: "
                "Paytm XXXXXX545d 100.00, MobiKwik 100.00, Paytm XXXXXX533c 100.00."
            ),
            id="two of one provider are told apart",
        ),
        pytest.param(
            [make_wallet("FREECHARGE", ref="XXXXXX545d"), make_wallet("FREECHARGE_V2", ref="XXXXXX533c")],
            (
                "2 wallets hold INR 200.00, just refreshed: "
                "Freecharge XXXXXX545d 100.00, Freecharge XXXXXX533c 100.00."
            ),
            id="two codes of one name are told apart",
        ),
        pytest.param(
            [make_wallet(), make_wallet()],
            "2 wallets hold INR 200.00, just refreshed: Paytm 100.00, Paytm 100.00.",
            id="two of one provider without ids",
        ),
        pytest.param(
            [make_wallet(f"PAY{number}", "1") for number in range(10)],
            (
                "10 wallets hold INR 10.00, just refreshed: PAY0 1.00, PAY1 1.00, PAY2 1.00, PAY3 1.00, "
                "PAY4 1.00, PAY5 1.00, PAY6 1.00, PAY7 1.00 and 2 more."
            ),
            id="eight are named",
        ),
        pytest.param(
            [make_wallet(balance=None)], "No wallet balance is known. Balance unknown: Paytm.", id="balance unknown"
        ),
        pytest.param(
            [make_wallet(), make_wallet("MOBIKWIK", None), UNLINKED, UNSAID],
            (
                "Paytm holds INR 100.00, just refreshed. "
                "Balance unknown: MobiKwik; not linked: Freecharge; link state unknown: PhonePe."
            ),
            id="what isn't counted, and why",
        ),
        pytest.param(
            [UNLINKED],
            "No wallet is known to be linked, so no balance is known. Not linked: Freecharge.",
            id="not linked",
        ),
        pytest.param(
            [UNSAID],
            "No wallet is known to be linked, so no balance is known. Link state unknown: PhonePe.",
            id="link state unknown",
        ),
        pytest.param(
            [make_wallet(), make_wallet("SIMPL", "10000", refreshed=None), make_wallet("LAZYPAY", None)],
            (
                "Paytm holds INR 100.00, just refreshed. "
                "Pay-later credit, not counted: Simpl 10,000.00 (of unknown age), LazyPay unknown."
            ),
            id="credit",
        ),
        pytest.param(
            [make_wallet("SIMPL", "10000")],
            "No wallet balance is known. Pay-later credit, not counted: Simpl 10,000.00.",
            id="credit alone",
        ),
        pytest.param(
            [make_wallet("SIMPL", linked=False)],
            "No wallet is known to be linked, so no balance is known. Not linked: Simpl.",
            id="credit that isn't linked",
        ),
    ],
)
def test_the_summary_says_what_a_support_agent_would(held: list[Wallet], sentences: str) -> None:
    assert summarize(make_snapshot(*held)) == sentences


@pytest.mark.parametrize(
    ("refreshed", "age"),
    [
        pytest.param(NOW, "just refreshed", id="now"),
        pytest.param(ago(minutes=5), "just refreshed", id="five minutes"),
        pytest.param(ago(minutes=5, seconds=1), "5 minutes old", id="a second more"),
        pytest.param(ago(minutes=59, seconds=59), "59 minutes old", id="almost an hour"),
        pytest.param(ago(hours=1), "1 hour old", id="an hour"),
        pytest.param(ago(hours=23, minutes=59), "23 hours old", id="almost a day"),
        pytest.param(ago(days=1), "1 day old", id="a day"),
        pytest.param(ago(days=400), "400 days old", id="more than a year"),
        pytest.param(ago(minutes=-5), "just refreshed", id="a clock that is a little ahead"),
        pytest.param(ago(minutes=-6), "of unknown age", id="a clock that is far ahead"),
        pytest.param(None, "of unknown age", id="not said"),
    ],
)
def test_an_age_is_said_in_the_largest_unit_that_is_whole(refreshed: datetime | None, age: str) -> None:
    assert summarize(make_snapshot(make_wallet(refreshed=refreshed))) == f"Paytm holds INR 100.00, {age}."


@pytest.mark.parametrize(
    ("refreshed", "age"),
    [
        pytest.param(ago(hours=2), "2 hours old", id="two hours"),
        pytest.param(ago(minutes=1), "1 minute old", id="a minute"),
        pytest.param(ago(seconds=1), "1 minute old", id="a second, rounded up"),
        pytest.param(None, "of unknown age", id="not said"),
    ],
)
def test_a_stored_balance_is_never_called_refreshed(refreshed: datetime | None, age: str) -> None:
    snapshot = make_snapshot(make_wallet(refreshed=refreshed), source="last_known")
    assert summarize(snapshot) == f"{FAILED} Paytm holds INR 100.00, {age}."


def test_a_reply_of_unreadable_entries_alone_isn_t_taken_for_an_empty_one() -> None:
    assert summarize(make_snapshot(unreadable=3)) == "No wallet could be read."


def test_a_reply_that_says_it_is_cut_short_isn_t_taken_for_an_empty_one() -> None:
    assert "The customer has no wallets." not in summarize(make_snapshot(incomplete=True))


@given(snapshots)
def test_a_summary_is_one_to_four_whole_sentences(snapshot: Snapshot) -> None:
    summary = summarize(snapshot)
    assert summary.endswith(".")
    assert 1 <= summary.count(". ") + 1 <= 4


def unknown_age(source: Source) -> Snapshot:
    return make_snapshot(make_wallet(refreshed=None), source=source)


@pytest.mark.parametrize(
    ("snapshot", "sentences"),
    [
        pytest.param(make_snapshot(), [], id="no wallets"),
        pytest.param(make_snapshot(make_wallet(), UNLINKED), [], id="all is as it should be"),
        pytest.param(
            make_snapshot(make_wallet(refreshed=ago(hours=2)), source="last_known"),
            ["The refresh failed: these are balances Juspay stored earlier, not the present ones."],
            id="the refresh failed",
        ),
        pytest.param(
            make_snapshot(make_wallet(refreshed=ago(minutes=6))),
            ["At least one balance is older than five minutes."],
            id="a stale balance",
        ),
        pytest.param(
            make_snapshot(make_wallet(linked=False, refreshed=ago(minutes=6))), [], id="a stale one, unlinked"
        ),
        pytest.param(unknown_age("refresh"), ["At least one balance's age is not known."], id="a balance of any age"),
        pytest.param(
            make_snapshot(make_wallet(balance=None, refreshed=None)),
            ["At least one linked wallet's balance is not known; it is not zero, and not in the total."],
            id="a balance unknown",
        ),
        pytest.param(
            make_snapshot(make_wallet("SIMPL")),
            ["Pay-later wallets are credit: shown, but not counted in the total."],
            id="credit",
        ),
        pytest.param(
            make_snapshot(UNSAID),
            ["Juspay doesn't say whether at least one wallet is linked; it is not in the total."],
            id="a link state unknown",
        ),
        pytest.param(
            make_snapshot(unreadable=1), ["At least one entry of Juspay's reply could not be read."], id="an entry"
        ),
        pytest.param(
            make_snapshot(make_wallet(unreadable_parts=1)),
            ["At least one entry of Juspay's reply could not be read."],
            id="a part",
        ),
        pytest.param(
            make_snapshot(incomplete=True),
            ["Juspay's reply lists fewer wallets than it says the customer has."],
            id="a reply shorter than its own total",
        ),
    ],
)
def test_a_notice_stands_where_it_applies(snapshot: Snapshot, sentences: list[str]) -> None:
    assert notices(snapshot, len(snapshot.wallets)) == sentences


def test_a_notice_says_that_wallets_are_left_out() -> None:
    expected = ["Not all wallets are listed here; the total and the counts cover all of them."]
    assert notices(make_snapshot(make_wallet(), make_wallet()), 1) == expected


def test_all_notices_can_stand_together() -> None:
    held = [
        make_wallet(refreshed=ago(hours=2)),
        make_wallet(refreshed=None),
        make_wallet("SIMPL", None),
        UNSAID,
    ]
    refreshed = make_snapshot(*held, unreadable=1, incomplete=True)
    stored = make_snapshot(*held, unreadable=1, incomplete=True, source="last_known")
    assert (len(notices(refreshed, 1)), len(notices(stored, 1))) == (8, 8)
