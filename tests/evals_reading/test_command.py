from pathlib import Path

import pytest

from evals.reading.__main__ import main
from evals.reading.customers import FORMS, Form
from evals.reading.results import Result


def result_of(customer: int, form: Form, *, right: bool) -> str:
    result = Result(
        model="m",
        seed=1,
        customer=customer,
        kind="total",
        form=form,
        asked="?",
        truth="1",
        reply="1",
        right=right,
        form_bytes=30,
        form_tokens=10,
        prompt_tokens=20,
    )
    return result.as_line()


def test_show_prints_the_nine_prompts_of_a_customer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--seed", "1", "--customer", "2"]) == 0
    printed = capsys.readouterr().out
    assert [printed.count(f"=== {form}\n") for form in FORMS] == [3, 3, 3]


def test_report_joins_the_results_of_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for customer, file in enumerate(files):
        file.write_text("".join(result_of(customer, form, right=form == "text") for form in FORMS), encoding="utf-8")
    assert main(["report", *map(str, files)]) == 0
    assert "| all | 0 | 0 | 2 | 2 |" in capsys.readouterr().out


def test_an_address_that_doesn_t_answer_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "results")
    assert main(["run", "--seed", "1", "--customers", "1", "--out", out, "--base-url", "http://127.0.0.1:1/v1"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("No reply from the model at http://127.0.0.1:1/v1: ")
    assert told.err.count("\n") == 1
    assert told.out == ""
