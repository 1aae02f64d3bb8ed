"""What a check looks at, and what it finds."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from evals.amounts import Reading, read_amounts
from evals.case import Case
from evals.language import plain
from evals.transcript import Transcript, Turn

Group = Literal["money", "leaks", "rest"]
"""`money` and `leaks` must hold always; the `rest` in most cases."""


@dataclass(frozen=True)
class Verdict:
    """One check of one case: `fault` says what is wrong, None if nothing is."""

    check: str
    group: Group
    fault: str | None


@dataclass(frozen=True)
class Looked:
    """One turn of a case's conversation as the checks see it. `expected` are the ids it must ask about."""

    case: Case
    transcript: Transcript
    place: int
    expected: tuple[str, ...]

    @property
    def turn(self) -> Turn:
        """What was asked and said."""
        return self.transcript.turns[self.place]

    @property
    def is_last(self) -> bool:
        """Whether it is the turn that the case is about."""
        return self.place == len(self.case.before)

    @cached_property
    def text(self) -> str:
        """The answer as `plain` text."""
        return plain(self.turn.answer)

    @cached_property
    def reading(self) -> Reading:
        """The amounts of the answer."""
        return read_amounts(self.turn.answer)

    @property
    def results(self) -> list[dict[str, Any]]:
        """The results that the answer may speak of: of an optional call that wasn't made, those of before."""
        if self.turn.results or not (self.is_last and self.case.call_optional):
            return self.turn.results
        return self.earlier

    @property
    def earlier(self) -> list[dict[str, Any]]:
        """The results of the turns before."""
        return [result for turn in self.transcript.turns[: self.place] for result in turn.results]

    @property
    def wallets(self) -> list[dict[str, Any]]:
        """The wallets of all results."""
        return [wallet for result in self.results for wallet in result.get("wallets", [])]

    @property
    def codes(self) -> list[str]:
        """The codes of the calls that failed, and that no later call made good."""
        answered = [call.arguments for call in self.turn.calls if call.result is not None]
        return [call.code for call in self.turn.calls if call.code and call.arguments not in answered]
