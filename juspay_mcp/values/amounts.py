"""Amounts: exact decimals from the bytes of a response to the string in an answer, never a float."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact

_AMOUNT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_MAX_INTEGER_DIGITS = 18
_MAX_DECIMALS = 30
_MAX_LENGTH = 64  # of an amount in a string, white space included
_MIN_DECIMALS = 2
_THOUSANDS = re.compile(r"(?<=\d)(?=(?:\d{3})+$)")
_LAKHS = re.compile(r"(?<=\d)(?=(?:\d{2})*\d{3}$)")
# Wide enough for a million of the largest amounts; rounding would be a bug, so it raises.
_EXACT = Context(prec=60, traps=[Inexact])


def parse_amount(value: object) -> Decimal | None:
    """The amount in `value`, a `Decimal` or a string; None if it isn't a finite number of sensible size.

    The size limits (18 digits before the point, 30 after it) keep `1e999999` from becoming a million digits.
    """
    if isinstance(value, str) and len(value) <= _MAX_LENGTH and _AMOUNT.fullmatch(text := value.strip()):
        value = Decimal(text)
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    try:
        exact = _EXACT.normalize(value)  # without the zeros at its end, which don't count
    except Inexact:
        return None
    fits = exact.adjusted() < _MAX_INTEGER_DIGITS and _decimals(exact) <= _MAX_DECIMALS
    return value if fits else None


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    result = Decimal(0)
    for amount in amounts:
        result = _EXACT.add(result, amount)
    return result


def format_amount(amount: Decimal) -> str:
    """The exact value in plain notation, with two decimals or as many more as it needs, and no negative zero.

    `109.55`, `100.00`, `0.125`; `1398.98` for 1398.9800000000000.
    """
    exact = _EXACT.normalize(amount) if amount else Decimal(0)
    decimals = max(_decimals(exact), _MIN_DECIMALS)
    return format(_EXACT.quantize(exact, Decimal((0, (1,), -decimals))), "f")


def format_grouped(digits: str, currency: str) -> str:
    """The output of `format_amount` with separators: `2,20,910.00` for INR, as in India; otherwise `220,910.00`."""
    whole, _, decimals = digits.partition(".")
    return f"{(_LAKHS if currency == 'INR' else _THOUSANDS).sub(',', whole)}.{decimals}"


def _decimals(amount: Decimal) -> int:
    return -int(amount.as_tuple().exponent)
