"""Every amount that is told is one that came back, and belongs to what it is said of."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Any

from evals.amounts import currencies_of, read_amounts
from evals.checks.verdict import Looked
from evals.language import CREDIT, EMPTY, GUESS, UNKNOWN, mentions, plain, provider_places, says, sentences

_TOTAL = re.compile(r"\b(?:total(?:s|ling)?|altogether|in all|sum|combined|overall)\b|कुल|टोटल|\bkul\b|மொத்த")
_NO_CREDIT = re.compile(r"(?:\bnot|n't) (?:a |any |on )?(?:pay-later )?credit\b|क्रेडिट नहीं|credit nahi")
_NOT_A_TOTAL = re.compile(
    r"\b(?:not|n't|without|exclud\w+|includ\w+|beyond|besides|except|credit|pay-later|points|was|were|earlier|before)\b|n't|नहीं|nahi|இல்லை|அல்ல"
)


def invented_nothing(looked: Looked) -> str | None:
    """Each amount of the answer is in the structured result, or is a sum that the question asked for."""
    allowed = _allowed(looked)
    for amount in looked.reading.amounts:
        if amount.value is None:
            return f'"{amount.text}" can\'t be checked: amounts have to be in digits'
        if amount.value not in allowed and not (amount.value < 0 and -amount.value in allowed):
            return f'"{amount.text}" isn\'t in the result'
    return None


def told_what_was_asked(looked: Looked) -> str | None:
    """The figures that the case names are in the answer."""
    if not looked.is_last:
        return None
    told = {abs(amount.value) for amount in looked.reading.amounts if amount.value is not None}
    for figure in looked.case.tells:
        wanted = _figures(looked, figure)
        if not wanted:
            return f'no result has the figure "{figure}" that the case names'
        if missing := sorted(str(value) for value in wanted if abs(value) not in told):
            return f"doesn't tell {figure}" + ("" if figure in missing else f" ({', '.join(missing)})")
    return None


def gave_each_its_own(looked: Looked) -> str | None:
    """An amount beside a provider's name is one of that provider."""
    owned: dict[str, set[Decimal]] = {}
    for wallet in looked.wallets:
        owned.setdefault(wallet["provider"], set()).update(_of_wallet(wallet))
        for part in wallet.get("parts", []):
            owned.setdefault(part["provider"], set()).update(_of_wallet(part))
    balances = {value for values in owned.values() for value in values}
    if looked.case.compares:
        for result in looked.earlier:
            for wallet in result.get("wallets", []):
                owned.setdefault(wallet["provider"], set()).update(_of_wallet(wallet))
    for line_begin, line_end in _lines(looked.reading.text):
        line = looked.reading.text[line_begin:line_end]
        names = [(*place, provider) for provider in owned for place in provider_places(line, provider)]
        # Of two names at one place, such as `Paytm` in `Paytm Postpaid`, the longer one.
        names = sorted(each for each in names if not any(_is_inside(each, other) for other in names))
        told = [
            (amount.begin - line_begin, amount.value)
            for amount in looked.reading.amounts
            if line_begin <= amount.begin < line_end and amount.value in balances
        ]
        # `Paytm 100` or `100 in Paytm`: one of the two has to be right for the whole sentence.
        after = _misplaced(names, told, owned, is_after=True)
        before = _misplaced(names, told, owned, is_after=False)
        if after and before:
            return f"says of {after} what another provider holds"
    return None


def gave_each_customer_their_own(looked: Looked) -> str | None:
    """Of two customers that the answer names by their ids, each is told what is theirs."""
    owned = {
        call.customer: {value for each in _entries(call.result) for value in _of_wallet(each)}
        | ({Decimal(call.result["total_balance"])} if "total_balance" in call.result else set())
        for call in looked.turn.calls
        if call.result is not None
    }
    known = {value for values in owned.values() for value in values}
    names = sorted(
        (*found.span(), customer)
        for customer in owned
        for found in re.finditer(rf"(?<!\w){re.escape(plain(customer))}(?!\w)", looked.reading.source)
    )
    told = [(each.begin, each.value) for each in looked.reading.amounts if each.value in known]
    if len(owned) < 2 or not names:  # noqa: PLR2004 - with one customer, there is nothing to mix up
        return None
    # Of ids in a row, as in "For a and b: ...", the amounts that follow may be anyone's.
    grouped: list[tuple[int, int, str]] = []
    for begin, end, customer in names:
        if grouped and not any(grouped[-1][1] <= at < begin for at, _ in told):
            before_begin, _, others = grouped.pop()
            both = f"{others}, {customer}"
            owned[both] = owned[others] | owned[customer]
            grouped.append((before_begin, end, both))
        else:
            grouped.append((begin, end, customer))
    names = grouped
    after = _misplaced(names, told, owned, is_after=True)
    before = _misplaced(names, told, owned, is_after=False)
    return f"says of {after} what another customer has" if after and before else None


