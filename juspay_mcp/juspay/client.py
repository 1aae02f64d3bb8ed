"""One request to Juspay's API, and what it comes to: the customer's wallets, or an error of `errors`."""

import platform
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Literal

import httpx2

from juspay_mcp import VERSION
from juspay_mcp.errors import NotConfigured
from juspay_mcp.juspay.failures import connection_failures
from juspay_mcp.juspay.outgoing import OneRequestTransport, Unreadable, read_body, system_authorities
from juspay_mcp.juspay.responses import NEEDS_BODY, Response, read_wallets
from juspay_mcp.juspay.wallets import WalletList
from juspay_mcp.observability.spans import UpstreamSpan, UpstreamSpans
from juspay_mcp.settings.load import EITHER_KEY, JuspayAccount, Settings
from juspay_mcp.settings.secrets import MISFILLED, ApiKey, api_key
from juspay_mcp.values.customer_id import CustomerId, path_segment
from juspay_mcp.values.timestamps import Clock

Endpoint = Literal["wallets/refresh-balances", "wallets"]
"""Refresh all wallets at their providers, or list them with Juspay's stored balances."""

_USER_AGENT = f"juspay-wallets-mcp/{VERSION} Python/{platform.python_version()}"


class JuspayClient:
    """Asks Juspay for one customer's wallets, and keeps nothing from one request to the next.

    By a transport of httpx2, not its client: of what that adds, nothing is wanted. Redirects, cookies, a proxy or
    .netrc could carry the key or a customer elsewhere, and the deadline is the caller's for the whole call.
    """

    def __init__(
        self,
        transport: httpx2.AsyncBaseTransport,
        settings: Settings,
        account: JuspayAccount,
        key: ApiKey,
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._account = account
        self._common_headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # a reply is a few kilobytes: not worth a decompressor's risks
            "Content-Type": "application/x-www-form-urlencoded",  # documented even for GET
            "User-Agent": _USER_AGENT,
            "version": settings.api_version,
        }
        self._spans = UpstreamSpans(account.base_url)
        self._settings = settings
        self._key = key
        self._clock = clock

    async def wallets(self, endpoint: Endpoint, customer_id: CustomerId, resends: int = 0) -> WalletList:
        """The customer's wallets, by one GET that follows no redirect and knows no deadline but its caller's.

        `resends` says how often the same was asked before.

        Raises:
            NotConfigured: a credential is missing; nothing was sent.
            UpstreamError: the leaf for what went wrong.
        """
        request = httpx2.Request(
            "GET",
            f"{self._account.base_url}/customers/{path_segment(customer_id)}/{endpoint}",
            headers=self._headers(customer_id),
        )
        with self._spans.request(resends) as span:
            reply = await self._send(request, span)
            wallets = read_wallets(reply, self._settings.environment, self._clock())
            span.identify(wallets.request_id)
            return wallets

    async def _send(self, request: httpx2.Request, span: UpstreamSpan) -> Response:
        with connection_failures(self._account):
            response = await self._transport.handle_async_request(request)
            span.answered(response.status_code)
            headers = {name.lower(): value for name, value in response.headers.items()}
            body, defect = b"", None
            async with aclosing(response):
                try:
                    body = await read_body(response)
                except Unreadable as why:
                    defect = str(why)
                except httpx2.TransportError:
                    if response.status_code in NEEDS_BODY:
                        raise
            return Response(status=response.status_code, headers=headers, body=body, defect=defect)

    def _headers(self, customer_id: CustomerId) -> dict[str, str]:
        """Juspay's documented headers; the routing id must be the same on all calls for one customer."""
        key, merchant_id = self._key(), self._account.merchant_id
        if key is None or merchant_id is None:
            missing, why = self._account.missing, self._account.why_missing
            raise NotConfigured(missing, why) if missing else NotConfigured((EITHER_KEY,), MISFILLED)
        return {
            **self._common_headers,
            "Authorization": "Basic " + b64encode(f"{key.get_secret_value()}:".encode()).decode(),
            "x-merchantid": merchant_id,
            "x-routing-id": customer_id,
        }


@asynccontextmanager
async def open_client(
    settings: Settings, account: JuspayAccount, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[JuspayClient]:
    """A client, whose transport is closed at the end.

    Raises:
        ConfigurationError: the key's file, or a file of certificate authorities, can't be read.
    """
    key, tls = api_key(account), tls_context(account)
    async with transport or OneRequestTransport(tls, account.proxy) as opened:
        yield JuspayClient(opened, settings, account, key, clock)


def tls_context(account: JuspayAccount) -> ssl.SSLContext:
    """Verifying always; the system's authorities are loaded only where a connection could need them.

    Raises:
        ConfigurationError: a file of certificate authorities can't be read.
    """
    if account.base_url.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return system_authorities()
