"""The sentences of an answer: what a support agent would say, and the notices that explain it.

No text from a provider is repeated here, not even a code: an unlisted one is called "an unlisted provider".
"""

from collections.abc import Sequence
from decimal import Decimal

from juspay_mcp.answer.snapshot import Snapshot
from juspay_mcp.juspay.providers import UNLISTED, Kind
from juspay_mcp.juspay.wallets import Wallet
from juspay_mcp.settings.load import Environment
from juspay_mcp.values.amounts import format_amount, format_grouped

MAX_PARTS = 10
"""How many parts of a wallet are listed."""

_NAMED = 8  # how many wallets a summary names; the others are counted
_STORED = "not refreshed: this is what Juspay had stored."


def summarize(snapshot: Snapshot, environment: Environment) -> str:
    """One to four sentences, enough to answer a customer with.

    The first words warn if the figures aren't the customer's real or current money.
    """
    sentences = _Sentences(snapshot)
    said = [each for each in (sentences.counted(), sentences.missing(), sentences.not_money()) if each]
    is_test, is_stored = environment != "production", snapshot.source == "last_known"
    warning = f"test figures ({environment}), not real money" if is_test else ""
    if is_stored:
        said.insert(0, f"{warning}, {_STORED}" if is_test else _STORED)
    elif is_test:
        said[0] = f"{warning}: {said[0]}"
    return " ".join(map(_capitalized, said))


def notices(snapshot: Snapshot, shown: int) -> list[str]:
    """The fixed sentences that apply; the summary has none of them. `shown`: how many wallets the answer lists."""
    wallets, response = snapshot.wallets, snapshot.response
    kinds = {wallet.kind for wallet in wallets} | {part.kind for wallet in wallets for part in wallet.parts}
    applies = {
        "The refresh failed, so these balances may have changed since; ask again in a few minutes.": (
            snapshot.source == "last_known"
        ),
        "A balance that is unknown isn't zero, and isn't in the total.": any(
            wallet.balance is None and wallet.linked is not False for wallet in wallets
        ),
        "Juspay listed a wallet twice, in entries that differ, so its balance is unknown here.": any(
            wallet.entries_differ for wallet in wallets
        ),
        "A wallet's own breakdown says another figure than its balance.": any(
            wallet.own_part_differs for wallet in wallets
        ),
        "Only wallets that Juspay says are linked are in the total.": any(
            wallet.linked is None or (wallet.linked is False and wallet.balance is not None) for wallet in wallets
        ),
        "Pay-later is credit, not the customer's money, so it isn't in the total.": "pay_later" in kinds,
        "Reward points aren't money, so they aren't in the total.": "rewards" in kinds,
        "A balance with an unlisted provider may be credit, so it isn't in the total.": "unknown" in kinds,
        "Entries of Juspay's reply that could not be read aren't in the counts or the total.": bool(
            response.unreadable
        ),
        "Some of a wallet's breakdown could not be read.": any(wallet.unreadable_parts for wallet in wallets),
        "Juspay's reply lists fewer wallets than its own total says, so the total here may be too low.": (
            response.incomplete
        ),
        "Juspay's reply reports an error as well, so wallets or balances may be missing.": response.reports_error,
        "Not all of a wallet's breakdown is listed here.": any(
            len(wallet.parts) > MAX_PARTS for wallet in wallets[:shown]
        ),
        "Wallets that aren't listed here are in the counts and the total.": shown < len(wallets),
    }
    return [sentence for sentence, holds in applies.items() if holds]


def money(digits: str, kind: Kind, currency: str) -> str:
    """A balance in words: `INR 109.55`, `pay-later credit INR 109.55`, `reward points 250.00`."""
    grouped = format_grouped(digits, currency)
    return {
        "wallet": f"{currency} {grouped}",
        "pay_later": f"pay-later credit {currency} {grouped}",
        "rewards": f"reward points {grouped}",
        "unknown": grouped,
    }[kind]


