"""The table of wallet providers: what a code is called, and whether it stands for money, credit or points.

Only a provider that this table lists as a wallet is money. Whatever says that it is credit or points is believed,
wherever it says so, because credit counted as money would be a wrong total.

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
"""What a provider is called that the table doesn't list: its code is somebody else's text."""
CODE_PATTERN = "^[A-Z0-9_]{1,40}$"
"""What a provider code looks like; anything else isn't one."""

_WALLETS = {
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
# Whatever else these providers offer is credit or points too: SIMPL_PAY_IN_3, TWID_V2.
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
_NAMES = _WALLETS | _CREDIT | _REWARDS

_CODE = re.compile(CODE_PATTERN)
_VERSION = re.compile(r"_V\d{1,2}$")
# For a name or a type without what joins its words: payment types are written CONSUMER_FINANCE and consumerFinance.
_JOINTS = re.compile(r"[^A-Z0-9]")
_SAYS_CREDIT = re.compile(r"POSTPAID|PAYLATER|BNPL|CLEMI|PAYIN\d|CONSUMERFINANCE")
_SAYS_REWARDS = re.compile(r"REWARD")


@dataclass(frozen=True, slots=True)
class Provider:
    """Who holds a wallet: the code as Juspay writes it, trimmed and in capitals; its name; what it stands for."""

    code: str
    name: str
    kind: Kind

    @property
    def listed(self) -> bool:
        """Whether the table knows the provider."""
        return self.name != UNLISTED

    def is_same_as(self, other: "Provider") -> bool:
        """Whether both are one provider's one product, whatever version of its integration."""
        return _unversioned(self.code) == _unversioned(other.code) and self.kind == other.kind


def provider_of(code: object, payment_type: object = None) -> Provider | None:
    """The provider that a reply's code stands for, at its `payment_method_type`; None if it isn't a code."""
    if not isinstance(code, str) or not code.isascii():
        return None
    capitals = code.strip().upper()
    if not _CODE.fullmatch(capitals):
        return None
    name = _NAMES.get(_unversioned(capitals), UNLISTED)
    said_type = payment_type.upper() if isinstance(payment_type, str) else ""
    return Provider(capitals, name, _kind(_unversioned(capitals), said_type))


def _kind(code: str, payment_type: str) -> Kind:
    words = [_JOINTS.sub("", code), _JOINTS.sub("", payment_type)]
    if code in _CREDIT or _is_product(code, _ONLY_CREDIT) or any(map(_SAYS_CREDIT.search, words)):
        return "pay_later"
    if code in _REWARDS or _is_product(code, _ONLY_REWARDS) or any(map(_SAYS_REWARDS.search, words)):
        return "rewards"
    return "wallet" if code in _WALLETS else "unknown"


def _is_product(code: str, providers: dict[str, str]) -> bool:
    """Whether a code has one of the providers among its words: `SIMPL_SOD` and `SIKA_SIMPL`, but not `SIMPLY`."""
    return any(f"_{provider}_" in f"_{code}_" for provider in providers)


def _unversioned(code: str) -> str:
    """Juspay gives a provider's newer integration its own code: `FREECHARGE_V2`, `PICPAY_V2`."""
    return _VERSION.sub("", code)
