"""The amounts of money that a text tells: exact, in any script, and not dates, ages, counts, ids or percentages.

Whatever number isn't plainly something else counts as money. So an invented amount can't hide by leaving out its
currency; a number that is neither has to be said with its unit.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from evals.language import plain

CURRENCIES: Final = {
    "INR": ("₹", "rs", "rs.", "inr", "rupee", "rupees", "rupaye", "rupaya", "rupay", "रुपये", "रुपए", "रुपया", "रुपयों",
            "रु", "रु.", "रू", "ரூபாய்", "ரூ", "ரூ."),
    "USD": ("us$", "$", "usd", "dollar", "dollars", "डॉलर", "டாலர்"),
    "EUR": ("€", "eur", "euro", "euros", "यूरो", "யூரோ"),
    "GBP": ("£", "gbp", "pound", "pounds"),
    "AED": ("aed", "dirham", "dirhams"),
    "SGD": ("s$", "sgd"),
    "BRL": ("r$", "brl", "reais"),
    "JPY": ("¥", "jpy", "yen"),
    "BTC": ("btc", "bitcoin", "₿"),
}  # fmt: skip
"""How each currency is written."""

_SIGNS: Final = sorted({sign for signs in CURRENCIES.values() for sign in signs}, key=len, reverse=True)
_CURRENCY: Final = "|".join(
    rf"(?<![a-z]){re.escape(sign)}" + ("(?![a-z])" if sign[-1].isalpha() and sign.isascii() else "")
    for sign in _SIGNS
)
_MONTH: Final = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*\.?|जनवरी|फरवरी|फ़रवरी|मार्च|अप्रैल|मई|जून|जुलाई|अगस्त|सितंबर|"
    r"सितम्बर|अक्टूबर|अक्तूबर|नवंबर|नवम्बर|दिसंबर|दिसम्बर|ஜனவரி|பிப்ரவரி|மார்ச்|ஏப்ரல்|மே|ஜூன்|ஜூலை|ஆகஸ்ட்|செப்டம்பர்|அக்டோபர்|"
    r"நவம்பர்|டிசம்பர்"
)
_UNIT: Final = (
    r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?)\b|"
    r"सेकंड|सेकेंड|मिनट|घंट|घण्ट|दिन|हफ़्|हफ्|सप्ताह|महीन|साल|second\b|minute\b|ghante\b|ghanta\b|din\b|dinon\b|hafte\b|mahine\b|"
    r"வினாடி|விநாடி|நிமிட|மணி|நாள்|நாட்க|வார|மாத|ஆண்டு"
)
_COUNTED: Final = (
    r"(?:wallets?|accounts?|providers?|entries|entry|others?|more|customers?|balances?|figures?|calls?|times?)\b|"
    r"वॉलेट|वालेट|खात|बैलेंस|ग्राहक|wallets?\b|वॉलेटों|வாலட்|வாலெட்|பணப்பை|கணக்கு|வாடிக்கையாளர்"
)
_BETWEEN: Final = (
    r"(?:(?:linked|unlinked|other|more|of|the|his|her|their|customer's|these|digital|active|known|different|such|"
    r"जुड़े|लिंक|किए|हुए|में|से|और|अन्य|linked|mein|se|aur|இணைக்கப்பட்ட)\s+){0,3}"
)
_NOT_MONEY: Final = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"\d{4}-\d{2}-\d{2}(?:[t ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?z\b)?)?",
        r"(?<![\d.,])\d{1,2}[/.-]\d{1,2}[/.-](?:20)?\d{2}(?![\d,]|\.\d)",
        rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?:\s+of)?\s+(?:{_MONTH})(?![a-z])(?:,?\s+20\d\d)?",
        rf"(?:\b|(?<=\s))(?:{_MONTH})\s+\d{{1,2}}(?:st|nd|rd|th)?(?![\d.,]*\d)(?:,?\s+20\d\d)?",
        r"(?<![\d.,])\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b\.?)?",
        r"(?<![\d.,])\d{1,2}\s?[ap]\.?m\b\.?",
        r"x{3,}[\w.@+-]*|[•#]{2,}\s?[\w.@-]*|x{2,}\d{2,4}\b",
        r"(?:ending|ends|last (?:four|4)(?: digits| characters)?)(?: in| with| are| is|:)*\s+[\w]{2,4}\b(?![.,]\d)",
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        r"(?<!\w)\+\d{8,}|\S+@\S+|\b(?:c[ts][ht]|wl[tm]|tkn|tok|tk)_\w+|\b\w+_\w*[a-z]\w*|\b(?=\w*[a-z]\w*\d\w*[a-z])\w{6,}",
        r"\d+(?:\.\d+)?\s?(?:%|percent\b|per cent\b|प्रतिशत|फ़ीसदी|फीसदी|சதவீத)",
        r"\b(?:http|status|error|code)(?: code| status)?\s*\(?[1-5]\d\d\b(?![.,]\d)",
        r"\b[45]\d\d (?:error|response|status)\b",
        r"(?:\b1 to )?\b\d{1,3} (?:printable |ascii )*(?:characters?|digits?|letters?)\b",
        r"\(\d\)|\bwallet #?\d\b(?![.,]?\d)|#\d{1,2}\b|\b(?:in|since|of) 20[2-4]\d\b(?![.,]\d)",
        r"^\s*(?:[-•]\s*)?\(?\d{1,2}[.)]\s(?=\s*\S)",
        r"\b24[x/]7\b",
        r"\b(?:step|option|no\.|number|point)\s\d{1,2}\b(?![.,]\d)",
    )
)
_DURATION: Final = re.compile(
    rf"(?<![\d.,])(?:\d{{1,3}}\s?(?:-|–|to|or)\s?)?\d{{1,4}}(?:\.\d)?(?:\s?-\s?|\s*)(?:{_UNIT})"
)
_COUNT: Final = re.compile(
    rf"(?<![\d.,])\d{{1,2}}(?:\s+(?:of|out of|में से|mein se)\s+(?:the\s+)?\d{{1,2}})?\s+{_BETWEEN}(?:{_COUNTED})|"
    r"(?<![\d.,])\d{1,2}\s+(?:of|out of)\s+(?:the\s+|their\s+)?\d{1,2}\b(?![.,]?\d)|"
    r"(?<![\d.,])\d{1,2}\s+(?:(?:is|are|was|were)\s+)?(?:not\s+)?(?:linked|unlinked)\b"
)
_NUMBER: Final = re.compile(r"(?P<sign>(?<![\w§])-)?(?<![\d.,])(?P<digits>\d[\d,]*(?:\.\d+)?)(?![\d])")
_GROUPED: Final = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,3}(?:,\d{2})*,\d{3}|\d+")
_TIMES: Final = {
    "k": 3, "thousand": 3, "hazaar": 3, "hazar": 3, "हज़ार": 3, "हजार": 3, "ஆயிரம்": 3, "hundred": 2, "sau": 2, "सौ": 2,
    "நூறு": 2, "lakh": 5, "lakhs": 5, "lac": 5, "लाख": 5, "லட்சம்": 5, "crore": 7, "crores": 7, "करोड़": 7, "கோடி": 7,
    "million": 6, "mn": 6, "billion": 9,
}  # fmt: skip
_MULTIPLIER: Final = re.compile(
    r"^\s?(" + "|".join(sorted(map(re.escape, _TIMES), key=len, reverse=True)) + r")(?![a-z\u0900-\u0dff])"
)
_PAISE: Final = re.compile(
    rf"(\d[\d,]*)\s*(?:{_CURRENCY})\s*(?:and|और|aur|மற்றும்)?\s*(\d{{1,2}})\s*(?:paise|paisa|पैसे|पैसा|பைசா)"
)
_WORD: Final = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|"
    "nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|lakh|crore|million|"
    "ek|do|teen|char|chaar|paanch|panch|das|bees|tees|chalis|pachas|pachaas|sau|hazar|hazaar|"
    "एक|दो|तीन|चार|पाँच|पांच|छह|सात|आठ|नौ|दस|बीस|तीस|चालीस|पचास|साठ|सत्तर|अस्सी|नब्बे|सौ|हज़ार|हजार|लाख|करोड़|"
    "ஒரு|இரண்டு|மூன்று|நான்கு|ஐந்து|ஆறு|ஏழு|எட்டு|ஒன்பது|பத்து|இருபது|முப்பது|ஐம்பது|நூறு|ஆயிரம்|லட்சம்|கோடி"
)
_IN_WORDS: Final = re.compile(
    rf"(?:(?<![\w\u0900-\u0dff])(?:{_WORD})(?:[\s-]+(?:and\s+)?))+(?:{_CURRENCY}|bucks)|"
    rf"(?:₹|\brs\.?|\binr)\s*(?:{_WORD})(?![\w\u0900-\u0dff])|"
    r"(?<![\w\d§])(?:(?:one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
    r"ninety|a|एक|दो|तीन|चार|पाँच|पांच|दस|ek|do|teen|paanch|das)[\s-]+)+(?:hundred|thousand|lakhs?|crores?|million|सौ|हज़ार|हजार|"
    r"लाख|करोड़|hazaar|hazar)(?![\w\u0900-\u0dff])"
)
_ZERO: Final = re.compile(
    r"\b(?:zero|nil|naught)\b|(?<![\w\u0900-\u0dff])(?:शून्य|ज़ीरो|जीरो|பூஜ்ஜியம்|பூஜ்யம்|சுழியம்)|\bshunya\b|\bjeero\b"
)
_NOT_ZERO: Final = re.compile(
    r"(?:\bnot|n't|\bnever|\brather than|\binstead of|\bcannot|\bwithout)\s+(?:[a-z]+\s+){0,4}?(?:₹|rs\.?|inr)?\s*"
    r"(?:zero|nil|0(?:\.0+)?)(?![\d.,]*\d)|"
    r"(?:zero|nil|शून्य|ज़ीरो|जीरो|பூஜ்ஜியம்|பூஜ்யம்|shunya|(?<![\d.,])0(?:\.0+)?)\s+(?:[^\s.,;।]+\s+){0,2}?"
    r"(?:नहीं|नही|nahi|nahin|இல்லை|அல்ல)"
)


@dataclass(frozen=True)
class Amount:
    """An amount as a text tells it, from `begin` to `end` of `Reading.text`; `value` is None if it can't be read."""

    text: str
    value: Decimal | None
    begin: int
    end: int
    currency: str | None = None


