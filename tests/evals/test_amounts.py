"""Money is found in whatever form a model writes it, and nothing else is taken for it."""

from decimal import Decimal

import pytest

from evals.amounts import currencies_of, read_amounts


def values(text: str) -> list[str | None]:
    """The amounts of a text, without zeros at their end."""
    return [None if each.value is None else f"{each.value.normalize():f}" for each in read_amounts(text).amounts]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Paytm holds INR 1,250.50.", ["1250.5"]),
        ("₹1,23,456.50", ["123456.5"]),
        ("₹123,456.50", ["123456.5"]),
        ("Rs.1250.50/-", ["1250.5"]),
        ("Rs1250 or 1250rs or 1250INR", ["1250", "1250", "1250"]),
        ("कुल १,७७०.४९ रुपये हैं।", ["1770.49"]),
        ("மொத்தம் ரூ 1,770.49", ["1770.49"]),
        ("மொத்தம் ௧௨௫௦ ரூபாய்", ["1250"]),
        ("１２５０.５０", ["1250.5"]),
        ("**₹1,250**.50", ["1250.5"]),
        ("1\u202f250.50", ["1250.5"]),
        ("1\u200b250.50", ["1250.5"]),
        ("1250 rupees and 50 paise", ["1250.5"]),
        ("1.5 lakh rupees, ₹10k, 2 हज़ार", ["150000", "10000", "2000"]),
        ("-25.50 and \u221225.50 and Paytm - 25.50", ["-25.5", "-25.5", "25.5"]),
        ("paytm1250 and INR_5000", ["1250", "5000"]),
        ("₹3 days of", ["3"]),
        ("₹50 wallets", ["50"]),
        ("89.99, 430.00; 12.50", ["89.99", "430", "12.5"]),
        ("zero balance", ["0"]),
        ("बैलेंस शून्य है", ["0"]),
        ("Balance: 5000", ["5000"]),
        ("MobiKwik (16)", ["16"]),
        ("₹2 of 3", ["2", "3"]),
        ("wallet 1500, error 500.50, since 2026.50", ["1500", "500.5", "2026.5"]),
        ("12,50.50", [None]),
        ("five thousand rupees", [None]),
        ("fifty rupees", [None]),
        ("two lakh", [None]),
        ("पाँच सौ रुपये", [None]),
        ("ek hazaar rupaye", [None]),
        ("ஐநூறு and ஐந்து ஆயிரம் ரூபாய்", [None]),
        ("| Paytm | 1,250.50 |", ["1250.5"]),
        ("- 17.00", ["17"]),
        ("1. Paytm: ₹15.00\n2. MobiKwik: ₹16.00", ["15", "16"]),
    ],
)
def test_an_amount_is_read_exactly(text: str, found: list[str | None]) -> None:
    assert values(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "as of 2026-11-23 09:30 UTC",
        "2026-11-23T09:30:00Z",
        "on 23 November 2026, or November 23, 2026, or 23rd Nov, or 23/11/2026",
        "२३ नवंबर २०२६ को",
        "at 9:30 AM, 10 pm, 09:30:15",
        "3 days old, 2 hours ago, 5-minute, within 5 minutes, 24 hours",
        "3 दिन पुराना, २ घंटे पहले, 3 din purana, 2 ghante, 3 நாட்கள், 2 மணி நேரம்",
        "try again in 120 seconds",
        "2 wallets, 3 linked wallets, 2 of 3 wallets, 2 of the 3 linked wallets, 16 more, 4 others",
        "3 में से 2 वॉलेट, ३ वॉलेट",
        "50%, 12.5 percent, 10 प्रतिशत",
        "XXXXXX3210, XXXXXXw9ab, ending in 3210, last four digits are 3210, ****3210, xx78",
        "cth_eN4e4kR12CJV, wlt_q7paytm2zk4xw9ab, 7c3679c9-9fdd-5aca-9f91-f5def6a03a80",
        "asha.rao@example.com, +919812345678",
        "HTTP 403, status 503",
        "1. Ask for the id\n2) Wait\n",
        "unknown, not zero; it isn't zero; never 0; rather than zero; not ₹0.00; that doesn't mean it is zero",
        "शून्य नहीं है; zero nahi hai; பூஜ்ஜியம் அல்ல",
        "support is there 24x7",
        "HTTP 500, error 503, a 502 response, error code 422",
        "only 1 of 3 is linked; 2 are linked; 1 not linked",
        "wait 1-2 minutes, or 2 to 3 hours",
        "an id has 1 to 128 characters; the last 4 digits",
        "wallet 1, wallet #2, (3), #4, since 2026",
        "one of the wallets, two days ago, एक वॉलेट",
        "",
    ],
)
def test_what_is_not_money_is_left_alone(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("₹5", {"INR"}),
        ("Rs. 5, rupees, रुपये, ரூபாய், rupaye", {"INR"}),
        ("5 dollars", {"USD"}),
        ("$5 and US$5", {"USD"}),
        ("5USD", {"USD"}),
        ("€5 or £5", {"EUR", "GBP"}),
        ("years, users, fiRst, hours", set()),
    ],
)
def test_a_currency_is_known_by_its_signs_and_words(text: str, named: set[str]) -> None:
    assert currencies_of(text) == named


def test_an_amount_knows_the_currency_beside_it() -> None:
    first, second, third = read_amounts("₹5, 6 dollars and 7").amounts
    assert (first.currency, second.currency, third.currency) == ("INR", "USD", None)
    assert first.value == Decimal(5)
