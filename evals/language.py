"""Words of English, Hindi, Hinglish and Tamil that say one thing, and whether a text says it or denies it."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

_INVISIBLE: Final = re.compile(r"[\u00ad\u200b\u2060\ufeff]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE_IN_NUMBER: Final = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")


def plain(text: str) -> str:
    """A text as the checks read it: small letters, ASCII digits, no Markdown, nothing invisible."""
    text = _SPACE_IN_NUMBER.sub("", _INVISIBLE.sub("", text))
    text = unicodedata.normalize("NFKC", re.sub(r"\*{3,}\s?(?=\d)", "xxxx", text))
    text = "".join(str(unicodedata.digit(sign)) if sign.isdigit() and not sign.isascii() else sign for sign in text)
    text = re.sub(r"[’‘`´]", "'", text).replace("\u2212", "-")
    return re.sub(r"[*|\"“”]", "", re.sub(r"(?<=\d)\*\*(?=[\d.,])", "", text)).casefold()


TEST: Final = (
    "test figure", "test figures", "test data", "test balance", "test balances", "test value", "test values",
    "test number", "test numbers", "test amount", "test amounts", "test money", "test environment", "test mode",
    "test wallet data", "simulator", "simulated", "simulation", "sandbox", "made-up", "made up", "not real",
    "demo", "dummy", "aren't real", "isn't real", "no real money",
    "परीक्षण", "टेस्ट", "सिमुलेटर", "सिम्युलेटर", "असली नहीं", "वास्तविक नहीं", "असली पैसा नहीं", "असली पैसे नहीं",
    "asli nahi", "asli nahin", "asli paisa nahi", "asli paise nahi", "test ke", "test wale", "test aankde",
    "சோதனை", "உண்மையான பணம் அல்ல", "உண்மையானவை அல்ல", "சிமுலேட்டர்",
)  # fmt: skip
REAL: Final = (
    "real money", "real figures", "real balance", "real balances", "actual money", "actual balance",
    "actual balances", "genuine", "production figures", "asli paisa", "asli paise", "asli balance", "असली पैसा",
    "असली पैसे", "असली आँकड़े", "असली आंकड़े", "वास्तविक राशि", "उनके असली", "உண்மையான பணம்", "உண்மையான தொகை",
)  # fmt: skip
STORED: Final = (
    "stored", "not refreshed", "couldn't be refreshed", "could not be refreshed", "couldn't refresh", "saved",
    "could not refresh", "wasn't refreshed", "weren't refreshed", "were not refreshed", "was not refreshed",
    "refresh failed", "last known", "last-known", "failed to refresh", "unable to refresh", "not been refreshed",
    "not just refreshed", "older figures", "older balances", "can't be refreshed", "cannot be refreshed",
    "सहेजे", "सहेजा", "संग्रहीत", "रीफ़्रेश नहीं", "रिफ़्रेश नहीं", "रीफ्रेश नहीं", "रिफ्रेश नहीं", "ताज़ा नहीं", "ताजा नहीं",
    "purane", "refresh nahi", "refresh nahin", "pehle ke", "stored hain", "पुराने", "पहले के",
    "சேமிக்கப்பட்ட", "புதுப்பிக்க முடியவில்லை", "புதுப்பிக்கப்படவில்லை",
)  # fmt: skip
FRESH_CLAIM: Final = (
    "just refreshed", "refreshed just now", "just now", "live", "up to date", "up-to-date", "real-time",
    "real time", "freshly", "just been refreshed", "just updated", "a moment ago", "moments ago", "this minute",
    "right now", "brand new", "completely current", "fully current",
    "अभी रीफ़्रेश", "अभी रिफ़्रेश", "अभी रीफ्रेश", "अभी रिफ्रेश", "abhi refresh", "abhi update",
    "अभी-अभी", "अभी अभी", "ताज़ा", "ताजा", "abhi-abhi", "abhi abhi", "taaza", "taza",
    "இப்போதுதான்", "சற்று முன்", "தற்போதுதான்", "இப்போது புதுப்பிக்கப்பட்ட",
)  # fmt: skip
FRESHNESS: Final = (
    *FRESH_CLAIM, "refreshed", "updated", "as of", "fresh", "now", "minutes ago", "current", "currently",
    "अभी", "रीफ़्रेश", "रिफ़्रेश", "रीफ्रेश", "रिफ्रेश", "अपडेट", "abhi", "refresh", "update", "புதுப்பி", "இப்போது", "தற்போது",
)  # fmt: skip
UNKNOWN: Final = (
    "unknown", "not known", "isn't known", "don't know", "doesn't know", "do not know", "can't tell", "cannot tell",
    "unavailable", "not available", "isn't available", "couldn't be", "could not be", "no answer", "didn't answer",
    "did not answer", "not returned", "wasn't returned", "no balance was returned", "can't be determined",
    "cannot be determined", "can't say", "cannot say", "not clear", "unclear", "nobody knows", "no way to know",
    "aren't known", "are not known", "no balance yet", "not yet known", "hasn't been reported",
    "पता नहीं", "अज्ञात", "मालूम नहीं", "ज्ञात नहीं", "उपलब्ध नहीं", "पता नही", "अनजान", "नहीं पता", "नहीं मिल",
    "pata nahi", "pata nahin", "maloom nahi", "nahi pata", "nahi mil", "nahi mila",
    "தெரியவில்லை", "தெரியாது", "கிடைக்கவில்லை", "அறியப்படவில்லை",
)  # fmt: skip
EMPTY: Final = (
    "empty", "has nothing", "holds nothing", "no money", "has no balance", "nothing in it", "is nil",
    "zero balance", "no funds", "खाली", "कुछ नहीं", "कोई पैसा नहीं", "पैसे नहीं", "khali", "khaali", "kuch nahi",
    "paise nahi", "காலி", "பணம் இல்லை", "எதுவும் இல்லை",
)  # fmt: skip
GUESS: Final = (
    "probably", "likely", "presumably", "perhaps", "maybe", "about the same",
    "i guess", "i assume", "should be around",
    "शायद", "लगभग", "संभवतः", "shayad", "lagbhag", "ஒருவேளை", "அநேகமாக",
)  # fmt: skip
CREDIT: Final = (
    "credit", "pay-later", "pay later", "paylater", "postpaid", "borrow", "क्रेडिट", "उधार", "पे-लेटर", "पे लेटर",
    "udhaar", "udhar", "கடன்", "கிரெடிட்",
)  # fmt: skip
POINTS: Final = ("point", "points", "reward", "rewards", "पॉइंट", "अंक", "रिवॉर्ड", "புள்ளி", "புள்ளிகள்")
UNLISTED: Final = (
    "unlisted", "unknown provider", "not in the total", "may be credit", "isn't known whether", "not known whether",
    "unknown kind", "not counted", "don't know whether", "अज्ञात", "kul mein nahi",
)  # fmt: skip
NOT_LINKED: Final = (
    "not linked", "isn't linked", "aren't linked", "unlinked", "no linked", "none of them is linked",
    "none is linked", "neither is linked", "जुड़ा नहीं", "जुड़े नहीं", "लिंक नहीं", "जुड़ा हुआ नहीं",
    "link nahi", "juda nahi", "linked nahi", "not connected",
    "இணைக்கப்படவில்லை",
)  # fmt: skip
LINKED: Final = (
    "is linked", "are linked", "are both linked", "is still linked", "is currently linked", "is connected",
    "जुड़ा है", "जुड़े हैं", "लिंक है", "linked hai", "linked hain", "juda hai", "இணைக்கப்பட்டுள்ளது",
)  # fmt: skip
LATER: Final = (
    "try again later", "try again in", "again in a few minutes", "try again shortly", "try again soon", "later",
    "try once more in", "retry in", "ask again in", "try again after", "in a few minutes", "in a little while",
    "in a while", "wait a few minutes", "after a few minutes",
    "थोड़ी देर", "कुछ मिनट", "कुछ देर", "बाद में", "thodi der", "kuch der", "kuch minute", "baad mein", "baad me",
    "சிறிது நேரம்", "சில நிமிடங்க", "பிறகு", "மீண்டும் முயற்சி",
)  # fmt: skip
ASKING: Final = (
    "?",
    "please",
    "which",
    "could you",
    "can you",
    "need",
    "कृपया",
    "बताएँ",
    "बताइए",
    "bataiye",
    "batayein",
    "தயவு",
    "தரவும்",
)
AN_ID: Final = ("id", "identifier", "आईडी", "आई.डी", "ஐடி", "அடையாள")

PROVIDERS: Final = {
    "Paytm": ("पेटीएम", "பேடிஎம்", "பேடிஎம்"),
    "PhonePe": ("phone pe", "फोनपे", "फ़ोनपे", "போன்பே", "ஃபோன்பே"),
    "MobiKwik": ("मोबिक्विक", "மொபிக்விக்", "மோபிக்விக்"),
    "Freecharge": ("free charge", "फ्रीचार्ज", "फ़्रीचार्ज", "ஃப்ரீசார்ஜ்"),
    "Amazon Pay": ("amazonpay", "अमेज़न पे", "अमेजन पे", "அமேசான் பே"),
    "LazyPay": ("lazy pay", "लेज़ीपे", "लेजीपे"),
    "Simpl": ("सिंपल", "सिम्पल"),
    "Unlisted provider": ("unlisted", "unknown provider", "अज्ञात"),
}
"""What else the names of some providers are written as."""

_BEFORE: Final = re.compile(
    r"(?:\b(?:not|no|never|isn't|aren't|wasn't|weren't|don't|doesn't|didn't|can't|cannot|couldn't|won't|without|nor|neither|"
    r"nobody|none|failed|unable)\b|n't\b)(?:\s+(?!(?:and|but)\b)[^\s.,;:।()]+){0,4}\s*$"
)
_AFTER: Final = re.compile(
    r"^(?:[^\s.,;:।()]*\s+)(?:[^\s.,;:।()]+\s+){0,3}?(?:नहीं|नही|nahi|nahin|இல்லை|அல்ல|அல்லை|முடியாது)(?![\w])"
)
_FUTILE: Final = re.compile(
    r"won't help|will not help|wouldn't help|doesn't help|no use|no point|pointless|useless|in vain|won't change|"
    r"won't work|not help|कोई फायदा नहीं|कोई फ़ायदा नहीं|मदद नहीं|fayda nahi|faayda nahi|பயனில்லை|பயன் இல்லை"
)
_SENTENCE: Final = re.compile(r"(?<=[!?।])\s+|(?<=\.)\s+(?!\d)|\n+|;")


def sentences(text: str) -> list[str]:
    """The sentences and lines of a `plain` text."""
    return [each.strip() for each in _SENTENCE.split(text) if each and each.strip()]


def says(text: str, phrases: Sequence[str]) -> bool:
    """Whether one of the phrases is in a `plain` text, and isn't denied: "not live", "असली नहीं", "won't help"."""
    return any(_affirmed(sentence, phrase) for sentence in sentences(text) for phrase in phrases)


