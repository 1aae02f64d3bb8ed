import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from juspay_mcp.juspay.providers import UNLISTED, Kind
from juspay_mcp.juspay.wallets import ErrorInstead, UndocumentedShape, Wallet, WalletList, parse_wallets
from juspay_mcp.values.strict_json import decode_json
from tests.support.builders import decoded, known_provider, make_part

MORNING = datetime(2023, 9, 11, 8, 29, 47, tzinfo=UTC)
BARE = Wallet(
    provider="Paytm",
    code="PAYTM",
    kind="wallet",
    ref=None,
    linked=None,
    balance=None,
    last_refreshed=None,
    mobile=None,
    parts=(),
    unreadable_parts=0,
)
BARE_PART = make_part(balance=None, refreshed=None, is_own=True)
# Long, and marked: so chance spells neither a type of payment nor a code.
texts = st.text(st.characters(codec="utf-8"), min_size=9).map("\u2e3b".__add__)


def parse(*entries: object, **members: object) -> WalletList:
    return parse_wallets(decoded({"list": entries, **members}))


def parse_one(**members: object) -> Wallet:
    """The wallet in a reply of one entry, a PAYTM wallet with these members."""
    return parse({"wallet": "PAYTM", **members}).wallets[0]


def bare(code: str) -> Wallet:
    """A wallet of which only the provider is known."""
    provider = known_provider(code)
    return replace(BARE, provider=provider.name, code=provider.code, kind=provider.kind)


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
            make_part("PAYTM_POSTPAID", "22222", refreshed=None),
            make_part("PAYTM", "95.0", refreshed=MORNING, is_own=True),
            make_part("SIMPL", None, refreshed=None),
        ),
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param({}, {}, id="nothing but the provider"),
        pytest.param({"linked": True}, {"linked": True}, id="linked"),
        pytest.param({"linked": False}, {"linked": False}, id="not linked"),
        pytest.param({"linked": "true"}, {"linked": True}, id="linked, as a string"),
        pytest.param({"linked": " False "}, {"linked": False}, id="not linked, as a string"),
        pytest.param({"linked": None}, {}, id="linked: null"),
        pytest.param({"linked": 1}, {"linked": True}, id="linked: 1"),
        pytest.param({"linked": 0}, {"linked": False}, id="linked: 0"),
        pytest.param({"linked": 2}, {}, id="linked: another number"),
        pytest.param({"wallet": " paytm\n"}, {}, id="the provider: small letters and blanks"),
        pytest.param({"current_balance": 109.55}, {"balance": Decimal("109.55")}, id="balance: a number"),
        pytest.param({"current_balance": 0}, {"balance": Decimal(0)}, id="balance: zero is known"),
        pytest.param({"current_balance": None}, {}, id="balance: null"),
        pytest.param({"current_balance": "n/a"}, {}, id="balance: words"),
        pytest.param({"last_refreshed": "2023-09-11T08:29:47+0000"}, {"last_refreshed": MORNING}, id="refreshed"),
        pytest.param({"last_refreshed": None}, {}, id="refreshed: null"),
        pytest.param({"id": "wlm_77456471c3eb545d"}, {"ref": "XXXXXX545d"}, id="id"),
        pytest.param({"id": ""}, {}, id="id: empty"),
        pytest.param({"id": " "}, {}, id="id: blank"),
        pytest.param({"id": 123456789}, {}, id="id: a number"),
        pytest.param({"metadata": {"mobile_number": "9876543210"}}, {"mobile": "XXXXXX3210"}, id="mobile"),
        pytest.param({"metadata": {"mobile_number": 9876543210}}, {"mobile": "XXXXXX3210"}, id="mobile: a number"),
        pytest.param(
            {"metadata": {"mobile_number": 9876543210.0}}, {"mobile": "XXXXXX3210"}, id="mobile: a whole double"
        ),
        pytest.param({"metadata": {"mobile_number": 98765.4321}}, {}, id="mobile: not a whole number"),
        pytest.param({"metadata": {"mobile_number": 1e300}}, {}, id="mobile: no sensible number"),
        pytest.param({"metadata": {"mobile_number": None}}, {}, id="mobile: null"),
        *(
            pytest.param({"metadata": {"mobile_number": said}}, {}, id=f"mobile: no digit: {said!r}")
            for said in ("", "  ", "-", "N/A", "null", "not given")
        ),
        pytest.param(
            {"metadata": {"mobile_number": "\u096f\u096e\u096d"}}, {"mobile": "XXXXXX"}, id="mobile: other numerals"
        ),
        pytest.param({"metadata": None}, {}, id="metadata: null"),
        pytest.param({"sub_details": None}, {}, id="parts: null"),
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
        pytest.param({}, id="an empty object"),
        pytest.param({"wallet": "Paytm, really"}, id="a provider that is no code"),
    ],
)
def test_an_unreadable_entry_is_counted_and_costs_no_other(entry: object) -> None:
    assert parse({"wallet": "PAYTM"}, entry, {"wallet": "PAYTM"}) == listed(BARE, BARE, unreadable=1)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param('"current_balance": 1, "current_balance": 2', BARE, id="two balances"),
        pytest.param('"linked": true, "linked": false', BARE, id="linked and not"),
        pytest.param('"id": "wlm_77456471c3eb545d", "id": "wlm_77456471c3eb533c"', BARE, id="two ids"),
        pytest.param('"linked": true, "linked": true', replace(BARE, linked=True), id="the same twice"),
        pytest.param('"wallet": "PAYTM"', BARE, id="the same provider twice"),
        pytest.param('"wallet": "SIMPL"', None, id="two providers"),
    ],
)
def test_an_entry_with_a_repeated_key_loses_only_what_is_ambiguous(members: str, expected: Wallet | None) -> None:
    body = f'{{"list": [{{"wallet": "PAYTM", {members}}}]}}'
    read = listed(expected) if expected else listed(unreadable=1)
    assert parse_wallets(decode_json(body.encode(), repeated_keys=True)) == read