@dataclass(frozen=True)
class Reading:
    """The amounts of a text, the text they are places of, and the same with all that isn't money masked."""

    source: str
    text: str
    amounts: list[Amount]


def read_amounts(text: str) -> Reading:
    """All amounts of a text, in order. Those in words can't be checked: they have no value, except zero."""
    text = plain(text)
    # `rs1250`, `1250inr`: apart, so that neither is taken for an id.
    text = re.sub(r"(?<![a-z])(rs\.?|inr|usd|us\$|eur|gbp|aed|sgd|btc)(?=\d)", r"\1 ", text)
    text = re.sub(r"(?<=\d)(?=(?:rs|inr|usd|eur|rupees?|rupaye)\b)", " ", text)
    source = text
    found = [_in_paise(each) for each in _PAISE.finditer(text)]
    text = _PAISE.sub(_blank, text)
    for pattern in _NOT_MONEY:
        text = pattern.sub(_blank, text)
    # What has a currency sign right before it is money, whatever word follows.
    for pattern in (_DURATION, _COUNT):
        text = pattern.sub(
            lambda each: each[0] if _currency_before(each.string, each.start()) else _blank(each), text
        )
    text = _NOT_ZERO.sub(_blank, text)
    found += [Amount(each[0], Decimal(0), *each.span()) for each in _ZERO.finditer(text)]
    found += [
        Amount(each[0], None, *each.span())
        for each in _IN_WORDS.finditer(text)
        if not re.search(r"\d\s?$", text[: each.start()])
    ]
    for each in _NUMBER.finditer(text):
        begin, end = each.span()
        digits = each["digits"].rstrip(",")
        value = _value(digits)
        if times := _MULTIPLIER.match(text[end:]):
            value = value and value.scaleb(_TIMES[times[1]])
        if each["sign"] and value is not None:
            value = -value
        found.append(Amount(each[0].rstrip(","), value, begin, end, _currency_around(text, begin, end)))
    return Reading(source, text, sorted(found, key=lambda amount: amount.begin))


