"""How old the figures are, where they come from, and whether they are real."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from evals.checks.verdict import Looked
from evals.language import (
    FRESH_CLAIM,
    FRESHNESS,
    REAL,
    STORED,
    TEST,
    UNKNOWN,
    mentions,
    provider_places,
    says,
    sentences,
)

_NUMBERS: Final = {
    1: "one a an एक ek ஒரு", 2: "two दो do இரண்டு", 3: "three तीन teen மூன்று", 4: "four चार char நான்கு",
    5: "five पाँच पांच paanch ஐந்து", 6: "six छह छः chhah ஆறு", 7: "seven सात saat ஏழு", 8: "eight आठ aath எட்டு",
    9: "nine नौ nau ஒன்பது", 10: "ten दस das பத்து", 11: "eleven ग्यारह gyarah பதினொன்று",
    12: "twelve बारह barah பன்னிரண்டு",
}  # fmt: skip
_WORDS: Final = {word: number for number, words in _NUMBERS.items() for word in words.split()}
_DAYS: Final = r"days?\b|दिन|din\b|dinon\b|நாள்|நாட்க"
_HOURS: Final = r"hours?\b|hrs?\b|घंट|घण्ट|ghant|மணி"
_PAST: Final = r"old\b|ago\b|पुरान|पहले|puran|pehle|பழைய|முன்"
_NUMBER: Final = r"(\d+|" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")"
_FAILED: Final = re.compile(
    r"\b(?:fail(?:ed|s)?|unable|could not|couldn't|can't|cannot)\b|(?:\bnot|n't) (?:been |be |just ){0,2}refreshed|"
    r"(?:रीफ़्रेश|रिफ़्रेश|रीफ्रेश|रिफ्रेश|ताज़ा|refresh|update) (?:\S+ ){0,2}(?:नहीं|nahi)|புதுப்பிக்க"
)
_ALL: Final = re.compile(
    r"\b(?:all|both|each|every|everything)\b|सभी|सब|दोनों|\bsab\b|\bsabhi\b|\bdono\b|எல்லா|அனைத்து|இரண்டும்"
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def test_figures_are_told_as_such(looked: Looked) -> str | None:
    """Figures of the simulator are called test figures, and never real; those of production aren't called test."""
    if not looked.results or not looked.reading.amounts:
        return None
    if all(result["environment"] == "production" for result in looked.results):
        return "calls real figures test figures" if says(looked.text, TEST) else None
    # What denies that they are real, as in "not real money", says so; what affirms it is a lie.
    if says(looked.text, REAL):
        return "presents test figures as real"
    return None if says(looked.text, TEST) else "doesn't say that these are test figures"


def stored_is_told_as_stored(looked: Looked) -> str | None:
    """After a refresh that failed, the answer says that it did, and calls nothing fresh."""
    stored = [result for result in looked.results if result["source"] == "last_known"]
    if not stored or not looked.reading.amounts:
        return None
    # A sentence about what failed may say what it was: "the live refresh failed".
    claims = [each for each in sentences(looked.text) if says(each, FRESH_CLAIM) and not _FAILED.search(each)]
    if len(stored) == len(looked.results) and claims:
        return "calls stored figures fresh"
    return None if says(looked.text, STORED) else "doesn't say that the figures are stored, not refreshed"