def mentions(text: str, phrases: Sequence[str]) -> bool:
    """Whether one of the phrases is in a `plain` text, denied or not."""
    return any(_places(text, phrase) for phrase in phrases)


def provider_places(text: str, provider: str) -> list[tuple[int, int]]:
    """Where a `plain` text names a provider: pairs of beginning and end."""
    names = (provider, *PROVIDERS.get(provider, ()))
    return sorted(place for name in names for place in _places(text, name))


def script_of(text: str) -> str:
    """The script that most letters of a text are of: LATIN, DEVANAGARI, TAMIL, ..., or nothing without letters."""
    scripts = [unicodedata.name(sign, "?").split()[0] for sign in text if sign.isalpha()]
    return max(set(scripts), key=scripts.count, default="")


def _places(text: str, phrase: str) -> list[tuple[int, int]]:
    return [found.span() for found in _whole(phrase).finditer(text)]


@cache
def _whole(phrase: str) -> re.Pattern[str]:
    phrase = plain(phrase)
    end = r"(?![a-z0-9])" if phrase[-1].isascii() and phrase[-1].isalnum() else ""
    begin = r"(?<![a-z0-9_])" if phrase[0].isascii() and phrase[0].isalnum() else ""
    return re.compile(f"{begin}{re.escape(phrase)}{end}")


def _affirmed(sentence: str, phrase: str) -> bool:
    """Whether a sentence has the phrase at a place where no negation belongs to it."""
    if _FUTILE.search(sentence):
        return False
    return any(
        not _BEFORE.search(re.split(r"[.,;:।()]", sentence[:begin])[-1]) and not _AFTER.match(sentence[end:])
        for begin, end in _places(sentence, phrase)
    )
