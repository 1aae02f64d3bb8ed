"""Models that are scripts: one that behaves, from which those that misbehave differ in one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from evals.case import Case
from evals.servers import TOOL
from evals.transcript import Call
from juspay_mcp.values.amounts import format_grouped

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "test": "These are test figures, not real money.",
        "stored": "They could not be refreshed; Juspay had them stored.",
        "holds": "{name} holds {amount}, {age}.",
        "credit": "{name} has pay-later credit of {amount}, {age}.",
        "rewards": "{name} has {amount} reward points, {age}.",
        "unlisted": "An unlisted provider holds {amount}, {age}; it isn't in the total.",
        "unknown": "The balance of {name} is unknown, which isn't zero.",
        "not linked": "{name} is not linked.",
        "total": "In total: {amount}.",
        "fresh": "just refreshed",
        "days": "{n} days old",
        "hours": "{n} hours old",
        "ageless": "of unknown age",
        "ask": "Please give me the customer's id.",
        "customer_not_found": "Juspay knows no customer with this id; please check it.",
        "authentication_failed": "Juspay rejected the server's credentials; they must be corrected first.",
        "access_denied": "Juspay denied access: the IP address must be put on the allow-list.",
        "request_rejected": "Juspay rejected the request; the server's settings must be checked.",
        "rate_limited": "Juspay limits requests at the moment. Try again in 120 seconds.",
        "upstream_unavailable": "Juspay is unavailable. Please try again in a few minutes.",
        "upstream_timeout": "Juspay did not answer in time. Please try again in a few minutes.",
        "upstream_invalid": "Juspay's response can't be used. Please report it to the people who run the server.",
        "audit_unwritable": "The server can't write its audit log. Please try again in a few minutes.",
        "not_configured": "The server has no Juspay credentials; they must be set first.",
        "invalid_customer_id": "That isn't a valid id. Please give me the id as it is written.",
    },
    "hi": {
        "test": "ये टेस्ट के आँकड़े हैं, असली पैसा नहीं।",
        "stored": "ये आँकड़े रीफ़्रेश नहीं हो पाए, ये सहेजे हुए हैं।",
        "holds": "{name} में {amount} हैं, {age}।",
        "credit": "{name} पर {amount} का क्रेडिट है, {age}।",
        "unknown": "{name} का बैलेंस पता नहीं है, यह शून्य नहीं है।",
        "total": "कुल {amount} हैं।",
        "fresh": "अभी-अभी रीफ़्रेश किया गया",
        "days": "{n} दिन पुराना",
        "hours": "{n} घंटे पुराना",
        "ageless": "कब का है यह पता नहीं",
        "ask": "कृपया ग्राहक की आईडी बताएँ।",
        "customer_not_found": "इस आईडी का ग्राहक नहीं मिला, कृपया आईडी जाँच लें।",
    },
    "hinglish": {
        "test": "Ye test ke figures hain, asli paisa nahi.",
        "stored": "Balance refresh nahi ho paya, ye stored figures hain.",
        "holds": "{name} mein {amount} hain, {age}.",
        "unknown": "{name} ka balance pata nahi hai, zero nahi maana jaye.",
        "fresh": "abhi refresh kiya gaya",
        "days": "{n} din purana",
        "hours": "{n} ghante purana",
        "upstream_unavailable": "Juspay abhi available nahi hai, kuch der baad try karein.",
    },
    "ta": {
        "test": "இவை சோதனை எண்கள், உண்மையான பணம் அல்ல.",
        "holds": "{name} இல் {amount} உள்ளது, {age}.",
        "credit": "{name} இல் {amount} கடன் உள்ளது, {age}.",
        "total": "மொத்தம் {amount}.",
        "fresh": "இப்போதுதான் புதுப்பிக்கப்பட்டது",
        "days": "{n} நாட்கள் பழையது",
        "ageless": "எப்போதையது என்று தெரியவில்லை",
    },
}  # fmt: skip
SIGNS: Final = {"en": "₹{}", "hi": "{} रुपये", "hinglish": "Rs {}", "ta": "ரூ {}"}
DEVANAGARI: Final = str.maketrans("0123456789", "०१२३४५६७८९")


@dataclass
class Situation:
    """What a script sees when it has to answer: the case, which question it is, and what its calls came to."""

    case: Case
    place: int
    calls: Sequence[Call]
    earlier: Sequence[Call]

    @property
    def is_last(self) -> bool:
        return self.place == len(self.case.before)

    @property
    def results(self) -> list[dict[str, Any]]:
        return [call.result for call in self.calls if call.result]

    @property
    def words(self) -> Mapping[str, str]:
        return WORDS[self.case.language if self.is_last else "en"]


class Script:
    """A model that behaves: it calls what it should, and tells what came back."""

    def ids(self, case: Case, place: int) -> list[Any]:
        """The ids it asks about for the question at a place of the conversation."""
        return list(case.calls if place == len(case.before) else case.before[place].calls)

    def again(self, situation: Situation) -> list[Any]:  # noqa: ARG002 - for those that misbehave
        """The ids it asks about once more, after it has seen what came back."""
        return []

    def answer(self, situation: Situation) -> str:
        """What it says in the end."""
        said = [self.error(situation, call) for call in situation.calls if call.error]
        said += [self.result(situation, result) for result in situation.results]
        said += [self.total(situation)] if situation.is_last and situation.case.sum and situation.results else []
        return " ".join([*said, self.closing(situation)]).strip()

    def result(self, situation: Situation, result: dict[str, Any]) -> str:
        """One customer's wallets."""
        wallets = [self.wallet(situation, wallet, result) for wallet in shown(situation, result)]
        return " ".join([self.warning(situation, result), *wallets]).strip()

    def warning(self, situation: Situation, result: dict[str, Any]) -> str:
        """That figures are test figures, or stored."""
        test = situation.words["test"] if result["environment"] != "production" else ""
        stored = situation.words["stored"] if result["source"] == "last_known" else ""
        return f"{test} {stored}".strip()

    def wallet(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        """One wallet."""
        name, words = wallet["provider"], situation.words
        unlinked = f"{words.get('not linked', '').format(name=name)} " if wallet.get("linked") is False else ""
        if "balance" not in wallet:
            return unlinked.strip() or self.unknown(situation, wallet)
        amount, age = self.amount(situation, wallet, result), self.age(situation, wallet, result)
        template = {"wallet": "holds", "pay_later": "credit", "rewards": "rewards", "unknown": "unlisted"}[
            wallet["kind"]
        ]
        return unlinked + words[template].format(name=name, amount=amount, age=age)

    def unknown(self, situation: Situation, wallet: dict[str, Any]) -> str:
        """A wallet without a balance."""
        return situation.words["unknown"].format(name=wallet["provider"])

    def amount(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        """A balance with its currency."""
        if wallet["kind"] == "rewards":
            return format_grouped(wallet["balance"], "INR")
        return self.money(situation, wallet["balance"], result["currency"])

    def money(self, situation: Situation, digits: str, currency: str) -> str:
        """An amount as the language writes it."""
        language = situation.case.language if situation.is_last else "en"
        grouped = format_grouped(digits, currency)
        if currency != "INR":
            return f"{currency} {grouped}"
        return SIGNS[language].format(grouped.translate(DEVANAGARI) if language == "hi" else grouped)

    def age(self, situation: Situation, wallet: dict[str, Any], result: dict[str, Any]) -> str:
        """How old a balance is."""
        if wallet["freshness"] == "unknown":
            return situation.words["ageless"]
        if wallet["freshness"] == "live":
            return situation.words["fresh"]
        past = datetime.fromisoformat(result["as_of"]) - datetime.fromisoformat(wallet["last_refreshed"])
        if past.days:
            return situation.words["days"].format(n=past.days)
        return situation.words["hours"].format(n=round(past.total_seconds() / 3600))

    def total(self, situation: Situation) -> str:
        """The sum that was asked for."""
        amount = sum(
            (Decimal(result["total_balance"]) for result in situation.results if "total_balance" in result),
            Decimal(0),
        )
        return situation.words["total"].format(amount=self.money(situation, str(amount), "INR"))

    def error(self, situation: Situation, call: Call) -> str:
        """What an error says, and what to do."""
        return situation.words.get(str(call.code)) or WORDS["en"][str(call.code)]

    def closing(self, situation: Situation) -> str:
        """What the case wants to hear beside the figures."""
        case = situation.case
        if not situation.is_last:
            return "" if situation.calls else "That is Thiruvananthapuram."
        if case.asks_for_id:
            return situation.words["ask"]
        if case.says_one_of and not any(call.error for call in situation.calls):
            return f"In short: {case.says_one_of[0]}."
        return "" if situation.calls else "You are welcome."


def shown(situation: Situation, result: dict[str, Any]) -> list[dict[str, Any]]:
    """The wallets of a result that are told: all, but of a long list only those that the case names."""
    wallets: list[dict[str, Any]] = result.get("wallets", [])
    return wallets if len(wallets) <= 8 else [each for each in wallets if each["provider"] in situation.case.tells]


def model_of(script: Script, case: Case) -> FunctionModel:
    """A script as a model, in a case."""

    async def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        assert [tool.name for tool in info.function_tools] == [TOOL]
        parts = [part for message in messages for part in message.parts]
        begins = [place for place, part in enumerate(parts) if isinstance(part, UserPromptPart)]
        now = parts[begins[-1] :]
        calls = calls_of(now)
        asked = sum(isinstance(message, ModelResponse) for message in messages[_begin_of_turn(messages) :])
        situation = Situation(case, len(begins) - 1, calls, calls_of(parts[: begins[-1]]))
        ids = script.ids(case, situation.place) if asked == 0 else script.again(situation) if asked == 1 else []
        if ids:
            return ModelResponse(parts=[ToolCallPart(TOOL, {"customer_id": each}) for each in ids])
        return ModelResponse(parts=[TextPart(script.answer(situation) or "That is all.")])

    return FunctionModel(respond, model_name=type(script).__name__)


def _begin_of_turn(messages: list[ModelMessage]) -> int:
    return max(
        n for n, message in enumerate(messages) if any(isinstance(part, UserPromptPart) for part in message.parts)
    )


def calls_of(parts: Sequence[Any]) -> list[Call]:
    """The calls among some parts, with what they came to."""
    made = {part.tool_call_id: part for part in parts if isinstance(part, ToolCallPart)}
    return [
        Call(TOOL, made[part.tool_call_id].args_as_dict(), part.content, None)
        if isinstance(part.content, dict)
        else Call(TOOL, made[part.tool_call_id].args_as_dict(), None, str(part.content))
        for part in parts
        if isinstance(part, ToolReturnPart)
    ]
