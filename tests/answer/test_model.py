from dataclasses import replace
from typing import Any

import pytest

from juspay_mcp.answer.model import Answer, make_answer
from juspay_mcp.answer.snapshot import Snapshot
from juspay_mcp.settings.load import Environment
from juspay_mcp.values.customer_id import parse_customer_id
from tests.support.builders import CUSTOMER, make_part, make_snapshot, make_wallet


def answered(snapshot: Snapshot) -> dict[str, Any]:
    return make_answer(snapshot, CUSTOMER, "sandbox").model_dump()


def test_a_code_that_is_not_shown_is_left_out() -> None:
    wallet = replace(make_wallet("NEWPAY", parts=(replace(make_part("NEWPAY"), code=None),)), code=None)
    [shown] = answered(make_snapshot(wallet))["wallets"]
    assert ("code" in shown, "code" in shown["parts"][0], shown["provider"]) == (False, False, "Unlisted provider")


def test_a_short_customer_id_is_masked_whole() -> None:
    assert make_answer(make_snapshot(), parse_customer_id("CUST001"), "sandbox").customer == "XXXXXX"


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
