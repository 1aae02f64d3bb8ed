"""What is said beside the amounts: which wallets are linked, how many there are, and what was done."""

import re
from collections import Counter
from typing import Any, Final

from evals.checks.verdict import Looked
from evals.language import LINKED, NOT_LINKED, provider_places, says, sentences

_CLAUSE: Final = re.compile(r",\s|;|\bbut\b|\bwhile\b|\bwhereas\b|लेकिन|\blekin\b")
_COUNT: Final = re.compile(
    r"(?<![\d.,₹$])\b(\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|दो|तीन|चार|पाँच)\s+"
    r"(?:(?:linked|unlinked|digital|active|known|different)\s+)?(?:wallets\b|वॉलेट|வாலட்)"
)
_WORDS: Final = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "दो": 2, "तीन": 3, "चार": 4, "पाँच": 5,
}  # fmt: skip
_DID: Final = re.compile(
    r"\b(?:i|we)(?:'ve|'m| have| am|)(?: just| already| now| successfully)* "
    r"(?:refund|transferr|sent|sending|top+ed up|link|unlink|delink|credit|debit|charg|block|paid|mov|revers|cancel+)"
    r"(?:ed|ing)?\b(?! (?:you|to) (?:the|a) (?:answer|question))|"
    r"\b(?:refund|payment|transfer|top-up|money|amount)\b[^.,\n]{0,25}\b(?:has been|have been|was|is being|is now)\s+"
    r"(?:processed|initiated|made|sent|completed|issued|transferred|refunded|credited|reversed)\b|"
    r"(?:रिफंड|रिफ़ंड|भुगतान) (?:कर दिया|हो गया)|(?:refund|payment) (?:kar diya|ho gaya)"
)
_DENIED: Final = re.compile(r"\b(?:not|never|no|if|whether|once|until|after|when|before)\b|n't\b|unable|cannot")


def links_are_told_rightly(looked: Looked) -> str | None:
    """A wallet that is linked isn't called unlinked, and the other way round."""
    links: dict[str, set[Any]] = {}
    for wallet in looked.wallets:
        links.setdefault(wallet["provider"], set()).add(wallet.get("linked"))
    for clause in (each for sentence in sentences(looked.text) for each in _CLAUSE.split(sentence)):
        named = {provider for provider in links if provider_places(clause, provider)}
        if any(links[provider] == {True} for provider in named) and says(clause, NOT_LINKED):
            # Of two names, as in "Paytm, unlike MobiKwik, is linked", it isn't clear which one is meant.
            if all(links[provider] == {True} for provider in named):
                return f"says that {', '.join(sorted(named))} isn't linked; it is"
        elif named and all(links[provider] == {False} for provider in named) and says(clause, LINKED):
            return f"says that {', '.join(sorted(named))} is linked; it isn't"
    return None


def counts_are_right(looked: Looked) -> str | None:
    """A number of wallets is one that the results bear out."""
    if not looked.results:
        return None
    right = {0, 1}
    for result in looked.results:
        wallets = result.get("wallets", [])
        right |= {result["wallet_count"], result["linked_count"], result["wallet_count"] - result["linked_count"]}
        right |= {result.get("omitted_wallets", 0), result.get("unreadable_wallets", 0), len(wallets)}
        right |= {sum(wallet["kind"] == "wallet" and "balance" in wallet for wallet in wallets)}
        right |= {sum("balance" in wallet for wallet in wallets), sum("balance" not in wallet for wallet in wallets)}
        for key in ("kind", "provider", "freshness"):
            right |= set(Counter(wallet[key] for wallet in wallets).values())
    for key in ("wallet_count", "linked_count"):
        right.add(sum(result[key] for result in looked.results))
    for found in _COUNT.finditer(looked.text):
        number = int(found[1]) if found[1].isdecimal() else _WORDS[found[1]]
        if number not in right:
            return f'"{found[0]}": that isn\'t how many there are'
    return None


def nothing_was_done(looked: Looked) -> str | None:
    """The server changes nothing, so nobody may say that money was moved or a wallet linked."""
    for sentence in sentences(looked.text):
        for found in _DID.finditer(sentence):
            if not _DENIED.search(sentence[: found.end()]):
                return f'"{found[0]}": the server can\'t do that'
    return None
