"""The table of wallet providers: what a code is called, and whether it is money or credit.

Codes and names are those of Juspay's documentation and sample files (payment methods of type WALLET). A code that
isn't listed is shown as it is.
"""

import re
from typing import Literal, TypeGuard

Kind = Literal["wallet", "pay_later"]

_WALLETS = {
    "AIRTELMONEY": "Airtel Money",
    "ALIPAY": "Alipay",
    "AMAZONPAY": "Amazon Pay",
    "AMEXEZECLICK": "Amex ezeClick",
    "DANA": "DANA",
    "DUMMY": "Test wallet",
    "FREECHARGE": "Freecharge",
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
_PAY_LATER = {
    "LAZYPAY": "LazyPay",
    "LOANTAP": "LoanTap",
    "OLAPOSTPAID": "Ola Postpaid",
    "PAYTM_POSTPAID": "Paytm Postpaid",
    "SIMPL": "Simpl",
    "ZESTMONEY": "ZestMoney",
}
_NAMES = _WALLETS | _PAY_LATER
CODE_PATTERN = "^[A-Z0-9_]{1,40}$"
"""What a provider code looks like; anything else is no code."""
_CODE = re.compile(CODE_PATTERN)
_VERSION = re.compile(r"_V\d+$")
# An unlisted code that says it is credit is believed: credit taken for money would be a wrong total.
_SAYS_CREDIT = re.compile(r"POSTPAID|PAY_?LATER|BNPL")


def is_code(value: object) -> TypeGuard[str]:
    """Whether `value` has the form of a provider code: 1 to 40 of `A-Z`, `0-9` and `_`."""
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def is_listed(code: str) -> bool:
    """Whether the table knows the provider; what an unlisted one holds is taken for money."""
    return _unversioned(code) in _NAMES


def display_name(code: str) -> str:
    """What a person calls the provider: `Paytm` for `PAYTM` and `PAYTM_V2`; an unlisted code as it is."""
    return _NAMES.get(_unversioned(code), code)


def kind_of(code: str) -> Kind:
    """`pay_later` for credit, which is shown but never summed; else `wallet`."""
    known = _unversioned(code)
    credit = known in _PAY_LATER or (known not in _WALLETS and _SAYS_CREDIT.search(known) is not None)
    return "pay_later" if credit else "wallet"


def _unversioned(code: str) -> str:
    """Juspay gives a provider's newer integration a code of its own: `FREECHARGE_V2`, `PICPAY_V2`."""
    return _VERSION.sub("", code)
