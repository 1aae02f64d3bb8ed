"""The prompt: two worked examples in the same form, then the answer to read and the question."""

from functools import cache
from typing import Final

from evals.reading.customers import Customer, Form
from evals.reading.questions import Question, draw_questions
from juspay_mcp.values.timestamps import format_minute

EXAMPLES: Final = ((0, 8), (0, 10))
"""Seed and place of the customers in the worked examples; no test uses seed 0."""

_TASK = "Each question about a customer's wallets is answered from the tool's result above it.\n\n"


def prompt(form: Form, customer: Customer, question: Question) -> str:
    """Ends where the reply begins. All forms get the time, because a host tells it to its model."""
    return f"{_TASK}{_worked_examples(form)}{_result(form, customer)}{_asked(question)}"


@cache
def _worked_examples(form: Form) -> str:
    """Two customers, each with a question of every kind and the right replies."""
    parts = []
    for seed, place in EXAMPLES:
        customer, questions = list(draw_questions(seed, place + 1))[place]
        replies = "".join(f"{_asked(question)} {question.model_reply(form)}\n" for question in questions)
        parts.append(f"{_result(form, customer)}{replies}\n")
    return "".join(parts)


def _result(form: Form, customer: Customer) -> str:
    return f"Time: {format_minute(customer.as_of)}\nResult:\n{customer.forms[form]}\n\n"


def _asked(question: Question) -> str:
    return f"Question: {question.text}\nReply: {question.stem}"