def currencies_of(text: str) -> set[str]:
    """The currencies that a text names, by a sign or a word."""
    text = re.sub(r"(?<=\d)(?=[a-z])|(?<=[a-z.])(?=\d)", " ", plain(text))
    return {
        code
        for code, signs in CURRENCIES.items()
        for sign in signs
        if re.search(rf"(?<![a-z$]){re.escape(sign)}" + ("(?![a-z])" if sign[-1].isalpha() else ""), text)
    }


def _blank(found: re.Match[str]) -> str:
    return "§".center(len(found[0])) if len(found[0]) > 1 else "§"


def _in_paise(found: re.Match[str]) -> Amount:
    rupees = _value(found[1])
    value = None if rupees is None else rupees + Decimal(found[2]) / 100
    return Amount(found[0], value, *found.span(), "INR")


def _value(digits: str) -> Decimal | None:
    whole, _, decimals = digits.partition(".")
    if not _GROUPED.fullmatch(whole):
        return None
    return Decimal(f"{whole.replace(',', '')}.{decimals or 0}")


def _currency_before(text: str, place: int) -> str | None:
    before = re.search(rf"({_CURRENCY})\s*-?$", text[max(0, place - 12) : place])
    return before and _code_of(before[1])


def _currency_around(text: str, begin: int, end: int) -> str | None:
    """The currency that stands right before or after an amount, if one does."""
    if before := _currency_before(text, begin):
        return before
    times = "|".join(map(re.escape, _TIMES))
    after = re.match(rf"(?:/-)?\s*(?:(?:{times})\s*)?({_CURRENCY})", text[end : end + 24])
    return _code_of(after[1]) if after else None


def _code_of(sign: str) -> str:
    return next(code for code, signs in CURRENCIES.items() if sign in signs)
