"""Whether a reply is right. The same rules for all three forms; no model judges.

An amount may be written in any usual way. An age may be a time to the minute, a span, or words such as "just now".
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

from evals.reading.questions import Age, Truth
from juspay_mcp.answer.snapshot import freshness
from juspay_mcp.values.timestamps import SECONDS

_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?(?: ?(?:Z|UTC|\+00:?00))?)?")
_NUMBER_WORDS = (
    "a",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_SPAN = re.compile(rf"\b(\d+|an|{'|'.join(_NUMBER_WORDS)}) (second|minute|hour|day|week)s?\b", re.IGNORECASE)
_FRESH = re.compile(r"\b(just (now|refreshed)|right now|live|current|fresh|moments? ago)\b", re.IGNORECASE)
_DENIAL = re.compile(r"\b(not|isn't|no longer|never|unknown)\b", re.IGNORECASE)
# What has digits but is no amount: a count of wallets, a masked id or number, a span, a time.
_NO_AMOUNT = re.compile(rf"\d+ wallets?\b|\bX{{3,}}\w*|{_SPAN.pattern}|{_TIME.pattern}", re.IGNORECASE)
# Grouped as in India (2,20,910) or by thousands.
_AMOUNT = re.compile(r"(?<![\w.,-])-?(?:\d{1,3}(?:,\d{2,3})*,\d{3}|\d+)(?:\.\d+)?(?![\w]|[.,]\d)")
_CURRENCY = re.compile(r"INR|Rs\.?|₹|/-|rupees?", re.IGNORECASE)
_UNITS = SECONDS | {"week": 7 * SECONDS["day"]}


def is_right(reply: str, truth: Truth) -> bool:
    """Whether the first line of a reply states the truth.

    Of several amounts the first counts, because some replies go on to list what a total is made of. Of several ages
    all must be right.
    """
    line = reply.strip().partition("\n")[0]
    match truth:
        case Age():
            said = [_is_time_of(found, truth) for found in _TIME.finditer(line)]
            said += [_is_span_of(found, truth) for found in _SPAN.finditer(line)]
            if _FRESH.search(line):
                said.append(freshness(*truth, "refresh") == "live")
            return bool(said) and all(said) and not _DENIAL.search(line)
        case Decimal():
            return _amounts(line)[:1] == [truth]


def _amounts(line: str) -> list[Decimal]:
    bare = _CURRENCY.sub(" ", _NO_AMOUNT.sub(" ", line))
    return [Decimal(found.replace(",", "")) for found in _AMOUNT.findall(bare)]


def _is_time_of(found: re.Match[str], truth: Age) -> bool:
    """A time to the minute; for a balance older than a day its date will do, as "3 days old" is no more exact."""
    date, minute = found.groups()
    if minute is None:
        return date == f"{truth.refreshed:%Y-%m-%d}" and _seconds(truth) >= SECONDS["day"]
    try:
        said = datetime.fromisoformat(f"{date}T{minute}").replace(tzinfo=UTC)
    except ValueError:
        return False
    return said == truth.refreshed.replace(second=0, microsecond=0)


def _is_span_of(found: re.Match[str], truth: Age) -> bool:
    """A span in whole units, rounded down or to the nearest; from a day on, the dates' difference in days too."""
    word, unit = found.group(1).lower(), found.group(2).lower()
    said = int(word) if word.isdigit() else 1 if word == "an" else max(1, _NUMBER_WORDS.index(word))
    units = _seconds(truth) / _UNITS[unit]
    if units < 1:
        return False
    right = {int(units), round(units)}
    if unit == "day":
        right.add((truth.as_of.date() - truth.refreshed.date()).days)
    return said in right


def _seconds(truth: Age) -> float:
    return (truth.as_of - truth.refreshed).total_seconds()
