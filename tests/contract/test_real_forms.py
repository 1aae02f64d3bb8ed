"""Forms of responses that Juspay, its samples and its other clients have, and what a host gets of each.

Each goes through a server as a real process, asked over stdio; the simulator sends exactly these bytes.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from juspay_mcp.simulator.api import API_KEY, MERCHANT_ID
from tests.support.processes import Pipes
from tests.support.simulator import Behaviour, Simulator

STAMP = "2016-08-02T08:07:52+0000"
NO_WALLETS = "The customer has no wallets."
AMAZON = {
    "current_balance": 0,
    "sub_details": [{"payment_method": "AMAZONPAY", "payment_method_type": "WALLET", "current_balance": 230}],
}

PARTS = [{"payment_method": "PAYTM", "payment_method_type": "WALLET", "current_balance": 95}]


@pytest.fixture(scope="module")
def juspay() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def server(juspay: Simulator) -> Iterator[Pipes]:
    pipes = Pipes(
        {
            "JUSPAY_ENV": "production",
            "JUSPAY_BASE_URL": juspay.url,
            "JUSPAY_API_KEY": API_KEY,
            "JUSPAY_MERCHANT_ID": MERCHANT_ID,
            "JUSPAY_MCP_RATE_LIMIT": "off",
            "JUSPAY_TIMEOUT_SECONDS": "10",
        }
    )
    yield pipes
    _, errors, status = pipes.close()
    assert status == 0
    assert errors.count(b" an unlisted provider in Juspay's reply") == 1


def listed(*entries: dict[str, Any], **members: object) -> bytes:
    wallets = [{"linked": True, "last_refreshed": STAMP, **entry} for entry in entries]
    return json.dumps({"list": wallets, **members}).encode()


def wallet(code: str = "PAYTM", balance: object = 100, **members: object) -> dict[str, Any]:
    return {"wallet": code, "current_balance": balance, **members}


def part(code: str, kind: str = "WALLET") -> dict[str, Any]:
    """A wallet of 1.00, and a part of 2.00."""
    details = [{"payment_method": code, "payment_method_type": kind, "current_balance": 2}]
    return wallet(balance=1, sub_details=details)


def text(body: bytes, old: str, new: str) -> bytes:
    """The same with other characters: what `json` wouldn't write."""
    assert old.encode() in body
    return body.replace(old.encode(), new.encode())


