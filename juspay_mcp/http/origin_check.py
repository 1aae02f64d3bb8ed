"""Which pages, extensions and web views may call: those whose origin is named get CORS headers, others 403."""

import logging
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

_HEADERS = ("authorization", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name", "traceparent")
_logger = logging.getLogger(__name__)


class OriginCheck(CORSMiddleware):
    """Starlette's CORS, behind a check of every request's `Origin`.

    A browser asks first, without a token and by OPTIONS, and sends nothing more if it is refused: a check of what
    comes after that, as the SDK's, would never see the page.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=_HEADERS,
            expose_headers=("WWW-Authenticate",),
        )

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        origin = Headers(raw=scope.get("headers", [])).get("origin")
        if not origin or self.is_allowed_origin(origin):
            await super().__call__(scope, receive, send)
            return
        _logger.warning("origin_refused: if it was right, name the origin in JUSPAY_MCP_ALLOWED_ORIGINS")
        await PlainTextResponse("Invalid Origin header", 403)(scope, receive, send)
