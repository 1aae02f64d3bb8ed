"""OAuth access tokens of callers over HTTP: JWTs as in RFC 9068, verified as RFC 8725 asks.

Imported only if an issuer is set: PyJWT and cryptography are no part of a start over stdio.
"""

import re
from functools import partial
from typing import Any, Final

import jwt
from jwt import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWK,
    PyJWTError,
)
from mcp.server.auth.provider import AccessToken

from juspay_mcp.errors import first_reason
from juspay_mcp.http.auth.jwks import ALGORITHMS, JWKS
from juspay_mcp.http.auth.refusals import log_refusal
from juspay_mcp.http.auth.tokens import SCOPE, is_plausible

LEEWAY: Final = 30
"""Seconds by which the issuer's clock and ours may differ."""
REASONS: Final = (
    (ExpiredSignatureError, "expired"),
    (ImmatureSignatureError, "not_yet_valid"),
    (InvalidIssuerError, "wrong_issuer"),
    (InvalidAudienceError, "wrong_audience"),
    (InvalidAlgorithmError, "wrong_algorithm"),
    (InvalidSignatureError, "bad_signature"),
    (Exception, "malformed"),
)
"""What PyJWT finds wrong with a token, in our words: its own quote the token."""

_TYPES = ("jwt", "at+jwt", "application/at+jwt")
_NAME = re.compile(r"[ -~]{1,194}")
_NAME_PREFIXES = {"sub": "oauth:", "client_id": "oauth-client:", "azp": "oauth-client:"}
_LAST_MOMENT = 10**11  # in seconds the year 5138; anything later was meant as milliseconds


class _Refused(Exception):
    """Why a token is refused, for what PyJWT accepts."""


class OAuthVerifier:
    """The SDK's `TokenVerifier` for tokens that `issuer` signed for this server.

    Issuer and audiences must be named exactly as they are set. Without `audiences` a token is for `public_url`; there
    a final slash makes no difference, as clients take it from an address, where it means nothing. A missing scope
    isn't refused here: it is for a 403 that says so (RFC 6750, section 3.1). Nothing is fetched before the first
    token comes.

    Raises:
        ConfigurationError: a file of certificate authorities can't be read.
    """

    def __init__(self, issuer: str, public_url: str, audiences: tuple[str, ...] = (), scope: str = SCOPE) -> None:
        url = public_url.removesuffix("/")
        self._issuer = issuer
        self._audiences = audiences or (url, f"{url}/")
        self._client_ids = audiences
        self._scope = scope
        self._jwks = JWKS(issuer)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who bears the token, and what it allows; None, with the reason in the log, if it is refused."""
        try:
            claims = await self._claims(token)
            # The SDK reads an AccessToken's `token` only in authorization servers: what isn't there can't leak.
            # `scope`, words in one text (RFC 9068); `scp`, a text or a list (Entra, Okta); `roles` (Entra).
            given = [claims.get(claim) for claim in ("scope", "scp", "roles")]
            lists = [each.split() if isinstance(each, str) else each for each in given]
            allowed = any(isinstance(each, list) and self._scope in each for each in lists)
            return AccessToken(token="", client_id=_name(claims), scopes=[SCOPE] if allowed else [])
        except _Refused as refused:
            log_refusal(str(refused))
        except MissingRequiredClaimError as error:
            log_refusal(f"no_{error.claim}")
        except PyJWTError as error:
            log_refusal(first_reason(error, REASONS))
        return None

    async def _claims(self, token: str) -> dict[str, Any]:
        """The verified claims. Keys that the token brings along or points to are ignored."""
        if not is_plausible(token):
            raise _Refused("implausible")
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if "crit" in header:  # RFC 7515, section 4.1.11: no extension is understood here
            raise _Refused("critical_header")
        if str(header.get("typ", "JWT")).lower() not in _TYPES:
            raise _Refused("wrong_type")
        if algorithm not in ALGORITHMS:  # said before the issuer is asked for keys
            raise InvalidAlgorithmError
        key = _choose(await self._jwks.find(key_id), key_id, algorithm)
        decode = partial(jwt.decode, token, key, ALGORITHMS, issuer=self._issuer, leeway=LEEWAY)
        try:
            claims = decode(audience=self._audiences, options={"require": ["exp"]})
        except MissingRequiredClaimError:
            # Amazon Cognito's have no `aud` at all, and the client that they were issued to.
            claims = decode(options={"require": ["exp"], "verify_aud": False})
            if "aud" in claims or claims.get("client_id") not in self._client_ids:
                raise
        if not isinstance(claims["exp"], int | float) or claims["exp"] > _LAST_MOMENT:
            raise _Refused("malformed")
        return claims


def _choose(keys: tuple[PyJWK, ...], key_id: str | None, algorithm: str) -> PyJWK:
    """The key that the token names; without a name, the only one there is (OpenID Connect Core 1.0, section 10.1)."""
    if not keys:
        raise _Refused("no_keys")
    fitting = [key for key in keys if key_id in (None, key.key_id) and key.algorithm_name == algorithm]
    if not fitting:
        raise _Refused("unknown_key")
    if key_id is None and len(fitting) > 1:
        raise _Refused("no_key_id")
    return fitting[0]


def _name(claims: dict[str, Any]) -> str:
    """Who calls, for the log and the limit: the subject, else the client (RFC 9068; `azp` is OpenID Connect's).

    Each has a prefix of its own: a client could be named as a subject is.
    """
    named = ((prefix, claims[claim]) for claim, prefix in _NAME_PREFIXES.items() if claim in claims)
    prefix, given = next(named, ("", None))
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise _Refused("no_name")
    return prefix + given