def test_entries_past_a_thousand_count_as_unreadable() -> None:
    assert parse(*[{"wallet": "PAYTM"}] * 1_002) == listed(*[BARE] * 1_000, unreadable=2)


def test_parts_past_a_thousand_count_as_unreadable() -> None:
    parts = [{"payment_method": "PAYTM"}] * 1_002
    assert parse_one(sub_details=parts) == replace(BARE, parts=(BARE_PART,) * 1_000, unreadable_parts=2)


@pytest.mark.parametrize(
    ("total", "incomplete"),
    [
        pytest.param("100", True, id="more than listed"),
        pytest.param("-5", False, id="negative"),
        pytest.param("null", False, id="null"),
        pytest.param('"100"', True, id="a string"),
        pytest.param("1e999999999", True, id="more than anyone has"),
    ],
)
def test_a_reply_is_incomplete_where_its_total_says_so(total: str, incomplete: bool) -> None:  # noqa: FBT001 - an outcome
    body = f'{{"list": [{{"wallet": "PAYTM"}}, {{}}], "count": 10, "total": {total}}}'
    assert parse_wallets(decode_json(body.encode())) == listed(BARE, unreadable=1, incomplete=incomplete)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(None, id="null"),
        pytest.param({}, id="an empty object"),
        pytest.param({"list": {}}, id="a list that is an object"),
        pytest.param({"status": "error", "error_code": "access_denied"}, id="an error's body"),
    ],
)
def test_a_reply_without_a_list_has_an_undocumented_shape(reply: object) -> None:
    with pytest.raises(UndocumentedShape):
        parse_wallets(decoded(reply))


@given(texts, texts)
@example("\u2e3bpay in 3", "\u2e3bno such key")
def test_values_without_a_field_are_nowhere_in_a_parsed_reply(secret: str, key: str) -> None:
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
    parsed = replace(parse(entry, secret, status=secret), reports_error=False)  # which a status may say
    [part] = parsed.wallets[0].parts
    assert part.kind in get_args(Kind)  # which a type's words may decide
    expected = replace(BARE_PART, kind=part.kind, is_own=part.kind == "wallet")
    assert parsed == listed(replace(BARE, parts=(expected,)), unreadable=1)


@given(texts)
@example("\u2e3b00000000@")  # an e-mail address as the id
def test_of_an_id_and_a_mobile_a_parsed_reply_has_four_characters_at_the_most(secret: str) -> None:
    wallet = parse_one(id=secret, metadata={"mobile_number": f"{secret}1"})
    assert re.fullmatch("XXXXXX[ -~]{0,4}@? XXXXXX[0-9]{0,4}", f"{wallet.ref} {wallet.mobile}")


def twice(first: dict[str, object], second: dict[str, object]) -> tuple[Wallet, ...]:
    """What two entries of one wallet id come to."""
    common = {"wallet": "PAYTM", "id": "wlm_77456471c3eb545d", "linked": True}
    return parse(common | first, common | second).wallets


