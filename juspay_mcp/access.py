"""Who may call over HTTP: the gate before the endpoint, and what it tells those it doesn't let in.

Bearer tokens as in RFC 6750, with the challenge that MCP's authorization chapter asks for: the address of the
protected-resource metadata (RFC 9728), and the scope. The wire never says why a token was refused; the log does.
"""

import json
from dataclasses import dataclass
from typing import Final

from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url
from pydantic import AnyHttpUrl
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from juspay_mcp.settings import AccessSettings
from juspay_mcp.tokens import SCOPE, log_refusal
from juspay_mcp.tokens_file import TokensFile


def open_verifier(settings: AccessSettings) -> TokenVerifier | None:
    """What tells the tokens apart, as the settings name it; None where nothing is named.

    Raises:
        ConfigurationError: the tokens' file can't be read, or lets nobody in.
    """
    verifier: TokenVerifier | None = None
    if settings.oauth_issuer is not None:
        from juspay_mcp.oauth import OAuthVerifier  # noqa: PLC0415 - cryptography, for those who use it

        verifier = OAuthVerifier(settings.oauth_issuer, settings.public_url or "")
    return TokensFile(settings.tokens_file, verifier) if settings.tokens_file else verifier


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of closed gate: the status, and the error code of RFC 6750, which has none for no token at all."""

    status: int
    error: str | None


NO_TOKEN: Final = Refusal(401, None)
UNKNOWN: Final = Refusal(401, "invalid_token")
OUT_OF_SCOPE: Final = Refusal(403, "insufficient_scope")


class Gate:
    """ASGI: passes on the calls of those `verifier` knows, each with its user; answers the others itself."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier, settings: AccessSettings) -> None:
        self._app = app
        self._backend = BearerAuthBackend(verifier)
        self._challenge = _challenge(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        known = await self._authenticate(HTTPConnection(scope))
        if isinstance(known, Refusal):
            await self._refuse(known)(scope, receive, send)
            return
        await self._app({**scope, **known}, receive, send)

    async def _authenticate(self, connection: HTTPConnection) -> dict[str, object] | Refusal:
        given = connection.headers.getlist("authorization")
        if not given:
            return NO_TOKEN
        # Two headers could mean two callers: one to a gateway before this server, another one here.
        if len(given) > 1 or not given[0].lower().startswith("bearer "):
            log_refusal("no_bearer_token" if len(given) == 1 else "two_headers")
            return UNKNOWN
        found = await self._backend.authenticate(connection)
        if found is None:
            return UNKNOWN
        credentials, user = found
        if SCOPE not in credentials.scopes:
            log_refusal("scope")
            return OUT_OF_SCOPE
        return {"auth": credentials, "user": user}

    def _refuse(self, refusal: Refusal) -> Response:
        error = f'error="{refusal.error}", ' if refusal.error else ""
        return Response(
            json.dumps({"error": refusal.error or "no_token"}),
            status_code=refusal.status,
            headers={"WWW-Authenticate": f"Bearer {error}{self._challenge}"},
            media_type="application/json",
        )


def _challenge(settings: AccessSettings) -> str:
    scope = f'scope="{SCOPE}"'
    if settings.oauth_issuer is None:
        return scope
    return f'{scope}, resource_metadata="{build_resource_metadata_url(AnyHttpUrl(settings.public_url or ""))}"'
