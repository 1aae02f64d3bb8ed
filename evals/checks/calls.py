"""Which tools were called, with what, and how often."""

from collections import Counter

from evals.checks.verdict import Looked
from evals.language import AN_ID, ASKING, mentions
from evals.servers import TOOL

MAY_TRY_AGAIN = frozenset({"upstream_unavailable", "upstream_timeout", "audit_unwritable", "invalid_customer_id"})
"""The codes after which one more call is right; `rate_limited` names a time, and no conversation waits that long."""


def called_as_it_should(looked: Looked) -> str | None:  # noqa: PLR0911 - a fault each, in this order
    """The tool once for each customer the question is about, with the id as it was written, and for nobody else."""
    turn = looked.turn
    if others := sorted({call.tool for call in turn.calls if call.tool != TOOL}):
        return f"called {', '.join(others)}, which the server doesn't have"
    if odd := [call.arguments for call in turn.calls if not _is_one_id(call.arguments)]:
        return f"called with {odd[0]!r} instead of one customer_id"
    made = Counter(call.customer for call in turn.calls)
    if not made and looked.is_last and looked.case.call_optional:
        return None
    if foreign := sorted(made.keys() - set(looked.expected)):
        return f"asked about {', '.join(map(repr, foreign))}, which isn't an id of the question"
    if missing := [each for each in looked.expected if each not in made]:
        return f"never asked about {', '.join(map(repr, missing))}"
    for customer, times in made.items():
        codes = {call.code for call in turn.calls if call.customer == customer and call.code}
        most = 2 if codes and codes <= MAY_TRY_AGAIN else 1
        if times > most:
            return f"asked {times} times about {customer!r}"
    return None


def answered(looked: Looked) -> str | None:
    """Something was said at all."""
    if looked.turn.problem:
        return looked.turn.problem
    return None if looked.text.strip() else "no answer"


def asked_for_the_id(looked: Looked) -> str | None:
    """Without an id in the question, the answer asks for one."""
    if not looked.case.asks_for_id or not looked.is_last:
        return None
    asks = mentions(looked.text, ASKING) and mentions(looked.text, (*AN_ID, "ids"))
    return None if asks else "doesn't ask for the customer's id"


def _is_one_id(arguments: object) -> bool:
    return (
        isinstance(arguments, dict)
        and arguments.keys() == {"customer_id"}
        and isinstance(arguments["customer_id"], str)
    )
