import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.answer.model import Answer, make_answer
from juspay_mcp.answer.snapshot import Snapshot
from juspay_mcp.juspay.wallets import ErrorInstead, UndocumentedShape, parse_wallets
from juspay_mcp.settings.load import Environment
from juspay_mcp.values.customer_id import parse_customer_id
from juspay_mcp.values.strict_json import decode_json
from tests.support.builders import CUSTOMER, ago, make_part, make_snapshot, make_wallet
from tests.support.common import NOW

MONEY = r"-?\d+\.\d(\d|\d{1,29}[1-9])"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
MASKED = r"XXXXXX[ -~]{0,4}"
TEXT = r".+"
COUNT = r"[1-9]\d*"
KIND = "wallet|pay_later|rewards|unknown"
FRESHNESS = "live|stale|unknown"
# The contract's tables: what each key's value must look like, and which keys may be absent.
PART = {"provider": TEXT, "code": "[A-Z0-9_]{1,40}", "kind": KIND, "balance": MONEY, "last_refreshed": MOMENT}
PART_MAY_LACK = {"code", "balance", "last_refreshed"}
WALLET = PART | {"ref": MASKED, "linked": "True|False", "freshness": FRESHNESS, "mobile": r"XXXXXX\d{0,4}"}
WALLET_MAY_LACK = {"code", "ref", "linked", "balance", "last_refreshed", "mobile", "parts"}
ANSWER = {
    "summary": TEXT,
    "customer": MASKED,
    "environment": "production|sandbox|simulator",
    "source": "refresh|last_known",
    "as_of": MOMENT,
    "currency": "[A-Z]{3}",
    "total_balance": MONEY,
    "wallet_count": r"\d+",
    "linked_count": r"\d+",
    "omitted_wallets": COUNT,
    "unreadable_wallets": COUNT,
}
ANSWER_MAY_LACK = {"total_balance", "wallets", "omitted_wallets", "unreadable_wallets", "notices"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
figures = st.sampled_from([0, 95, 109.55, -3, "10000", "", None, 1e30, "NaN"]) | documents
times = st.sampled_from(["2023-09-11T08:29:46.985Z", "0001-01-01T00:00:00Z", "", None]) | documents
codes = st.sampled_from(["PAYTM", "SIMPL", "TWID", "NEWPAY", "paytm ", "A9876543210", "no code"]) | documents
parts = st.fixed_dictionaries(
    {"payment_method": codes}, optional={"current_balance": figures, "last_refreshed": times}
)
entries = st.fixed_dictionaries(
    {"wallet": codes},
    optional={
        "id": st.sampled_from(["wlm_77456471c3eb545d", "", None]) | documents,
        "linked": st.sampled_from([True, False, "true", "no", None]) | documents,
        "current_balance": figures,
        "last_refreshed": times,
        "metadata": st.fixed_dictionaries({"mobile_number": st.sampled_from(["77****78", 9876543210]) | documents}),
        "sub_details": st.lists(parts | documents, max_size=12) | documents,
    },
)
near_replies = st.fixed_dictionaries(
    {"list": st.lists(entries | documents, max_size=30)}, optional={"total": st.integers() | documents}
)


def answered(snapshot: Snapshot) -> dict[str, Any]:
    return make_answer(snapshot, CUSTOMER, "sandbox").model_dump()


def assert_is_as_documented(
    value: Mapping[str, Any], patterns: Mapping[str, str], *, may_lack: set[str], nested: set[str]
) -> None:
    """Each scalar matches its key's pattern; no key is null, unknown, or absent without leave."""
    for key in value.keys() - nested:
        assert re.fullmatch(patterns[key], str(value[key])), key
    assert patterns.keys() - may_lack <= value.keys()
    assert all(value[key] for key in nested & value.keys())


def test_every_key_is_answered_where_it_is_known() -> None:
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


def test_nothing_unknown_or_empty_is_answered() -> None:
    assert answered(make_snapshot()) == {
        "summary": "Test figures (sandbox), not real money: the customer has no wallets.",
        "customer": "XXXXXX2CJV",
        "environment": "sandbox",
        "source": "refresh",
        "as_of": "2026-11-23T09:30:00Z",
        "currency": "INR",
        "wallet_count": 0,
        "linked_count": 0,
    }


def test_the_summary_is_the_first_key() -> None:
    assert next(iter(answered(make_snapshot(make_wallet())))) == "summary"


def test_a_code_that_is_not_shown_is_left_out() -> None:
    wallet = replace(make_wallet("NEWPAY", parts=(replace(make_part("NEWPAY"), code=None),)), code=None)
    [shown] = answered(make_snapshot(wallet))["wallets"]
    assert ("code" in shown, "code" in shown["parts"][0], shown["provider"]) == (False, False, "Unlisted provider")


def test_a_short_customer_id_is_masked_whole() -> None:
    assert make_answer(make_snapshot(), parse_customer_id("CUST001"), "sandbox").customer == "XXXXXX"


def test_wallets_past_twenty_five_are_counted_summed_and_said_to_be_left_out() -> None:
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


def test_parts_are_all_listed_or_a_notice_says_that_some_are_left_out() -> None:
    answer = answered(make_snapshot(make_wallet(parts=(make_part(),) * 30)))
    assert len(answer["wallets"][0]["parts"]) == 30 or answer.get("notices")


@pytest.mark.parametrize("environment", ["simulator", "sandbox"])
def test_test_figures_are_called_so_once_an_answer(environment: Environment) -> None:
    answer = make_answer(make_snapshot(make_wallet()), CUSTOMER, environment).model_dump()
    assert answer["summary"].startswith(f"Test figures ({environment}), not real money: ")
    assert str(answer).lower().count("test figures") == 1


def test_an_answer_can_t_be_changed() -> None:
    answer = make_answer(make_snapshot(), CUSTOMER, "production")
    with pytest.raises(ValueError, match="frozen"):
        answer.summary = "Paytm holds INR 1.00."


def test_an_answer_from_a_later_version_is_read_without_the_keys_it_added() -> None:
    answer = make_answer(make_snapshot(make_wallet()), CUSTOMER, "sandbox")
    assert Answer.model_validate(answer.model_dump() | {"added": 1}) == answer


@given(near_replies | documents)
def test_any_json_is_answered_as_documented_or_has_an_undocumented_shape(reply: object) -> None:
    try:
        wallets = parse_wallets(decode_json(json.dumps(reply).encode()))
    except (UndocumentedShape, ErrorInstead):
        return
    snapshot = Snapshot(response=wallets, source="refresh", as_of=NOW, currency="INR", upstream_requests=1)
    answer = answered(snapshot)
    assert_is_as_documented(answer, ANSWER, may_lack=ANSWER_MAY_LACK, nested={"wallets", "notices"})
    assert len(answer.get("wallets", [])) == min(25, answer["wallet_count"])
    assert json.loads(make_answer(snapshot, CUSTOMER, "sandbox").model_dump_json()) == answer
    for wallet in answer.get("wallets", []):
        assert_is_as_documented(wallet, WALLET, may_lack=WALLET_MAY_LACK, nested={"parts"})
        for part in wallet.get("parts", []):
            assert_is_as_documented(part, PART, may_lack=PART_MAY_LACK, nested=set())
