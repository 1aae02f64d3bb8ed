"""The server over HTTP, as an ASGI app: the endpoint, who may call it and from where, and its health."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.http.auth.middleware import BearerTokenMiddleware, open_verifier
from juspay_mcp.http.endpoint import Endpoint
from juspay_mcp.http.origin_check import OriginCheck
from juspay_mcp.observability.export import exported_telemetry
from juspay_mcp.observability.start_line import log_start
from juspay_mcp.server.mcp_server import Context, build_server
from juspay_mcp.service.wallet_service import WalletService, open_service
from juspay_mcp.settings.load import AccessSettings, Settings
from juspay_mcp.values.caller import ANONYMOUS, Caller

_logger = logging.getLogger(__name__)

ENDPOINT = "/mcp"


def create_app(
    settings: Settings,
    *,
    allow_unauthenticated: bool = False,
    traces: Mapping[str, str] = MappingProxyType({}),
    open_service: Callable[[Settings], AbstractAsyncContextManager[WalletService]] = open_service,
) -> Starlette:
    """An ASGI app that serves `/mcp`, `/healthz` and `/readyz`; its lifespan opens and closes everything else.

    `allow_unauthenticated` is for an address only this machine can reach, or one behind a gateway that signs in.
    `traces` holds the OTEL_ variables that say where spans go.

    Raises:
        ConfigurationError: nothing says who may call, or the tokens' file can't be read.
    """
    access = settings.access

    @asynccontextmanager
    async def opened() -> AsyncIterator[WalletService]:
        yield app.state.service

    endpoint = Endpoint(build_server(opened, caller_of), access)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            with exported_telemetry(traces):
                async with open_service(settings) as app.state.service, endpoint.run():
                    log_start(settings, "http")
                    yield
        except ConfigurationError as error:
            # An ASGI server tells of a failed start in words that `logs` withholds; these are ours.
            _logger.error("the start failed: %s", error)  # noqa: TRY400 - where it was raised is no news
            raise

    async def healthz(_request: Request) -> Response:
        """Whether this process's event loop runs."""
        return PlainTextResponse("ok")

    async def readyz(_request: Request) -> Response:
        """Whether a call could be taken and audited. Juspay isn't asked: its outage is no reason to restart this."""
        ready = await app.state.service.ready()
        return PlainTextResponse("ready") if ready else PlainTextResponse("not ready", status_code=503)

    verifier = open_verifier(access)
    if verifier is None and not allow_unauthenticated:
        raise ConfigurationError(
            "Anyone who reaches this address could ask about any customer. Set JUSPAY_MCP_TOKENS_FILE or "
            "JUSPAY_MCP_OAUTH_ISSUER, or pass --allow-unauthenticated if a gateway in front signs callers in."
        )
    # The SDK's own `streamable_http_app` leaves out the challenge's scope, and needs an issuer for any token.
    served = BearerTokenMiddleware(endpoint, verifier, access) if verifier else endpoint
    app = Starlette(
        lifespan=lifespan,
        middleware=[Middleware(OriginCheck, access.allowed_origins)],
        routes=[
            Route(ENDPOINT, served),
            Route(f"{ENDPOINT}/", served),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            *_metadata_routes(access),
        ],
    )
    app.router.redirect_slashes = False
    # Otherwise a signal would cut off the older era's answers at once; the server's own grace period ends them.
    AppStatus.enable_automatic_graceful_drain = False
    return app


def caller_of(ctx: Context) -> Caller:
    """Who the token names; without authentication all callers are one."""
    user = ctx.request.scope.get("user") if ctx.request else None
    return Caller(user.username, "http") if isinstance(user, AuthenticatedUser) else ANONYMOUS


def _metadata_routes(access: AccessSettings) -> list[Route]:
    """Where OAuth's clients look up who issues tokens (RFC 9728); the strings are as they were set."""
    if access.oauth is None:
        return []
    metadata = {
        "resource": access.oauth.resource,
        "authorization_servers": [access.oauth.issuer],
        "scopes_supported": [access.oauth.scope],
        "bearer_methods_supported": ["header"],
        "resource_name": "Juspay wallets",
    }

    path = unquote(urlsplit(access.oauth.resource).path).removesuffix("/")

    async def answer(request: Request) -> Response:
        if request.path_params["path"].removesuffix("/") != path:
            return PlainTextResponse("Not Found", 404)
        return JSONResponse(metadata, headers={"Cache-Control": "public, max-age=3600"})

    # Compared above, because in a route's own path braces would have a meaning.
    return [Route("/.well-known/oauth-protected-resource{path:path}", answer, methods=["GET"])]