# What is sent; then of the answer: the total (None: absent), each wallet's kind, linked and balance, a notice's word.
Facts = tuple[str | None, list[tuple[object, ...]], str]
ANSWERED: dict[str, tuple[bytes, Facts]] = {
    "a product of Simpl": (listed(wallet("SIMPL_SOD", 19973)), (None, [("pay_later", True, "19973.00")], "credit")),
    "another product of LazyPay": (listed(wallet("LAZYPAY_NEW")), (None, [("pay_later", True, "100.00")], "credit")),
    "points": (listed(wallet("TWID_V2")), (None, [("rewards", True, "100.00")], "Reward points")),
    "an unlisted code": (listed(wallet("NEWPAY")), (None, [("unknown", True, "100.00")], "unlisted")),
    "an unlisted code beside money": (
        listed(wallet("NEWPAY"), wallet()), ("100.00", [("unknown", True, "100.00"), ("wallet", True, "100.00")], ""),
    ),
    "a part that is credit": (
        listed(part("FLEXMONEY", "CONSUMER_FINANCE")), ("1.00", [("wallet", True, "1.00")], "credit"),
    ),
    "a part that is points": (listed(part("NEWPOINTS", "REWARD")), ("1.00", [("wallet", True, "1.00")], "points")),
    "a part that is unlisted": (listed(part("NEWPAY")), ("1.00", [("wallet", True, "1.00")], "unlisted")),
    "one id twice": (listed(wallet(id="wlm_1"), wallet(id="wlm_1")), ("100.00", [("wallet", True, "100.00")], "")),
    "one id, two figures": (
        listed(wallet(id="wlm_1"), wallet(id="wlm_1", balance=200)), (None, [("wallet", True, None)], "twice"),
    ),
    "one id, whose second entry has a part of another figure": (
        listed(wallet(id="wlm_1"), wallet("AMAZONPAY", id="wlm_2"), wallet(id="wlm_1", sub_details=PARTS)),
        ("200.00", [("wallet", True, "100.00"), ("wallet", True, "100.00")], "breakdown"),
    ),
    "two ids": (
        listed(wallet(id="wlm_1"), wallet(id="wlm_2")),
        ("200.00", [("wallet", True, "100.00"), ("wallet", True, "100.00")], ""),
    ),
    "no error": (listed(error=False, error_code="", error_info=None), (None, [], "")),
    "an error beside a wallet": (listed(wallet(), error=True), ("100.00", [("wallet", True, "100.00")], "error")),
    "a part that says another figure": (
        listed({"wallet": "AMAZONPAY", **AMAZON}), ("0.00", [("wallet", True, "0.00")], "breakdown"),
    ),
    "a balance that isn't linked": (listed(wallet(linked=False)), (None, [("wallet", False, "100.00")], "linked")),
    "a balance that may be linked": (listed(wallet(linked=None)), (None, [("wallet", None, "100.00")], "linked")),
    "surplus zeros": (
        text(listed(wallet(balance=1)), '"current_balance": 1', '"current_balance": 1398.9800000000000'),
        ("1398.98", [("wallet", True, "1398.98")], ""),
    ),
    "an exponent of nothing": (
        text(listed(wallet(balance=1)), '"current_balance": 1', '"current_balance": 0E-9'),
        ("0.00", [("wallet", True, "0.00")], ""),
    ),
    "a code with a blank": (listed(wallet("PAYTM ")), ("100.00", [("wallet", True, "100.00")], "")),
    "a code in small letters": (listed(wallet("paytm")), ("100.00", [("wallet", True, "100.00")], "")),
    "linked 1": (listed(wallet(linked=1)), ("100.00", [("wallet", True, "100.00")], "")),
    "linked 0": (listed(wallet(linked=0)), (None, [("wallet", False, "100.00")], "linked")),
    "a key twice with one value": (
        text(listed(wallet()), '"linked": true', '"linked": true, "linked": true'),
        ("100.00", [("wallet", True, "100.00")], ""),
    ),
    "a key twice with two values": (
        text(listed(wallet()), '"current_balance": 100', '"current_balance": 100, "current_balance": 200'),
        (None, [("wallet", True, None)], "unknown"),
    ),
    "a key of the reply twice": (
        text(listed(wallet(), total=1), '"total": 1', '"total": 1, "total": 1'),
        ("100.00", [("wallet", True, "100.00")], ""),
    ),
}  # fmt: skip


def test_each_form_is_understood(server: Pipes, juspay: Simulator, subtests: pytest.Subtests) -> None:
    for name, (body, (total, wallets, notice)) in ANSWERED.items():
        with subtests.test(name):
            juspay.behave_always(Behaviour(status=200, body=body))
            answer = json.loads(server.call({"customer_id": "cth_1"}))["result"]["structuredContent"]
            keys = ("kind", "linked", "balance")
            assert answer.get("total_balance") == total
            assert [tuple(map(each.get, keys)) for each in answer.get("wallets", [])] == wallets
            assert not notice or any(notice in each for each in answer["notices"])
            for each in answer.get("wallets", []):
                assert "balance" not in each or f"{each['balance'].split('.')[0][-3:]}." in answer["summary"]
            assert (answer["summary"] == NO_WALLETS) == (not wallets)


@pytest.mark.parametrize("failure", [Behaviour(status=408), Behaviour(status=425)])
def test_a_refresh_that_fails_with_408_or_425_is_retried(
    failure: Behaviour, server: Pipes, juspay: Simulator
) -> None:
    juspay.behave_always(None)
    juspay.behave(failure)
    answer = json.loads(server.call({"customer_id": "cth_eN4e4kR12CJV"}))["result"]["structuredContent"]
    assert (answer["source"], answer["total_balance"]) == ("refresh", "109.55")


def test_after_an_error_with_status_200_the_stored_balances_are_returned(server: Pipes, juspay: Simulator) -> None:
    juspay.behave_always(None)
    juspay.behave(Behaviour(status=200, body=b'{"error": true, "list": []}'))
    answer = json.loads(server.call({"customer_id": "cth_eN4e4kR12CJV"}))["result"]["structuredContent"]
    assert (answer["source"], answer["total_balance"]) == ("last_known", "119.55")
