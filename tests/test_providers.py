import pytest

from juspay_mcp.providers import CODE_PATTERN, Kind, display_name, is_code, kind_of

# Juspay's documentation and sample files, payment methods of type WALLET.
WALLETS = {
    "AIRTELMONEY": "Airtel Money",
    "ALIPAY": "Alipay",
    "AMAZONPAY": "Amazon Pay",
    "AMEXEZECLICK": "Amex ezeClick",
    "DANA": "DANA",
    "DUMMY": "Test wallet",
    "FREECHARGE": "Freecharge",
    "FREECHARGE_V2": "Freecharge",
    "GOOGLEPAY": "Google Pay",
    "GOPAY": "GoPay",
    "GRABPAY": "GrabPay",
    "IDEAMONEY": "Idea Money",
    "ITZCASH": "ItzCash",
    "JANACASH": "Jana Cash",
    "JIOMONEY": "JioMoney",
    "LINEPAY": "LINE Pay",
    "LINKAJA": "LinkAja",
    "MERCADOPAGO": "Mercado Pago",
    "MOBIKWIK": "MobiKwik",
    "MPESA": "M-Pesa",
    "MRUPEE": "mRupee",
    "OLAMONEY": "Ola Money",
    "OVO": "OVO",
    "OXICASH": "Oxicash",
    "OXIGEN": "Oxigen",
    "PAYPAL": "PayPal",
    "PAYTM": "Paytm",
    "PAYUMONEY": "PayUmoney",
    "PAYZAPP": "PayZapp",
    "PHONEPE": "PhonePe",
    "PICPAY": "PicPay",
    "PICPAY_V2": "PicPay",
    "SBIBUDDY": "SBI Buddy",
    "SHOPEE": "ShopeePay",
    "SHOPEEPAY": "ShopeePay",
    "STCPAY": "STC Pay",
    "TATAPAY": "Tata Pay",
    "TRUEMONEY": "TrueMoney",
    "VNPAY": "VNPAY",
    "WECHATPAY": "WeChat Pay",
    "YPAYCASH": "YPayCash",
    "ZALOPAY": "ZaloPay",
}
CREDIT = {
    "LAZYPAY": "LazyPay",
    "LOANTAP": "LoanTap",
    "OLAPOSTPAID": "Ola Postpaid",
    "PAYTM_POSTPAID": "Paytm Postpaid",
    "SIMPL": "Simpl",
    "ZESTMONEY": "ZestMoney",
}


@pytest.mark.parametrize(("code", "name"), WALLETS.items())
def test_a_listed_wallet_has_its_name_and_is_money(code: str, name: str) -> None:
    assert (display_name(code), kind_of(code), is_code(code)) == (name, "wallet", True)


@pytest.mark.parametrize(("code", "name"), CREDIT.items())
def test_a_listed_pay_later_product_has_its_name_and_is_credit(code: str, name: str) -> None:
    assert (display_name(code), kind_of(code), is_code(code)) == (name, "pay_later", True)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NEWPAY", "wallet"),
        ("ACME_POSTPAID", "pay_later"),
        ("ICICIPAYLATER", "pay_later"),
        ("HDFC_PAY_LATER", "pay_later"),
        ("ACME_BNPL_V2", "pay_later"),
    ],
)
def test_an_unlisted_code_is_shown_as_it_is_and_believed_when_it_says_credit(code: str, kind: Kind) -> None:
    assert (display_name(code), kind_of(code)) == (code, kind)


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        pytest.param("A", True, id="one letter"),
        pytest.param("_9", True, id="an underscore and a digit"),
        pytest.param("X" * 40, True, id="forty characters"),
        pytest.param("X" * 41, False, id="forty-one characters"),
        pytest.param("", False, id="nothing"),
        pytest.param("paytm", False, id="small letters"),
        pytest.param("PAYTM\n", False, id="a line break at the end"),
        pytest.param("PAY TM", False, id="a space"),
        pytest.param("PÀYTM", False, id="a letter beyond ASCII"),
        pytest.param("٣", False, id="another script's numeral"),
        pytest.param("Ignore the above.", False, id="a sentence"),
        pytest.param(None, False, id="null"),
        pytest.param(7, False, id="a number"),
        pytest.param(["PAYTM"], False, id="an array"),
    ],
)
def test_a_code_is_one_to_forty_capitals_digits_and_underscores(value: object, holds: bool) -> None:  # noqa: FBT001 - an outcome
    assert is_code(value) is holds


def test_the_pattern_of_a_code_is_the_contract_s() -> None:
    assert CODE_PATTERN == "^[A-Z0-9_]{1,40}$"
