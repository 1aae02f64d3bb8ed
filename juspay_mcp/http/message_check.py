"""What a POST must be before the SDK sees it: one JSON-RPC message, at a protocol version that is served.

The SDK takes an unknown version, and a list of versions, for the 2026 era (`_handle_request` in
mcp/server/streamable_http_manager.py), and then complains about `_meta`; some clients send a list of two. To a
malformed message its older era answers with the message itself (`_handle_post_request` in
mcp/server/streamable_http.py).
"""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from mcp.types import (
    HEADER_MISMATCH,
    METHOD_NOT_FOUND,
    PROTOCOL_VERSION_META_KEY,
    UNSUPPORTED_PROTOCOL_VERSION,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    UnsupportedProtocolVersionErrorData,
)
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, KNOWN_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from juspay_mcp.server.json_rpc import MalformedMessage, parse_message

_HEADER: Final = "mcp-protocol-version"
_VERSION: Final = re.compile(r"\b(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|v?[0-9]{1,3}(?:\.[0-9]{1,3}){1,2})\b")
_SERVED: Final = "This server serves " + ", ".join(KNOWN_PROTOCOL_VERSIONS)
_logger = logging.getLogger(__name__)


class MessageCheck:
    """ASGI middleware that passes on well-formed messages, and answers the others with status 400 and the reason."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        try:
            message = parse_message(await Request(scope, receive).body())
            version = _agree_on_version(Headers(scope=scope).getlist(_HEADER), message)
        except ClientDisconnect:
            return
        except MalformedMessage as error:
            _logger.warning("refused a malformed message: %s", error)
            await _refuse(error.answer)(scope, receive, send)
            return
        except _VersionNotServed as error:
            await _refuse(error.answer)(scope, receive, send)
            return
        # The SDK reads what was checked here, not what another parser may make of the same bytes.
        body = message.model_dump_json(by_alias=True, exclude_unset=True).encode()
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        if version is not None:
            others = [(key, value) for key, value in scope["headers"] if key != _HEADER.encode()]
            scope = {**scope, "headers": [*others, (_HEADER.encode(), version.encode())]}
        await self._app(scope, replay, send)


class _VersionNotServed(Exception):
    """`answer` says why, and names the versions served; of the header it repeats only what looks like a version."""

    def __init__(self, code: int, reason: str, header: str, message: JSONRPCMessage) -> None:
        super().__init__(reason)
        requested = ", ".join(_VERSION.findall(header))
        # To a request of 2026-07-28, what `server/discover` lists.
        versions = MODERN_PROTOCOL_VERSIONS if _is_enveloped(message) else KNOWN_PROTOCOL_VERSIONS
        data = UnsupportedProtocolVersionErrorData(supported=list(versions), requested=requested)
        error = ErrorData(code=code, message=f"{reason}. {_SERVED}", data=data.model_dump(mode="json"))
        self.answer = JSONRPCError(
            jsonrpc="2.0", id=message.id if isinstance(message, JSONRPCRequest) else None, error=error
        )


def _agree_on_version(headers: list[str], message: JSONRPCMessage) -> str | None:
    """The version to serve a message at; None if no header names one.

    Raises:
        _VersionNotServed: none of those named can be.
    """
    if not headers:
        return None
    header = ", ".join(headers)
    named = [version.strip() for version in header.split(",")]
    older = [version for version in named if version in HANDSHAKE_PROTOCOL_VERSIONS]
    if older and (len(named) == 1 or not _is_enveloped(message)):
        return older[0]
    if not set(named).intersection(KNOWN_PROTOCOL_VERSIONS):
        raise _VersionNotServed(UNSUPPORTED_PROTOCOL_VERSION, "Unsupported protocol version", header, message)
    if isinstance(message, JSONRPCRequest) and message.method == "initialize":
        reason = "The version in MCP-Protocol-Version has no initialize; send an older one, or no such header"
        raise _VersionNotServed(METHOD_NOT_FOUND, reason, header, message)
    if len(named) > 1:
        reason = "MCP-Protocol-Version names more than one version, which 2026-07-28 doesn't allow"
        raise _VersionNotServed(HEADER_MISMATCH, reason, header, message)
    return named[0]


def _is_enveloped(message: JSONRPCMessage) -> bool:
    """Whether a request carries its own protocol version, as those of 2026-07-28 do."""
    if not isinstance(message, JSONRPCRequest) or message.method == "initialize":
        return False
    meta = (message.params or {}).get("_meta")
    return isinstance(meta, Mapping) and PROTOCOL_VERSION_META_KEY in meta


def _refuse(answer: JSONRPCError) -> Response:
    missing = answer.error.code == METHOD_NOT_FOUND  # 2026-07-28 asks for 404, also for a method it has removed
    return Response(
        answer.model_dump_json(by_alias=True, exclude_unset=True),
        status_code=HTTPStatus.NOT_FOUND if missing else HTTPStatus.BAD_REQUEST,
        media_type="application/json",
    )
