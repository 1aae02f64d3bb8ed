"""The language of the answer, the words that a case asks for, and the next step after an error."""

import re
import unicodedata
from typing import Final

from evals.checks.verdict import Looked
from evals.language import AN_ID, LATER, mentions, says, script_of

_NEXT_STEP: Final[dict[str, tuple[str, ...]]] = {
    "customer_not_found": (
        "no customer", "not found", "no such customer", "doesn't know", "does not know", "knows no", "couldn't find",
        "could not find", "can't find", "unknown customer", "doesn't exist", "does not exist", "not recognized",
        "didn't find", "नहीं मिला", "नहीं जानता", "nahi mila", "nahi jaanta", "nahin mila", "கிடைக்கவில்லை", "இல்லை",
    ),
    "authentication_failed": (
        "credential", "credentials", "api key", "api_key", "juspay_api_key", "the key", "authentication", "क्रेडेंशियल",
    ),
    "access_denied": ("allow-list", "allowlist", "allow list", "whitelist", "allow-listed", "ip address", "ip"),
    "request_rejected": ("rejected", "juspay_merchant_id", "merchant id", "configuration", "settings", "setup"),
    "not_configured": ("credential", "credentials", "juspay_api_key", "not configured", "isn't configured", "set up"),
    "upstream_invalid": (
        "report", "people who run", "administrator", "support team", "whoever runs", "tell the team", "operators",
    ),
    "audit_unwritable": LATER,
    "invalid_customer_id": AN_ID,
    "upstream_unavailable": LATER,
    "upstream_timeout": LATER,
    "rate_limited": LATER,
}  # fmt: skip
"""What an answer has to speak of after each error: one of these."""
_RETRYABLE: Final = frozenset({"upstream_unavailable", "upstream_timeout", "rate_limited", "audit_unwritable"})
_SCRIPTS: Final = {"hi": "DEVANAGARI", "ta": "TAMIL"}
_HINGLISH: Final = re.compile(r"\b(?:hai|hain|mein|ka|ki|ke|nahi|nahin|aur|se|ko|yeh|ye|din|aap|kul|abhi)\b")


def next_step_is_right(looked: Looked) -> str | None:
    """After an error the answer says what to do: what the error says, and to try again only if it says so."""
    for code in set(looked.codes):
        # Of "try again later" it matters whether it is denied; of a word such as "credentials" it doesn't.
        found = says if _NEXT_STEP.get(code) is LATER else mentions
        if not found(looked.text, _NEXT_STEP.get(code, ())):
            return f"doesn't say what to do after {code}"
        if code not in _RETRYABLE and code != "invalid_customer_id" and says(looked.text, LATER):
            return f"says to try again later after {code}, which won't help"
        if code == "rate_limited" and not _names_the_wait(looked, code):
            return "doesn't say how long to wait"
    return None


def in_the_language_of_the_question(looked: Looked) -> str | None:
    """The script is that of the question's language; Hinglish is Hindi in Latin letters."""
    if not looked.is_last or not looked.text.strip():
        return None
    language = looked.case.language
    if language in _SCRIPTS:
        # Names, currencies and codes stay in Latin letters, so a few words of the script are enough.
        has = sum(unicodedata.name(sign, "").startswith(_SCRIPTS[language]) for sign in looked.text)
        return None if has >= 10 else f"isn't in the language of the question ({language})"  # noqa: PLR2004 - letters
    if script_of(looked.text) != "LATIN":
        return f"isn't in the language of the question ({language})"
    if language == "hinglish" and len(_HINGLISH.findall(looked.text)) < 2:  # noqa: PLR2004 - one could be chance
        return "isn't in Hinglish"
    if language == "en" and len(_HINGLISH.findall(looked.text)) > 3:  # noqa: PLR2004 - more than a name or two
        return "isn't in English"
    return None


def says_what_the_case_asks_for(looked: Looked) -> str | None:
    """One of the phrases that the case lists is in the answer."""
    phrases = looked.case.says_one_of
    if not phrases or not looked.is_last or mentions(looked.text, phrases):
        return None
    return "says none of: " + ", ".join(f'"{each}"' for each in phrases)


def _names_the_wait(looked: Looked, code: str) -> bool:
    [seconds, *_] = [
        int(found[1])
        for call in looked.turn.calls
        if call.code == code and (found := re.search(r"(\d+) second", call.error or ""))
    ] or [0]
    if re.search(rf"\b{seconds}\s*(?:s\b|sec|सेकंड|सेकेंड|வினாடி|விநாடி)", looked.text):
        return True
    minutes, rest = divmod(seconds, 60)
    word = {1: "one|a|एक|ek|ஒரு", 2: "two|दो|do|இரண்டு"}.get(minutes, str(minutes))
    return rest == 0 and bool(re.search(rf"(?<!\w)(?:{minutes}|{word})\s*(?:min|मिनट|நிமிட)", looked.text))
