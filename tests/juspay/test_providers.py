import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.juspay.providers import CODE_PATTERN, UNLISTED, Kind, Provider, provider_of
from tests.support.builders import known_provider
from tests.support.provider_codes import WALLETS

# Each as Juspay's documentation or sample files name it, and as the docstring of `providers` says where.
CREDIT = {
    "AMAZONPAYLATER": "Amazon Pay Later",
    "ATOME": "Atome",
    "ATOME_PAYLATER": "Atome",
    "BAJAJFINSERV": "Bajaj Finserv",
    "BHARATX": "BharatX",
    "BHARATXPAYLATER": "BharatX Pay Later",
    "CAPITALFLOAT": "Capital Float",
    "EARLYSALARY": "EarlySalary",
    "EPAYLATER": "ePayLater",
    "FLEXMONEY": "Flexmoney",
    "GRAB": "GrabPay PayLater",
    "GRABPAYPAYLATER": "GrabPay PayLater",
    "GRAB_PAYLATER": "GrabPay PayLater",
    "HDFC_CLEMI": "HDFC Cardless EMI",
    "HDFC_FLEXIPAY": "HDFC FlexiPay",
    "ICICIPAYLATER": "ICICI PayLater",
    "ICICI_CLEMI": "ICICI Cardless EMI",
    "ICICI_PAYLATER": "ICICI PayLater",
    "INSTACRED": "InstaCred",
    "KLARNA": "Klarna",
    "LAZYPAY": "LazyPay",
    "LOANTAP": "LoanTap",
    "MOBIKWIKZIP": "MobiKwik ZIP",
    "OLAPOSTPAID": "Ola Postpaid",
    "PAYTM_POSTPAID": "Paytm Postpaid",
    "POSTPAY": "Postpay",
    "SEZZLE": "Sezzle",
    "SHOPSE": "ShopSe",
    "SIKA_SIMPL": "Simpl Pay in 3",
    "SIMPL": "Simpl",
    "SIMPL_PAY_IN_3": "Simpl Pay in 3",
    "SIMPL_SOD": "Simpl on Delivery",
    "SNAPMINT": "Snapmint",
    "TABBY": "Tabby",
    "TAMARA": "Tamara",
    "TATAPAYLATER": "Tata Pay Later",
    "ZESTMONEY": "ZestMoney",
}
REWARDS = {"CITI": "Citi Rewards", "LOYLTYREWARDZ": "Loylty Rewards", "TWID": "Twid", "TWID_V2": "Twid"}
LISTED: dict[Kind, dict[str, str]] = {"wallet": WALLETS, "pay_later": CREDIT, "rewards": REWARDS}
ONLY_CREDIT = sorted(
    CREDIT.keys()
    - {"ATOME_PAYLATER", "GRAB", "GRABPAYPAYLATER", "GRAB_PAYLATER", "ICICIPAYLATER", "ICICI_PAYLATER", "SIKA_SIMPL"}
)
words = st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True)
codes = st.from_regex(CODE_PATTERN.replace("$", ""), fullmatch=True)


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, names in LISTED.items() for code in names])
def test_a_listed_provider_has_its_name_and_kind(kind: Kind, code: str) -> None:
    assert provider_of(code) == Provider(code, LISTED[kind][code], kind)


@given(st.sampled_from(ONLY_CREDIT), words)
def test_any_product_of_a_provider_that_only_gives_credit_is_credit(provider: str, word: str) -> None:
    assert known_provider(f"{provider}_{word}").kind == known_provider(f"{word}_{provider}").kind == "pay_later"


@given(words, st.sampled_from(["POSTPAID", "PAYLATER", "PAY_LATER", "BNPL", "BNPL_V2", "PAY_IN_3", "CLEMI"]))
def test_an_unlisted_name_that_says_credit_is_credit(word: str, said: str) -> None:
    assert known_provider(f"{word}_{said}").kind == "pay_later"


@given(codes, st.sampled_from(["CONSUMER_FINANCE", "consumerFinance", " Consumer Finance ", "PAYLATER"]))
def test_whatever_is_of_a_type_of_credit_is_credit(code: str, payment_type: str) -> None:
    provider = provider_of(code, payment_type)
    assert provider is not None
    assert provider.kind == "pay_later"


@given(codes, st.sampled_from(["REWARD", "reward", "REWARDS"]))
def test_whatever_is_of_the_type_reward_is_never_money(code: str, payment_type: str) -> None:
    provider = provider_of(code, payment_type)
    assert provider is not None
    assert provider.kind in {"rewards", "pay_later"}
    assert provider.kind == "rewards" or known_provider(code).kind == "pay_later"


@given(codes, st.sampled_from(["WALLET", "wallet", None, 7, [], "CARD"]))
def test_only_what_the_table_lists_as_a_wallet_is_money_whatever_type_is_said(
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
        ("PAYTMISH", "unknown"),
        ("GRAB_WALLET", "unknown"),
        ("SIMPL_NEW", "pay_later"),
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
        pytest.param("A", "A", id="one letter"),
        pytest.param("_9", "_9", id="an underscore and a digit"),
        pytest.param("X" * 40, "X" * 40, id="forty characters"),
        pytest.param("paytm", "PAYTM", id="small letters"),
        pytest.param("PAYTM ", "PAYTM", id="a blank at the end"),
        pytest.param("\n\tPAYTM\n", "PAYTM", id="line breaks around it"),
        pytest.param("X" * 41, None, id="forty-one characters"),
        pytest.param("", None, id="nothing"),
        pytest.param("  ", None, id="blanks"),
        pytest.param("PAY TM", None, id="a space"),
        pytest.param("PÀYTM", None, id="a letter beyond ASCII"),
        pytest.param("pa\u017ftm", None, id="a letter whose capital is in ASCII"),
        pytest.param("٣", None, id="another script's numeral"),
        pytest.param("Ignore the above.", None, id="a sentence"),
        pytest.param(None, None, id="null"),
        pytest.param(7, None, id="a number"),
        pytest.param(["PAYTM"], None, id="an array"),
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


def test_the_pattern_of_a_code_is_the_contract_s() -> None:
    assert CODE_PATTERN == "^[A-Z0-9_]{1,40}$"
