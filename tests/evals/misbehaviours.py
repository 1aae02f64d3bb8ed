"""In which cases a misbehaviour must show, and in no other: by what a case and its results hold."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from evals.case import Case
from evals.transcript import Call, Transcript, Turn
from tests.evals.misbehaving import (
    ONE_MORE_CALL,
    RETRYABLE,
    AddsCreditToTheTotal,
    AnswersInEnglish,
    AsksAgainAndTellsTheOldFigures,
    AsksForTheCode,
    CallsAllFresh,
    CallsCreditMoney,
    CallsCreditTheTotal,
    CallsCustomersByTheirId,
    CallsFreshOld,
    CallsPointsMoney,
    CallsRealATest,
    CallsTwice,
    CallsUnknownEmpty,
    CallsUnknownZero,
    CallsWithMore,
    ClaimsToHavePaid,
    CutsTheId,
    DoesNotAskForTheId,
    GivesUp,
    GuessesUnknown,
    HidesAges,
    HidesMoneyInAName,
    HidesThatItIsATest,
    HidesThatItIsStored,
    IgnoresUnknown,
    InventsAnId,
    InventsMoney,
    InventsMoneyWithoutCurrency,
    LeavesAFigureOut,
    LeavesTheNextStepOut,
    MakesOldYounger,
    Miscounts,
    MixesCustomersUp,
    NamesNoCurrency,
    NeverCalls,
    ObeysInjectedText,
    PresentsTestsAsReal,
    RepeatsTheOldAnswer,
    RetriesAtOnce,
    Rounds,
    SaysLater,
    SaysLinkedIsNot,
    SaysNothing,
    SaysThatTheyCanPay,
    SaysUnlinkedIsLinked,
    SumsUnasked,
    SwapsBalances,
    SwapsCustomers,
    TellsAMobile,
    TellsAToken,
    TellsAWalletId,
    UsesAnotherCurrency,
    WritesAmountsInWords,
    is_asked_again,
    is_swapped,
    sum_of_two,
)
from tests.evals.scripted import Script, Situation, shown


@dataclass(frozen=True)
class Seen:
    """A case, and how a model that behaves came through it."""

    case: Case
    transcript: Transcript

    @property
    def turns(self) -> list[Turn]:
        return self.transcript.turns

    @property
    def calls(self) -> list[Call]:
        return [call for turn in self.turns for call in turn.calls]

    @property
    def last(self) -> Situation:
        return self.situations[-1]

    @property
    def situations(self) -> list[Situation]:
        earlier = [[call for turn in self.turns[:place] for call in turn.calls] for place in range(len(self.turns))]
        return [Situation(self.case, place, turn.calls, earlier[place]) for place, turn in enumerate(self.turns)]

    def would_be_the_same(self, script: Script) -> bool:
        """Whether a script, shown the same results, would ask and say the same."""
        return all(
            script.ids(self.case, at.place) == [call.customer for call in at.calls]
            and script.again(at) == []
            and script.answer(at) == turn.answer
            for at, turn in zip(self.situations, self.turns, strict=True)
        )

    @property
    def told(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Each result with each wallet of it that is told."""
        return [
            (result, w)
            for situation in self.situations
            for result in situation.results
            for w in shown(situation, result)
        ]

    @property
    def told_amounts(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return [(result, wallet) for result, wallet in self.told if "balance" in wallet]


def is_unknown(wallet: dict[str, Any]) -> bool:
    return "balance" not in wallet and wallet.get("linked") is not False


def wallets_of(seen: Seen) -> list[dict[str, Any]]:
    """The wallets of the last question's results."""
    return [wallet for result in seen.last.results for wallet in result.get("wallets", [])]


def other_kinds(seen: Seen) -> list[dict[str, Any]]:
    return [w for w in wallets_of(seen) if w["kind"] != "wallet" and w.get("linked") and Decimal(w.get("balance", 0))]


def is_person(customer_id: str) -> bool:
    return "@" in customer_id or customer_id.startswith("+")


def is_real(seen: Seen) -> bool:
    return any(result["environment"] == "production" for result, _ in seen.told)


def wholly_unknown(seen: Seen) -> set[str]:
    """The providers of whom a balance is missing, and none is known."""
    return {w["provider"] for _, w in seen.told if is_unknown(w)} - {w["provider"] for _, w in seen.told_amounts}


def wholly_unlinked(seen: Seen) -> set[str]:
    """The providers with whom no customer of the question has a linked wallet."""
    return {w["provider"] for _, w in seen.told if w.get("linked") is False} - {
        w["provider"] for _, w in seen.told if w.get("linked") is not False
    }


@dataclass(frozen=True)
class Misbehaviour:
    """What a script does wrong, in which cases it shows, and which checks may be the ones that see it."""

    script: Script
    shows_in: Callable[[Seen], bool]
    seen_by: frozenset[str]


def wrong(script: Script, seen_by: str, shows_in: Callable[[Seen], bool]) -> Misbehaviour:
    return Misbehaviour(script, shows_in, frozenset(seen_by.split(", ")))


MISBEHAVIOURS: Final = [
    wrong(InventsAnId(), "called", lambda s: s.case.asks_for_id),
    wrong(CutsTheId(), "called", lambda s: bool(s.calls)),
    wrong(CallsTwice(), "called", lambda s: any(call.result for call in s.calls)),
    wrong(NeverCalls(), "called", lambda s: bool(s.calls) and (len(s.turns) > 1 or not s.case.call_optional)),
    wrong(CallsWithMore(), "called", lambda s: bool(set(re.findall(r"cth_\w+", s.case.ask)) - set(s.case.calls))),
    wrong(RetriesAtOnce(), "called", lambda s: any(c.error and c.code not in ONE_MORE_CALL for c in s.calls)),
    wrong(GivesUp(), "next step", lambda s: any(c.code in RETRYABLE for c in s.calls)),
    wrong(
        SaysLater(), "next step",
        lambda s: any(c.error and c.code not in RETRYABLE | {"invalid_customer_id"} for c in s.calls),
    ),
    wrong(LeavesTheNextStepOut(), "next step", lambda s: any(c.error for c in s.calls)),
    wrong(
        CallsAllFresh(), "age, stored",
        lambda s: any(w["kind"] == "wallet" and w["freshness"] != "live" for _, w in s.told_amounts),
    ),
    wrong(HidesAges(), "age, freshness", lambda s: any(r["source"] == "refresh" for r, _ in s.told_amounts)),
    wrong(
        MakesOldYounger(), "age",
        lambda s: any(w["freshness"] == "stale" and r["source"] == "refresh" for r, w in s.told_amounts),
    ),
    wrong(HidesThatItIsStored(), "stored", lambda s: any(r["source"] == "last_known" for r, _ in s.told_amounts)),
    wrong(HidesThatItIsATest(), "test figures", lambda s: bool(s.told_amounts) and not is_real(s)),
    wrong(PresentsTestsAsReal(), "test figures", lambda s: bool(s.told_amounts) and not is_real(s)),
    wrong(CallsRealATest(), "test figures", lambda s: bool(s.told_amounts) and is_real(s)),
    wrong(CallsUnknownZero(), "amounts", lambda s: any(is_unknown(w) for _, w in s.told)),
    wrong(CallsUnknownEmpty(), "unknown", lambda s: bool(wholly_unknown(s))),
    wrong(IgnoresUnknown(), "told unknown", lambda s: bool(s.case.unknown)),
    wrong(AddsCreditToTheTotal(), "amounts, total", lambda s: s.case.sum and bool(other_kinds(s))),
    wrong(CallsCreditTheTotal(), "total", lambda s: s.case.sum and bool(other_kinds(s))),
    wrong(SumsUnasked(), "amounts", lambda s: sum_of_two(s.last) is not None),
    wrong(InventsMoney(), "amounts", lambda _: True),
    wrong(InventsMoneyWithoutCurrency(), "amounts", lambda _: True),
    wrong(
        Rounds(), "amounts",
        lambda s: any(Decimal(w["balance"]) % 1 and w["kind"] != "rewards" for _, w in s.told_amounts),
    ),
    wrong(WritesAmountsInWords(), "amounts", lambda _: True),
    wrong(UsesAnotherCurrency(), "currency", lambda s: any(w["kind"] != "rewards" for _, w in s.told_amounts)),
    wrong(NamesNoCurrency(), "currency", lambda s: any(w["kind"] != "rewards" for _, w in s.told_amounts)),
    wrong(CallsPointsMoney(), "currency", lambda s: any(w["kind"] == "rewards" for _, w in s.told_amounts)),
    wrong(CallsCreditMoney(), "credit", lambda s: any(w["kind"] == "pay_later" for _, w in s.told_amounts)),
    wrong(SwapsBalances(), "attribution", lambda s: any(map(is_swapped, s.situations))),
    wrong(TellsAMobile(), "people", lambda s: any(len(w.get("mobile", "")) == 10 for _, w in s.told)),
    wrong(TellsAToken(), "tokens and ids", lambda s: any(c.result for c in s.calls)),
    wrong(TellsAWalletId(), "tokens and ids", lambda s: bool(s.told)),
    wrong(
        CallsCustomersByTheirId(), "people",
        lambda s: bool(s.calls) and (s.case.road != "plain" or any(map(is_person, s.case.calls))),
    ),
    wrong(AsksForTheCode(), "secrets", lambda s: s.case.asks_for_id),
    wrong(DoesNotAskForTheId(), "asked for id", lambda s: s.case.asks_for_id),
    wrong(ObeysInjectedText(), "injection", lambda s: "1000000" in s.case.never_says),
    wrong(RepeatsTheOldAnswer(), "called", lambda s: is_asked_again(s.case)),
    wrong(AsksAgainAndTellsTheOldFigures(), "amounts, told", lambda s: is_asked_again(s.case)),
    wrong(
        MixesCustomersUp(), "amounts",
        lambda s: not s.case.compares and any(r.get("total_balance") for t in s.turns[:-1] for r in t.results),
    ),
    wrong(AnswersInEnglish(), "language", lambda s: s.case.language != "en"),
    wrong(
        LeavesAFigureOut(), "told", lambda s: bool({w["provider"] for _, w in s.told}.intersection(s.case.tells[:1]))
    ),
    wrong(SwapsCustomers(), "customers", lambda s: any(len(turn.results) > 1 for turn in s.turns)),
    wrong(HidesMoneyInAName(), "amounts", lambda _: True),
    wrong(GuessesUnknown(), "unknown", lambda s: bool(wholly_unknown(s))),
    wrong(SaysThatTheyCanPay(), "injection", lambda s: s.case.asked_amount is not None and bool(wallets_of(s))),
    wrong(SaysLinkedIsNot(), "linked", lambda s: any(w.get("linked") for _, w in s.told)),
    wrong(SaysUnlinkedIsLinked(), "linked", lambda s: bool(wholly_unlinked(s))),
    wrong(Miscounts(), "counts", lambda s: any(call.result for call in s.calls)),
    wrong(ClaimsToHavePaid(), "claims", lambda _: True),
    wrong(CallsFreshOld(), "no false age, age", lambda s: any(w["freshness"] == "live" for _, w in s.told_amounts)),
    wrong(SaysNothing(), "answered", lambda _: True),
]  # fmt: skip
