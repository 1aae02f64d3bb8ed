"""An OAuth issuer's signing keys: found from its metadata, kept, and fetched again when they no longer do.

Metadata are those of RFC 8414 or, where there are none, of OpenID Connect Discovery 1.0.
"""

import logging
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from math import inf
from typing import Final
from urllib.parse import urlsplit

import anyio
import httpx2
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from juspay_mcp.decoding import MalformedJson, decode_json
from juspay_mcp.errors import causes
from juspay_mcp.settings import is_loopback
from juspay_mcp.tls import system_authorities
from juspay_mcp.version import VERSION

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets a document of at most 256 KiB, or raises Unfetchable."""

FRESH: Final = 900.0
"""Seconds that keys are used without asking for newer ones."""
KEPT: Final = 86_400.0
"""Seconds that keys are used while no newer ones can be had; a key withdrawn meanwhile works on that long."""
PAUSE: Final = 30.0
"""Seconds between two attempts, so that made-up key ids can't turn this server against its issuer."""
TIMEOUT: Final = 5.0
"""Seconds that one attempt may take, all its requests together."""

_MAX_BYTES = 262_144
_ADDRESS = re.compile(r"[!-~]{1,2048}")
_MIN_RSA_BITS = 2_048  # RFC 7518, section 3.3
_ALGORITHMS: Mapping[tuple[object, object], str] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
# The first that fits any of the causes.
_REASONS = ((socket.gaierror, "no_such_host"), (ssl.SSLError, "no_tls"), (Exception, "unreachable"))
_HEADERS = {
    "Accept": "application/json, application/jwk-set+json",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": f"juspay-wallets-mcp/{VERSION}",
}
_logger = logging.getLogger(__name__)


class Unfetchable(Exception):
    """Why a document can't be had or used, in our own words."""


