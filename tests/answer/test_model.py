from dataclasses import replace
from typing import Any

import pytest

from juspay_mcp.answer.model import Answer, make_answer
from juspay_mcp.answer.snapshot import Snapshot
from juspay_mcp.settings.load import Environment
from juspay_mcp.values.customer_id import parse_customer_id
from tests.support.builders import CUSTOMER, ago, make_part, make_snapshot, make_wallet


def answered(snapshot: Snapshot) -> dict[str, Any]:
    return make_answer(snapshot, CUSTOMER, "sandbox").model_dump()


def test_an_answer_has_every_key_that_is_known() -> None:
    wallets = [
        make_wallet("FREECHARGE", None, linked=False, refreshed=None),
        make_wallet(
            "PAYTM",
            "1095.5",
            ref="XXXXXX545d",
            refreshed=ago(minutes=2),
            mobile="XXXXXX78",
            parts=(
                make_part("PAYTM_POSTPAID", "22222", refreshed=ago(hours=1)),
                make_part("PAYTM", None, refreshed=None),
            ),
        ),
        make_wallet("NEWPAY", "0.125", linked=None, refreshed=ago(days=2)),
    ]
    snapshot = make_snapshot(*wallets, source="last_known", unreadable=2, incomplete=True)
    assert make_answer(snapshot, parse_customer_id("jane.doe@example.com"), "production").model_dump() == {
        "summary": (
            "Not refreshed: this is what Juspay had stored. Paytm holds INR 1,095.50, 2 minutes old. "
            "Freecharge is not linked; Juspay doesn't say whether an unlisted provider (0.125, 2 days old) is "
            "linked; 2 entries could not be read; Juspay's reply leaves out some wallets."
        ),
        "customer": "XXXXXX.doe@",
        "environment": "production",
        "source": "last_known",
        "as_of": "2026-11-23T09:30:00Z",
        "currency": "INR",
        "total_balance": "1095.50",
        "wallet_count": 3,
        "linked_count": 1,
        "wallets": [
            {
                "provider": "Paytm",
                "code": "PAYTM",
                "ref": "XXXXXX545d",
                "kind": "wallet",
                "linked": True,
                "balance": "1095.50",
                "last_refreshed": "2026-11-23T09:28:00Z",
                "freshness": "stale",
                "mobile": "XXXXXX78",
                "parts": [
                    {
                        "provider": "Paytm Postpaid",
                        "code": "PAYTM_POSTPAID",
                        "kind": "pay_later",
                        "balance": "22222.00",
                        "last_refreshed": "2026-11-23T08:30:00Z",
                    },
                    {"provider": "Paytm", "code": "PAYTM", "kind": "wallet"},
                ],
            },
            {
                "provider": "Freecharge",
                "code": "FREECHARGE",
                "kind": "wallet",
                "linked": False,
                "freshness": "unknown",
            },
            {
                "provider": "Unlisted provider",
                "code": "NEWPAY",
                "kind": "unknown",
                "balance": "0.125",
                "last_refreshed": "2026-11-21T09:30:00Z",
                "freshness": "stale",
            },
        ],
        "unreadable_wallets": 2,
        "notices": [
            "The refresh failed, so these balances may have changed since; ask again in a few minutes.",
            "Only wallets that Juspay says are linked are in the total.",
            "Pay-later is credit, not the customer's money, so it isn't in the total.",
            "A balance with an unlisted provider may be credit, so it isn't in the total.",
            "Entries of Juspay's reply that could not be read aren't in the counts or the total.",
            "Juspay's reply lists fewer wallets than its own total says, so the total here may be too low.",
        ],
    }


def test_an_answer_has_no_key_that_is_unknown_or_empty() -> None:
    answer = answered(make_snapshot())
    assert next(iter(answer)) == "summary"
    assert answer == {
        "summary": "Test figures (sandbox), not real money: the customer has no wallets.",
        "customer": "XXXXXX2CJV",
        "environment": "sandbox",
        "source": "refresh",
        "as_of": "2026-11-23T09:30:00Z",
        "currency": "INR",
        "wallet_count": 0,
        "linked_count": 0,
    }


def test_a_code_that_is_not_shown_is_left_out() -> None:
    wallet = replace(make_wallet("NEWPAY", parts=(replace(make_part("NEWPAY"), code=None),)), code=None)
    [shown] = answered(make_snapshot(wallet))["wallets"]
    assert ("code" in shown, "code" in shown["parts"][0], shown["provider"]) == (False, False, "Unlisted provider")


def test_a_short_customer_id_is_masked_whole() -> None:
    assert make_answer(make_snapshot(), parse_customer_id("CUST001"), "sandbox").customer == "XXXXXX"


def test_wallets_beyond_twenty_five_are_counted_and_summed_but_not_listed() -> None:
    unlinked = [make_wallet("FREECHARGE", None, linked=False)] * 3
    linked = [make_wallet("MOBIKWIK", "1")] * 27
    answer = answered(make_snapshot(*unlinked, *linked))
    shown = {"code": "MOBIKWIK", "balance": "1.00"}
    assert [{key: wallet[key] for key in shown} for wallet in answer["wallets"]] == [shown] * 25
    counts = {
        key: answer[key] for key in ("total_balance", "wallet_count", "linked_count", "omitted_wallets", "notices")
    }
    assert counts == {
        "total_balance": "27.00",
        "wallet_count": 30,
        "linked_count": 27,
        "omitted_wallets": 5,
        "notices": ["Wallets that aren't listed here are in the counts and the total."],
    }


def test_twenty_five_wallets_are_all_listed() -> None:
    answer = answered(make_snapshot(*[make_wallet()] * 25))
    assert (len(answer["wallets"]), answer.keys() & {"omitted_wallets", "notices"}) == (25, set())


@pytest.mark.parametrize("environment", ["simulator", "sandbox"])
def test_an_answer_says_once_that_its_figures_are_test_figures(environment: Environment) -> None:
    answer = make_answer(make_snapshot(make_wallet()), CUSTOMER, environment).model_dump()
    assert answer["summary"].startswith(f"Test figures ({environment}), not real money: ")
    assert str(answer).lower().count("test figures") == 1


def test_an_answer_can_t_be_changed() -> None:
    answer = make_answer(make_snapshot(), CUSTOMER, "production")
    with pytest.raises(ValueError, match="frozen"):
        answer.summary = "Paytm holds INR 1.00."


def test_an_answer_of_a_later_version_is_read_without_its_added_keys() -> None:
    answer = make_answer(make_snapshot(make_wallet()), CUSTOMER, "sandbox")
    assert Answer.model_validate(answer.model_dump() | {"added": 1}) == answer
