"""OAuth access tokens of callers over HTTP: JWTs as RFC 9068 has them, judged as RFC 8725 asks.

Imported only where an issuer is set: PyJWT and cryptography are no part of a start over stdio.
"""

import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from jwt import InvalidSignatureError, PyJWK, PyJWS, PyJWTError
from jwt.utils import base64url_decode
from mcp.server.auth.provider import AccessToken

from juspay_mcp.decoding import decode_json
from juspay_mcp.issuer import Fetch, HttpFetch, IssuerKeys
from juspay_mcp.times import Clock, utc_now
from juspay_mcp.tokens import is_plausible, log_refusal

LEEWAY: Final = 30
"""Seconds that the issuer's clock and ours may differ."""

_ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_NAME = re.compile(r"[ -~]{1,194}")
_NAME_PREFIXES = {"sub": "oauth:", "client_id": "oauth-client:", "azp": "oauth-client:"}
_LAST_MOMENT = 10**11  # in seconds the year 5138; what is beyond was meant as milliseconds
_DOTS = 2

_Members = dict[str, object]


class _Refused(Exception):
    """Why a token lets nobody in, in our own words."""


class OAuthVerifier:
    """The SDK's `TokenVerifier` for tokens that `issuer` signed for `audience`, this server's public address.

    The issuer must be named exactly as it is set; of the audience a final slash may differ, as clients take it from
    an address, where it means nothing. Scopes are told, not judged: one too few is for a 403 that says so (RFC 6750,
    section 3.1). Nothing is fetched before the first token comes.

    Raises:
        ConfigurationError: a file of certificate authorities can't be read.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        fetch: Fetch | None = None,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = IssuerKeys(issuer, fetch or HttpFetch(), monotonic)
        self._clock = clock

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who bears the token, and what for; None, with the reason in the log, where it lets nobody in."""
        try:
            return self._grant(await self._claims(token))
        except _Refused as why:
            log_refusal(str(why))
            return None

    async def _claims(self, token: str) -> _Members:
        """The claims in a token, once its signature has been verified."""
        if not is_plausible(token):
            raise _Refused("implausible")
        algorithm, key_id = _read_header(token)
        keys = await self._keys.looking_for(key_id)
        return _verified(token, _choose(keys, key_id, algorithm), algorithm)

    def _grant(self, claims: _Members) -> AccessToken:
        """What the claims allow. The SDK compares `expires_at` with its own clock, so it has the leeway in it."""
        if claims.get("iss") != self._issuer:
            raise _Refused("wrong_issuer")
        if not _is_for(self._audience, claims.get("aud")):
            raise _Refused("wrong_audience")
        expiry = _expiry(claims, self._clock().timestamp())
        return AccessToken(
            token="",
            client_id=_name(claims),
            scopes=_scopes(claims),
            expires_at=int(expiry) + LEEWAY,
            resource=self._audience,
            claims={"iss": self._issuer},
        )


def _read_header(token: str) -> tuple[str, str | None]:
    """The algorithm and the key id, neither verified. Keys that a header brings along or points to are no keys."""
    if token.count(".") != _DOTS:
        raise _Refused("malformed")
    header = _members(_decoded(token.partition(".")[0]))
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if "crit" in header:  # RFC 7515, section 4.1.11: there is no extension that is understood here
        raise _Refused("critical_header")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _Refused("wrong_type")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise _Refused("wrong_algorithm")
    if not isinstance(key_id, str | None):
        raise _Refused("malformed")
    return algorithm, key_id


def _decoded(part: str) -> bytes:
    """Forgives what base64url doesn't; the signature is over the text as it came."""
    try:
        return base64url_decode(part)
    except ValueError:
        raise _Refused("malformed") from None


def _members(json: bytes) -> _Members:
    try:
        decoded = decode_json(json)
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        raise _Refused("malformed")
    return decoded


def _choose(keys: tuple[PyJWK, ...], key_id: str | None, algorithm: str) -> PyJWK:
    """The one key that the token names; without a name, the one there is (OpenID Connect Core 1.0, section 10.1)."""
    if not keys:
        raise _Refused("no_keys_in_force")
    named = [key for key in keys if key_id in {None, key.key_id}]
    if not named:
        raise _Refused("unknown_key")
    fitting = [key for key in named if key.algorithm_name == algorithm]
    if not fitting:
        raise _Refused("wrong_key_type")
    if key_id is None and len(fitting) > 1:
        raise _Refused("no_key_id")
    return fitting[0]


def _verified(token: str, key: PyJWK, algorithm: str) -> _Members:
    try:
        verified = PyJWS().decode_complete(token, key, [algorithm])
    except InvalidSignatureError:
        raise _Refused("bad_signature") from None
    except PyJWTError:
        raise _Refused("malformed") from None
    return _members(verified["payload"])


def _is_for(audience: str, claim: object) -> bool:
    given = claim if isinstance(claim, list) else [claim]
    return audience.removesuffix("/") in {each.removesuffix("/") for each in given if isinstance(each, str)}


def _expiry(claims: _Members, now: float) -> Decimal:
    """When it expires, which it hasn't, nor is it not yet valid (RFC 7519, sections 4.1.4 and 4.1.5)."""
    expiry, beginning = _moment(claims, "exp"), _moment(claims, "nbf")
    if expiry is None:
        raise _Refused("no_expiry")
    if now >= expiry + LEEWAY:
        raise _Refused("expired")
    if beginning is not None and now < beginning - LEEWAY:
        raise _Refused("not_yet_valid")
    return expiry


def _moment(claims: _Members, name: str) -> Decimal | None:
    """Seconds since 1970 (RFC 7519, NumericDate); None where the claim isn't made."""
    moment = claims.get(name)
    if isinstance(moment, Decimal) and 0 <= moment <= _LAST_MOMENT:
        return moment
    if name in claims:
        raise _Refused("malformed")
    return None


def _name(claims: _Members) -> str:
    """Who calls, for the log and the limit: the subject, else the client (RFC 9068; `azp` is OpenID Connect's).

    Each has a prefix of its own: a client could be named as a subject is.
    """
    named = ((prefix, claims[claim]) for claim, prefix in _NAME_PREFIXES.items() if claim in claims)
    prefix, given = next(named, ("", None))
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise _Refused("no_name")
    return prefix + given


def _scopes(claims: _Members) -> list[str]:
    """`scope`, words in one text (RFC 9068), or `scp`, a text or a list, as Microsoft and Okta have it."""
    given = claims.get("scope", claims.get("scp"))
    if isinstance(given, str):
        return given.split()
    return [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