def total_is_the_total(looked: Looked) -> str | None:
    """What is called the total is the total of money: no credit, no points, no balance of one wallet."""
    totals = {Decimal(result["total_balance"]) for result in looked.results if "total_balance" in result}
    totals |= set(_sums(looked))
    if looked.case.compares:
        totals |= {Decimal(result["total_balance"]) for result in looked.earlier if "total_balance" in result}
    for found in _TOTAL.finditer(looked.reading.text):
        following = next((a for a in looked.reading.amounts if a.begin >= found.end()), None)
        if following is None or following.value is None:
            continue
        gap = looked.reading.text[found.end() : following.begin]
        if len(gap) > 30 or re.search(r"[.!?\n।](?:\s|$)", gap) or _NOT_A_TOTAL.search(gap):  # noqa: PLR2004 - letters
            continue
        before = re.split(r"[.,:;()\n]", looked.reading.text[: found.start()])[-1][-25:]
        denied = _NOT_A_TOTAL.search(before)
        if following.value not in totals and not denied:
            return f'"{following.text}" is called the total, and isn\'t'
    return None


def currency_is_named(looked: Looked) -> str | None:
    """Amounts of money are told with the currency of the result, and no other; points with none."""
    amounts = looked.reading.amounts
    if not looked.results or not amounts:
        return None
    currency = looked.results[-1]["currency"]
    allowed = {result["currency"] for result in looked.results}
    named = currencies_of(looked.turn.answer)
    if foreign := sorted(named - allowed):
        return f"speaks of {', '.join(foreign)}; the figures are in {currency}"
    points = {value for wallet in looked.wallets for value in _of_kind(wallet, "rewards")}
    money = {
        value
        for wallet in looked.wallets
        for kind in ("wallet", "pay_later", "unknown")
        for value in _of_kind(wallet, kind)
    }
    for amount in amounts:
        if amount.value in points - money and amount.currency:
            return f'"{amount.text}" points are told as {amount.currency}'
    if any(amount.value not in points - money for amount in amounts) and not named:
        return f"no amount has its currency, {currency}"
    return None


def credit_is_called_credit(looked: Looked) -> str | None:
    """A pay-later amount isn't told without saying that it is credit, and points not without saying points."""
    told = {amount.value for amount in looked.reading.amounts}
    money = {value for wallet in looked.wallets for value in _of_kind(wallet, "wallet")}
    credit = {value for wallet in looked.wallets for value in _of_kind(wallet, "pay_later")} - money
    if told & credit and (_NO_CREDIT.search(looked.text) or not mentions(looked.text, CREDIT)):
        return "tells credit without calling it that"
    return None


def unknown_is_unknown(looked: Looked) -> str | None:
    """A balance that is missing isn't told as empty, as an amount, or by a guess."""
    known = {wallet["provider"] for wallet in looked.wallets if "balance" in wallet}
    for provider in sorted(_unknown(looked) - known):
        said = [each for each in sentences(looked.text) if provider_places(each, provider)]
        if any(says(each, EMPTY) for each in said):
            return f"says that {provider} is empty; its balance is unknown"
        if any(says(each, GUESS) and not says(each, UNKNOWN) for each in said):
            return f"guesses the balance of {provider}, which is unknown"
        clauses = [each for sentence in said for each in re.split(r",\s|\bbut\b|\band\b|और|\baur\b|மற்றும்", sentence)]
        for clause in (each for each in clauses if provider_places(each, provider)):
            others = any(provider_places(clause, other) for other in known)
            if (
                read_amounts(clause).amounts
                and not others
                and not mentions(clause, UNKNOWN)
                and not _TOTAL.search(clause)
            ):
                return f"tells an amount of {provider}, whose balance is unknown"
    return None


