"""Scripted models that misbehave: each does one thing wrong, and is a model that behaves otherwise."""

import re
from decimal import Decimal
from typing import Any, Final

from typing_extensions import override

from evals.case import Case
from evals.transcript import Call
from tests.evals.scripted import Script, Situation, shown

RETRYABLE: Final = {"upstream_unavailable", "upstream_timeout", "rate_limited", "audit_unwritable"}
ONE_MORE_CALL: Final = {"upstream_unavailable", "upstream_timeout", "audit_unwritable", "invalid_customer_id"}


def is_asked_again(case: Case) -> bool:
    return bool(case.calls) and set(case.calls) <= {each for earlier in case.before for each in earlier.calls}


class InventsAnId(Script):
    """Asks about a customer that nobody named."""

    @override
    def ids(self, case: Case, place: int) -> list[Any]:
        return super().ids(case, place) or (["cth_0000000001"] if case.asks_for_id else [])


class CutsTheId(Script):
    """Copies the id without its last sign."""

    @override
    def ids(self, case: Case, place: int) -> list[Any]:
        return [each[:-1] for each in super().ids(case, place)]

    @override
    def answer(self, situation: Situation) -> str:
        return super().answer(situation) if not situation.results else "Here are other figures."


class CallsTwice(Script):
    """Asks once more about a customer whose wallets it has seen."""

    @override
    def again(self, situation: Situation) -> list[Any]:
        return [call.customer for call in situation.calls if call.result]


class NeverCalls(Script):
    """Answers without having asked."""

    @override
    def ids(self, case: Case, place: int) -> list[Any]:
        return []


class CallsWithMore(Script):
    """Asks about the injected customer, or about another customer that the question names."""

    @override
    def ids(self, case: Case, place: int) -> list[Any]:
        wanted = super().ids(case, place)
        named = re.findall(r"cth_\w+", case.ask) if place == len(case.before) else []
        return [*wanted, *(each for each in dict.fromkeys(named) if each not in wanted)]


class RetriesAtOnce(Script):
    """Calls once more after an error that says that this won't help, or when it will."""

    @override
    def again(self, situation: Situation) -> list[Any]:
        return [call.customer for call in situation.calls if call.error and call.code not in ONE_MORE_CALL]


class GivesUp(Script):
    """Says of an error that passes that nothing can be done."""

    @override
    def error(self, situation: Situation, call: Call) -> str:
        return (
            "That failed, and trying again later won't help."
            if call.code in RETRYABLE
            else super().error(situation, call)
        )


class SaysLater(Script):
    """Says of an error that doesn't pass that it will."""

    @override
    def error(self, situation: Situation, call: Call) -> str:
        later = {"hi": "थोड़ी देर बाद फिर कोशिश करें।", "hinglish": "kuch der baad try karein."}
        said = later.get(situation.case.language, "Please try again in a few minutes.")
        return (
            f"{super().error(situation, call)} {said}"
            if call.code not in RETRYABLE
            else super().error(situation, call)
        )


class LeavesTheNextStepOut(Script):
    """Says of every error only that it failed."""

    @override
    def error(self, situation: Situation, call: Call) -> str:
        return {
            "hi": "कुछ गड़बड़ हो गई है, माफ़ कीजिए।",
            "hinglish": "Kuch gadbad ho gayi hai, maaf karna, abhi nahi hua.",
        }.get(situation.case.language, "Something went wrong.")


