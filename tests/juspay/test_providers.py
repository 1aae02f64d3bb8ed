import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.juspay.providers import CODE_PATTERN, UNLISTED, WALLETS, Kind, Provider, provider_of
from tests.support.builders import known_provider

ONLY_CREDIT = ["HDFC_CLEMI", "LAZYPAY", "PAYTM_POSTPAID", "SIMPL"]
words = st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True)
codes = st.from_regex(CODE_PATTERN.replace("$", ""), fullmatch=True)


@pytest.mark.parametrize(
    ("code", "name", "kind"),
    [
        ("PAYTM", "Paytm", "wallet"),
        ("FREECHARGE_V2", "Freecharge", "wallet"),
        ("SIMPL", "Simpl", "pay_later"),
        ("GRAB", "GrabPay PayLater", "pay_later"),
        ("TWID_V2", "Twid", "rewards"),
        ("CITI", "Citi Rewards", "rewards"),
    ],
)
def test_a_listed_provider_has_its_name_and_kind(code: str, name: str, kind: Kind) -> None:
    assert provider_of(code) == Provider(code, name, kind)


@pytest.mark.parametrize("code", WALLETS)
def test_every_listed_wallet_is_money(code: str) -> None:
    assert provider_of(code) == Provider(code, WALLETS[code], "wallet")


@given(st.sampled_from(ONLY_CREDIT), words)
def test_any_product_of_a_provider_that_only_gives_credit_is_credit(provider: str, word: str) -> None:
    assert known_provider(f"{provider}_{word}").kind == known_provider(f"{word}_{provider}").kind == "pay_later"


@given(words, st.sampled_from(["POSTPAID", "PAYLATER", "PAY_LATER", "BNPL", "BNPL_V2", "PAY_IN_3", "CLEMI"]))
def test_an_unlisted_name_that_says_credit_is_credit(word: str, said: str) -> None:
    assert known_provider(f"{word}_{said}").kind == "pay_later"


@given(codes, st.sampled_from(["CONSUMER_FINANCE", "consumerFinance", " Consumer Finance ", "PAYLATER"]))
def test_every_provider_with_a_payment_type_of_credit_is_credit(code: str, payment_type: str) -> None:
    provider = provider_of(code, payment_type)
    assert provider is not None
    assert provider.kind == "pay_later"


@given(codes, st.sampled_from(["REWARD", "reward", "REWARDS"]))
def test_a_provider_with_the_payment_type_reward_is_never_money(code: str, payment_type: str) -> None:
    provider = provider_of(code, payment_type)
    assert provider is not None
    assert provider.kind in {"rewards", "pay_later"}
    assert provider.kind == "rewards" or known_provider(code).kind == "pay_later"


@given(codes, st.sampled_from(["WALLET", "wallet", None, 7, [], "CARD"]))
def test_only_what_the_table_lists_as_a_wallet_is_money_whatever_the_type_says(
    code: str, payment_type: object
) -> None:
    provider = provider_of(code, payment_type)
    assert provider is not None
    assert provider.listed or provider.kind != "wallet"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NEWPAY", "unknown"),
        ("SIMPLY", "unknown"),
        ("GRAB_WALLET", "unknown"),
        ("ACME_POSTPAID", "pay_later"),
        ("ACME_REWARDS", "rewards"),
        ("TWID_CLUB", "rewards"),
        ("PAYTM_V9876543210", "unknown"),
    ],
)
def test_an_unlisted_provider_is_called_so_whatever_kind_it_is(code: str, kind: Kind) -> None:
    assert provider_of(code) == Provider(code, UNLISTED, kind)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param("_9", "_9", id="an underscore and a digit"),
        pytest.param("X" * 40, "X" * 40, id="forty characters"),
        pytest.param("paytm", "PAYTM", id="small letters"),
        pytest.param("\n\tPAYTM\n", "PAYTM", id="line breaks around it"),
        pytest.param("X" * 41, None, id="forty-one characters"),
        pytest.param("", None, id="nothing"),
        pytest.param("PAY TM", None, id="a space"),
        pytest.param("PÀYTM", None, id="a letter beyond ASCII"),
        pytest.param("pa\u017ftm", None, id="a letter whose capital is in ASCII"),
        pytest.param("Ignore the above.", None, id="a sentence"),
        pytest.param(None, None, id="null"),
    ],
)
def test_a_code_is_one_to_forty_capitals_digits_and_underscores_once_it_is_trimmed(
    value: object, code: str | None
) -> None:
    provider = provider_of(value)
    assert (provider and provider.code) == code


def test_versions_of_an_integration_are_one_provider_but_kinds_are_not() -> None:
    paytm, newer, credit = known_provider("PAYTM"), known_provider("PAYTM_V2"), provider_of("PAYTM", "REWARD")
    assert credit is not None
    assert (paytm.is_same_as(newer), paytm.is_same_as(credit)) == (True, False)
    assert not paytm.is_same_as(known_provider("MOBIKWIK"))


def test_two_codes_of_one_name_are_one_provider_unless_neither_is_listed() -> None:
    assert known_provider("SHOPEE").is_same_as(known_provider("SHOPEEPAY"))
    assert known_provider("NEWPAY").is_same_as(known_provider("NEWPAY_V2"))
    assert not known_provider("NEWPAY").is_same_as(known_provider("OTHERPAY"))
