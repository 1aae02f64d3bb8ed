"""docs/evals.md says what the evals are."""

import re
from typing import get_args

from evals.__main__ import _parser
from evals.case import CASES, Case, Language, Road, ServerName, load_cases
from evals.checks import CHECKS
from tests.support.checkout import ROOT
from tests.support.readme import code, rows

PAGE = (ROOT / "docs" / "evals.md").read_text(encoding="utf-8")


def test_the_page_counts_the_cases_and_lists_every_theme() -> None:
    assert f"about? {len(load_cases())} questions" in " ".join(PAGE.split()).replace("came back?", "about?")
    assert {name for row in rows(PAGE, "## What is asked") for name in code(row[0])} == {
        path.stem for path in CASES.iterdir()
    }


def test_the_page_lists_every_check_with_its_bar() -> None:
    listed = {name: row[2] for row in rows(PAGE, "## What is checked") for name in code(row[0])}
    assert listed == {name: "0.9" if group == "rest" else "always" for name, (group, _) in CHECKS.items()}


def test_the_page_lists_every_key_of_a_case_and_every_value() -> None:
    keys = {name: row[1] for row in rows(PAGE, "## Adding a case") for name in code(row[0])}
    assert set(keys) == set(Case.model_fields) - {"theme"}
    assert set(code(keys["language"])) == set(get_args(Language))
    assert set(code(keys["road"])) == set(get_args(Road))
    assert set(code(keys["server"])) == set(get_args(ServerName))


def test_the_page_lists_every_option() -> None:
    listed = {option.split()[0] for row in rows(PAGE, "## Asking your model") for option in code(row[0])}
    assert listed == {option for action in _parser()._actions for option in action.option_strings} - {"-h", "--help"}  # noqa: SLF001 - argparse has no public list


def test_the_example_of_the_page_is_a_case() -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example in (CASES / "freshness.toml").read_text(encoding="utf-8")
