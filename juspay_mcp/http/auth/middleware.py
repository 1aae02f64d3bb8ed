"""Who may call over HTTP: the middleware that demands a bearer token, and its challenge.

Bearer tokens as in RFC 6750, with the challenge that MCP's authorization chapter asks for: the address of the
protected-resource metadata (RFC 9728), and the scope. (The SDK's own challenge has no scope, and an error code even
for a request without a token.) A response never says why a token was refused; the log does.
"""

from urllib.parse import urlsplit

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import TokenVerifier
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from juspay_mcp.http.auth.refusals import log_refusal
from juspay_mcp.http.auth.tokens import SCOPE
from juspay_mcp.http.auth.tokens_file import TokensFile
from juspay_mcp.settings.load import AccessSettings


def open_verifier(settings: AccessSettings) -> TokenVerifier | None:
    """What verifies tokens, as the settings say; None if they name neither a file nor an issuer.

    Raises:
        ConfigurationError: the tokens file can't be read, or has no token.
    """
    verifier: TokenVerifier | None = None
    if oauth := settings.oauth:
        from juspay_mcp.http.auth.jwt import OAuthVerifier  # noqa: PLC0415 - cryptography, for those who use it

        verifier = OAuthVerifier(oauth.issuer, oauth.resource, oauth.audiences, oauth.scope)
    return TokensFile(settings.tokens_file, verifier) if settings.tokens_file else verifier


def metadata_url(public_url: str) -> str:
    """Where the metadata of this protected resource are (RFC 9728, section 3.1).

    The SDK's own function would rewrite the URL, which clients compare literally.
    """
    parts = urlsplit(public_url)
    return (
        f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path.rstrip('/') and parts.path}"
    )


class BearerTokenMiddleware:
    """ASGI: passes on requests with a good token, and the user it names; answers the others itself."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier, settings: AccessSettings) -> None:
        self._app = app
        self._verifier = verifier
        self._challenge = f'scope="{SCOPE}"'
        if oauth := settings.oauth:
            self._challenge = f'scope="{oauth.scope}", resource_metadata="{metadata_url(oauth.resource)}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        given = Headers(scope=scope).getlist("authorization")
        user = await self._user(given)
        if user and SCOPE in user.scopes:
            await self._app({**scope, "user": user}, receive, send)
            return
        status, error = (403, "insufficient_scope") if user else (401, "invalid_token")
        if user:
            log_refusal("scope")
        # RFC 6750, section 3.1: no error code for a request without a token.
        code = f'error="{error}", ' if given else ""
        headers = {"WWW-Authenticate": f"Bearer {code}{self._challenge}"}
        await JSONResponse({"error": error if given else "no_token"}, status, headers)(scope, receive, send)

    async def _user(self, given: list[str]) -> AuthenticatedUser | None:
        if not given:
            return None
        scheme, _, token = given[0].partition(" ")
        token = token.strip(" ")
        # Two headers could mean two callers: one to a gateway before this server, another one here.
        if len(given) > 1 or scheme.lower() != "bearer" or not token:
            log_refusal("two_headers" if len(given) > 1 else "no_bearer_token")
            return None
        access = await self._verifier.verify_token(token)
        return AuthenticatedUser(access) if access else None
