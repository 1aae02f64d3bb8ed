import re
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from juspay_mcp.answer.snapshot import Snapshot, Source
from juspay_mcp.answer.summary import notices, summarize
from juspay_mcp.juspay.providers import WALLETS
from juspay_mcp.juspay.wallets import Wallet
from juspay_mcp.settings.load import Environment
from juspay_mcp.values.amounts import format_amount, format_grouped
from tests.support.builders import ago, make_part, make_snapshot, make_wallet
from tests.support.common import NOW
from tests.support.snapshots import environments, snapshots

NOT_REFRESHED = "Not refreshed: this is what Juspay had stored."
UNLINKED = make_wallet("FREECHARGE", None, linked=False)
UNSAID = make_wallet("PHONEPE", "8.00", linked=None)


def summary_of(*held: Wallet, source: Source = "refresh") -> str:
    return summarize(make_snapshot(*held, source=source), "production")


@pytest.mark.parametrize(
    ("held", "sentences"),
    [
        pytest.param([], "The customer has no wallets.", id="no wallets"),
        pytest.param([make_wallet()], "Paytm holds INR 100.00, just refreshed.", id="one wallet"),
        pytest.param([make_wallet(balance="220910")], "Paytm holds INR 2,20,910.00, just refreshed.", id="lakhs"),
        pytest.param(
            [make_wallet(), make_wallet("MOBIKWIK", "1234567.5")],
            "2 wallets hold INR 12,34,667.50, just refreshed: Paytm 100.00, MobiKwik 12,34,567.50.",
            id="two wallets",
        ),
        pytest.param(
            [make_wallet(refreshed=ago(days=1)), make_wallet("MOBIKWIK"), make_wallet("PHONEPE", refreshed=None)],
            (
                "3 wallets hold INR 300.00: Paytm 100.00 (1 day old), MobiKwik 100.00 (just refreshed), "
                "PhonePe 100.00 (of unknown age)."
            ),
            id="ages that differ",
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
        pytest.param([make_wallet(balance=None)], "The balance of Paytm is unknown.", id="balance unknown"),
        pytest.param(
            [make_wallet(), make_wallet("MOBIKWIK", None), UNLINKED, UNSAID],
            (
                "Paytm holds INR 100.00, just refreshed. The balance of MobiKwik is unknown; Freecharge is not "
                "linked; Juspay doesn't say whether PhonePe (INR 8.00, just refreshed) is linked."
            ),
            id="what isn't counted, and why",
        ),
        pytest.param([UNLINKED], "Freecharge is not linked.", id="not linked"),
        pytest.param(
            [make_wallet("FREECHARGE", "7.00", linked=False, refreshed=ago(days=12)), make_wallet(linked=False)],
            "Freecharge (INR 7.00, 12 days old) and Paytm (INR 100.00, just refreshed) are not linked.",
            id="not linked, with balances",
        ),
        pytest.param(
            [make_wallet("PHONEPE", None, linked=None)],
            "Juspay doesn't say whether PhonePe is linked.",
            id="link state and balance unknown",
        ),
        pytest.param(
            [make_wallet(), make_wallet("SIMPL", "10000", refreshed=None), make_wallet("LAZYPAY", None)],
            (
                "Paytm holds INR 100.00, just refreshed. Not counted as money: Simpl (pay-later credit "
                "INR 10,000.00, of unknown age) and LazyPay (pay-later credit, balance unknown)."
            ),
            id="credit",
        ),
        pytest.param(
            [make_wallet("TWID", "250"), make_wallet("TWID_V2", None)],
            (
                "Not counted as money: Twid (reward points 250.00, just refreshed) and Twid (reward points, balance "
                "unknown)."
            ),
            id="points",
        ),
        pytest.param(
            [make_wallet("NEWPAY", "12.34"), make_wallet("PAYTM", "1")],
            (
                "Paytm holds INR 1.00, just refreshed. "
                "Not counted as money: an unlisted provider (12.34, just refreshed)."
            ),
            id="an unlisted provider",
        ),
        pytest.param(
            [make_wallet("EPAYLATER", linked=False, balance=None)], "ePayLater is not linked.", id="a small letter"
        ),
    ],
)
def test_the_summary_says_what_a_support_agent_would(held: list[Wallet], sentences: str) -> None:
    assert summary_of(*held) == sentences


def many(number: int, first: timedelta = timedelta(), **changed: Any) -> list[Wallet]:
    """So many wallets, each a day older than the one before; `changed` is the same for all."""
    named = [code for code in WALLETS if "_" not in code]
    made = [make_wallet(code, "1", refreshed=NOW - first * place) for place, code in enumerate(named[:number])]
    return [replace(wallet, **changed) for wallet in made]


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("held", "end"),
    [
        pytest.param(many(9), "Google Pay 1.00 and 1 more.", id="nine"),
        pytest.param(many(40), "Google Pay 1.00 and 32 more.", id="forty"),
        pytest.param(many(40, DAY), " (7 days old) and 32 more, the oldest 39 days old.", id="each a day older"),
        pytest.param(
            [*many(10, DAY), *many(3, last_refreshed=None)],
            " (7 days old) and 5 more, the oldest 9 days old, 3 of unknown age.",
            id="some unknown",
        ),
    ],
)
def test_eight_wallets_are_named_and_the_oldest_of_the_others_is_described(held: list[Wallet], end: str) -> None:
    summary = summary_of(*held)
    assert summary.endswith(end.removeprefix("GoPay 1.00").removeprefix("Google Pay 1.00"))
    assert summary.count(" 1.00") == min(8, len(held))


