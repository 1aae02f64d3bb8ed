"""What the commands look like: narrow and wide, with colours and without, at a terminal and in a pipe."""

import re
import subprocess
import sys

import pytest

from juspay_mcp.cli.commands import cli
from tests.support.commands import at_a_terminal, posix_only, run, variables

SIMULATED = {"JUSPAY_ENV": "simulator"}
WIDTHS = (40, 80, 120)
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def words(text: str) -> list[str]:
    """The words, without figures, which change from run to run, and without the lines of tables."""
    return [re.sub(r"\d+", "0", word) for word in re.sub(r"[\u2500+-]{2,}|\|", " ", COLOUR.sub("", text)).split()]


def too_wide(text: str, columns: int) -> list[str]:
    """Lines a terminal would break, but for those that are there to be copied whole."""
    kept = re.compile(r"^ *(juspay-wallets-mcp |[$A-Z_]+=|hash=|\"command\")|^ *\S+$")
    return [
        line for line in COLOUR.sub("", text).splitlines() if len(line.rstrip()) > columns and not kept.match(line)
    ]


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("command", ["", *sorted(cli.commands)])
def test_help_breaks_no_word_in_any_terminal(command: str, columns: int) -> None:
    status, text, _ = run(*command.split(), "-h", COLUMNS=str(columns))
    _, widest, _ = run(*command.split(), "-h", COLUMNS="120")
    assert status == 0
    assert words(text) == words(widest)
    assert too_wide(text, columns) == []


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("environ", [{}, SIMULATED, {"JUSPAY_ENV": "nowhere", "JUSPAY_MCP_RATE_LIMIT": "x"}])
def test_check_breaks_no_word_in_any_terminal(environ: dict[str, str], columns: int) -> None:
    _, text, _ = run("check", COLUMNS=str(columns), **environ)
    _, widest, _ = run("check", COLUMNS="120", **environ)
    assert sorted(words(text)) == sorted(words(widest))
    assert too_wide(text, columns) == []


@pytest.mark.parametrize("command", ["check", "wallets cth_all_linked"])
def test_a_terminal_of_no_columns_counts_as_one_of_80(command: str) -> None:
    status, text, _ = run(*command.split(), COLUMNS="0", **SIMULATED)
    _, expected, _ = run(*command.split(), COLUMNS="80", **SIMULATED)
    assert (status, sorted(words(text))) == (0, sorted(words(expected)))
    assert too_wide(text, 80) == []


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("columns", [40, 80])
def test_the_demo_breaks_no_word_in_a_narrow_terminal_and_calls_each_answer_made_up_once(
    columns: int, encoding: str
) -> None:
    status, text, _ = run("demo", COLUMNS=str(columns), PYTHONIOENCODING=encoding)
    _, widest, _ = run("demo", COLUMNS="120", PYTHONIOENCODING=encoding)
    assert status == 0
    assert set(words(text)) <= set(words(widest))
    assert too_wide(text, columns) == []
    answers = re.split(r"^cth_\w+  \d+ ms", text, flags=re.MULTILINE)[1:-2]
    assert [re.sub(r"\s+", " ", answer).lower().count("test figures") for answer in answers] == [1] * len(answers)


@posix_only
def test_at_a_terminal_check_marks_right_and_wrong_in_colours_and_without_them_in_signs_alone() -> None:
    status, seen = at_a_terminal(80, "check", **SIMULATED)
    assert status == 0
    assert "\x1b[32m\u2713 ok" in seen
    assert "\x1b[1;32mThis set-up works" in seen
    status, seen = at_a_terminal(80, "check", NO_COLOR="1", JUSPAY_ENV="nowhere")
    assert status == 78
    assert "\u2717 FAILED   variables" in re.sub(COLOUR, "", seen)
    assert re.findall(r"\x1b\[(?:1;)?3\d", seen) == []
    assert too_wide(seen, 80) == []
    status, seen = at_a_terminal(40, "check", JUSPAY_ENV="nowhere")
    assert "\x1b[1;31m" in seen
    assert too_wide(seen, 40) == []


@posix_only
def test_a_terminal_that_cannot_show_the_marks_gets_words_and_colours() -> None:
    _, seen = at_a_terminal(80, "check", PYTHONIOENCODING="cp1252", **SIMULATED)
    assert "\x1b[32mok" in seen
    assert "\u2713" not in seen


@posix_only
@pytest.mark.parametrize("columns", [40, 120])
def test_at_a_terminal_a_table_fits_and_no_word_of_it_is_broken(columns: int) -> None:
    status, seen = at_a_terminal(columns, "wallets", "cth_with_parts", **SIMULATED)
    assert status == 0
    assert "MobiKwik" in seen
    assert "\x1b[1;30;43m SIMULATOR" in seen
    assert too_wide(seen, columns) == []


@pytest.mark.parametrize("arguments", [("check",), ("demo",), ("wallets", "cth_with_parts"), ("--help",)])
def test_in_a_pipe_of_windows_code_page_everything_is_said_without_colours(arguments: tuple[str, ...]) -> None:
    status, text, err = run(*arguments, PYTHONIOENCODING="cp1252", **SIMULATED)
    assert (status, err) == (0, "")
    assert "\x1b" not in text
    assert text.isascii()


def test_check_needs_none_of_the_extras() -> None:
    hidden = "import sys; sys.modules.update(dict.fromkeys(['redis', 'limits', 'opentelemetry.sdk']))"
    program = f"{hidden}; from juspay_mcp.cli.main import run; sys.exit(run(['check']))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, env=variables(**SIMULATED), timeout=30
    )
    assert (done.returncode, done.stderr) == (0, b"")
