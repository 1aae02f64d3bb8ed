"""One run: every question of a seed, in each of the three forms."""

from collections.abc import Callable, Iterator

from evals.reading.customers import FORMS
from evals.reading.model import Model
from evals.reading.prompts import prompt
from evals.reading.questions import Age, Truth, draw_questions
from evals.reading.results import Result
from evals.reading.scoring import is_right


def run(model: Model, seed: int, customers: int, progress: Callable[[int, int], None]) -> Iterator[Result]:
    """The results, one after the other. `progress` is told how many replies are in, and of how many.

    The questions about one answer come in one go: a server that keeps the beginning of the last prompt then reads the
    answer, and the worked examples before it, only once.

    Raises:
        httpx2.HTTPError: The server can't be reached, or answers with an error.
    """
    drawn = list(draw_questions(seed, customers))
    wanted, done = len(FORMS) * sum(len(questions) for _, questions in drawn), 0
    for form in FORMS:
        for place, (customer, questions) in enumerate(drawn):
            tokens = model.count_tokens(customer.forms[form])
            for question in questions:
                reply, prompt_tokens = model.reply(prompt(form, customer, question))
                yield Result(
                    model=model.name,
                    seed=seed,
                    customer=place,
                    kind=question.kind,
                    form=form,
                    asked=question.text,
                    truth=_written(question.truth),
                    reply=reply,
                    right=is_right(reply, question.truth),
                    form_bytes=len(customer.forms[form].encode()),
                    form_tokens=tokens,
                    prompt_tokens=prompt_tokens,
                )
                done += 1
                progress(done, wanted)


def _written(truth: Truth) -> str:
    match truth:
        case Age(refreshed, as_of):
            return f"{refreshed:%Y-%m-%dT%H:%M:%SZ} at {as_of:%Y-%m-%dT%H:%M:%SZ}"
        case amount:
            return str(amount)
