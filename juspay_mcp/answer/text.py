"""The answer as text, for hosts that show a model only the text: complete, in half the bytes of its JSON."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import MISSING

from juspay_mcp.answer.model import Answer, WalletAnswer
from juspay_mcp.answer.snapshot import age
from juspay_mcp.answer.summary import money
from juspay_mcp.juspay.providers import UNLISTED
from juspay_mcp.values.timestamps import format_minute

_LINKED = {True: "linked", False: "not linked", MISSING: "not known whether linked"}


def text_of(answer: Answer) -> str:
    """The summary, the customer and the time, a line for each wallet, and the notices."""
    notices = [] if answer.notices is MISSING else answer.notices
    when = format_minute(datetime.fromisoformat(answer.as_of))
    wallets = [] if answer.wallets is MISSING else answer.wallets
    lines = [f"- {wallet.provider}: {', '.join(_facts(wallet, answer))}" for wallet in wallets]
    return "\n".join([answer.summary, f"Customer {answer.customer}, as of {when}.", *lines, *notices])


def _facts(wallet: WalletAnswer, answer: Answer) -> Iterator[str]:
    yield _LINKED[wallet.linked]
    if wallet.balance is not MISSING:
        refreshed = None if wallet.last_refreshed is MISSING else datetime.fromisoformat(wallet.last_refreshed)
        yield money(wallet.balance, wallet.kind, answer.currency)
        yield age(refreshed, datetime.fromisoformat(answer.as_of), answer.source)
    elif wallet.linked is not False:
        yield "balance unknown"
    # A part of the same provider and kind may have another balance than the wallet itself.
    for part in [] if wallet.parts is MISSING else wallet.parts:
        same = (part.provider, part.kind) == (wallet.provider, wallet.kind)
        if part.provider == UNLISTED:
            same = same and part.code is not MISSING and part.code == wallet.code
        if same and part.balance is not MISSING and part.balance != wallet.balance:
            yield f"but its breakdown says {money(part.balance, part.kind, answer.currency)}"
    if wallet.kind == "unknown":
        yield "not in the total"
    if wallet.ref is not MISSING:
        yield f"id {wallet.ref}"
    if wallet.mobile is not MISSING:
        yield f"mobile {wallet.mobile}"
