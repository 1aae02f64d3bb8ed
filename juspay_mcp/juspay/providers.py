"""The table of wallet providers: the name of each code, and whether it stands for money, credit or points.

Only a provider that this table lists as a wallet is money. A code or a payment type that says it is credit or points
is believed, because credit counted as money would be a wrong total.

Codes and names are from Juspay's documentation (docs.juspay.io and juspay.io: `Wallet Redirection`, `Wallet Direct
Debit`, `Consumer Finance Payment`, the Simpl and Tata Neu pages, the list of gateways under `Routing`) and from its
sample files (github.com/juspay/juspay-sdk-integration-demo: payment methods, wallets, eligibility, order status,
`add-ons/payment-links/400-invalid-gateway.json`), as read in November 2026.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["wallet", "pay_later", "rewards", "unknown"]

UNLISTED = "Unlisted provider"
"""The name of every provider that isn't in the table, as its code is foreign text."""
CODE_PATTERN = "^[A-Z0-9_]{1,40}$"
"""The form of a provider code."""

WALLETS = {
    "AIRTELMONEY": "Airtel Money",
    "ALIPAY": "Alipay",
    "AMAZONPAY": "Amazon Pay",
    "AMEXEZECLICK": "Amex ezeClick",
    "APPLEPAY": "Apple Pay",
    "CRED": "CRED",
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
    "JKOPAY": "JKOPAY",
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
    "PAYPAY": "PayPay",
    "PAYTM": "Paytm",
    "PAYUMONEY": "PayUmoney",
    "PAYZAPP": "PayZapp",
    "PHONEPE": "PhonePe",
    "PICPAY": "PicPay",
    "SBIBUDDY": "SBI Buddy",
    "SHOPEE": "ShopeePay",
    "SHOPEEPAY": "ShopeePay",
    "STCPAY": "STC Pay",
    "TATANEU": "Tata Neu",
    "TATAPAY": "Tata Pay",
    "TRUEMONEY": "TrueMoney",
    "VNPAY": "VNPAY",
    "WECHATPAY": "WeChat Pay",
    "YPAYCASH": "YPayCash",
    "ZALOPAY": "ZaloPay",
}
# All products of these providers are credit, or points: SIMPL_PAY_IN_3, TWID_V2.
_ONLY_CREDIT = {
    "AMAZONPAYLATER": "Amazon Pay Later",
    "ATOME": "Atome",
    "BAJAJFINSERV": "Bajaj Finserv",
    "BHARATX": "BharatX",
    "BHARATXPAYLATER": "BharatX Pay Later",
    "CAPITALFLOAT": "Capital Float",
    "EARLYSALARY": "EarlySalary",
    "EPAYLATER": "ePayLater",
    "FLEXMONEY": "Flexmoney",
    "HDFC_CLEMI": "HDFC Cardless EMI",
    "HDFC_FLEXIPAY": "HDFC FlexiPay",
    "ICICI_CLEMI": "ICICI Cardless EMI",
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
    "SIMPL": "Simpl",
    "SNAPMINT": "Snapmint",
    "TABBY": "Tabby",
    "TAMARA": "Tamara",
    "TATAPAYLATER": "Tata Pay Later",
    "ZESTMONEY": "ZestMoney",
}
_ONLY_REWARDS = {"LOYLTYREWARDZ": "Loylty Rewards", "TWID": "Twid"}
# Products of providers that have others as well.
_CREDIT = _ONLY_CREDIT | {
    "ATOME_PAYLATER": "Atome",
    "GRAB": "GrabPay PayLater",
    "GRABPAYPAYLATER": "GrabPay PayLater",
    "GRAB_PAYLATER": "GrabPay PayLater",
    "ICICIPAYLATER": "ICICI PayLater",
    "ICICI_PAYLATER": "ICICI PayLater",
    "SIKA_SIMPL": "Simpl Pay in 3",
    "SIMPL_PAY_IN_3": "Simpl Pay in 3",
    "SIMPL_SOD": "Simpl on Delivery",
}
_REWARDS = _ONLY_REWARDS | {"CITI": "Citi Rewards"}
_NAMES = WALLETS | _CREDIT | _REWARDS

_CODE = re.compile(CODE_PATTERN)
_VERSION = re.compile(r"_V\d{1,2}$")
# Removed before words are looked for: payment types are written CONSUMER_FINANCE and consumerFinance.
_SEPARATORS = re.compile(r"[^A-Z0-9]")
_SAYS_CREDIT = re.compile(r"POSTPAID|PAYLATER|BNPL|CLEMI|PAYIN\d|CONSUMERFINANCE")
_SAYS_REWARDS = re.compile(r"REWARD")


@dataclass(frozen=True, slots=True)
class Provider:
    """A wallet provider: Juspay's code, trimmed and in capitals; the display name; what its balances stand for."""

    code: str
    name: str
    kind: Kind

    @property
    def listed(self) -> bool:
        """Whether the provider is in the table."""
        return self.name != UNLISTED

    def is_same_as(self, other: "Provider") -> bool:
        """Whether both are the same product of the same provider, whichever of its codes each has."""
        if (self.name, self.kind) != (other.name, other.kind):
            return False
        return self.listed or _unversioned(self.code) == _unversioned(other.code)


def provider_of(code: object, payment_type: object = None) -> Provider | None:
    """The provider of a response's code and `payment_method_type`; None if it isn't a code."""
    if not isinstance(code, str) or not code.isascii():
        return None
    capitals = code.strip().upper()
    if not _CODE.fullmatch(capitals):
        return None
    product = _unversioned(capitals)
    words = [
        _SEPARATORS.sub("", product),
        _SEPARATORS.sub("", payment_type.upper() if isinstance(payment_type, str) else ""),
    ]
    kind: Kind = "wallet" if product in WALLETS else "unknown"
    if product in _CREDIT or _is_product_of(_ONLY_CREDIT, product) or any(map(_SAYS_CREDIT.search, words)):
        kind = "pay_later"
    elif product in _REWARDS or _is_product_of(_ONLY_REWARDS, product) or any(map(_SAYS_REWARDS.search, words)):
        kind = "rewards"
    return Provider(capitals, _NAMES.get(product, UNLISTED), kind)


def _is_product_of(providers: dict[str, str], code: str) -> bool:
    """Whether a code has one of the providers among its words: `SIMPL_SOD` and `SIKA_SIMPL`, but not `SIMPLY`."""
    return any(f"_{provider}_" in f"_{code}_" for provider in providers)


def _unversioned(code: str) -> str:
    """Newer integrations of a provider have their own codes: `FREECHARGE_V2`, `PICPAY_V2`."""
    return _VERSION.sub("", code)
