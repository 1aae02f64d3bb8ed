"""Wallets, snapshots, responses and settings, filled in but for what a test is about."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from juspay_mcp.answer.snapshot import Snapshot, Source
from juspay_mcp.juspay.providers import Provider, provider_of
from juspay_mcp.juspay.responses import Response
from juspay_mcp.juspay.wallets import Part, Wallet, WalletList
from juspay_mcp.settings.load import JuspayAccount, Settings, load_settings
from juspay_mcp.values.customer_id import parse_customer_id
from juspay_mcp.values.strict_json import decode_json
from tests.support.common import NOW

CUSTOMER = parse_customer_id("cth_eN4e4kR12CJV")
CREDENTIALS: Mapping[str, str] = {"JUSPAY_API_KEY": "made-up-key", "JUSPAY_MERCHANT_ID": "acme"}


def ago(**span: float) -> datetime:
    """`ago(minutes=5)`: five minutes before `NOW`."""
    return NOW - timedelta(**span)


def make_wallet(  # noqa: PLR0913 - a wallet has that many fields
    code: str = "PAYTM",
    balance: str | None = "100.00",
    *,
    ref: str | None = None,
    linked: bool | None = True,
    refreshed: datetime | None = NOW,
    mobile: str | None = None,
    parts: tuple[Part, ...] = (),
    unreadable_parts: int = 0,
    entries_differ: bool = False,
) -> Wallet:
    """A linked wallet, refreshed now, unless told otherwise."""
    provider = known_provider(code)
    return Wallet(
        provider=provider.name,
        code=provider.code,
        kind=provider.kind,
        ref=ref,
        linked=linked,
        balance=None if balance is None else Decimal(balance),
        last_refreshed=refreshed,
        mobile=mobile,
        parts=parts,
        unreadable_parts=unreadable_parts,
        entries_differ=entries_differ,
    )


def known_provider(code: str) -> Provider:
    """The provider of a well-formed code."""
    provider = provider_of(code)
    assert provider is not None
    return provider


def make_part(
    code: str = "PAYTM", balance: str | None = "100.00", *, refreshed: datetime | None = NOW, is_own: bool = False
) -> Part:
    """A part of a wallet, refreshed now."""
    provider = known_provider(code)
    return Part(
        provider=provider.name,
        code=provider.code,
        kind=provider.kind,
        balance=None if balance is None else Decimal(balance),
        last_refreshed=refreshed,
        is_own=is_own,
    )


def make_snapshot(
    *wallets: Wallet,
    source: Source = "refresh",
    unreadable: int = 0,
    incomplete: bool = False,
    reports_error: bool = False,
) -> Snapshot:
    """A snapshot of these wallets at `NOW`, in rupees."""
    response = WalletList(wallets=wallets, unreadable=unreadable, incomplete=incomplete, reports_error=reports_error)
    return Snapshot(response=response, source=source, as_of=NOW, currency="INR", upstream_requests=1)


def make_response(
    status: int = 200, body: object = None, headers: Mapping[str, str] | None = None, defect: str | None = None
) -> Response:
    """A response; a body of bytes is sent as it is, any other as JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status=status, headers=headers or {}, body=sent, defect=defect)


def make_settings(**variables: str) -> Settings:
    """The settings of a server that has its credentials, and these variables."""
    return load_settings({**CREDENTIALS, **variables})


def account_of(settings: Settings) -> JuspayAccount:
    """The account of settings that aren't those of the built-in simulator."""
    assert settings.account is not None
    return settings.account


def decoded(value: object) -> object:
    """The value as it arrives in a response's body: numbers are decimals."""
    return decode_json(json.dumps(value).encode())
