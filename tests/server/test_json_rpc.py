import json
from typing import Any

import pytest
from mcp.types import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from juspay_mcp.server.json_rpc import MalformedMessage, parse_message

CANARY = "9812345678"


def message(**fields: Any) -> bytes:
    """A request in JSON, with these members instead of its own."""
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/list", **fields}).encode()


def without(member: str) -> bytes:
    """A request that lacks a member."""
    fields = json.loads(message())
    del fields[member]
    return json.dumps(fields).encode()


WELL_FORMED = {
    "a string id": message(id="7"),
    "an empty id": message(id=""),
    "a large id": message(id=10**40),
    "no params": message(),
    "params that are null": message(params=None),
    "a notification": without("id"),
    "a response": b'{"jsonrpc": "2.0", "id": 7, "result": {}}',
    "an error without an id": b'{"jsonrpc": "2.0", "id": null, "error": {"code": 1, "message": ""}}',
    "a carriage return at the end": message() + b"\r",
    "a byte-order mark": b"\xef\xbb\xbf" + message(),
}


@pytest.mark.parametrize("data", WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_well_formed_message_is_read(data: bytes) -> None:
    read = parse_message(data).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert read == json.loads(data.decode("utf-8-sig"))


def test_a_null_progress_token_is_no_token() -> None:
    meta = {"progressToken": None, "other": 1}
    read = parse_message(message(params={"_meta": meta, "name": "x"}))
    assert isinstance(read, JSONRPCRequest)
    assert read.params == {"_meta": {"other": 1}, "name": "x"}


@pytest.mark.parametrize("token", [0, "", "a", 7])
def test_any_other_progress_token_stays(token: object) -> None:
    read = parse_message(message(params={"_meta": {"progressToken": token}}))
    assert isinstance(read, JSONRPCRequest)
    assert read.params == {"_meta": {"progressToken": token}}


# What is sent, the code of the error, and the id it is for.
ANSWERED: dict[str, tuple[bytes, int, object]] = {
    "params as an array": (message(params=[CANARY]), -32600, 7),
    "params as a text": (message(id="a", params=CANARY), -32600, "a"),
    "params as a text, and a result": (message(params=CANARY, result={}), -32600, 7),
    "params as a text, and an error": (message(params=CANARY, error={"code": 1, "message": "x"}), -32600, 7),
    "no version": (without("jsonrpc"), -32600, 7),
    "another version": (message(jsonrpc="1.0"), -32600, 7),
    "a method that is a number": (message(method=1), -32600, 7),
    "no method": (without("method"), -32600, 7),
    "nothing at all": (b"{}", -32600, None),
    "a null id": (message(id=None), -32600, None),
    "a fraction as id": (message(id=1.5), -32600, None),
    "a whole fraction as id": (message(id=1.0), -32600, None),
    "a boolean as id": (message(id=True), -32600, None),
    "an object as id": (message(id={"a": CANARY}), -32600, None),
    "an array as id": (message(id=[7]), -32600, None),
    "a batch": (b"[" + message() + b"]", -32600, None),
    "an empty batch": (b"[]", -32600, None),
    "a text": (json.dumps(CANARY).encode(), -32600, None),
    "a number": (b"7", -32600, None),
    "null": (b"null", -32600, None),
    "no JSON": (b'{"id": 7, ' + CANARY.encode(), -32700, None),
    "two messages on a line": (message() + message(), -32700, None),
    "a lone surrogate": (message(params={"a": "\ud800"}), -32700, 7),
    "a lone surrogate in the id": (message(id="\ud800"), -32700, None),
    "a surrogate's bytes": (message(id=7, method="\ue000").replace(b"\\ue000", b"\xed\xa0\x80"), -32700, 7),
    "Latin-1": (message(params={"a": "e"}).replace(b'"e"', b'"\xe9"'), -32700, 7),
    "UTF-16": (message().decode().encode("utf-16"), -32700, None),
    "a number too long": (b"9" * 300_000, -32700, None),
    "a number too long beside an id": (message(params={"a": 0}).replace(b"0}", b"9" * 5_000 + b"}"), -32700, 7),
    "a number too long as id": (message().replace(b"7", b"9" * 5_000), -32700, None),
    "nested too deep to read": (b"[" * 100_000, -32700, None),
    "nested deeper than the SDK reads": (
        message(params={"a": 0}).replace(b"0}", b"[" * 300 + b"]" * 300 + b"}"),
        -32700,
        7,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "code", "request_id"), ANSWERED.values(), ids=ANSWERED)
def test_a_malformed_request_has_an_error_for_its_id(data: bytes, code: int, request_id: object) -> None:
    with pytest.raises(MalformedMessage) as raised:
        parse_message(data)
    assert raised.value.expects_answer
    assert (raised.value.answer.error.code, raised.value.answer.id) == (code, request_id)
    assert type(raised.value.answer.id) is type(request_id)
    assert CANARY not in f"{raised.value} {raised.value.answer}"


UNANSWERED = {
    "a notification without a version": b'{"method": "notifications/initialized"}',
    "a notification with params as an array": b'{"jsonrpc": "2.0", "method": "notifications/x", "params": []}',
    "a notification with a lone surrogate": b'{"jsonrpc": "2.0", "method": "\\ud800"}',
    "a response that is no object": b'{"jsonrpc": "2.0", "id": 7, "result": []}',
    "an error that is a text": b'{"jsonrpc": "2.0", "id": 7, "error": "x"}',
}


@pytest.mark.parametrize("data", UNANSWERED.values(), ids=UNANSWERED)
def test_a_malformed_notification_or_response_is_never_answered(data: bytes) -> None:
    with pytest.raises(MalformedMessage) as raised:
        parse_message(data)
    assert not raised.value.expects_answer


def test_a_notification_and_a_response_stay_what_they_are() -> None:
    assert isinstance(parse_message(WELL_FORMED["a notification"]), JSONRPCNotification)
    assert isinstance(parse_message(WELL_FORMED["a response"]), JSONRPCResponse)
