import json
import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.values.amounts import format_amount, format_grouped, parse_amount, total
from juspay_mcp.values.strict_json import decode_json

whole_parts = st.from_regex(r"0|[1-9][0-9]{0,17}", fullmatch=True)
fractions = st.from_regex(r"[0-9]{0,12}", fullmatch=True)
amounts = st.builds(
    lambda sign, whole, fraction: f"{sign}{whole}{'.' if fraction else ''}{fraction}",
    st.sampled_from(["", "-"]),
    whole_parts,
    fractions,
)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        pytest.param(Decimal("109.55"), "109.55", id="a decimal"),
        pytest.param(Decimal(100), "100", id="an integer"),
        pytest.param(Decimal("-12.50"), "-12.50", id="negative"),
        pytest.param(" 95.10 ", "95.10", id="a string with space around it"),
        pytest.param("+.5", "0.5", id="a string with a sign and no leading zero"),
        pytest.param("1.5e2", "1.5E+2", id="a string in scientific notation"),
        pytest.param(Decimal("999999999999999999.999999999999"), "999999999999999999.999999999999", id="the largest"),
        pytest.param(Decimal("1E+17"), "1E+17", id="eighteen digits before the point, written short"),
        pytest.param(Decimal("1E-30"), "1E-30", id="thirty digits after the point"),
        pytest.param(Decimal("1." + "0" * 50), "1." + "0" * 50, id="fifty zeros after the point"),
    ],
)
def test_an_amount_is_read_with_its_exact_digits(value: object, amount: str) -> None:
    assert str(parse_amount(value)) == amount


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param("", id="empty"),
        pytest.param("abc", id="words"),
        pytest.param("1,000.00", id="grouped: a point elsewhere"),
        pytest.param("1_000", id="as Python would write it"),
        pytest.param("\u0661\u0660\u0660", id="another script's numerals"),
        pytest.param(".", id="a point alone"),
        pytest.param("1e9999", id="an exponent of four digits"),
        pytest.param("NaN", id="not a number, in words"),
        pytest.param(Decimal("NaN"), id="not a number"),
        pytest.param(Decimal("1E+18"), id="nineteen digits before the point"),
        pytest.param(Decimal("1E-31"), id="thirty-one digits after the point"),
        pytest.param(Decimal("1E+999999999"), id="a billion digits"),
        pytest.param(Decimal("9" * 5000), id="five thousand digits"),
        pytest.param(True, id="a boolean"),
        pytest.param(100, id="an int, which decoding never gives"),
        pytest.param(109.55, id="a float, whose digits aren't those of the response"),
    ],
)
def test_anything_else_is_unknown_and_never_zero(value: object) -> None:
    assert parse_amount(value) is None


@pytest.mark.parametrize("value", ["1" * 10_000 + "x", "1." + "1" * 10_000 + "x", " " * 10_000 + "x", "+" * 10_000])
def test_a_long_malformed_string_is_rejected_at_once(value: str) -> None:
    begun = time.process_time()
    assert parse_amount(value) is None
    assert time.process_time() - begun < 0.3


@pytest.mark.parametrize(
    ("amount", "plain"),
    [
        ("109.55", "109.55"),
        ("0.5", "0.50"),
        ("0.12500", "0.125"),
        ("1398.9800000000000", "1398.98"),
        ("1E+3", "1000.00"),
        ("1E-12", "0.000000000001"),
        ("0.30000000000000004",) * 2,
        ("0E-9", "0.00"),
        ("-0.0", "0.00"),
        ("-1234.5", "-1234.50"),
        ("999999999999999999.999999999999",) * 2,
    ],
)
def test_an_amount_has_two_decimals_or_as_many_more_as_it_needs(amount: str, plain: str) -> None:
    assert format_amount(Decimal(amount)) == plain


@pytest.mark.parametrize(
    ("digits", "rupees", "others"),
    [
        ("0.00", "0.00", "0.00"),
        ("-100.00", "-100.00", "-100.00"),
        ("1000.00", "1,000.00", "1,000.00"),
        ("220910.00", "2,20,910.00", "220,910.00"),
        ("-1234567.50", "-12,34,567.50", "-1,234,567.50"),
        ("123456789012345678.12", "1,23,45,67,89,01,23,45,678.12", "123,456,789,012,345,678.12"),
    ],
)
def test_rupees_are_grouped_as_in_india_and_other_currencies_in_thousands(
    digits: str, rupees: str, others: str
) -> None:
    assert (format_grouped(digits, "INR"), format_grouped(digits, "USD")) == (rupees, others)


@given(amounts)
def test_every_significant_digit_of_an_amount_reaches_the_answer(text: str) -> None:
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = digits.partition(".")
    expected = f"{sign if digits.strip('0.') else ''}{whole}.{fraction.rstrip('0').ljust(2, '0')}"
    number, string = decode_json(text.encode()), decode_json(json.dumps(text).encode())
    read = [parse_amount(number), parse_amount(string)]
    assert [format_amount(amount) for amount in read if amount is not None] == [expected, expected]


@given(amounts.map(Decimal), st.sampled_from(["INR", "USD", "JPY"]))
def test_grouping_adds_commas_and_nothing_else(amount: Decimal, currency: str) -> None:
    assert format_grouped(format_amount(amount), currency).replace(",", "") == format_amount(amount)


@given(st.decimals(allow_nan=True, allow_infinity=True) | st.text() | st.floats() | st.integers() | st.none())
def test_any_value_is_an_amount_within_the_limits_or_none(value: object) -> None:
    amount = parse_amount(value)
    assert amount is None or (abs(amount) < 10**18 and (Fraction(amount) * 10**30).denominator == 1)


@given(st.lists(amounts.map(Decimal)))
def test_a_total_is_the_exact_sum(summands: list[Decimal]) -> None:
    assert Fraction(total(summands)) == sum(map(Fraction, summands))


def test_a_million_of_the_largest_amounts_are_summed_without_rounding() -> None:
    largest = Decimal("999999999999999999.999999999999999999999999999999")
    assert str(total([largest] * 1_000_000)) == "999999999999999999999999.999999999999999999999999000000"