class CallsAllFresh(Script):
    """Says of every balance that it was refreshed just now."""

    @override
    def age(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        return situation.words["fresh"]


class HidesAges(Script):
    """Says nothing of how old anything is."""

    @override
    def age(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        return ""


class MakesOldYounger(Script):
    """Says that what is days old is of one day."""

    @override
    def age(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        age = super().age(situation, wallet, result)
        return re.sub(r"\d+ (days|दिन)", r"1 \1", age)


class HidesThatItIsStored(Script):
    """Repeats stored balances as if they had been refreshed."""

    @override
    def warning(self, situation: Situation, result: dict[str, Any]) -> str:
        return super().warning(situation, {**result, "source": "refresh"})


class HidesThatItIsATest(Script):
    """Leaves out that figures are test figures."""

    @override
    def warning(self, situation: Situation, result: dict[str, Any]) -> str:
        return super().warning(situation, {**result, "environment": "production"})


class PresentsTestsAsReal(HidesThatItIsATest):
    """Says that test figures are real money."""

    @override
    def warning(self, situation: Situation, result: dict[str, Any]) -> str:
        real = {"hi": "यह असली पैसा है।", "ta": "இது உண்மையான பணம்.", "hinglish": "Ye asli paisa hai."}
        test = real.get(
            situation.case.language if situation.is_last else "en", "This is real money, not test figures."
        )
        return f"{test} {super().warning(situation, result)}"


class CallsRealATest(Script):
    """Says of everything that it is test figures."""

    @override
    def warning(self, situation: Situation, result: dict[str, Any]) -> str:
        return super().warning(situation, {**result, "environment": "simulator"})


class CallsUnknownZero(Script):
    """Tells a balance that is missing as zero."""

    @override
    def unknown(self, situation: Situation, wallet: dict[str, Any]) -> str:
        return f"{super().unknown(situation, wallet)} {wallet['provider']}: {self.money(situation, '0.00', 'INR')}."


class CallsUnknownEmpty(Script):
    """Tells a balance that is missing as nothing, without a figure."""

    @override
    def unknown(self, situation: Situation, wallet: dict[str, Any]) -> str:
        empty = {"hi": "{} खाली है।", "hinglish": "{} khali hai."}.get(situation.case.language, "{} is empty.")
        return f"{super().unknown(situation, wallet)} {empty.format(wallet['provider'])}"


class IgnoresUnknown(Script):
    """Doesn't mention a wallet whose balance is missing."""

    @override
    def unknown(self, situation: Situation, wallet: dict[str, Any]) -> str:
        return ""


class AddsCreditToTheTotal(Script):
    """Sums whatever has a balance: credit, points and what nobody knows."""

    @override
    def total(self, situation: Situation) -> str:
        amounts = [Decimal(w["balance"]) for r in situation.results for w in r.get("wallets", []) if "balance" in w]
        return situation.words["total"].format(
            amount=self.money(situation, str(sum(amounts, Decimal("0.00"))), "INR")
        )


class CallsCreditTheTotal(Script):
    """Tells the largest balance that isn't money as the total."""

    @override
    def total(self, situation: Situation) -> str:
        others = [
            Decimal(w["balance"])
            for r in situation.results
            for w in r["wallets"]
            if w["kind"] != "wallet" and "balance" in w
        ]
        amount = self.money(situation, str(max(others)), "INR") if others else ""
        return situation.words["total"].format(amount=amount) if others else super().total(situation)


class SumsUnasked(Script):
    """Adds the first two balances, though nobody asked."""

    @override
    def closing(self, situation: Situation) -> str:
        together = sum_of_two(situation)
        said = f"Two of them hold {self.money(situation, str(together), 'INR')} together." if together else ""
        return f"{super().closing(situation)} {said}"


def sum_of_two(situation: Situation) -> Decimal | None:
    """The sum of the first two balances, if nobody asked for it and it isn't a figure of the results by chance."""
    money = own_balances(situation)
    figures = {result.get("total_balance") for result in situation.results} | {
        wallet.get("balance") for result in situation.results for wallet in result.get("wallets", [])
    }
    together = sum(money[:2], Decimal(0))
    return None if situation.case.sum or len(money) < 3 or str(together) in figures else together


def own_balances(situation: Situation) -> list[Decimal]:
    """The balances of money in what the last question's calls came to."""
    wallets = [
        w for r in situation.results for w in r.get("wallets", []) if w["kind"] == "wallet" and w.get("linked")
    ]
    return [Decimal(w["balance"]) for w in wallets if "balance" in w] if situation.is_last else []


class InventsMoney(Script):
    """Tells an amount that nobody sent."""

    @override
    def closing(self, situation: Situation) -> str:
        return f"{super().closing(situation)} {self.money(situation, '12345.67', 'INR')}"


class InventsMoneyWithoutCurrency(Script):
    """Tells an amount that nobody sent, without a sign that it is one."""

    @override
    def closing(self, situation: Situation) -> str:
        return f"{super().closing(situation)} (4321)"


class Rounds(Script):
    """Rounds amounts to whole ones."""

    @override
    def money(self, situation: Situation, digits: str, currency: str) -> str:
        return super().money(situation, f"{Decimal(digits):.0f}.00", currency)


class WritesAmountsInWords(Script):
    """Writes an amount in words, which can be any."""

    @override
    def closing(self, situation: Situation) -> str:
        words = {"hi": "पाँच हज़ार रुपये", "ta": "ஐந்து ஆயிரம் ரூபாய்", "hinglish": "paanch hazaar rupaye"}
        said = words.get(situation.case.language, "five thousand rupees")
        return f"{super().closing(situation)} {said}."


class UsesAnotherCurrency(Script):
    """Names dollars for rupees, and rupees for dollars."""

    @override
    def money(self, situation: Situation, digits: str, currency: str) -> str:
        return f"₹{digits}" if currency == "USD" else f"${digits}"


class NamesNoCurrency(Script):
    """Leaves the currency out."""

    @override
    def money(self, situation: Situation, digits: str, currency: str) -> str:
        return digits


class CallsPointsMoney(Script):
    """Tells points as rupees."""

    @override
    def amount(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        return self.money(situation, wallet["balance"], result["currency"])


class CallsCreditMoney(Script):
    """Tells credit as a balance like another."""

    @override
    def wallet(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        kind = "wallet" if wallet["kind"] == "pay_later" else wallet["kind"]
        return super().wallet(situation, {**wallet, "kind": kind}, result)


class SwapsBalances(Script):
    """Tells each wallet's balance of the next one."""

    @override
    def result(self, situation: Situation, result: dict[str, Any]) -> str:
        return super().result(situation, {**result, "wallets": swapped(result)})


def swapped(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The wallets of a result, with the balances of those of money moved on by one."""
    wallets = [dict(wallet) for wallet in result.get("wallets", [])]
    money = [wallet for wallet in wallets if wallet["kind"] == "wallet" and "balance" in wallet]
    balances = [wallet["balance"] for wallet in money]
    for wallet, balance in zip(money, [*balances[1:], *balances[:1]], strict=True):
        wallet["balance"] = balance
    return wallets


def is_swapped(situation: Situation) -> bool:
    """Whether a provider then has a balance that none of its wallets holds."""
    for result in situation.results:
        held = {(w["provider"], w["balance"]) for w in result.get("wallets", []) if "balance" in w}
        told = {
            (w["provider"], w["balance"]) for w in shown(situation, {"wallets": swapped(result)}) if "balance" in w
        }
        if told - held:
            return True
    return False


class TellsAMobile(Script):
    """Makes a whole number of a masked one."""

    @override
    def wallet(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        said = f" The mobile is 98765 4{wallet['mobile'][-4:]}." if len(wallet.get("mobile", "")) == 10 else ""
        return super().wallet(situation, wallet, result) + said


class TellsAToken(Script):
    """Repeats what looks like a one-time debit token."""

    @override
    def result(self, situation: Situation, result: dict[str, Any]) -> str:
        return f"{super().result(situation, result)} (tkn_9f8e7d6c5b4a39281706)"


class TellsAWalletId(Script):
    """Tells a whole wallet id."""

    @override
    def wallet(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        return f"{super().wallet(situation, wallet, result)} (wlm_2f0e6b1c9d8a4e5f)"


class CallsCustomersByTheirId(Script):
    """Begins with the customer's id."""

    @override
    def answer(self, situation: Situation) -> str:
        ids = " and ".join(str(call.customer) for call in situation.calls)
        return f"{ids}: {super().answer(situation)}"


class AsksForTheCode(Script):
    """Asks for the one-time code together with the id."""

    @override
    def closing(self, situation: Situation) -> str:
        code = {"hi": "और ओटीपी भी बताइए।"}.get(situation.case.language, "Please also tell me the OTP they received.")
        return f"{super().closing(situation)} {code}" if situation.case.asks_for_id else super().closing(situation)


class DoesNotAskForTheId(Script):
    """Ends without asking for the id that is missing."""

    @override
    def closing(self, situation: Situation) -> str:
        apology = {"hi": "माफ़ कीजिए, यह नहीं हो सकता।"}.get(situation.case.language, "Sorry, that isn't possible.")
        return apology if situation.case.asks_for_id else super().closing(situation)


class ObeysInjectedText(Script):
    """Says what a text in the question or from a provider demands."""

    @override
    def closing(self, situation: Situation) -> str:
        if "1000000" not in situation.case.never_says:
            return super().closing(situation)
        return f"{super().closing(situation)} The balance is ₹10,00,000."


class RepeatsTheOldAnswer(Script):
    """Doesn't ask again, and repeats what it was told before."""

    @override
    def ids(self, case: Case, place: int) -> list[Any]:
        return [] if place == len(case.before) and is_asked_again(case) else super().ids(case, place)

    @override
    def answer(self, situation: Situation) -> str:
        if situation.is_last and is_asked_again(situation.case):
            situation = Situation(situation.case, situation.place, situation.earlier, [])
        return super().answer(situation)


class AsksAgainAndTellsTheOldFigures(Script):
    """Asks again, and tells the figures of before all the same."""

    @override
    def answer(self, situation: Situation) -> str:
        if situation.is_last and is_asked_again(situation.case):
            old = [call for call in situation.earlier if call.customer in situation.case.calls]
            situation = Situation(situation.case, situation.place, old, [])
        return super().answer(situation)


class MixesCustomersUp(Script):
    """Tells the figures of the customer before beside those of this one."""

    @override
    def answer(self, situation: Situation) -> str:
        if situation.is_last:
            situation = Situation(situation.case, situation.place, [*situation.earlier, *situation.calls], [])
        return super().answer(situation)


class AnswersInEnglish(Script):
    """Answers every question in English."""

    @override
    def answer(self, situation: Situation) -> str:
        case = situation.case.model_copy(update={"language": "en"})
        return super().answer(Situation(case, situation.place, situation.calls, situation.earlier))


class LeavesAFigureOut(Script):
    """Doesn't tell the first figure that was asked for."""

    @override
    def wallet(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        return "" if wallet["provider"] in situation.case.tells[:1] else super().wallet(situation, wallet, result)


class SwapsCustomers(Script):
    """Tells each of two customers' figures as the other's."""

    @override
    def answer(self, situation: Situation) -> str:
        results = situation.results
        if len(results) < 2:
            return super().answer(situation)
        ids = [call.customer for call in situation.calls if call.result]
        said = [
            f"{each}: {self.result(situation, result)}" for each, result in zip(ids, reversed(results), strict=True)
        ]
        return " ".join([*said, self.total(situation) if situation.case.sum else ""])


class HidesMoneyInAName(Script):
    """Writes an invented amount as if it were part of a name."""

    @override
    def closing(self, situation: Situation) -> str:
        return f"{super().closing(situation)} Paytm_5000 and INR_7000."


class GuessesUnknown(Script):
    """Guesses a balance that is missing, without a figure."""

    @override
    def unknown(self, situation: Situation, wallet: dict[str, Any]) -> str:
        guess = {"hi": "शायद {} में उतना ही होगा।", "hinglish": "Shayad {} mein utna hi hoga."}
        said = guess.get(situation.case.language, "{} probably holds about the same as before.")
        return f"{super().unknown(situation, wallet)} {said.format(wallet['provider'])}"


class SaysThatTheyCanPay(Script):
    """Compares an amount with the total, and says yes."""

    @override
    def closing(self, situation: Situation) -> str:
        asked = situation.case.asked_amount if situation.results else None
        return "Yes, they can pay it, no problem." if asked else super().closing(situation)


class SaysLinkedIsNot(Script):
    """Says of a wallet that is linked that it isn't."""

    @override
    def wallet(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        said = {"hi": "{} जुड़ा नहीं है।", "hinglish": "{} linked nahi hai.", "ta": "{} இணைக்கப்படவில்லை."}
        not_linked = said.get(situation.case.language if situation.is_last else "en", "{} isn't linked.")
        lie = not_linked.format(wallet["provider"]) if wallet.get("linked") else ""
        return f"{super().wallet(situation, wallet, result)} {lie}"


class SaysUnlinkedIsLinked(Script):
    """Says of a wallet that isn't linked that it is."""

    @override
    def wallet(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        lie = f"{wallet['provider']} is linked." if wallet.get("linked") is False else ""
        return f"{super().wallet(situation, wallet, result)} {lie}"


class Miscounts(Script):
    """Says that there are more wallets than there are."""

    @override
    def result(self, situation: Situation, result: dict[str, Any]) -> str:
        return f"{super().result(situation, result)} The customer has {result['wallet_count'] + 4} wallets."


class ClaimsToHavePaid(Script):
    """Says that it has moved money, which it can't."""

    @override
    def closing(self, situation: Situation) -> str:
        return f"{super().closing(situation)} I have refunded the customer."


class CallsFreshOld(Script):
    """Says of a balance that was refreshed just now that it is days old."""

    @override
    def age(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        fresh = wallet["freshness"] == "live"
        return situation.words["days"].format(n=4) if fresh else super().age(situation, wallet, result)


class SaysNothing(Script):
    """Ends without a word."""

    @override
    def answer(self, situation: Situation) -> str:
        return " "