ONCE = replace(BARE, ref="XXXXXX545d", linked=True)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param({}, {}, {}, id="nothing known"),
        pytest.param({"current_balance": 100}, {"current_balance": "100.00"}, {"balance": 100}, id="one figure"),
        pytest.param(
            {"current_balance": 100}, {"current_balance": None}, {"balance": 100}, id="one figure, and none"
        ),
        pytest.param({"current_balance": 100}, {"current_balance": 200}, {"entries_differ": True}, id="two figures"),
        pytest.param({}, {"linked": False}, {"linked": None}, id="linked and not"),
        pytest.param({}, {"linked": None}, {"linked": True}, id="linked, and not said"),
        pytest.param({}, {"metadata": {"mobile_number": "9876543210"}}, {"mobile": "XXXXXX3210"}, id="one mobile"),
        pytest.param(
            {"metadata": {"mobile_number": "9876543210"}},
            {"metadata": {"mobile_number": "9876501234"}},
            {},
            id="two mobiles",
        ),
        pytest.param(
            {"sub_details": [{"payment_method": "PAYTM", "current_balance": 1}, {"payment_method": "SIMPL"}]},
            {"sub_details": [{"payment_method": "SIMPL"}, {"payment_method": "PAYTM", "current_balance": 2}]},
            {
                "parts": (
                    replace(BARE_PART, balance=Decimal(1)),
                    make_part("SIMPL", None, refreshed=None),
                    replace(BARE_PART, balance=Decimal(2)),
                )
            },
            id="the parts of both, each once",
        ),
        pytest.param(
            {"sub_details": [7]}, {"sub_details": [7]}, {"unreadable_parts": 2}, id="unreadable parts of both"
        ),
        pytest.param(
            {"current_balance": 1, "last_refreshed": "2023-09-11T08:29:47Z"},
            {"current_balance": 1, "last_refreshed": "2023-09-11T08:30:00Z"},
            {"balance": 1, "last_refreshed": MORNING},
            id="one figure of two times: the earlier",
        ),
        pytest.param(
            {"current_balance": 1},
            {"current_balance": 1, "wallet": "SIMPL"},
            {"entries_differ": True},
            id="two kinds",
        ),
    ],
)
def test_a_wallet_id_that_comes_twice_is_one_wallet_and_unknown_in_what_differs(
    first: dict[str, object], second: dict[str, object], expected: dict[str, Any]
) -> None:
    assert twice(first, second) == (replace(ONCE, **expected),)


@pytest.mark.parametrize(("balance", "beside"), [(100, 100), (100, None), (None, 100)])
def test_a_part_that_contradicts_a_wallet_is_noted_whichever_entry_of_it_has_the_part(
    balance: int | None, beside: int | None
) -> None:
    plain: dict[str, object] = {"current_balance": beside}
    part = {"payment_method": "PAYTM", "current_balance": 99}
    parted: dict[str, object] = {"current_balance": balance, "sub_details": [part]}
    for [wallet] in (twice(plain, parted), twice(parted, plain)):
        assert wallet.balance == Decimal(100)
        assert wallet.own_part_differs


@pytest.mark.parametrize("wallet_id", ["", " ", None, 7])
def test_wallets_without_an_id_are_never_merged(wallet_id: object) -> None:
    entry = {"wallet": "PAYTM", "id": wallet_id}
    assert parse(entry, entry) == listed(BARE, BARE)


@given(st.lists(st.tuples(st.sampled_from(["wlm_a", "wlm_b", "wlm_c", ""]), st.integers(0, 2)), max_size=9))
def test_an_id_that_is_listed_twice_is_one_wallet_with_one_figure_or_none(
    entries: list[tuple[str, int]],
) -> None:
    wallets = parse(*({"wallet": "PAYTM", "id": each, "current_balance": amount} for each, amount in entries)).wallets
    figures: dict[object, set[int]] = {}
    for place, (wallet_id, amount) in enumerate(entries):
        figures.setdefault(wallet_id or place, set()).add(amount)
    expected = [known.pop() if len(known) == 1 else None for known in figures.values()]
    assert [wallet.balance for wallet in wallets] == expected


@pytest.mark.parametrize(
    ("balance", "parts", "differs"),
    [
        pytest.param(0, [("AMAZONPAY", 230, "WALLET")], True, id="another figure"),
        pytest.param(None, [("AMAZONPAY", 230, "WALLET")], True, id="a figure where the wallet has none"),
        pytest.param(230, [("AMAZONPAY", "230.00", "WALLET")], False, id="the same figure"),
        pytest.param(0, [("PAYTM", 230, "WALLET")], False, id="another provider"),
        pytest.param(0, [("AMAZONPAY", 230, "CONSUMER_FINANCE")], False, id="its credit"),
        pytest.param(230, [("AMAZONPAY", 230, None), ("AMAZONPAY", 1, None)], True, id="one of two"),
    ],
)
def test_a_part_of_the_same_code_that_says_another_figure_is_noted(
    balance: object,
    parts: list[tuple[str, object, object]],
    differs: bool,  # noqa: FBT001 - an outcome
) -> None:
    details = [
        {"payment_method": code, "current_balance": amount, "payment_method_type": kind}
        for code, amount, kind in parts
    ]
    [wallet] = parse({"wallet": "AMAZONPAY", "current_balance": balance, "sub_details": details}).wallets
    assert wallet.own_part_differs is differs