class _Sentences:
    """The sentences about a snapshot, to be called in this order: eight wallets are named, the others counted."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._left = _NAMED

    def counted(self) -> str:
        snapshot, counted = self._snapshot, self._snapshot.counted
        if not snapshot.wallets:
            is_partial = snapshot.response.unreadable or snapshot.response.incomplete
            return "no wallet could be read." if is_partial else "the customer has no wallets."
        if snapshot.total is None:
            return ""
        amount = money(format_amount(snapshot.total), "wallet", snapshot.currency)
        ages = {snapshot.age(wallet.last_refreshed) for wallet in counted}
        age = f", {ages.pop()}" if len(ages) == 1 else ""
        named, rest = self._take(counted)
        if len(counted) == 1:
            return f"{self._name(counted[0])} holds {amount}{age}."
        figures = ", ".join(
            f"{self._name(wallet)} {format_grouped(format_amount(wallet.balance or Decimal(0)), snapshot.currency)}"
            + ("" if age else f" ({snapshot.age(wallet.last_refreshed)})")
            for wallet in named
        )
        more = f" and {len(rest)} more{'' if age else self._ages(rest)}" if rest else ""
        return f"{len(counted)} wallets hold {amount}{age}: {figures}{more}."

    def missing(self) -> str:
        wallets, response = self._snapshot.wallets, self._snapshot.response
        unknown = [w for w in self._snapshot.linked if w.balance is None and w.kind == "wallet"]
        unlinked = [w for w in wallets if w.linked is False]
        unsaid = [w for w in wallets if w.linked is None]
        clauses = [
            unknown
            and f"the {_plural('balance', unknown)} of {self._names(unknown)} {_plural('is', unknown)} unknown",
            unlinked and f"{self._names(unlinked)} {_plural('is', unlinked)} not linked",
            unsaid and f"Juspay doesn't say whether {self._names(unsaid)} {_plural('is', unsaid)} linked",
            response.unreadable
            and wallets
            and f"{response.unreadable} {'entry' if response.unreadable == 1 else 'entries'} could not be read",
            response.incomplete and wallets and "Juspay's reply leaves out some wallets",
        ]
        said = "; ".join(clause for clause in clauses if isinstance(clause, str))
        return f"{said}." if said else ""

    def not_money(self) -> str:
        others = [wallet for wallet in self._snapshot.linked if wallet.kind != "wallet"]
        return f"Not counted as money: {self._names(others)}." if others else ""

    def _take(self, wallets: Sequence[Wallet]) -> tuple[Sequence[Wallet], Sequence[Wallet]]:
        """The wallets that may still be named, and the others, which are only counted."""
        named, rest = wallets[: self._left], wallets[self._left :]
        self._left -= len(named)
        return named, rest

    def _names(self, wallets: Sequence[Wallet]) -> str:
        """`Paytm (INR 5.00, 2 days old), MobiKwik and 3 more`."""
        named, rest = self._take(wallets)
        if not named:
            return f"{len(rest)} {_plural('other', rest)}"
        items = [*map(self._described, named), *([f"{len(rest)} more"] if rest else [])]
        return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)

    def _described(self, wallet: Wallet) -> str:
        snapshot = self._snapshot
        if wallet.balance is not None:
            held = money(format_amount(wallet.balance), wallet.kind, snapshot.currency)
            return f"{self._name(wallet)} ({held}, {snapshot.age(wallet.last_refreshed)})"
        what = {"pay_later": "pay-later credit, ", "rewards": "reward points, "}.get(wallet.kind, "")
        is_kind_said = wallet.linked and wallet.kind != "wallet"
        return f"{self._name(wallet)} ({what}balance unknown)" if is_kind_said else self._name(wallet)

    def _ages(self, wallets: Sequence[Wallet]) -> str:
        """`, the oldest 12 days old, 3 of unknown age`."""
        snapshot = self._snapshot
        times = [w.last_refreshed for w in wallets if snapshot.freshness(w.last_refreshed) != "unknown"]
        oldest = snapshot.age(min((time for time in times if time), default=None))
        is_only = len(wallets) == 1 or oldest == "just refreshed" or not times
        unknown = len(wallets) - len(times) if times else 0
        return f", {'' if is_only else 'the oldest '}{oldest}" + (f", {unknown} of unknown age" if unknown else "")

    def _name(self, wallet: Wallet) -> str:
        """The provider, with the masked wallet id if the customer has two wallets of that name."""
        name = "an unlisted provider" if wallet.provider == UNLISTED else wallet.provider
        return f"{name} {wallet.ref}" if wallet.provider in self._snapshot.twins and wallet.ref else name


def _plural(word: str, wallets: Sequence[Wallet]) -> str:
    return word if len(wallets) == 1 else {"is": "are"}.get(word, f"{word}s")


def _capitalized(sentence: str) -> str:
    """Capitalizes our own words only: a sentence may begin with a provider's name, such as mRupee or ePayLater."""
    ours = sentence.startswith(("an ", "no ", "not ", "test ", "the "))
    return sentence[:1].upper() + sentence[1:] if ours else sentence