class IssuerKeys:
    """The keys of one issuer: one attempt to fetch them at a time, and one in half a minute.

    `monotonic` gives seconds that only grow. While an attempt is under way, or after it failed, the last good keys
    stay in force.
    """

    def __init__(
        self, issuer: str, fetch: Fetch, monotonic: Callable[[], float] = time.monotonic, timeout: float = TIMEOUT
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._monotonic = monotonic
        self._timeout = timeout
        self._lock = anyio.Lock()
        self._keys: tuple[PyJWK, ...] = ()
        self._fetched = self._tried = -inf

    async def looking_for(self, key_id: str | None) -> tuple[PyJWK, ...]:
        """The keys in force, asked for anew where they are old or none has this id; () where there are none."""
        old = self._since(self._fetched) >= FRESH
        if not self._knows(key_id) or (old and not self._lock.locked()):
            async with self._lock:
                if self._since(self._tried) >= PAUSE:
                    await self._renew()
        return self._in_force()

    def _since(self, moment: float) -> float:
        return self._monotonic() - moment

    def _in_force(self) -> tuple[PyJWK, ...]:
        return self._keys if self._since(self._fetched) < KEPT else ()

    def _knows(self, key_id: str | None) -> bool:
        return any(key_id in {None, key.key_id} for key in self._in_force())

    async def _renew(self) -> None:
        """Shielded: whoever asks and leaves must neither stop an attempt that others wait for nor get it for free."""
        self._tried = self._monotonic()
        try:
            with anyio.fail_after(self._timeout, shield=True):
                self._keys = await _fetch_keys(self._issuer, self._fetch)
                self._fetched = self._monotonic()
        except (Unfetchable, TimeoutError) as why:
            reason = "too_slow" if isinstance(why, TimeoutError) else why
            what = "the last good ones stay in force" if self._in_force() else "so no token can be checked"
            _logger.warning("issuer_keys_unavailable: %s, %s", reason, what)


async def _fetch_keys(issuer: str, fetch: Fetch) -> tuple[PyJWK, ...]:
    address = await _jwks_uri(issuer, fetch)
    try:
        keys = read_keys(await fetch(address))
    except Unfetchable as why:
        raise Unfetchable(f"jwks_uri {why}") from None
    if not keys:
        _logger.warning("issuer_keys_unusable: it publishes none for RS256, ES256 or EdDSA")
    return keys


async def _jwks_uri(issuer: str, fetch: Fetch) -> str:
    reasons = []
    for name, address in metadata_addresses(issuer).items():
        try:
            return read_metadata(await fetch(address), issuer)
        except Unfetchable as why:
            reasons.append(f"{name} {why}")
    raise Unfetchable(", ".join(reasons))


def metadata_addresses(issuer: str) -> Mapping[str, str]:
    """Where an issuer's metadata may be, in the order to try.

    RFC 8414, section 3.1, inserts its name before the issuer's path; OpenID Connect Discovery 1.0, section 4.1,
    appends its own. Both take a final slash away first.
    """
    oauth, oidc = "oauth-authorization-server", "openid-configuration"
    parts = urlsplit(issuer)
    path = parts.path.removesuffix("/")
    return {
        oauth: f"{parts.scheme}://{parts.netloc}/.well-known/{oauth}{path}",
        oidc: f"{parts.scheme}://{parts.netloc}{path}/.well-known/{oidc}",
    }


def read_metadata(document: bytes, issuer: str) -> str:
    """The address of the keys of `issuer`, which the metadata must name exactly (RFC 8414, section 3.3).

    A final slash more or less is another issuer too: tokens would differ from the setting by the same slash, and only
    whoever set it can say which is meant. The reason names that case, as it is a common one.

    Raises:
        Unfetchable: there is none that may be followed.
    """
    metadata = _members(document)
    named, address = metadata.get("issuer"), metadata.get("jwks_uri")
    if named != issuer:
        slash = isinstance(named, str) and named.removesuffix("/") == issuer.removesuffix("/")
        raise Unfetchable("names_the_issuer_with_another_final_slash" if slash else "names_another_issuer")
    if not isinstance(address, str) or not _may_be_followed(address, issuer):
        raise Unfetchable("names_no_https_jwks_uri")
    return address


def read_keys(document: bytes) -> tuple[PyJWK, ...]:
    """The public signing keys for RS256, ES256 and EdDSA in a JWK set; others are passed over (RFC 7517, section 5).

    Raises:
        Unfetchable: it is no JWK set.
    """
    keys = _members(document).get("keys")
    if not isinstance(keys, list):
        raise Unfetchable("is_no_key_set")
    found = (_read_key(key) for key in keys if isinstance(key, dict))
    return tuple(key for key in found if key)


def _read_key(key: dict[str, object]) -> PyJWK | None:
    algorithm = _algorithm(key)
    if algorithm is None:
        return None
    with suppress(PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
        read = PyJWK(key, algorithm)
        weak = isinstance(read.key, RSAPublicKey) and read.key.key_size < _MIN_RSA_BITS
        return None if weak else read
    return None


def _algorithm(key: dict[str, object]) -> str | None:
    """What a public key may sign; a private one is compromised by being there, and `kty: oct` has no public part."""
    kind, curve = key.get("kty"), key.get("crv")
    if not (isinstance(kind, str) and isinstance(curve, str | None) and isinstance(key.get("kid"), str | None)):
        return None
    algorithm = _ALGORITHMS.get((kind, curve))
    operations = key.get("key_ops", ["verify"])
    fits = (
        "d" not in key
        and key.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and key.get("alg", algorithm) == algorithm
    )
    return algorithm if fits else None


def _members(document: bytes) -> dict[str, object]:
    with suppress(MalformedJson):
        decoded = decode_json(document)
        if isinstance(decoded, dict):
            return decoded
    raise Unfetchable("is_no_json_object")


def _may_be_followed(address: str, issuer: str) -> bool:
    """https; where the issuer is on loopback without TLS, its keys may be as well."""
    with suppress(ValueError):
        parts = urlsplit(address)
        host = parts.hostname or ""
        local = parts.scheme == "http" and issuer.startswith("http:") and is_loopback(host)
        plain = _ADDRESS.fullmatch(address) and "@" not in parts.netloc and parts.port != 0
        return bool(host and plain) and (parts.scheme == "https" or local)
    return False


class HttpFetch:
    """Gets documents over HTTP and follows no redirect.

    A connection for each, closed at once: they are few and far between. What verifies certificates is made before the
    first, so that files which can't be read stop the start.

    Raises:
        ConfigurationError: a file of certificate authorities can't be read.
    """

    def __init__(self, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._tls = system_authorities()

    async def __call__(self, address: str) -> bytes:
        """The document.

        Raises:
            Unfetchable: it can't be had.
        """
        async with httpx2.AsyncClient(
            headers=_HEADERS,
            follow_redirects=False,
            timeout=None,  # IssuerKeys bounds the attempt as a whole, not each phase alone
            transport=self._transport,
            trust_env=False,
            verify=self._tls,
        ) as http:
            return await _get(http, address)


async def _get(http: httpx2.AsyncClient, address: str) -> bytes:
    try:
        async with http.stream("GET", address) as response:
            if response.status_code != HTTPStatus.OK:
                raise Unfetchable(f"http_{response.status_code}")
            return await _body(response)
    # anyio lets an SSLError on an open connection pass as it is.
    except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError) as error:
        found = list(causes(error))
        reason = next(why for kind, why in _REASONS if any(isinstance(cause, kind) for cause in found))
        raise Unfetchable(reason) from None


async def _body(response: httpx2.Response) -> bytes:
    """The body as it came: it was asked for without compression, so a few bytes can't grow to many."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Unfetchable("is_compressed")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise Unfetchable("is_over_256_kib")
    return bytes(body)
