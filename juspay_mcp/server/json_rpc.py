"""JSON-RPC messages, checked before the SDK reads them, so that a malformed one is answered and logged.

The SDK would drop most of them. Over stdio it drops whatever doesn't validate (`stdin_reader` in mcp/server/stdio.py
passes the exception on to `_dispatch` in mcp/shared/jsonrpc_dispatcher.py, which logs it at DEBUG). Over both
transports, an id that is null, a fraction or a boolean turns a request into a notification (`JSONRPCNotification` in
mcp_types/jsonrpc.py ignores `id`). If the SDK answers these one day, this module can go.
"""

import codecs
import json
from contextlib import suppress
from typing import Any

from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import TypeAdapter, ValidationError

_JSON: TypeAdapter[Any] = TypeAdapter(Any)
_NAMES = {PARSE_ERROR: "Parse error", INVALID_REQUEST: "Invalid request"}


class MalformedMessage(Exception):
    """Not a JSON-RPC 2.0 message. The text is this module's, never the sender's.

    `answer` is the error for its sender; `expects_answer` is False for a notification and for a response, which
    JSON-RPC never answers.
    """

    def __init__(self, code: int, reason: str, message: object) -> None:
        super().__init__(reason)
        fields = message if isinstance(message, dict) else {}
        error = ErrorData(code=code, message=f"{_NAMES[code]}: {reason}")
        self.answer = JSONRPCError(jsonrpc="2.0", id=_request_id(fields), error=error)
        self.expects_answer = "id" in fields if "method" in fields else not fields.keys() & {"result", "error"}


def parse_message(data: bytes) -> JSONRPCMessage:
    """The message in `data`, with or without a byte-order mark; `progressToken: null` is read as no token.

    Raises:
        MalformedMessage: there is none, or more than one.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        value = _JSON.validate_json(data)
    except ValidationError:
        value = None
        # Python reads what the SDK's parser gives up, at a lone surrogate or a huge number: it may hold an id.
        with suppress(ValueError, RecursionError):
            value = json.loads(data.decode(errors="replace"), parse_int=_integer)
        raise MalformedMessage(PARSE_ERROR, "it isn't valid JSON in UTF-8", value) from None
    if isinstance(value, list):
        raise MalformedMessage(INVALID_REQUEST, "it is a batch; send each message by itself", None)
    given = value
    match value:
        case {"params": {"_meta": {"progressToken": None, **meta}, **params}, **fields}:
            value = {**fields, "params": {**params, "_meta": meta}}
    message = None
    with suppress(ValidationError):
        message = jsonrpc_message_adapter.validate_python(value, by_name=False)
    # What has a method isn't a response, though it may have a result too.
    if message is None or ("method" in value and isinstance(message, JSONRPCResponse | JSONRPCError)):
        reason = 'it lacks "jsonrpc": "2.0" or a method, or its id or params are of the wrong type'
        raise MalformedMessage(INVALID_REQUEST, reason, given)
    if isinstance(message, JSONRPCNotification) and "id" in value:
        raise MalformedMessage(INVALID_REQUEST, "its id is neither a string nor an integer", value)
    return message


def _integer(digits: str) -> int | None:
    with suppress(ValueError):  # Python reads no more than 4,300 digits
        return int(digits)
    return None


def _request_id(fields: dict[str, object]) -> RequestId | None:
    found = fields.get("id")
    if isinstance(found, str):
        with suppress(UnicodeEncodeError):  # a lone surrogate can't be sent back
            return found.encode().decode()
    return found if isinstance(found, int) and not isinstance(found, bool) else None
