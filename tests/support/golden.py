"""What golden files are compared with: results as text, and ids that must be refused."""

import json
from collections.abc import Callable
from typing import Any

from mcp.types import CallToolResult
from pydantic import BaseModel

Golden = Callable[[str, str], None]


def pretty(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def text_of(result: CallToolResult) -> str:
    [block] = result.content
    assert block.type == "text"
    return block.text


HOSTILE_IDS = [
    "../orders/o1", "..", ".", "a/../b", "a/./b", "a//b", "/a", "a/", "%2e%2e", "a%2Fb", "a?b", "a#b", "a\\b", "a b",
    " a", "a\tb", "a\nb", "a\n", "a\r\nx-injected: 1", "a\x00b", "a\x7fb", "käthe", "a\u202eb", "\uff11", "a" * 129,
    "",
]  # fmt: skip
