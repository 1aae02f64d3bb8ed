"""An answer as a person likes to read it: rich renderables, for a terminal of any width and for a pipe.

Every text of an answer goes in as `Text`, never as markup. Besides those there is nothing but ASCII, which any
encoding of a pipe can carry; rich draws its lines in ASCII where it must.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar, get_args

from pydantic import MISSING
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from juspay_mcp.answer.model import Answer, WalletAnswer
from juspay_mcp.answer.snapshot import age
from juspay_mcp.juspay.providers import Kind
from juspay_mcp.values.amounts import format_grouped
from juspay_mcp.values.timestamps import format_minute

MAX_WIDTH: Final = 100
"""Columns that are used of a wider terminal: longer lines are hard to read."""

_UNKNOWN_WIDTH: Final = 80
_UNKNOWN: Final = "unknown"
_NONE: Final = "-"
# The summary alone says that figures are test figures.
_ENVIRONMENTS: Final = {
    "production": ("PRODUCTION", "bold"),
    "sandbox": ("SANDBOX", "bold black on cyan"),
    "simulator": ("SIMULATOR", "bold black on yellow"),
}
_LINKED: Final = {True: "yes", False: "no", None: "not known"}
_LAST_KNOWN: Final = "NOT REFRESHED: stored balances"
_FRESHNESS: Final = {"live": "green", "stale": "yellow", "unknown": "yellow"}
# What isn't counted stands apart from the total, by kind.
_KINDS: Final = {
    "pay_later": ("Pay later", "credit"),
    "rewards": ("Rewards", "points"),
    "unknown": ("Unlisted", "unknown"),
}

_BALANCE: Final = "Balance"
_COLUMNS: Final = ("Wallet", "Linked", _BALANCE, "Refreshed", "Ref", "Mobile")
_ENDLESS: Final = 1_000  # columns: more than any table needs

Row = dict[str, Text]
"""A line of the table: cells by column; what isn't there stays blank, but a balance always is."""

T = TypeVar("T")


class ResultConsole(Console):
    """stdout for results."""

    def __init__(self) -> None:
        super().__init__(highlight=False)
        self.width = min(self.width or _UNKNOWN_WIDTH, MAX_WIDTH)  # COLUMNS=0 would show nothing


def answer_view(answer: Answer) -> RenderableType:
    """The whole answer: the environment, the customer and the time; the table, the summary, the notices."""
    words, style = _ENVIRONMENTS[answer.environment]
    moment = format_minute(datetime.fromisoformat(answer.as_of))
    # The blanks are a frame where there are colours.
    label = Text.assemble((f" {words} ", style), "  customer ", (answer.customer, "bold"), f", {moment}")
    blocks: list[RenderableType] = [label]
    if answer.source == "last_known":
        blocks.append(Text.assemble((f" {_LAST_KNOWN} ", "bold white on red")))
    blocks.append("")
    wallets = _or_none(answer.wallets)
    if wallets:
        blocks.append(_Wallets(answer.currency, _sections(wallets, answer)))
    not_shown = []
    if answer.omitted_wallets is not MISSING:
        not_shown.append(f"{answer.omitted_wallets} of {answer.wallet_count} wallets are not shown")
    if answer.unreadable_wallets is not MISSING:
        not_shown.append(f"{answer.unreadable_wallets} of Juspay's entries could not be read")
    if not_shown:
        blocks.append(Text(f"({', '.join(not_shown)})", "dim"))
    if wallets or not_shown:
        blocks.append("")
    blocks.append(Text(answer.summary))
    for sentence in _or_none(answer.notices) or []:
        note = Table.grid(padding=(0, 1, 0, 0))  # a grid sets the sentence's further lines in as its first
        note.add_row(Text("Note:", "yellow"), Text(sentence))
        blocks.append(note)
    return Group(*blocks)


