"""The answer: what hosts, models and people see of a customer's wallets.

These models are the tool's output schema. A key whose value is unknown or empty is MISSING: left out of the JSON;
the schema has no null. Models read the field descriptions in every conversation, so each must be worth its bytes.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import MISSING, BaseModel, ConfigDict, Field

from juspay_mcp.answer.snapshot import Freshness, Snapshot, Source
from juspay_mcp.answer.summary import MAX_PARTS, notices, summarize
from juspay_mcp.juspay.providers import CODE_PATTERN, Kind
from juspay_mcp.juspay.wallets import Wallet
from juspay_mcp.settings.load import Environment
from juspay_mcp.values.amounts import format_amount
from juspay_mcp.values.customer_id import CustomerId
from juspay_mcp.values.masking import mask
from juspay_mcp.values.timestamps import format_timestamp

MAX_WALLETS = 25
"""How many wallets an answer lists; its total and counts cover all."""

T = TypeVar("T")


# The pattern is checked, but isn't in the schema: a model that reads an answer has no use for it.
Code = Annotated[str, Field(pattern=CODE_PATTERN, json_schema_extra=lambda schema: schema.pop("pattern"))]


class _Frozen(BaseModel):
    """Immutable. Unknown keys are dropped; the schema stays open, so that later versions may add keys."""

    model_config = ConfigDict(frozen=True)


class PartAnswer(_Frozen):
    """A provider's own breakdown of a wallet; never summed into anything."""

    provider: str
    code: Code | MISSING = MISSING
    kind: Kind
    balance: str | MISSING = MISSING
    last_refreshed: str | MISSING = MISSING


class WalletAnswer(_Frozen):
    """One wallet of the customer."""

    provider: str
    code: Code | MISSING = MISSING
    ref: Annotated[str | MISSING, Field(description="masked id")] = MISSING
    kind: Annotated[Kind, Field(description="only wallet is summed")]
    linked: Annotated[bool | MISSING, Field(description="absent: not known")] = MISSING
    balance: Annotated[str | MISSING, Field(description="decimal; absent: not known, never 0")] = MISSING
    last_refreshed: str | MISSING = MISSING
    freshness: Annotated[Freshness, Field(description="live: within 5 minutes of as_of")]
    mobile: str | MISSING = MISSING
    parts: Annotated[list[PartAnswer] | MISSING, Field(description="never summed")] = MISSING


class Answer(_Frozen):
    """The structured result of `refresh_customer_wallets`."""

    summary: str
    customer: str
    environment: Annotated[Environment, Field(description="only production is real")]
    source: Annotated[Source, Field(description="last_known: refresh failed, older balances")]
    as_of: str
    currency: str
    total_balance: Annotated[str | MISSING, Field(description="of linked wallets")] = MISSING
    wallet_count: int
    linked_count: int
    wallets: Annotated[list[WalletAnswer] | MISSING, Field(max_length=MAX_WALLETS)] = MISSING
    omitted_wallets: Annotated[int | MISSING, Field(description="counted, not listed")] = MISSING
    unreadable_wallets: int | MISSING = MISSING
    notices: Annotated[list[str] | MISSING, Field(description="pass these on")] = MISSING


def make_answer(snapshot: Snapshot, customer_id: CustomerId, environment: Environment) -> Answer:
    """The masked, summarized answer about one customer."""
    shown = snapshot.wallets[:MAX_WALLETS]
    return Answer(
        summary=summarize(snapshot, environment),
        customer=mask(customer_id),
        environment=environment,
        source=snapshot.source,
        as_of=format_timestamp(snapshot.as_of),
        currency=snapshot.currency,
        total_balance=_amount(snapshot.total),
        wallet_count=len(snapshot.wallets),
        linked_count=len(snapshot.linked),
        wallets=[_wallet(wallet, snapshot) for wallet in shown] or MISSING,
        omitted_wallets=len(snapshot.wallets) - len(shown) or MISSING,
        unreadable_wallets=snapshot.response.unreadable or MISSING,
        notices=notices(snapshot, len(shown)) or MISSING,
    )


def _wallet(wallet: Wallet, snapshot: Snapshot) -> WalletAnswer:
    return WalletAnswer(
        provider=wallet.provider,
        code=_known(wallet.code),
        ref=_known(wallet.ref),
        kind=wallet.kind,
        linked=_known(wallet.linked),
        balance=_amount(wallet.balance),
        last_refreshed=_moment(wallet.last_refreshed),
        freshness=snapshot.freshness(wallet.last_refreshed),
        mobile=_known(wallet.mobile),
        parts=[
            PartAnswer(
                provider=part.provider,
                code=_known(part.code),
                kind=part.kind,
                balance=_amount(part.balance),
                last_refreshed=_moment(part.last_refreshed),
            )
            for part in wallet.parts[:MAX_PARTS]
        ]
        or MISSING,
    )


def _known(value: T | None) -> T | MISSING:
    return MISSING if value is None else value


def _amount(amount: Decimal | None) -> str | MISSING:
    return MISSING if amount is None else format_amount(amount)


def _moment(moment: datetime | None) -> str | MISSING:
    return MISSING if moment is None else format_timestamp(moment)
