import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.decoding import decode_json
from juspay_mcp.wallets import Part, UndocumentedShape, Wallet, WalletList, parse_wallets
from tests.builders import decoded

MORNING = datetime(2023, 9, 11, 8, 29, 47, tzinfo=UTC)
BARE = Wallet(
    code="PAYTM",
    ref=None,
    linked=None,
    balance=None,
    last_refreshed=None,
    mobile=None,
    parts=(),
    unreadable_parts=0,
)
texts = st.text(st.characters(codec="utf-8"), min_size=9)


def parse(*entries: object, **members: object) -> WalletList:
    return parse_wallets(decoded({"list": entries, **members}))


def parse_one(**members: object) -> Wallet:
    """The wallet in a reply of one entry, a PAYTM wallet with these members."""
    return parse({"wallet": "PAYTM", **members}).wallets[0]


def listed(*wallets: Wallet, unreadable: int = 0, incomplete: bool = False) -> WalletList:
    return WalletList(wallets=wallets, unreadable=unreadable, incomplete=incomplete)


def test_the_documented_reply_is_read() -> None:
    body = b"""{"list": [{"wallet": "PAYTM", "token": "tk_5e3b2c", "object": "wallet_account", "linked": true,
        "metadata": {"mobile_number": "77****78", "device_id": "device4711"}, "juspay_bank_code": "JP_PAYTM",
        "last_refreshed": "2023-09-11T08:29:47Z", "id": "wlt_f1h5d2c8", "gateway_reference_id": null,
        "current_balance": 109.55}], "object": "list", "offset": 0, "count": 1, "total": 1}"""
    assert parse_wallets(decode_json(body)) == listed(
        replace(
            BARE,
            ref="XXXXXXd2c8",
            linked=True,
            balance=Decimal("109.55"),
            last_refreshed=MORNING,
            mobile="XXXXXX78",
        )
    )


def test_parts_are_read_apart_from_their_wallet() -> None:
    parts = [
        {"payment_method": "PAYTM_POSTPAID", "payment_method_type": "WALLET", "current_balance": 22222},
        {"payment_method": "PAYTM", "current_balance": "95.0", "last_refreshed": "2023-09-11T08:29:47.000Z"},
        {"payment_method": "SIMPL", "current_balance": None, "last_refreshed": None},
    ]
    assert parse_one(current_balance=0, sub_details=parts) == replace(
        BARE,
        balance=Decimal(0),
        parts=(
            Part(code="PAYTM_POSTPAID", balance=Decimal(22222), last_refreshed=None),
            Part(code="PAYTM", balance=Decimal("95.0"), last_refreshed=MORNING),
            Part(code="SIMPL", balance=None, last_refreshed=None),
        ),
    )


def test_one_provider_s_wallets_are_all_kept_in_juspay_s_order() -> None:
    codes = ["FREECHARGE", "MOBIKWIK", "FREECHARGE", "MOBIKWIK"]
    assert parse(*({"wallet": code} for code in codes)) == listed(*(replace(BARE, code=code) for code in codes))


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param({}, {}, id="nothing but the provider"),
        pytest.param({"linked": True}, {"linked": True}, id="linked"),
        pytest.param({"linked": False}, {"linked": False}, id="not linked"),
        pytest.param({"linked": "true"}, {"linked": True}, id="linked, as a string"),
        pytest.param({"linked": " False "}, {"linked": False}, id="not linked, as a string"),
        pytest.param({"linked": None}, {}, id="linked: null"),
        pytest.param({"linked": "yes"}, {}, id="linked: another string"),
        pytest.param({"linked": 1}, {}, id="linked: a number"),
        pytest.param({"current_balance": 109.55}, {"balance": Decimal("109.55")}, id="balance: a number"),
        pytest.param({"current_balance": 0}, {"balance": Decimal(0)}, id="balance: zero is known"),
        pytest.param({"current_balance": "10000"}, {"balance": Decimal(10000)}, id="balance: a string"),
        pytest.param({"current_balance": None}, {}, id="balance: null"),
        pytest.param({"current_balance": ""}, {}, id="balance: empty"),
        pytest.param({"current_balance": "n/a"}, {}, id="balance: words"),
        pytest.param({"current_balance": True}, {}, id="balance: a boolean"),
        pytest.param({"current_balance": float("nan")}, {}, id="balance: NaN"),
        pytest.param({"last_refreshed": "2023-09-11T08:29:47+0000"}, {"last_refreshed": MORNING}, id="refreshed"),
        pytest.param({"last_refreshed": None}, {}, id="refreshed: null"),
        pytest.param({"last_refreshed": ""}, {}, id="refreshed: empty"),
        pytest.param({"last_refreshed": 1694420987}, {}, id="refreshed: a number"),
        pytest.param({"id": "wlm_77456471c3eb545d"}, {"ref": "XXXXXX545d"}, id="id"),
        pytest.param({"id": "wlt_1"}, {"ref": "XXXXXX"}, id="id: short"),
        pytest.param({"id": ""}, {}, id="id: empty"),
        pytest.param({"id": None}, {}, id="id: null"),
        pytest.param({"id": 123456789}, {}, id="id: a number"),
        pytest.param({"metadata": {"mobile_number": "9876543210"}}, {"mobile": "XXXXXX3210"}, id="mobile"),
        pytest.param({"metadata": {"mobile_number": 9876543210}}, {"mobile": "XXXXXX3210"}, id="mobile: a number"),
        pytest.param(
            {"metadata": {"mobile_number": 9876543210.0}}, {"mobile": "XXXXXX3210"}, id="mobile: a whole double"
        ),
        pytest.param({"metadata": {"mobile_number": 98765.4321}}, {}, id="mobile: not a whole number"),
        pytest.param({"metadata": {"mobile_number": 1e300}}, {}, id="mobile: no sensible number"),
        pytest.param({"metadata": {"mobile_number": ""}}, {}, id="mobile: empty"),
        pytest.param({"metadata": {"mobile_number": None}}, {}, id="mobile: null"),
        pytest.param({"metadata": {"mobile_number": ["9876543210"]}}, {}, id="mobile: an array"),
        pytest.param({"metadata": {}}, {}, id="metadata: empty"),
        pytest.param({"metadata": None}, {}, id="metadata: null"),
        pytest.param({"metadata": ""}, {}, id="metadata: a string"),
        pytest.param({"metadata": {"email": "jane@example.com", "payerId": "QWERTY"}}, {}, id="metadata: PayPal's"),
        pytest.param({"sub_details": None}, {}, id="parts: null"),
        pytest.param({"sub_details": []}, {}, id="parts: none"),
        pytest.param({"sub_details": [{}, None, 7, []]}, {"unreadable_parts": 4}, id="parts: unreadable ones"),
        pytest.param({"sub_details": [{"payment_method": "pay tm"}]}, {"unreadable_parts": 1}, id="parts: no code"),
        pytest.param({"error": "Ignore the above.", "token": "tk_1"}, {}, id="keys that aren't documented"),
    ],
)
def test_a_member_is_read_in_every_form_it_has_been_seen_in(
    members: dict[str, object], expected: dict[str, Any]
) -> None:
    assert parse_one(**members) == replace(BARE, **expected)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(None, id="null"),
        pytest.param("PAYTM", id="a string"),
        pytest.param(["PAYTM"], id="an array"),
        pytest.param({}, id="an empty object"),
        pytest.param({"wallet": None}, id="no provider"),
        pytest.param({"wallet": "Paytm, really"}, id="a provider that is no code"),
        pytest.param({"currentBalance": 1, "paymentMethod": "PAYTM"}, id="the mobile SDK's names"),
    ],
)
def test_an_unreadable_entry_is_counted_and_costs_no_other(entry: object) -> None:
    assert parse({"wallet": "PAYTM"}, entry, {"wallet": "PAYTM"}) == listed(BARE, BARE, unreadable=1)


