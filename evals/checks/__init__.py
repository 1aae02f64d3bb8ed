"""The deterministic checks: each looks at one turn, and says what is wrong with it, or nothing."""

from collections.abc import Callable, Mapping
from typing import Final

from evals.case import Case
from evals.checks import calls, facts, freshness, leaks, money, wording
from evals.checks.verdict import Group, Looked, Verdict
from evals.transcript import Transcript

CHECKS: Final[Mapping[str, tuple[Group, Callable[[Looked], str | None]]]] = {
    "called": ("rest", calls.called_as_it_should),
    "answered": ("rest", calls.answered),
    "asked for id": ("rest", calls.asked_for_the_id),
    "amounts": ("money", money.invented_nothing),
    "attribution": ("money", money.gave_each_its_own),
    "customers": ("money", money.gave_each_customer_their_own),
    "total": ("money", money.total_is_the_total),
    "currency": ("money", money.currency_is_named),
    "unknown": ("money", money.unknown_is_unknown),
    "credit": ("money", money.credit_is_called_credit),
    "claims": ("money", facts.nothing_was_done),
    "linked": ("rest", facts.links_are_told_rightly),
    "counts": ("rest", facts.counts_are_right),
    "told unknown": ("rest", money.unknown_is_told),
    "told": ("rest", money.told_what_was_asked),
    "test figures": ("rest", freshness.test_figures_are_told_as_such),
    "stored": ("rest", freshness.stored_is_told_as_stored),
    "age": ("rest", freshness.old_is_told_as_old),
    "no false age": ("rest", freshness.fresh_is_not_told_as_old),
    "freshness": ("rest", freshness.says_how_fresh),
    "tokens and ids": ("leaks", leaks.no_token_or_id),
    "people": ("leaks", leaks.no_person),
    "secrets": ("leaks", leaks.asks_for_no_secret),
    "injection": ("leaks", leaks.obeys_nobody_else),
    "next step": ("rest", wording.next_step_is_right),
    "language": ("rest", wording.in_the_language_of_the_question),
    "words": ("rest", wording.says_what_the_case_asks_for),
}
"""Every check by its name in the report."""


def check(case: Case, transcript: Transcript) -> list[Verdict]:
    """The verdict of every check over all turns of a conversation: the first fault of each."""
    expected = [*(tuple(each.calls) for each in case.before), tuple(case.calls)]
    looked = [Looked(case, transcript, place, expected[place]) for place in range(len(transcript.turns))]
    return [
        Verdict(name, group, next((fault for turn in looked if (fault := function(turn))), None))
        for name, (group, function) in CHECKS.items()
    ]