def test_at_most_eight_wallets_are_named_in_all_sentences_together() -> None:
    held = [*many(7), *many(3, linked=False), *many(2, balance=None), *[make_wallet("SIMPL"), make_wallet("TWID")]]
    summary = summary_of(*held)
    assert summary.endswith(
        " 1.00. The balances of Airtel Money and 1 more are unknown; 3 others are not linked. "
        "Not counted as money: 2 others."
    )


@pytest.mark.parametrize(
    ("environment", "source", "opening"),
    [
        ("production", "refresh", "Paytm holds INR 100.00, just refreshed."),
        ("production", "last_known", f"{NOT_REFRESHED} Paytm holds INR 100.00, 1 minute old."),
        ("sandbox", "refresh", "Test figures (sandbox), not real money: Paytm holds INR 100.00, just refreshed."),
        (
            "sandbox",
            "last_known",
            (
                "Test figures (sandbox), not real money, not refreshed: this is what Juspay had stored. "
                "Paytm holds INR 100.00, 1 minute old."
            ),
        ),
        ("simulator", "refresh", "Test figures (simulator), not real money: Paytm holds INR 100.00, just refreshed."),
    ],
)
def test_the_first_words_say_that_figures_are_not_real_or_not_refreshed(
    environment: Environment, source: Source, opening: str
) -> None:
    assert summarize(make_snapshot(make_wallet(), source=source), environment) == opening


@pytest.mark.parametrize(
    ("snapshot", "environment", "sentences"),
    [
        (make_snapshot(), "simulator", "Test figures (simulator), not real money: the customer has no wallets."),
        (make_snapshot(source="last_known"), "production", f"{NOT_REFRESHED} The customer has no wallets."),
        (make_snapshot(unreadable=3), "production", "No wallet could be read."),
        (make_snapshot(incomplete=True), "production", "No wallet could be read."),
        (
            make_snapshot(make_wallet(), unreadable=1, incomplete=True),
            "production",
            (
                "Paytm holds INR 100.00, just refreshed. "
                "1 entry could not be read; Juspay's reply leaves out some wallets."
            ),
        ),
        (
            make_snapshot(UNLINKED, unreadable=2),
            "production",
            "Freecharge is not linked; 2 entries could not be read.",
        ),
    ],
)
def test_a_reply_that_could_not_be_read_is_not_taken_for_an_empty_one(
    snapshot: Snapshot, environment: Environment, sentences: str
) -> None:
    assert summarize(snapshot, environment) == sentences


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
    assert summary_of(make_wallet(refreshed=refreshed)) == f"Paytm holds INR 100.00, {age}."


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
    said = summary_of(make_wallet(refreshed=refreshed), source="last_known")
    assert said == f"{NOT_REFRESHED} Paytm holds INR 100.00, {age}."


@given(snapshots, environments)
def test_a_summary_is_one_to_four_whole_sentences(snapshot: Snapshot, environment: Environment) -> None:
    summary = summarize(snapshot, environment)
    assert summary.endswith(".")
    assert 1 <= summary.count(". ") + 1 <= 4
    assert not summary[0].islower() or summary.startswith(("mRupee", "ePayLater"))


@given(snapshots, environments)
def test_a_summary_never_calls_a_balance_unknown_that_the_wallets_show(
    snapshot: Snapshot, environment: Environment
) -> None:
    known = tuple(wallet for wallet in snapshot.wallets if wallet.balance is not None)
    summary = summarize(replace(snapshot, response=replace(snapshot.response, wallets=known)), environment)
    assert not re.search(r"balances? (?:of .* )?(?:is|are|unknown)", summary)
    assert "no balance" not in summary.lower()
    amounts = {format_grouped(format_amount(wallet.balance or Decimal(0)), "INR") for wallet in known}
    assert len(known) > 8 or all(amount in summary for amount in amounts)