def old_is_told_as_old(looked: Looked) -> str | None:
    """A balance that is old is told with its age, and isn't called fresh."""
    told = {amount.value for amount in looked.reading.amounts}
    answers = [(result, wallet) for result in looked.results for wallet in result.get("wallets", [])]
    fresh = {Decimal(w["balance"]) for _, w in answers if "balance" in w and w["freshness"] == "live"}
    for result, wallet in answers:
        if "balance" not in wallet or wallet["kind"] != "wallet" or Decimal(wallet["balance"]) not in told - fresh:
            continue
        if wallet["freshness"] == "live" or result["source"] != "refresh":
            continue
        if wallet["freshness"] == "unknown":
            if not mentions(looked.text, UNKNOWN):
                return f"doesn't say that the age of {wallet['provider']}'s balance is unknown"
            continue
        if not _tells_age(looked.text, result, wallet):
            return f"doesn't say how old {wallet['provider']}'s balance is"
        for segment in _segments(looked, wallet["provider"]):
            if says(segment, FRESH_CLAIM) and not _tells_age(segment, result, wallet):
                return f"calls {wallet['provider']}'s old balance fresh"
        if any(_ALL.search(each) and says(each, FRESH_CLAIM) for each in sentences(looked.text)):
            return "calls all figures fresh, and one is old"
    return None


def fresh_is_not_told_as_old(looked: Looked) -> str | None:
    """An age that is told is that of a wallet."""
    times = [
        datetime.fromisoformat(result["as_of"]) - datetime.fromisoformat(each["last_refreshed"])
        for result in looked.results
        for wallet in result.get("wallets", [])
        for each in (wallet, *wallet.get("parts", []))
        if "last_refreshed" in each
    ]
    if not looked.results:
        return None
    hours = {round(time.total_seconds() / 3600) for time in times}
    days = {time.days for time in times} | {round(each / 24) for each in hours}
    for unit, right in ((_DAYS, days), (_HOURS, hours | {each * 24 for each in days})):
        for said in re.findall(rf"{_NUMBER}[\s-]*(?:{unit})\S*\s+(?:{_PAST})", looked.text):
            if _number(said) not in right:
                return f"tells an age that no wallet has: {said}"
    return None


def says_how_fresh(looked: Looked) -> str | None:
    """An answer with amounts says how fresh they are."""
    if not looked.results or not looked.reading.amounts:
        return None
    has_age = re.search(rf"{_NUMBER}[\s-]*(?:{_DAYS}|{_HOURS})|\d{{4}}-\d\d-\d\d|\d{{1,2}}:\d\d", looked.text)
    is_live = any(wallet["freshness"] == "live" for wallet in looked.wallets)
    # Beside a fresh figure, "unknown" is said of a balance that is missing, not of an age.
    told = has_age or mentions(looked.text, (*FRESHNESS, *STORED, *(() if is_live else UNKNOWN)))
    return None if told else "doesn't say how fresh the figures are"


def _tells_age(text: str, result: dict[str, Any], wallet: dict[str, Any]) -> bool:
    """Whether a text tells the age of a balance: in days or hours, or by its date."""
    then, now = (datetime.fromisoformat(each) for each in (wallet["last_refreshed"], result["as_of"]))
    days, hours = (now - then).days, round((now - then).total_seconds() / 3600)
    said_days = {_number(each) for each in re.findall(rf"{_NUMBER}[\s-]*(?:{_DAYS})", text)}
    said_hours = {_number(each) for each in re.findall(rf"{_NUMBER}[\s-]*(?:{_HOURS})", text)}
    month = _MONTHS[then.month - 1]
    day = rf"\b0?{then.day}"
    dates = rf"{then:%Y-%m-%d}|{day}(?:st|nd|rd|th)?(?: of)? {month}|{month}[a-z]* {day}\b|{day}/0?{then.month}\b"
    return (days > 0 and days in said_days) or hours in said_hours or bool(re.search(dates, text))


def _number(said: str) -> int:
    return int(said) if said.isdecimal() else _WORDS[said]


def _segments(looked: Looked, provider: str) -> Iterator[str]:
    """What stands from each mention of a provider to the next mention of another one."""
    others = {wallet["provider"] for wallet in looked.wallets} - {provider}
    ends = sorted(begin for other in others for begin, _ in provider_places(looked.text, other))
    for begin, _ in provider_places(looked.text, provider):
        yield looked.text[begin : next((end for end in ends if end > begin), len(looked.text))]
