"""What a conversation came to: what was asked, what was called, what came back, and what was said."""

import re
from dataclasses import dataclass, field
from typing import Any

_CODE = re.compile(r"\[([a-z_]+)\]\s*$")


@dataclass(frozen=True)
class Call:
    """One call that the model made: `result` is the structured content, or `error` the text of the tool's error."""

    tool: str
    arguments: Any
    result: dict[str, Any] | None = None
    error: str | None = None

    @property
    def customer(self) -> str:
        """The id that was asked about; empty if the arguments name none."""
        given = self.arguments.get("customer_id") if isinstance(self.arguments, dict) else None
        return given if isinstance(given, str) else ""

    @property
    def code(self) -> str | None:
        """The stable code of the error."""
        found = _CODE.search(self.error or "")
        return found[1] if found else None


@dataclass(frozen=True)
class Turn:
    """One question, the calls it led to, and the answer; `problem` if the model gave none, and why."""

    ask: str
    calls: list[Call]
    answer: str
    problem: str | None = None

    @property
    def results(self) -> list[dict[str, Any]]:
        """The structured results of the calls that succeeded."""
        return [call.result for call in self.calls if call.result is not None]


@dataclass(frozen=True)
class Transcript:
    """A conversation, its tokens, and its cost in dollars if the price of the model is known."""

    turns: list[Turn]
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    opinion: str = field(default="", compare=False)

    @property
    def last(self) -> Turn:
        """The turn that the case is about."""
        return self.turns[-1]
