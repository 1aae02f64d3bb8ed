"""Made-up customers, each with three forms of the same answer: Juspay's reply, our JSON, our text.

A customer is drawn as the reply that Juspay documents. The JSON and the text are made from that reply by the package
itself, so the three forms can't contradict each other.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Final, Literal, get_args

from juspay_mcp.answer.model import make_answer
from juspay_mcp.answer.snapshot import Snapshot
from juspay_mcp.answer.text import text_of
from juspay_mcp.juspay.wallets import parse_wallets
from juspay_mcp.simulator.customers import BANK_CODES
from juspay_mcp.values.customer_id import CustomerId, parse_customer_id
from juspay_mcp.values.strict_json import decode_json

Form = Literal["raw", "json", "text"]
"""`raw`: the body of Juspay's reply. `json`: the tool's structured content. `text`: the tool's text."""

FORMS: Final[tuple[Form, ...]] = get_args(Form)

_MONEY = ("PAYTM", "MOBIKWIK", "FREECHARGE", "AMAZONPAY", "PHONEPE", "OLAMONEY", "PAYZAPP", "JIOMONEY", "AIRTELMONEY")
_CREDIT = ("SIMPL", "LAZYPAY")
_REWARDS = ("TWID",)
_HEX = "0123456789abcdef"
_FIRST_MOMENT = datetime(2026, 1, 1, 6, tzinfo=UTC)
_LIVE_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One customer: the reply of Juspay, and what the package reads in it."""

    customer_id: CustomerId
    raw: str
    as_of: datetime
    """When the question is asked; UTC."""

    @cached_property
    def snapshot(self) -> Snapshot:
        """The wallets as the package parses them."""
        return Snapshot(
            response=parse_wallets(decode_json(self.raw.encode())),
            source="refresh",
            as_of=self.as_of,
            currency="INR",
            upstream_requests=1,
        )

    @cached_property
    def forms(self) -> dict[Form, str]:
        """The three forms. Both JSON forms are without white space, which is the shortest that a host can send."""
        answer = make_answer(self.snapshot, self.customer_id, "production")
        return {"raw": self.raw, "json": answer.model_dump_json(), "text": text_of(answer)}


def draw_customer(random: Random) -> Customer:
    """A customer with one to five wallets of different providers; at least one counts towards the total."""
    as_of = _FIRST_MOMENT + timedelta(seconds=random.randrange(300 * 86_400))
    count = random.choices((1, 2, 3, 4, 5), weights=(2, 5, 7, 4, 2))[0]
    wallets = [_wallet(random, code, as_of) for code in random.sample(_MONEY, count)]
    wallets[0] |= {"current_balance": _balance(random), "last_refreshed": _moment(random, as_of)}
    for wallet in wallets[1:]:
        fate = random.random()
        if fate < 0.12:  # noqa: PLR2004 - one wallet in eight isn't linked
            wallet |= {"token": None, "last_refreshed": None, "current_balance": None, "linked": False}
        elif fate < 0.27:  # noqa: PLR2004 - about one in seven didn't answer
            wallet |= {"last_refreshed": None, "current_balance": None}
    if random.random() < 0.3:  # noqa: PLR2004 - some have credit or points as well
        other = _wallet(random, random.choice(_CREDIT + _REWARDS), as_of)
        if random.random() < 0.3:  # noqa: PLR2004 - of some of these the age is unknown
            other["last_refreshed"] = None
        wallets.append(other)
    random.shuffle(wallets)
    reply = {"list": wallets, "offset": 0, "count": len(wallets), "total": len(wallets), "object": "list"}
    return Customer(
        customer_id=parse_customer_id(f"cth_{_letters(random, 16)}"),
        raw=json.dumps(reply, separators=(",", ":")),
        as_of=as_of,
    )


def draw_customers(seed: int, count: int) -> Iterator[Customer]:
    """The first `count` customers of a seed."""
    random = Random(seed)  # noqa: S311 - it must be repeatable, not secret
    for _ in range(count):
        yield draw_customer(random)


def _wallet(random: Random, code: str, as_of: datetime) -> dict[str, object]:
    """A linked wallet, key for key as in Juspay's sample of `Refresh All Wallets`."""
    return {
        "wallet": code,
        "token": f"tk_{_letters(random, 16)}",
        "last_refreshed": _moment(random, as_of),
        "juspay_bank_code": BANK_CODES.get(code, f"JP_{code}"),
        "object": "wallet_account",
        "metadata": {"mobile_number": f"{random.randrange(6, 10)}{random.randrange(10**9):09}"},
        "id": f"wlt_{_letters(random, 16)}",
        "current_balance": _balance(random),
        "gateway_reference_id": None,
        "linked": True,
    }


def _balance(random: Random) -> float:
    """0 to 99,999.99 rupees, every order of magnitude alike; a third of them are whole."""
    whole = random.randrange(10 ** random.randrange(1, 6))
    return whole if random.random() < 1 / 3 else whole + random.randrange(100) / 100


def _moment(random: Random, as_of: datetime) -> str:
    """A time of the last refresh: one in two is within two minutes of `as_of`, the others minutes to weeks before."""
    seconds = random.randrange(_LIVE_SECONDS)
    if random.random() < 1 / 2:
        least, most = random.choice(((600, 3_600), (3_600, 86_400), (86_400, 20 * 86_400)))
        seconds = random.randrange(least, most)
    return f"{as_of - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def _letters(random: Random, count: int) -> str:
    return "".join(random.choices(_HEX, k=count))