@dataclass(frozen=True, slots=True)
class _Wallets:
    """The table, in the widest of three forms that fits: balances are never cut, and words only in the narrowest."""

    currency: str
    sections: list[list[Row]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        endless = options.update(max_width=_ENDLESS)
        wide = self._table(self.sections, gap=1)
        if Measurement.get(console, endless, wide).maximum <= options.max_width:
            yield wide
            return
        narrow = self._table(self._stacked(("Wallet", "Ref", "Mobile")), gap=0)
        if Measurement.get(console, endless, narrow).minimum <= options.max_width:
            yield narrow
            return
        yield self._table(self._stacked(("Wallet", "Linked", "Refreshed", "Ref", "Mobile")), gap=0)

    def _stacked(self, names: Sequence[str]) -> list[list[Row]]:
        """The rows with some of their cells beneath the wallet's name."""
        stacked: list[list[Row]] = [[] for _ in self.sections]
        for rows, section in zip(stacked, self.sections, strict=True):
            for row in section:
                # "yes" says nothing without its column's heading.
                cells = [
                    Text.assemble("linked: ", row[name])
                    if name == "Linked" and row[name].plain in _LINKED.values()
                    else row[name]
                    for name in names
                    if name in row
                ]
                rest = {name: cell for name, cell in row.items() if name not in names}
                rows.append({"Wallet": Text("\n").join(cells), **rest})
        return stacked

    def _table(self, sections: list[list[Row]], gap: int) -> Table:
        """A table without the columns that are empty in all rows, and with a line between sections."""
        table = Table(
            box=box.HORIZONTALS, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0), border_style="dim"
        )
        names = [name for name in _COLUMNS if any(name in row for section in sections for row in section)]
        for name in names:
            if name == _BALANCE:
                longest = max(len(row[name]) for section in sections for row in section)
                heading = Text(f"{name} {self.currency}")
                table.add_column(heading, justify="right", no_wrap=True, min_width=longest)
            else:
                table.add_column(name, overflow="fold")
        for section in sections:
            for row in section:
                table.add_row(*(row.get(name, "") for name in names))
            table.add_section()
        return table


def _sections(wallets: list[WalletAnswer], answer: Answer) -> list[list[Row]]:
    """The rows of money, the row of its total, and the rows of each kind that isn't counted."""
    rows = {
        kind: [row for each in wallets if each.kind == kind for row in _rows(each, answer)] for kind in get_args(Kind)
    }
    total = _or_none(answer.total_balance)
    known = Text(format_grouped(total, answer.currency), "bold") if total is not None else None
    is_partial = (
        answer.omitted_wallets is not MISSING
        or answer.unreadable_wallets is not MISSING
        or any(each.kind == "wallet" and each.linked is True and each.balance is MISSING for each in wallets)
    )
    sum_row = {
        "Wallet": Text("Known total" if known and is_partial else "Total", "bold"),
        _BALANCE: known or _missing(expected=answer.linked_count > 0),
    }
    sections = [rows["wallet"], [sum_row] if rows["wallet"] else []]
    for kind, (name, what) in _KINDS.items():
        if rows[kind]:
            heading = {"Wallet": Text(name, "bold"), "Linked": Text(what), _BALANCE: Text("not counted")}
            sections.append([heading, *rows[kind]])
    return sections


def _rows(wallet: WalletAnswer, answer: Answer) -> Iterator[Row]:
    amount = _or_none(wallet.balance)
    balance, refreshed = _missing(expected=wallet.linked is not False), Text(_NONE, "dim")
    if amount is not None:
        balance = Text(format_grouped(amount, answer.currency))
        refreshed = Text(_age(wallet.last_refreshed, answer), _FRESHNESS[wallet.freshness])
    texts = {
        "Wallet": Text(wallet.provider),
        "Linked": Text(_LINKED[_or_none(wallet.linked)]),
        _BALANCE: balance,
        "Refreshed": refreshed,
        "Ref": _text(wallet.ref),
        "Mobile": _text(wallet.mobile),
    }
    yield {name: text for name, text in texts.items() if text is not None}
    for part in _or_none(wallet.parts) or []:
        amount = _or_none(part.balance)
        yield {
            "Wallet": Text(f"  {part.provider}", "dim"),
            "Linked": Text(_KINDS[part.kind][1] if part.kind in _KINDS else "part", "dim"),
            _BALANCE: Text(_NONE if amount is None else format_grouped(amount, answer.currency), "dim"),
            "Refreshed": Text(_NONE if amount is None else _age(part.last_refreshed, answer), "dim"),
        }


def _missing(*, expected: bool) -> Text:
    return Text(_UNKNOWN, "yellow") if expected else Text(_NONE, "dim")


def _age(last_refreshed: str | MISSING, answer: Answer) -> str:
    moment = None if last_refreshed is MISSING else datetime.fromisoformat(last_refreshed)
    return age(moment, datetime.fromisoformat(answer.as_of), answer.source)


def _text(value: str | MISSING) -> Text | None:
    return None if value is MISSING else Text(value, "dim")


def _or_none(value: T | MISSING) -> T | None:
    return None if value is MISSING else value
