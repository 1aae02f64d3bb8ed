"""The MCP endpoint over Streamable HTTP: the SDK's transport, without sessions.

It accepts what the SDK's refuses and other clients send: capitals in `Host` and `Content-Type`, a default port in
`Host`, and an `Accept` without event streams, which is answered in plain JSON.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import check_accept_headers
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import (
    RequestBodyLimitMiddleware,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from juspay_mcp.http.message_check import MessageCheck
from juspay_mcp.settings.addresses import normalize_host
from juspay_mcp.settings.load import AccessSettings

MAX_BODY: Final = 65_536
"""Bytes of a request: a call of the one tool is a few hundred."""

_LOOPBACK = ("127.0.0.1:*", "localhost:*", "[::1]:*")
_logger = logging.getLogger(__name__)


class Endpoint:
    """ASGI: answers the MCP requests that come to it; `run` must be entered first.

    No session is kept: any worker and any replica answers any request, in both protocol eras.
    """

    def __init__(self, server: Server[Any], access: AccessSettings) -> None:
        public = [normalize_host(urlsplit(access.public_url).netloc)] if access.public_url else []
        hosts = [*_LOOPBACK, *public, *access.allowed_hosts]
        self._security = TransportSecurityMiddleware(
            TransportSecuritySettings(
                # The SDK's wildcard needs a port, and a default port isn't named.
                allowed_hosts=[*hosts, *(host.removesuffix(":*") for host in hosts)],
                allowed_origins=list(access.allowed_origins),
            )
        )
        self._streaming, self._json = (
            StreamableHTTPSessionManager(server, stateless=True, json_response=json, max_request_body_size=MAX_BODY)
            for json in (False, True)
        )
        self._checked = RequestBodyLimitMiddleware(MessageCheck(self._answer), MAX_BODY)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Takes requests."""
        async with self._streaming.run(), self._json.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["method"] != "POST":  # without a session there is nothing to GET or DELETE
            await PlainTextResponse("Method Not Allowed", 405, {"Allow": "POST"})(scope, receive, send)
            return
        headers = MutableHeaders(raw=list(scope["headers"]))
        headers["host"] = normalize_host(headers.get("host", ""))
        headers["content-type"] = headers.get("content-type", "").lower()
        headers.setdefault("accept", "application/json")  # RFC 9110, section 12.5.1: without it, anything will do
        scope = {**scope, "headers": headers.raw}
        request = Request(scope)
        refusal = await self._security.validate_request(request, is_post=True)
        if refusal:
            if refusal.status_code == HTTPStatus.MISDIRECTED_REQUEST:
                _logger.warning("host_refused: if it was right, name the host in JUSPAY_MCP_ALLOWED_HOSTS")
            await refusal(scope, receive, send)
            return
        await self._checked(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_json, has_stream = check_accept_headers(Request(scope))
        answer = self._answer_in_json if has_json and not has_stream else self._streaming.asgi_app
        await answer(scope, receive, send)

    async def _answer_in_json(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ends the call if the client goes away, which the SDK does for event streams only."""
        body = [await receive()]  # all of it: the check has read it

        async def replay() -> Message:
            return body.pop() if body else await receive()

        async def watch(call: anyio.CancelScope) -> None:
            await receive()
            call.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch, tasks.cancel_scope)
            await self._json.asgi_app(scope, replay, send)
            tasks.cancel_scope.cancel()
