"""Amounts: exact decimals from the bytes of a reply to the string in an answer, never a float."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact

_AMOUNT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_MAX_INTEGER_DIGITS = 18
_MAX_DECIMALS = 30
_MAX_LENGTH = 64  # of an amount in a string, white space included
_MINOR_UNIT = Decimal("0.01")
# Wide enough for a million of the largest amounts; rounding would be a bug, so it raises.
_EXACT = Context(prec=60, traps=[Inexact])


def parse_amount(value: object) -> Decimal | None:
    """The amount in `value`, a `Decimal` or a string; None where it is no finite number of sensible size.

    The size limits (18 digits before the point, 30 after it) keep `1e999999` from becoming a million digits.
    """
    if isinstance(value, str) and len(value) <= _MAX_LENGTH and _AMOUNT.fullmatch(text := value.strip()):
        value = Decimal(text)
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    return value if _fits(value) else None


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    result = Decimal(0)
    for amount in amounts:
        result = _EXACT.add(result, amount)
    return result


def format_amount(amount: Decimal) -> str:
    """Exact digits, plain notation, at least two decimals, no negative zero: `109.55`, `100.00`, `0.125`."""
    return format(_at_least_two_decimals(amount), "f")


def format_grouped(amount: Decimal) -> str:
    """The same with thousands separated, for a sentence: `1,234.50`."""
    return format(_at_least_two_decimals(amount), ",f")


def _at_least_two_decimals(amount: Decimal) -> Decimal:
    if amount == 0:
        amount = amount.copy_abs()
    return amount if _decimals(amount) >= _decimals(_MINOR_UNIT) else _EXACT.quantize(amount, _MINOR_UNIT)


def _fits(amount: Decimal) -> bool:
    return amount.adjusted() < _MAX_INTEGER_DIGITS and _decimals(amount) <= _MAX_DECIMALS


def _decimals(amount: Decimal) -> int:
    return -int(amount.as_tuple().exponent)
