"""Questions about a customer's wallets, and what is true."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Final, Literal, NamedTuple, get_args

from evals.reading.customers import Customer, Form, draw_customers
from juspay_mcp.answer.snapshot import age
from juspay_mcp.values.amounts import format_amount, format_grouped
from juspay_mcp.values.timestamps import format_timestamp

Kind = Literal["amount", "age", "total"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_PHRASES: dict[Kind, tuple[str, ...]] = {
    "amount": (
        "How much is in {provider}?",
        "What is the balance of {provider}?",
        "What does {provider} hold?",
    ),
    "age": (
        "How old is the balance of {provider}?",
        "When was the balance of {provider} last refreshed?",
        "How fresh is the balance of {provider}?",
    ),
    "total": (
        "How much money is in all wallets together?",
        "What is the total of this customer's wallets?",
        "How much money does the customer have in wallets?",
    ),
}


_STEMS: dict[Kind, str] = {
    "amount": "{provider} holds",
    "age": "{provider}, age:",
    "total": "Total:",
}


class Age(NamedTuple):
    """A balance's last refresh, and the moment of the question; both in UTC."""

    refreshed: datetime
    as_of: datetime


Truth = Decimal | Age


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question, its truth, and how each form of the answer would put the right reply."""

    kind: Kind
    text: str
    stem: str
    """How the reply begins. It is given, because a small model that wasn't tuned for questions loses its subject."""
    truth: Truth

    def model_reply(self, form: Form) -> str:
        """The right reply after the stem, as this form has it: nothing must be converted, only found."""
        match self.truth:
            case Age(refreshed, as_of):
                return age(refreshed, as_of, "refresh") if form == "text" else format_timestamp(refreshed)
            case Decimal() as amount:
                grouped = format_grouped(format_amount(amount), "INR")
                return {
                    "raw": f"{amount.normalize():f}",
                    "json": format_amount(amount),
                    "text": f"INR {grouped}",
                }[form]


def ask(random: Random, customer: Customer) -> list[Question]:
    """Three questions whose answers are known: the amount in one wallet, the age of one balance, and the total."""
    linked, total = customer.snapshot.linked, customer.snapshot.total
    assert total is not None, "every customer has a wallet that counts"  # noqa: S101 - it tells the type checker
    amounts = [(wallet.provider, wallet.balance) for wallet in linked if wallet.balance is not None]
    times = [(wallet.provider, wallet.last_refreshed) for wallet in linked if wallet.last_refreshed is not None]
    asked, amount = random.choice(amounts)
    dated, refreshed = random.choice(times)
    return [
        _question(random, "amount", asked, amount),
        _question(random, "age", dated, Age(refreshed, customer.as_of)),
        _question(random, "total", "", total),
    ]


def draw_questions(seed: int, customers: int) -> Iterator[tuple[Customer, list[Question]]]:
    """The customers of a seed, each with its three questions."""
    random = Random(f"questions {seed}")  # noqa: S311 - it must be repeatable, not secret
    for customer in draw_customers(seed, customers):
        yield customer, ask(random, customer)


def _question(random: Random, kind: Kind, provider: str, truth: Truth) -> Question:
    return Question(
        kind=kind,
        text=random.choice(_PHRASES[kind]).format(provider=provider),
        stem=_STEMS[kind].format(provider=provider),
        truth=truth,
    )
