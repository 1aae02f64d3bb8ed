"""A whole run against a model that is a function: what is asked, what is counted, what is printed."""

import json
from collections.abc import Callable

import httpx2
import pytest

from evals.reading.customers import FORMS
from evals.reading.model import Model
from evals.reading.prompts import prompt
from evals.reading.questions import draw_questions
from evals.reading.results import Result, as_markdown
from evals.reading.run import run

SEED, CUSTOMERS = 3, 4


def scripted(reply: Callable[[str], str], *, chat: bool = False, tokenizes: bool = True) -> Model:
    """A model that gives `reply` to a prompt; a token of it is a word."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)
        if request.url.path == "/tokenize":
            words = asked["content"].split()
            return httpx2.Response(200, json={"tokens": words}) if tokenizes else httpx2.Response(404)
        assert request.url.path == ("/v1/chat/completions" if chat else "/v1/completions")
        assert asked["temperature"] == 0
        text = asked["messages"][0]["content"] if chat else asked["prompt"]
        said = reply(text)
        choice = {"message": {"content": said}} if chat else {"text": said}
        return httpx2.Response(200, json={"choices": [choice], "usage": {"prompt_tokens": len(text.split())}})

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return Model(client=client, base_url="http://model.test/v1", name="scripted", chat=chat)


def results_of(model: Model) -> list[Result]:
    return list(run(model, SEED, CUSTOMERS, lambda _done, _wanted: None))


def right_replies() -> dict[str, str]:
    """The right reply to each prompt of the run."""
    return {
        prompt(form, customer, question): f" {question.model_reply(form)}\nQuestion: and then?"
        for customer, questions in draw_questions(SEED, CUSTOMERS)
        for question in questions
        for form in FORMS
    }


@pytest.mark.parametrize("chat", [False, True])
def test_a_model_that_reads_well_is_always_right(*, chat: bool) -> None:
    results = results_of(scripted(right_replies().__getitem__, chat=chat))
    assert len(results) == len(FORMS) * 3 * CUSTOMERS
    assert all(result.right for result in results)


def test_a_model_that_says_the_same_to_everything_is_hardly_ever_right() -> None:
    results = results_of(scripted(lambda _: "INR 707.44"))
    assert not any(result.right for result in results)


def test_the_tables_count_by_form_and_kind() -> None:
    known = {
        prompt("text", customer, question): question.model_reply("text")
        for customer, questions in draw_questions(SEED, CUSTOMERS)
        for question in questions
        if question.kind == "total"
    }
    table = as_markdown(results_of(scripted(lambda text: known.get(text, "no"))))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line]
    assert ["question", *FORMS, "of"] in rows
    assert ["amount", "0", "0", "0", "4"] in rows
    assert ["total", "0", "0", "4", "4"] in rows
    assert ["all", "0", "0", "4", "12"] in rows
    assert ["text to json", "4 to 0", "4", "0"] in [row[:4] for row in rows]
    assert ["json to raw", "0 to 0", "0", "0"] in [row[:4] for row in rows]


def test_tokens_are_not_told_by_a_server_that_cannot_count_them() -> None:
    counted, uncounted = (results_of(scripted(lambda _: "", tokenizes=tokenizes)) for tokenizes in (True, False))
    (row,) = (line for line in as_markdown(counted).splitlines() if line.startswith("| tokens |"))
    assert "not told" not in row
    assert "| tokens | not told | not told | not told |" in as_markdown(uncounted)


def test_forms_that_were_asked_different_questions_are_not_compared() -> None:
    results = results_of(scripted(lambda _: ""))
    with pytest.raises(ValueError, match="different questions"):
        as_markdown(results[:-1])