def unknown_is_told(looked: Looked) -> str | None:
    """The providers that the case names are told, and that their balance is unknown."""
    if not looked.is_last:
        return None
    unknown = _unknown(looked)
    for provider in looked.case.unknown:
        if provider not in unknown:
            return f"the case says that {provider} is unknown, and it isn't"
        if not provider_places(looked.text, provider):
            return f"doesn't mention {provider}, whose balance is unknown"
        if not mentions(looked.text, UNKNOWN):
            return f"doesn't say that the balance of {provider} is unknown"
    return None


def _unknown(looked: Looked) -> set[str]:
    """The providers of wallets without a balance, of those that are linked or may be."""
    return {w["provider"] for w in looked.wallets if "balance" not in w and w.get("linked") is not False}


def _allowed(looked: Looked) -> set[Decimal]:
    results = [*looked.results, *(looked.earlier if looked.is_last and looked.case.compares else [])]
    allowed = {Decimal(result["total_balance"]) for result in results if "total_balance" in result}
    for result in results:
        for wallet in result.get("wallets", []):
            allowed |= _of_wallet(wallet) | {value for part in wallet.get("parts", []) for value in _of_wallet(part)}
    allowed |= set(_sums(looked))
    if looked.is_last and looked.case.compares:
        allowed |= {abs(one - other) for one, other in combinations(sorted(allowed), 2)}
    if looked.is_last and looked.case.asked_amount:
        asked = Decimal(looked.case.asked_amount)
        allowed |= {asked, *(abs(asked - value) for value in allowed)}
    return allowed


def _sums(looked: Looked) -> Iterator[Decimal]:
    """Sums of money, if the question asks for one: of all of it, of two wallets, of a provider, of what is fresh."""
    if not (looked.is_last and looked.case.sum):
        return
    money = [w for w in looked.wallets if w["kind"] == "wallet" and w.get("linked") is True and "balance" in w]
    values = [Decimal(wallet["balance"]) for wallet in money]
    yield sum(values, Decimal(0))
    yield from (one + other for one, other in combinations(values, 2))
    totals = [Decimal(result["total_balance"]) for result in looked.results if "total_balance" in result]
    yield from (one + other for one, other in combinations(totals, 2))
    for key in ("provider", "freshness"):
        for group in {wallet[key] for wallet in money}:
            yield sum((Decimal(wallet["balance"]) for wallet in money if wallet[key] == group), Decimal(0))


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence or line of a text begins and ends."""
    begin = 0
    for found in re.finditer(r"\n|;|[.!?।](?=\s|$)", text):
        yield begin, found.start()
        begin = found.end()
    yield begin, len(text)


def _is_inside(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return other[0] <= one[0] and one[1] <= other[1] and other[:2] != one[:2]


def _misplaced(
    names: Sequence[tuple[int, int, str]],
    told: Sequence[tuple[int, Decimal]],
    owned: Mapping[str, set[Decimal]],
    *,
    is_after: bool,
) -> str | None:
    """The first provider of a sentence whose amount, the one after or before its name, is another's."""
    for place, (begin, end, provider) in enumerate(names):
        if is_after:
            limit = names[place + 1][0] if place + 1 < len(names) else None
            near = [value for at, value in told if at >= end and (limit is None or at < limit)][:1]
        else:
            limit = names[place - 1][1] if place else 0
            near = [value for at, value in told if limit <= at < begin][-1:]
        if near and near[0] not in owned[provider]:
            return provider
        # With an amount for every name, one that has none shows that they are told in the other order.
        if not near and owned[provider] and len(told) >= len(names):
            return provider
    return None


def _figures(looked: Looked, figure: str) -> set[Decimal]:
    """The values of a figure as a case names it: digits, `total`, or a provider."""
    if re.fullmatch(r"\d+(\.\d+)?", figure):
        return {Decimal(figure)}
    if figure == "total":
        return {Decimal(result["total_balance"]) for result in looked.results if "total_balance" in result}
    return {value for wallet in looked.wallets if wallet["provider"] == figure for value in _of_wallet(wallet)}


def _entries(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The wallets of a result, and their parts."""
    return [each for wallet in result.get("wallets", []) for each in (wallet, *wallet.get("parts", []))]


def _of_wallet(wallet: dict[str, Any]) -> set[Decimal]:
    return {Decimal(wallet["balance"])} if "balance" in wallet else set()


def _of_kind(wallet: dict[str, Any], kind: str) -> set[Decimal]:
    return {
        value for each in (wallet, *wallet.get("parts", [])) if each["kind"] == kind for value in _of_wallet(each)
    }