@given(snapshots, environments)
def test_no_notice_repeats_the_summary_or_another_notice(snapshot: Snapshot, environment: Environment) -> None:
    said = notices(snapshot, len(snapshot.wallets) // 2)
    summary = summarize(snapshot, environment)
    clauses = re.split(r"[.;:] ?", summary)
    assert len(set(said)) == len(said)
    assert not any(clause and clause.lower() in notice.lower() for clause in clauses for notice in said)
    assert not any(notice.rstrip(".").lower() in summary.lower() for notice in said)
    assert all(len(notice) <= 110 for notice in said)


FAILED = "The refresh failed, so these balances may have changed since; ask again in a few minutes."
UNKNOWN = "A balance that is unknown isn't zero, and isn't in the total."
TWICE = "Juspay listed a wallet twice, in entries that differ, so its balance is unknown here."
BREAKDOWN = "A wallet's own breakdown says another figure than its balance."
ONLY_LINKED = "Only wallets that Juspay says are linked are in the total."
CREDIT = "Pay-later is credit, not the customer's money, so it isn't in the total."
POINTS = "Reward points aren't money, so they aren't in the total."
UNLISTED = "A balance with an unlisted provider may be credit, so it isn't in the total."
LOST = "Entries of Juspay's reply that could not be read aren't in the counts or the total."
LOST_PARTS = "Some of a wallet's breakdown could not be read."
SHORT = "Juspay's reply lists fewer wallets than its own total says, so the total here may be too low."
ERROR = "Juspay's reply reports an error as well, so wallets or balances may be missing."
PARTS = "Not all of a wallet's breakdown is listed here."


@pytest.mark.parametrize(
    ("snapshot", "sentences"),
    [
        pytest.param(make_snapshot(), [], id="no wallets"),
        pytest.param(make_snapshot(make_wallet(), UNLINKED), [], id="all is as it should be"),
        pytest.param(make_snapshot(make_wallet(refreshed=ago(hours=2)), source="last_known"), [FAILED], id="stored"),
        pytest.param(make_snapshot(make_wallet(refreshed=ago(minutes=6))), [], id="the summary says how old"),
        pytest.param(make_snapshot(make_wallet(balance=None)), [UNKNOWN], id="a balance unknown"),
        pytest.param(make_snapshot(make_wallet(balance=None, entries_differ=True)), [UNKNOWN, TWICE], id="twice"),
        pytest.param(
            make_snapshot(make_wallet(parts=(make_part(balance="1", is_own=True),))),
            [BREAKDOWN],
            id="another figure in a part",
        ),
        pytest.param(make_snapshot(make_wallet("SIMPL")), [CREDIT], id="credit"),
        pytest.param(make_snapshot(make_wallet("TWID")), [POINTS], id="reward points"),
        pytest.param(make_snapshot(make_wallet("NEWPAY")), [UNLISTED], id="an unlisted provider"),
        pytest.param(make_snapshot(UNSAID), [ONLY_LINKED], id="a link state unknown"),
        pytest.param(make_snapshot(make_wallet(linked=False)), [ONLY_LINKED], id="an unlinked wallet's balance"),
        pytest.param(make_snapshot(unreadable=1), [LOST], id="an entry"),
        pytest.param(make_snapshot(make_wallet(unreadable_parts=1)), [LOST_PARTS], id="a part"),
        pytest.param(make_snapshot(incomplete=True), [SHORT], id="a reply shorter than its own total"),
        pytest.param(make_snapshot(make_wallet(), reports_error=True), [ERROR], id="an error beside wallets"),
        pytest.param(make_snapshot(make_wallet(parts=(make_part(),) * 11)), [PARTS], id="more parts than are listed"),
    ],
)
def test_a_notice_stands_where_it_applies(snapshot: Snapshot, sentences: list[str]) -> None:
    assert notices(snapshot, len(snapshot.wallets)) == sentences


def test_all_notices_can_stand_together() -> None:
    wallet = make_wallet(
        "TWID",
        None,
        linked=None,
        entries_differ=True,
        unreadable_parts=1,
        parts=(make_part("SIMPL"), make_part("NEWPAY"), *[make_part("TWID", is_own=True)] * 9),
    )
    snapshot = make_snapshot(wallet, wallet, source="last_known", unreadable=1, incomplete=True, reports_error=True)
    assert len(notices(snapshot, 1)) == 14
