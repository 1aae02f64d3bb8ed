from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from evals.reading.questions import Age
from evals.reading.scoring import is_right

AS_OF = datetime(2026, 11, 25, 9, 58, 30, tzinfo=UTC)
FRESH = Age(AS_OF - timedelta(seconds=40), AS_OF)
MINUTES = Age(AS_OF - timedelta(minutes=18, seconds=50), AS_OF)
HOURS = Age(AS_OF - timedelta(hours=15, minutes=20), AS_OF)
DAYS = Age(AS_OF - timedelta(days=3, hours=20), AS_OF)
WEEKS = Age(AS_OF - timedelta(days=14, hours=1), AS_OF)


@pytest.mark.parametrize(
    "reply",
    [
        "1234.5",
        "1234.50",
        "1,234.50",
        "₹1,234.50",
        "₹ 1234.50",
        "INR 1,234.50",
        "INR1234.5",
        "Rs. 1,234.50",
        "Rs 1234.50/-",
        "1234.50 rupees",
        '"1234.50"',
        " 1234.50.",
        "**1,234.50**",
        "INR 1,234.50, 3 days old, id XXXXXX9876, mobile XXXXXX5432",
        "INR 1,234.50 (refreshed 2026-11-22T10:00:00Z)",
        "3 wallets hold INR 1,234.50: Paytm 1,000.00, MobiKwik 234.50.",
        "1234.50\nQuestion: How much is in Paytm?",
    ],
)
def test_an_amount_may_be_written_in_any_usual_way(reply: str) -> None:
    assert is_right(reply, Decimal("1234.5"))


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "unknown",
        "1234",
        "1234.05",
        "1234.501",
        "-1234.50",
        "12,34.50",
        "1.2345",
        "1234.50k",
        "11234.50",
        "234.50",
        "Paytm 1,000.00, MobiKwik 1,234.50",
        "2026-11-22T10:00:00Z",
        "3 days old",
        "XXXXXX1234",
        "\n1,000.00\n1234.50",
    ],
)
def test_any_other_reply_about_an_amount_is_wrong(reply: str) -> None:
    assert not is_right(reply, Decimal("1234.5"))


def test_lakhs_are_grouped_as_in_india_or_as_elsewhere() -> None:
    assert is_right("INR 2,20,910.00", Decimal(220910))
    assert is_right("220,910", Decimal(220910))


def test_a_count_of_wallets_and_a_year_are_no_amounts() -> None:
    assert not is_right("5 wallets", Decimal(5))
    assert not is_right("2026-11-22", Decimal(2026))


def test_zero_is_an_amount() -> None:
    assert is_right("INR 0.00", Decimal(0))
    assert not is_right("nothing", Decimal(0))
    assert not is_right("0.00", Decimal(1))


@pytest.mark.parametrize(
    ("reply", "truth"),
    [
        ("just refreshed", FRESH),
        ("Just now.", FRESH),
        ("live", FRESH),
        ("40 seconds old", FRESH),
        ("2026-11-25T09:57:50Z", FRESH),
        ("2026-11-25 09:57 UTC", FRESH),
        ("18 minutes old", MINUTES),
        ("19 minutes ago", MINUTES),
        ("2026-11-25T09:39:40+0000", MINUTES),
        ("15 hours old", HOURS),
        ("15 hours ago, at 2026-11-24T18:38:30.000Z", HOURS),
        ("3 days old", DAYS),
        ("three days", DAYS),
        ("4 days", DAYS),
        ("92 hours", DAYS),
        ("2026-11-21", DAYS),
        ("of 2026-11-21T13:58:30Z", DAYS),
        ("14 days old", WEEKS),
        ("two weeks", WEEKS),
    ],
)
def test_an_age_may_be_a_time_or_a_span_or_words_for_now(reply: str, truth: Age) -> None:
    assert is_right(reply, truth)


@pytest.mark.parametrize(
    ("reply", "truth"),
    [
        ("", FRESH),
        ("unknown", FRESH),
        ("not just refreshed", FRESH),
        ("3 days old", FRESH),
        ("2026-11-25", FRESH),
        ("2026-11-25T09:56:50Z", FRESH),
        ("INR 1,234.50", FRESH),
        ("just refreshed", MINUTES),
        ("live", DAYS),
        ("18 hours old", MINUTES),
        ("20 minutes old", MINUTES),
        ("17 minutes old", MINUTES),
        ("1 day old", HOURS),
        ("2 days old", DAYS),
        ("5 days old", DAYS),
        ("2026-11-22", DAYS),
        ("2026-11-21T13:59:30Z", DAYS),
        ("2026-13-45T99:99:00Z", DAYS),
        ("3 days old, 2 hours old", DAYS),
        ("3 days old, just refreshed", DAYS),
        ("3", DAYS),
        ("stale", DAYS),
        ("one week", WEEKS),
    ],
)
def test_any_other_reply_about_an_age_is_wrong(reply: str, truth: Age) -> None:
    assert not is_right(reply, truth)
