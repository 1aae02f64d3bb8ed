"""The sentences of an answer: what a support agent would say, and the notices of what it doesn't know.

Nothing a provider wrote is repeated here but codes of a fixed form, so no text of theirs can pose as ours.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from juspay_mcp.money import format_grouped
from juspay_mcp.providers import display_name, is_listed, kind_of
from juspay_mcp.snapshot import Snapshot
from juspay_mcp.wallets import Wallet, WalletList

MADE_UP_PREFIX = "Simulator, made-up figures: "
MADE_UP = "These figures are made up: a simulator answered, not Juspay."
"""The notice of every answer in the simulator environment."""
MAX_PARTS = 10
"""How many parts of one wallet are listed."""

_NAMED = 8  # wallets named in one sentence before "and N more"
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def summarize(snapshot: Snapshot) -> str:
    """One to four sentences, complete enough to answer from alone."""
    sentences = (_warning(snapshot), _balances(snapshot), _not_counted(snapshot), _credit(snapshot))
    return " ".join(sentence for sentence in sentences if sentence)


def notices(snapshot: Snapshot, shown: int) -> list[str]:
    """The fixed sentences that apply; `shown` is how many wallets the answer lists."""
    wallets, reply = snapshot.wallets, snapshot.reply
    ages = {snapshot.freshness(wallet.last_refreshed) for wallet in snapshot.linked if wallet.balance is not None}
    applies = {
        "The refresh failed: these are balances Juspay stored earlier, not the present ones.": (
            snapshot.source == "last_known"
        ),
        "At least one balance is older than five minutes.": "stale" in ages and snapshot.source == "refresh",
        "At least one balance's age is not known.": "unknown" in ages,
        "At least one linked wallet's balance is not known; it is not zero, and not in the total.": any(
            wallet.balance is None for wallet in snapshot.linked
        ),
        "Pay-later wallets are credit: shown, but not counted in the total.": any(
            kind_of(wallet.code) == "pay_later" for wallet in wallets
        ),
        "Juspay doesn't say whether at least one wallet is linked; it is not in the total.": any(
            wallet.linked is None for wallet in wallets
        ),
        "At least one provider is not known to this server; its balance is taken for money.": any(
            not is_listed(wallet.code) and kind_of(wallet.code) == "wallet" for wallet in snapshot.counted
        ),
        "At least one entry of Juspay's reply could not be read.": bool(
            reply.unreadable or any(wallet.unreadable_parts for wallet in wallets)
        ),
        "Juspay's reply lists fewer wallets than it says the customer has.": reply.incomplete,
        "Not all parts of a wallet are listed here.": any(len(wallet.parts) > MAX_PARTS for wallet in wallets),
        "Not all wallets are listed here; the total and the counts cover all of them.": shown < len(wallets),
    }
    return [sentence for sentence, holds in applies.items() if holds]


def _warning(snapshot: Snapshot) -> str:
    if snapshot.source == "refresh":
        return ""
    return "Juspay could not refresh the balances just now; these are older ones it had stored."


def _balances(snapshot: Snapshot) -> str:
    counted = snapshot.counted
    if snapshot.total is None:
        return _no_balance(snapshot)
    amount = f"{snapshot.currency} {format_grouped(snapshot.total)}"
    if len(counted) == 1:
        return f"{_name(counted[0], snapshot)} holds {amount}, {_age(counted[0].last_refreshed, snapshot)}."
    live = all(_is_live(wallet, snapshot) for wallet in counted)
    figures = _enumerate([_figure(wallet, snapshot) for wallet in counted])
    return f"{len(counted)} wallets hold {amount}{', just refreshed' if live else ''}: {figures}."


def _no_balance(snapshot: Snapshot) -> str:
    if snapshot.linked:
        return "No wallet balance is known."
    if snapshot.wallets:
        return "No wallet is known to be linked, so no balance is known."
    lost = snapshot.reply.unreadable or snapshot.reply.incomplete
    return "No wallet could be read." if lost else "The customer has no wallets."


def _not_counted(snapshot: Snapshot) -> str:
    groups = {
        "balance unknown": [w for w in snapshot.linked if w.balance is None and kind_of(w.code) == "wallet"],
        "not linked": [w for w in snapshot.wallets if w.linked is False],
        "link state unknown": [w for w in snapshot.wallets if w.linked is None],
    }
    clauses = [f"{label}: {_names(wallets, snapshot)}" for label, wallets in groups.items() if wallets]
    sentence = "; ".join([*clauses, *(_lost(snapshot.reply) if snapshot.wallets else [])])
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def _lost(reply: WalletList) -> Iterator[str]:
    if reply.unreadable:
        yield f"{reply.unreadable} more could not be read"
    if reply.incomplete:
        yield "Juspay's reply lists fewer wallets than it says there are"


def _credit(snapshot: Snapshot) -> str:
    lines = [wallet for wallet in snapshot.linked if kind_of(wallet.code) == "pay_later"]
    figures = _enumerate([_figure(wallet, snapshot) for wallet in lines])
    return f"Pay-later credit, not counted: {figures}." if lines else ""


def _names(wallets: Sequence[Wallet], snapshot: Snapshot) -> str:
    return _enumerate([_name(wallet, snapshot) for wallet in wallets])


def _figure(wallet: Wallet, snapshot: Snapshot) -> str:
    if wallet.balance is None:
        return f"{_name(wallet, snapshot)} unknown"
    age = "" if _is_live(wallet, snapshot) else f" ({_age(wallet.last_refreshed, snapshot)})"
    return f"{_name(wallet, snapshot)} {format_grouped(wallet.balance)}{age}"


def _name(wallet: Wallet, snapshot: Snapshot) -> str:
    """The provider; with the masked wallet id where the customer has two wallets of that name."""
    name = display_name(wallet.code)
    return f"{name} {wallet.ref}" if name in snapshot.twins and wallet.ref else name


def _is_live(wallet: Wallet, snapshot: Snapshot) -> bool:
    return snapshot.freshness(wallet.last_refreshed) == "live"


def _age(last_refreshed: datetime | None, snapshot: Snapshot) -> str:
    freshness = snapshot.freshness(last_refreshed)
    if last_refreshed is None or freshness == "unknown":
        return "of unknown age"
    if freshness == "live":
        return "just refreshed"
    seconds = max(60, int((snapshot.as_of - last_refreshed).total_seconds()))
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return f"{seconds // size} {unit}{'s' if seconds // size > 1 else ''} old"


def _enumerate(items: Sequence[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {more} more" if more > 0 else "")
