"""A stand-in for a language model on loopback: it speaks OpenAI's chat completions, and follows a script.

Asked a question, it calls the one tool it is offered with the question's last word; given what the tool said, it
answers with the total, or with what was said instead.
"""

import json
import re
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from typing_extensions import override


class ScriptedModel:
    """Keeps the requests it got, decoded."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                model.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                body = json.dumps(_completion(_message(model.requests[-1]))).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        return Handler


def _completion(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "completion",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [
            {"index": 0, "message": message, "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def _message(request: dict[str, Any]) -> dict[str, Any]:
    last = request["messages"][-1]
    text = "".join(_texts(last["content"]))
    if last["role"] == "tool":
        return {"role": "assistant", "content": _answer(text)}
    [tool] = request["tools"]
    arguments = json.dumps({"customer_id": text.split()[-1]})
    call = {"name": tool["function"]["name"], "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call", "type": "function", "function": call}],
    }


def _texts(content: str | list[dict[str, str]]) -> Iterable[str]:
    """A message's text, which comes whole or in blocks."""
    return [content] if isinstance(content, str) else [block["text"] for block in content]


def _answer(said: str) -> str:
    """Some clients hand on the text, some the structured content, as it is or as JSON in JSON: all have the total."""
    total = re.search(r"\bhold INR ([\d,.]+\d)", said)
    return f"They hold {total[1].replace(',', '')}" if total else said
