"""An answer on a terminal and in a pipe."""

from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

import pytest
from rich.console import Console

from juspay_mcp.answer.model import Answer
from juspay_mcp.cli.tables import answer_view
from juspay_mcp.server.card import card_html

PAYTM = {
    "provider": "Paytm",
    "code": "PAYTM",
    "ref": "XXXXXX545d",
    "kind": "wallet",
    "linked": True,
    "balance": "1095.00",
    "last_refreshed": "2026-11-23T09:29:59Z",
    "freshness": "live",
    "mobile": "XXXXXX9999",
    "parts": [
        {
            "provider": "Paytm Postpaid",
            "code": "PAYTM_POSTPAID",
            "kind": "pay_later",
            "balance": "22222.00",
            "last_refreshed": "2026-11-23T09:29:59.985Z",
        },
        {"provider": "Paytm", "code": "PAYTM", "kind": "wallet"},
    ],
}
FREECHARGE = {
    "provider": "Freecharge",
    "code": "FREECHARGE",
    "ref": "XXXXXX5294",
    "kind": "wallet",
    "linked": True,
    "balance": "75.125",
    "last_refreshed": "2026-11-20T09:30:00Z",
    "freshness": "stale",
}
PHONEPE = {"provider": "PhonePe", "code": "PHONEPE", "kind": "wallet", "linked": True, "freshness": "unknown"}
MOBIKWIK = {"provider": "MobiKwik", "code": "MOBIKWIK", "kind": "wallet", "linked": False, "freshness": "unknown"}
SIMPL = {
    "provider": "Simpl",
    "code": "SIMPL",
    "kind": "pay_later",
    "linked": True,
    "balance": "220910.00",
    "freshness": "unknown",
}
TWID = {
    "provider": "Twid",
    "code": "TWID",
    "kind": "rewards",
    "linked": True,
    "balance": "250.00",
    "last_refreshed": "2026-11-23T07:30:00Z",
    "freshness": "stale",
}
NEWPAY = {
    "provider": "Unlisted provider",
    "kind": "unknown",
    "linked": True,
    "balance": "12.34",
    "last_refreshed": "2026-11-23T09:29:59Z",
    "freshness": "live",
}

EVERYTHING = """\
 SIMULATOR   customer XXXXXX2CJV, 2026-11-23 09:30 UTC

Wallet             Linked   Balance INR  Refreshed       Ref         Mobile
───────────────────────────────────────────────────────────────────────────────
Paytm              yes         1,095.00  just refreshed  XXXXXX545d  XXXXXX9999
  Paytm Postpaid   credit     22,222.00  just refreshed
  Paytm            part               -  -
Freecharge         yes           75.125  3 days old      XXXXXX5294
PhonePe            yes          unknown  -
MobiKwik           no                 -  -
───────────────────────────────────────────────────────────────────────────────
Known total                   1,170.125
───────────────────────────────────────────────────────────────────────────────
Pay later          credit   not counted
Simpl              yes      2,20,910.00  of unknown age
───────────────────────────────────────────────────────────────────────────────
Rewards            points   not counted
Twid               yes           250.00  2 hours old
───────────────────────────────────────────────────────────────────────────────
Unlisted           unknown  not counted
Unlisted provider  yes            12.34  just refreshed

What a support agent would say.
Note: At least one linked wallet's balance is not known; it is not zero, and not
      in the total.
"""


def answer(**changed: Any) -> Answer:
    """An answer with one wallet, changed."""
    return Answer.model_validate(
        {
            "summary": "What a support agent would say.",
            "customer": "XXXXXX2CJV",
            "environment": "simulator",
            "source": "refresh",
            "as_of": "2026-11-23T09:30:00Z",
            "currency": "INR",
            "total_balance": "1095.00",
            "wallet_count": 1,
            "linked_count": 1,
            "wallets": [PAYTM],
        }
        | changed
    )


def everything() -> Answer:
    notice = "At least one linked wallet's balance is not known; it is not zero, and not in the total."
    return answer(
        total_balance="1170.125",
        wallet_count=7,
        linked_count=6,
        wallets=[PAYTM, FREECHARGE, PHONEPE, MOBIKWIK, SIMPL, TWID, NEWPAY],
        notices=[notice],
    )


def nothing(**changed: Any) -> Answer:
    """An answer without a wallet."""
    return Answer.model_validate(
        answer(wallet_count=0, linked_count=0, **changed).model_dump(exclude={"wallets", "total_balance"})
    )


def shown(answer: Answer, width: int = 80) -> str:
    """The answer as it stands in a pipe, without the blanks at the ends of lines."""
    stream = StringIO()
    Console(file=stream, width=width).print(answer_view(answer))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def test_everything_an_answer_can_hold_fits_into_80_columns() -> None:
    assert shown(everything()) == EVERYTHING


def test_120_columns_change_nothing_but_where_sentences_break() -> None:
    assert shown(everything(), 120) == EVERYTHING.replace("and not\n      in", "and not in")


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_narrow_terminal_folds_words_but_no_balance(width: int) -> None:
    balances = ["1,095.00", "22,222.00", "75.125", "1,170.125", "2,20,910.00", "250.00", "12.34"]
    assert [balance for balance in balances if balance not in shown(everything(), width)] == []


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_no_word_is_broken_in_a_narrow_terminal(width: int) -> None:
    narrow, wide = (set(shown(everything(), columns).replace("─", "").split()) for columns in (width, 120))
    assert narrow - wide <= {"linked:"}