def test_the_type_of_a_wallet_and_of_a_part_decides_whether_it_is_credit_or_points() -> None:
    details = [
        {"payment_method": "PAYTM", "payment_method_type": "REWARD"},
        {"payment_method": "FLEXMONEY", "payment_method_type": "CONSUMER_FINANCE"},
        {"payment_method": "NEWPAY"},
    ]
    wallet = parse_one(payment_method_type="CONSUMER_FINANCE", sub_details=details)
    assert [wallet.kind, *(part.kind for part in wallet.parts)] == ["pay_later", "rewards", "pay_later", "unknown"]


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        pytest.param(["AAA", "BBB", "CCC", "DDD"], ["AAA", "BBB", "CCC", None], id="the first three"),
        pytest.param(["X" * 20, "X" * 21], ["X" * 20, None], id="twenty characters"),
        pytest.param(["A_98765_43210"], [None], id="a mobile with an underscore in it"),
        pytest.param(["NEWPAY_98765432"], [None], id="a mobile in a version"),
        pytest.param(["AAA", "PAYTM", "BBB", "SIMPL", "CCC", "PHONEPE"], None, id="listed ones are always shown"),
    ],
)
def test_codes_that_are_not_listed_are_shown_only_if_they_cannot_hold_much_text(
    codes: list[str], shown: list[str | None] | None
) -> None:
    read = parse(*({"wallet": code} for code in codes))
    assert [wallet.code for wallet in read.wallets] == (shown or codes)
    assert read.unreadable == 0


@given(st.lists(st.from_regex(r"[A-Z0-9_]{1,40}", fullmatch=True), max_size=30))
def test_however_many_codes_others_choose_at_most_sixty_letters_of_theirs_are_kept(codes: list[str]) -> None:
    read = parse(*({"wallet": code, "sub_details": [{"payment_method": code[::-1]}]} for code in codes))
    assert len(read.wallets) == len(codes)
    shown = [(wallet.provider, wallet.code) for wallet in read.wallets]
    shown += [(part.provider, part.code) for wallet in read.wallets for part in wallet.parts]
    kept = {code for provider, code in shown if provider == UNLISTED}
    assert len("".join(code or "" for code in kept)) <= 60
    assert not any(re.search(r"\d{7}", code or "") for code in kept)


ERRORS = [
    {"error": True},
    {"error": "Something went wrong."},
    {"error": {"code": "X"}},
    {"error_code": "null_error"},
    {"error_info": {"code": "UNKNOWN_ERROR"}},
    {"error_info": {"code": "", "fields": [{"reason": "x"}]}},
    {"errorCode": "E01"},
    {"success": False},
    {"object": "error"},
    {"object": " Error "},
    {"status": "error"},
    {"status": "NOT_FOUND"},
]
NO_ERRORS: list[dict[str, object]] = [
    {},
    {"error": False},
    {"error": None, "error_code": None, "error_info": None, "error_message": None},
    {"error": False, "error_code": "", "error_message": " ", "error_info": {}},
    {"error_info": {"code": None, "user_message": "", "fields": []}},
    {"error_code": "null"},
    {"success": True, "object": "list"},
    {"status": "SUCCESS"},
]


@pytest.mark.parametrize("members", ERRORS, ids=str)
def test_an_error_told_in_a_reply_is_no_answer_without_wallets_and_noted_beside_them(
    members: dict[str, object],
) -> None:
    with pytest.raises(ErrorInstead) as caught:
        parse(**members)
    assert caught.value.args == ()
    with pytest.raises(ErrorInstead):
        parse({"wallet": None}, **members)
    assert parse({"wallet": "PAYTM"}, **members) == replace(listed(BARE), reports_error=True)


@pytest.mark.parametrize("members", NO_ERRORS, ids=str)
def test_a_reply_that_says_there_was_no_error_is_an_answer(members: dict[str, object]) -> None:
    assert parse(**members) == listed()
    assert parse({"wallet": "PAYTM"}, **members) == listed(BARE)


def test_an_error_nested_deep_costs_no_more_than_one_at_the_top() -> None:
    depth = 900
    body = f'{{"list": [], "error_info": {"[" * depth}{"]" * depth}}}'
    with pytest.raises(ErrorInstead):
        parse_wallets(decode_json(body.encode()))
