"""Files of cases: what is wrong in one is said with the place and what to do."""

from pathlib import Path

import pytest

from evals.case import CaseError, chosen, load_cases
from evals.simulated_juspay import RATE_LIMITED, REJECTED, SILENT, SPENDS
from juspay_mcp.simulator.api import CUSTOMERS

GOOD = '[[case]]\nname = "a"\nwhy = "Because."\nask = "What is in cth_stale?"\ncalls = ["cth_stale"]\n'


def refused(folder: Path, text: str) -> str:
    (folder / "theme.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CaseError) as caught:
        load_cases(folder)
    return str(caught.value)


def test_a_case_needs_only_four_lines(tmp_path: Path) -> None:
    (tmp_path / "theme.toml").write_text(GOOD, encoding="utf-8")
    [case] = load_cases(tmp_path)
    assert (case.name, case.theme, case.road, case.server, case.language) == (
        "a",
        "theme",
        "plain",
        "simulator",
        "en",
    )


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (
            'tell = ["Paytm"]\n',
            'theme.toml: case 1 tell: unknown key "tell"; known are ask, asked_amount, asks_for_id,',
        ),
        ('before = [{ ask = "?", call = [] }]\n', 'case 1 before 1 call: unknown key "call"; known are ask, calls'),
        ('language = "fr"\n', "case 1 language: Input should be 'en', 'hi', 'hinglish' or 'ta'"),
        ('sum = "yes"\n', "case 1 sum: Input should be a valid boolean"),
        ('asked_amount = "1,500"\n', "case 1 asked_amount: String should match pattern"),
        ("asks_for_id = true\n", '"calls" must be []'),
        ("compares = true\n", '"compares" needs an earlier question in "before"'),
        (GOOD, 'the name "a" is used twice: rename one'),
        ("[[case\n", "theme.toml: not valid TOML"),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(tmp_path: Path, added: str, said: str) -> None:
    assert said in refused(tmp_path, GOOD + added)


def test_a_missing_line_is_named(tmp_path: Path) -> None:
    assert 'theme.toml: case 1 why: missing; add a line "why = ..."' in refused(
        tmp_path, GOOD.replace('why = "Because."\n', "")
    )


def test_figures_without_a_call_and_a_prompt_without_a_customer_make_no_sense(tmp_path: Path) -> None:
    no_call = GOOD.replace('calls = ["cth_stale"]', "calls = []")
    assert 'name the customer in "calls"' in refused(tmp_path, no_call + 'tells = ["Paytm"]\n')
    assert 'give one id in "calls"' in refused(tmp_path, no_call + 'road = "prompt"\n')


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("x = 1\n", encoding="utf-8")
    said = refused(tmp_path, GOOD + 'tell = ["Paytm"]\n')
    assert "other.toml: x: unknown key" in said
    assert "theme.toml: case 1 tell: unknown key" in said


def test_an_empty_folder_has_no_cases(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no cases"):
        load_cases(tmp_path)


def test_cases_are_chosen_by_name_or_theme() -> None:
    cases = load_cases()
    assert [case.name for case in chosen(cases, "stored-after")] == ["stored-after-failure"]
    assert {case.theme for case in chosen(cases, "errors")} == {"errors"}
    assert chosen(cases, "") == cases
    with pytest.raises(CaseError, match='no case or theme has "nonsense"'):
        chosen(cases, "nonsense")


def test_every_customer_of_the_cases_is_the_simulator_s_or_plainly_made_up() -> None:
    known = {*CUSTOMERS, SPENDS, SILENT, RATE_LIMITED, REJECTED}
    unknown = {"cth_nobody_here", "cth all linked"}
    asked = {each for case in load_cases() for each in [*case.calls, *(c for b in case.before for c in b.calls)]}
    assert asked <= known | unknown


def test_every_road_server_and_language_has_a_case() -> None:
    cases = load_cases()
    assert {case.road for case in cases} == {"plain", "prompt", "skill"}
    assert {case.language for case in cases} == {"en", "hi", "hinglish", "ta"}
    assert len({case.server for case in cases}) == 7