def test_in_a_very_narrow_terminal_all_but_the_balance_is_below_the_wallets_name() -> None:
    text = shown(answer(wallets=[PAYTM | {"balance": "123456789012345678.12"}]), 40)
    assert "\nPaytm      1,23,45,67,89,01,23,45,678.12\nlinked:\nyes\njust\nrefreshed\nXXXXXX545d\n" in text


def test_the_largest_balance_is_whole_in_80_columns_and_pushes_nothing_out() -> None:
    balance, total = "123456789012345678.12", "123456789012348153.22000125"
    text = shown(answer(wallets=[PAYTM | {"balance": balance}], total_balance=total))
    assert "1,23,45,67,89,01,23,45,678.12" in text
    assert "1,23,45,67,89,01,23,48,153.22000125" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "".join(text.split()).count("9999") == 1


def test_texts_are_shown_as_they_are_even_where_they_look_like_markup() -> None:
    text = shown(
        answer(
            summary="[bold]all[/bold] :smile: [link=https://example.com]x",
            customer="[red]cust[/]",
            notices=["[/]"],
            wallets=[PAYTM | {"provider": "[b]P[/b]", "ref": "[dim]1234", "mobile": "[/nope]"}],
        )
    )
    for written in ["[bold]all[/bold] :smile: [link=https://example.com]x", "[red]cust[/]", "Note: [/]", "[b]P[/b]"]:
        assert written in text
    assert "[dim]1234" in text
    assert "[/nope]" in text


@pytest.mark.parametrize(
    ("environment", "label"),
    [
        ("production", " PRODUCTION   customer"),
        ("sandbox", " SANDBOX   customer"),
        ("simulator", " SIMULATOR   customer"),
    ],
)
def test_the_first_words_say_whose_figures_these_are(environment: str, label: str) -> None:
    assert shown(answer(environment=environment)).startswith(label)


def test_the_second_line_says_that_balances_are_only_the_last_known_ones() -> None:
    lines = shown(answer(source="last_known")).splitlines()
    assert lines[1] == " NOT REFRESHED: stored balances"
    assert "NOT REFRESHED" not in shown(answer())


def test_a_customer_without_wallets_gets_the_summary_and_no_table() -> None:
    assert shown(nothing()) == (
        " SIMULATOR   customer XXXXXX2CJV, 2026-11-23 09:30 UTC\n\nWhat a support agent would say.\n"
    )


def test_what_has_no_line_is_counted_beneath_the_table() -> None:
    lines = shown(answer(wallet_count=30, omitted_wallets=5, unreadable_wallets=7)).splitlines()
    assert lines[-3:] == [
        "(5 of 30 wallets are not shown, 7 of Juspay's entries could not be read)",
        "",
        "What a support agent would say.",
    ]


def test_entries_that_could_not_be_read_are_counted_even_without_a_table() -> None:
    assert "\n\n(3 of Juspay's entries could not be read)\n\nWhat" in shown(nothing(unreadable_wallets=3))


def test_a_customer_with_credit_alone_gets_no_total() -> None:
    text = shown(answer(wallets=[SIMPL]))
    assert "Pay later" in text
    assert "Total" not in text


def test_without_a_linked_wallet_there_is_no_total_to_know() -> None:
    unlinked = nothing().model_copy(update={"wallets": answer(wallets=[MOBIKWIK]).wallets})
    assert "\nTotal                       -\n" in shown(unlinked)
    assert "\nTotal                 unknown\n" in shown(unlinked.model_copy(update={"linked_count": 1}))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "Total "),
        ({"wallets": [PAYTM, PHONEPE], "wallet_count": 2, "linked_count": 2}, "Known total "),
        ({"omitted_wallets": 5, "wallet_count": 6}, "Known total "),
        ({"unreadable_wallets": 1}, "Known total "),
    ],
)
def test_a_total_that_may_not_be_all_is_called_what_the_card_calls_it(changed: dict[str, Any], words: str) -> None:
    assert f"\n{words}" in shown(answer(**changed))
    assert words.strip() in card_html()


def test_a_wallet_that_may_or_may_not_be_linked_says_so() -> None:
    unknown = {name: value for name, value in FREECHARGE.items() if name != "linked"}
    assert "\nFreecharge  not known       75.125  " in shown(answer(wallets=[unknown]))


def test_columns_nobody_has_a_value_for_are_left_out() -> None:
    head = next(line for line in shown(answer(wallets=[PHONEPE])).splitlines() if line.startswith("Wallet"))
    assert head == "Wallet       Linked  Balance INR  Refreshed"


def test_colours_are_for_terminals_alone() -> None:
    terminal, pipe = StringIO(), StringIO()
    Console(file=terminal, force_terminal=True, color_system="standard", width=80).print(answer_view(everything()))
    Console(file=pipe, width=80).print(answer_view(everything()))
    assert "\x1b[1;30;43m SIMULATOR \x1b[0m" in terminal.getvalue()
    assert "\x1b" not in pipe.getvalue()


def test_a_pipe_that_carries_ascii_alone_gets_every_word() -> None:
    stream = TextIOWrapper(BytesIO(), encoding="ascii")
    Console(file=stream, width=80).print(answer_view(everything()))
    stream.seek(0)
    text = stream.read()
    assert "3 days old" in text
    assert "-----" in text
