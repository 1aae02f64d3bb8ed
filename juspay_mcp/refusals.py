"""What the SDK says of a message that is none, without the message: its older era repeats what it was sent."""

import json
from http import HTTPStatus
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What the texts begin with that go on with pydantic's, the input among it; mcp/server/streamable_http.py.
_WORDY: Final = ("Parse error: ", "Validation error: ")


class Plainly:
    """The same ASGI app, whose answers with status 400 end where they would go on with somebody's words."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        await self._app(scope, receive, _PlainSend(send))


class _PlainSend:
    """Holds back the head of an answer with status 400 until its body is there, which is one piece."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.BAD_REQUEST:
            self._head = message
        elif self._head is None:
            await self._send(message)
        else:
            head, self._head = self._head, None
            body = _plain(message["body"])
            length = (b"content-length", str(len(body)).encode())
            headers = [*(header for header in head["headers"] if header[0] != b"content-length"), length]
            await self._send({**head, "headers": headers})
            await self._send({**message, "body": body})


def _plain(body: bytes) -> bytes:
    try:
        answer: dict[str, Any] = json.loads(body)
        text: str = answer["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return body
    found = [words for words in _WORDY if text.startswith(words)]
    if not found:
        return body
    answer["error"]["message"] = found[0].removesuffix(": ")
    return json.dumps(answer, separators=(",", ":")).encode()
