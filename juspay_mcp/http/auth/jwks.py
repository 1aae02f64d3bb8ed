"""The public keys of an OAuth issuer (its JWKS): discovered, cached, and fetched again when needed.

PyJWT's own client has no discovery, forgets its keys when the issuer is down, follows proxy variables and blocks.
"""

import logging
import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from http import HTTPStatus
from math import inf
from typing import Final
from urllib.parse import urlsplit

import anyio
import httpx2
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from juspay_mcp import VERSION
from juspay_mcp.errors import first_reason
from juspay_mcp.juspay.outgoing import OneRequestTransport, Unreadable, read_body, system_authorities
from juspay_mcp.observability.metrics import jwks_age
from juspay_mcp.settings.addresses import is_loopback
from juspay_mcp.values.strict_json import MalformedJson, decode_json

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
FRESH: Final = 900.0
"""Seconds for which keys are used without asking for newer ones."""
KEPT: Final = 86_400.0
"""Seconds for which keys are used if no newer ones can be fetched; a key withdrawn meanwhile works that long."""
PAUSE: Final = 30.0
"""Seconds after an attempt that didn't bring the key it was made for: made-up key ids can't turn this server against
its issuer."""
TIMEOUT: Final = 5.0
"""Seconds that one attempt may take, all its requests together."""
REASONS: Final = (
    (Unreadable, "is_too_long_or_compressed"),
    (socket.gaierror, "no_such_host"),
    (ssl.SSLError, "no_tls"),
    (Exception, "unreachable"),
)

_MAX_BYTES = 262_144
_PRINTABLE = re.compile(r"[!-~]{1,2048}")
_MIN_RSA_BITS = 2_048  # RFC 7518, section 3.3
_PUBLIC = (RSAPublicKey, EllipticCurvePublicKey, Ed25519PublicKey)
_HEADERS = {
    "Accept": "application/json, application/jwk-set+json",
    "Accept-Encoding": "identity",
    "User-Agent": f"juspay-wallets-mcp/{VERSION}",
}
_logger = logging.getLogger(__name__)


class Unfetchable(Exception):
    """Why a document can't be fetched or used, in our own words."""


class JWKS:
    """The keys of one issuer: one attempt to fetch them at a time, and none for half a minute after one that failed.

    During an attempt, and after one that failed, the last good keys are used. `monotonic` gives seconds that only
    grow; an attempt may take `timeout` seconds.

    Raises:
        ConfigurationError: a file of certificate authorities can't be read.
    """

    def __init__(
        self,
        issuer: str,
        monotonic: Callable[[], float] = time.monotonic,
        timeout: float = TIMEOUT,
    ) -> None:
        self._issuer = issuer
        self._monotonic = monotonic
        self._timeout = timeout
        self._transport = OneRequestTransport(system_authorities())
        self._lock = anyio.Lock()
        self._keys: tuple[PyJWK, ...] = ()
        self._fetched = self._next_try = -inf
        self.failure: str | None = None
        """Why the last attempt failed, in our own words."""

    async def find(self, key_id: str | None) -> tuple[PyJWK, ...]:
        """The current keys, fetched again if they are old or none has this id; () if there is no current one."""
        if not self._has(key_id) or (self._is_old() and not self._lock.locked()):
            async with self._lock:
                # Another call may have fetched them while this one waited.
                if (not self._has(key_id) or self._is_old()) and self._monotonic() >= self._next_try:
                    await self._fetch(key_id)
        if self._keys:
            jwks_age.set(self._monotonic() - self._fetched)
        return self._current()

    def _has(self, key_id: str | None) -> bool:
        return any(key_id in (None, key.key_id) for key in self._current())

    def _is_old(self) -> bool:
        return self._monotonic() - self._fetched >= FRESH

    def _current(self) -> tuple[PyJWK, ...]:
        return self._keys if self._monotonic() - self._fetched < KEPT else ()

    async def _fetch(self, key_id: str | None) -> None:
        """Fetches the keys, for the one with this id.

        Shielded: a caller that leaves must neither stop an attempt that others wait for nor start it for free.
        """
        self._next_try = self._monotonic() + PAUSE
        try:
            with anyio.fail_after(self._timeout, shield=True):
                self._keys = await _discover(self._transport, self._issuer)
            self._fetched, self.failure = self._monotonic(), None
            if self._has(key_id):
                self._next_try = -inf
        except (Unfetchable, TimeoutError) as error:
            reason = self.failure = "too_slow" if isinstance(error, TimeoutError) else str(error)
            meanwhile = "the last good keys are used" if self._current() else "so no token can be verified"
            _logger.warning("jwks_unavailable: %s, %s", reason, meanwhile)


