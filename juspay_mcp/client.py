"""One request to Juspay's API, and what it comes to: the customer's wallets, or an error of `errors`."""

import platform
import socket
import ssl
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

import httpx2

from juspay_mcp.credentials import ApiKey, api_key
from juspay_mcp.customers import CustomerId, path_segment
from juspay_mcp.errors import NotConfigured, UpstreamUnavailable
from juspay_mcp.replies import Reply, read_wallets
from juspay_mcp.settings import Settings
from juspay_mcp.times import Clock
from juspay_mcp.version import VERSION
from juspay_mcp.wallets import WalletList

MAX_REPLY_BYTES = 1_048_576
"""The largest reply that is read, before and after decompression."""

Endpoint = Literal["wallets/refresh-balances", "wallets"]
"""Refresh all wallets at their providers, or list them with Juspay's stored balances."""

_USER_AGENT = f"juspay-wallets-mcp/{VERSION} Python/{platform.python_version()}"
_GZIP_OR_ZLIB = 47  # zlib's largest window, and 32 for "find out which"


class JuspayClient:
    """Asks Juspay for one customer's wallets; has no state but its connections."""

    def __init__(self, http: httpx2.AsyncClient, settings: Settings, key: ApiKey, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._key = key
        self._clock = clock

    async def wallets(self, endpoint: Endpoint, customer_id: CustomerId) -> WalletList:
        """The customer's wallets, by one GET that follows no redirect and knows no deadline but its caller's.

        Raises:
            NotConfigured: a credential is missing; nothing was sent.
            UpstreamError: the leaf for what went wrong.
        """
        path = f"/customers/{path_segment(customer_id)}/{endpoint}"
        with _connection_errors():
            async with self._http.stream("GET", path, headers=self._headers(customer_id)) as response:
                reply = await _read(response)
        return read_wallets(reply, self._settings.environment, self._clock())

    def _headers(self, customer_id: CustomerId) -> dict[str, str]:
        """Juspay's documented headers; the routing id must be the same on all calls for one customer."""
        key, merchant_id = self._key(), self._settings.merchant_id
        if key is None or merchant_id is None:
            raise NotConfigured(self._settings.missing)
        return {
            "Authorization": "Basic " + b64encode(f"{key.get_secret_value()}:".encode()).decode(),
            "x-merchantid": merchant_id,
            "x-routing-id": customer_id,
        }


@asynccontextmanager
async def open_client(
    settings: Settings, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[JuspayClient]:
    """A client with its connections, closed at the end; `settings.base_url` must be known by now.

    Raises:
        ConfigurationError: the key's file can't be read.
    """
    key = api_key(settings)
    async with httpx2.AsyncClient(
        base_url=settings.base_url or "",
        headers=_common_headers(settings),
        follow_redirects=False,
        limits=httpx2.Limits(max_connections=settings.max_connections),
        timeout=None,  # the caller's deadline covers the whole call, not each phase alone
        transport=transport,
        trust_env=False,  # no proxy, no .netrc: credentials go to the named host alone
        verify=_tls(settings),
    ) as http:
        yield JuspayClient(http, settings, key, clock)


def _common_headers(settings: Settings) -> Mapping[str, str]:
    return {
        "Accept": "application/json",
        "Accept-Encoding": "identity",  # a reply is a few kilobytes: not worth a decompressor's risks
        "Content-Type": "application/x-www-form-urlencoded",  # documented even for GET
        "User-Agent": _USER_AGENT,
        "version": settings.api_version,
    }


def _tls(settings: Settings) -> ssl.SSLContext:
    """Verifying always; the system's authorities are loaded (25 ms) only where a connection could need them."""
    if (settings.base_url or "").startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.create_ssl_context()


async def _read(response: httpx2.Response) -> Reply:
    """The reply, decompressed piece by piece so that a bomb is refused before it goes off."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    body, defect = bytearray(), None
    try:
        inflate = _inflater(headers.get("content-encoding", "identity"))
        async for chunk in response.aiter_raw():
            body += inflate(chunk, MAX_REPLY_BYTES + 1 - len(body))
            if len(body) > MAX_REPLY_BYTES:
                defect = "it is over 1 MiB"
                break
    except zlib.error:
        defect = "it came in a compression that was not asked for, or broken"
    return Reply(status=response.status_code, headers=headers, body=b"" if defect else bytes(body), defect=defect)


def _inflater(encoding: str) -> Callable[[bytes, int], bytes]:
    """Decompresses a chunk to a number of bytes at the most; servers may compress even what asks for none."""
    match encoding.strip().lower():
        case "identity":
            return lambda chunk, _: chunk
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(_GZIP_OR_ZLIB).decompress
    raise zlib.error


@contextmanager
def _connection_errors() -> Iterator[None]:
    try:
        yield
    except httpx2.TransportError as error:
        causes = list(_causes(error))
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            raise UpstreamUnavailable("its host name could not be resolved (DNS)", passing=False) from None
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            raise UpstreamUnavailable("its TLS certificate could not be verified", passing=False) from None
        raise UpstreamUnavailable(_broken(error), passing=True) from None


def _broken(error: httpx2.TransportError) -> str:
    if isinstance(error, httpx2.ConnectError):
        return "the connection was refused"
    return "the connection broke before the reply was whole"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it; connecting to several addresses fails as a group."""
    yield error
    led_by = error.exceptions if isinstance(error, BaseExceptionGroup) else (error.__cause__ or error.__context__,)
    for cause in led_by:
        if cause is not None:
            yield from _causes(cause)