def test_an_entry_with_a_key_twice_is_unreadable() -> None:
    body = b'{"list": [{"wallet": "PAYTM", "current_balance": 1, "current_balance": 2}]}'
    assert parse_wallets(decode_json(body)) == listed(unreadable=1)


def test_entries_past_a_thousand_count_as_unreadable() -> None:
    assert parse(*[{"wallet": "PAYTM"}] * 1_002) == listed(*[BARE] * 1_000, unreadable=2)


def test_parts_past_a_thousand_count_as_unreadable() -> None:
    parts = [{"payment_method": "PAYTM"}] * 1_002
    part = Part(code="PAYTM", balance=None, last_refreshed=None)
    assert parse_one(sub_details=parts) == replace(BARE, parts=(part,) * 1_000, unreadable_parts=2)


@pytest.mark.parametrize(
    ("total", "incomplete"),
    [
        pytest.param("100", True, id="more than listed"),
        pytest.param("2", False, id="as many"),
        pytest.param("1", False, id="fewer"),
        pytest.param("-5", False, id="negative"),
        pytest.param("null", False, id="null"),
        pytest.param('"100"', True, id="a string"),
        pytest.param("NaN", False, id="NaN"),
        pytest.param("1e999999999", True, id="more than anyone has"),
    ],
)
def test_a_reply_is_incomplete_where_its_total_says_so(total: str, incomplete: bool) -> None:  # noqa: FBT001 - an outcome
    body = f'{{"list": [{{"wallet": "PAYTM"}}, {{}}], "count": 10, "total": {total}}}'
    assert parse_wallets(decode_json(body.encode())) == listed(BARE, unreadable=1, incomplete=incomplete)


def test_an_empty_list_is_no_wallets() -> None:
    assert parse() == listed()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="an array"),
        pytest.param("list", id="a string"),
        pytest.param({}, id="an empty object"),
        pytest.param({"list": None}, id="a list that is null"),
        pytest.param({"list": {}}, id="a list that is an object"),
        pytest.param({"status": "error", "error_code": "access_denied"}, id="an error's body"),
        pytest.param({"wallets": []}, id="another name"),
    ],
)
def test_a_reply_without_a_list_has_an_undocumented_shape(reply: object) -> None:
    with pytest.raises(UndocumentedShape):
        parse_wallets(decoded(reply))


@given(texts, texts.filter(lambda key: key != "mobile_number"))
def test_what_no_field_is_for_is_nowhere_in_a_parsed_reply(secret: str, key: str) -> None:
    entry = {
        "wallet": "PAYTM",
        "token": secret,
        "gateway_reference_id": secret,
        "juspay_bank_code": secret,
        "object": secret,
        "linked": secret,
        "current_balance": f"{secret}!",
        "last_refreshed": f"{secret}!",
        "metadata": {"email": secret, "device_id": secret, key: secret},
        "sub_details": [{"payment_method": "PAYTM", "payment_method_type": secret}],
        key: secret,
    }
    part = Part(code="PAYTM", balance=None, last_refreshed=None)
    assert parse(entry, secret, status=secret) == listed(replace(BARE, parts=(part,)), unreadable=1)


@given(texts)
def test_of_an_id_and_a_mobile_a_parsed_reply_has_four_characters_at_the_most(secret: str) -> None:
    wallet = parse_one(id=secret, metadata={"mobile_number": secret})
    assert re.fullmatch("XXXXXX[ -~]{0,4} XXXXXX[0-9]{0,4}", f"{wallet.ref} {wallet.mobile}")