async def _discover(transport: httpx2.AsyncBaseTransport, issuer: str) -> tuple[PyJWK, ...]:
    """The issuer's keys, from the first of its metadata that can be used."""
    reasons = []
    for name, url in metadata_urls(issuer).items():
        try:
            jwks_uri = read_metadata(await _get(transport, url), issuer)
        except Unfetchable as why:
            reasons.append(f"{name} {why}")
            continue
        try:
            keys = read_keys(await _get(transport, jwks_uri))
        except Unfetchable as why:
            raise Unfetchable(f"jwks_uri {why}") from None
        if not keys:
            _logger.warning("jwks_unusable: it has no key for RS256, ES256 or EdDSA")
        return keys
    raise Unfetchable(", ".join(reasons))


async def _get(transport: httpx2.AsyncBaseTransport, url: str) -> dict[str, object]:
    """The JSON object at a URL, by one request that follows no redirect."""
    try:
        response = await transport.handle_async_request(httpx2.Request("GET", url, headers=_HEADERS))
        async with aclosing(response):
            if response.status_code != HTTPStatus.OK:
                raise Unfetchable(f"http_{response.status_code}")
            body = await read_body(response, _MAX_BYTES)
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise Unfetchable(first_reason(error, REASONS)) from None
    with suppress(MalformedJson):
        decoded = decode_json(body)
        if isinstance(decoded, dict):
            return decoded
    raise Unfetchable("is_no_json_object")


def metadata_urls(issuer: str) -> dict[str, str]:
    """Where an issuer's metadata may be, by kind, in the order to try.

    RFC 8414, section 3.1, inserts its name before the issuer's path; OpenID Connect Discovery 1.0, section 4.1,
    appends its own. Both take a final slash away first.
    """
    oauth, oidc = "oauth-authorization-server", "openid-configuration"
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.removesuffix("/")
    return {oauth: f"{origin}/.well-known/{oauth}{path}", oidc: f"{origin}{path}/.well-known/{oidc}"}


def read_metadata(metadata: dict[str, object], issuer: str) -> str:
    """The `jwks_uri` of `issuer`, which the metadata must name exactly (RFC 8414, section 3.3).

    With a final slash more or less it is another issuer: tokens would differ from the setting by the same slash. The
    reason names that case, as it is a common one.

    Raises:
        Unfetchable: there is no `jwks_uri` that may be followed: https, or http on loopback if the issuer is there.
    """
    named, jwks_uri = metadata.get("issuer"), metadata.get("jwks_uri")
    if named != issuer:
        slash = isinstance(named, str) and named.removesuffix("/") == issuer.removesuffix("/")
        raise Unfetchable("names_the_issuer_with_another_final_slash" if slash else "names_another_issuer")
    with suppress(ValueError):  # httpx2 would fail in other ways at what isn't printable or has no such port
        if isinstance(jwks_uri, str) and _PRINTABLE.fullmatch(jwks_uri) and (parts := urlsplit(jwks_uri)).port != 0:
            local = issuer.startswith("http:") and parts.scheme == "http" and is_loopback(parts.hostname or "")
            if parts.hostname and (parts.scheme == "https" or local):
                return jwks_uri
    raise Unfetchable("names_no_https_jwks_uri")


def read_keys(jwks: dict[str, object]) -> tuple[PyJWK, ...]:
    """The public signing keys for our algorithms; others are skipped (RFC 7517, section 5).

    Raises:
        Unfetchable: it isn't a key set.
    """
    keys = jwks.get("keys")
    if not isinstance(keys, list):
        raise Unfetchable("is_no_key_set")
    found = []
    for key in keys:
        with suppress(PyJWTError, UnsupportedAlgorithm, AttributeError, TypeError, ValueError):
            read = PyJWK(key)
            signs = read.public_key_use in (None, "sig") and "verify" in key.get("key_ops", ["verify"])
            weak = isinstance(read.key, RSAPublicKey) and read.key.key_size < _MIN_RSA_BITS
            if read.algorithm_name in ALGORITHMS and isinstance(read.key, _PUBLIC) and signs and not weak:
                found.append(read)
    return tuple(found)
