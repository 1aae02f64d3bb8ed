"""The demo, run as a person runs it, and what it does when something isn't as expected."""

import json
import os
import re
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from mcp.types import CallToolResult, TextContent
from rich.console import Console

from juspay_mcp.cli.demo import QUESTIONS, Question, is_as_expected, read_result, run_demo
from juspay_mcp.simulator.customers import DEMO_CUSTOMERS

NOBODY = Question(customer="cth_nobody", case="A customer that nobody knows.", error="customer_not_found")


def test_the_demo_shows_every_answer_without_keys_whatever_the_environment_says() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "juspay_mcp", "demo"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "80", "JUSPAY_ENV": "production", "JUSPAY_API_KEY": "a_real_key"},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("All customers and figures below are made up.")
    headings = re.findall(r"^(\S+)  \d+ ms [─-]+$", done.stdout, re.MULTILINE)
    assert headings == [*DEMO_CUSTOMERS, "cth_nobody", DEMO_CUSTOMERS[0]]
    assert done.stdout.count(" SIMULATOR   customer") == len(DEMO_CUSTOMERS)
    for figure in ("109.55", "195.00", "22,222.00", "1,770.49", "3 days old", "not counted", "[customer_not_found]"):
        assert figure in done.stdout
    assert "[authentication_failed]" in done.stdout
    assert re.search(
        rf"^{len(QUESTIONS)} of {len(QUESTIONS)} answers were as expected [─-]+$", done.stdout, re.MULTILINE
    )
    assert "a_real_key" not in done.stdout
    assert "\x1b" not in done.stdout
    check_lines(done.stdout)
    check_blocks(done.stdout)


def check_lines(text: str) -> None:
    """Nothing is wider than 80 columns but a path, which must not be folded."""
    assert [line for line in text.splitlines() if len(line) > 80 and '"command"' not in line] == []


def check_blocks(text: str) -> None:
    """What is to be pasted is JSON, and starts a program that is there."""
    blocks = [json.loads(block) for block in re.findall(r"^\{$.*?^\}$", text, re.MULTILINE | re.DOTALL)]
    assert [list(block) for block in blocks] == [["mcpServers"], ["servers"]]
    for block in blocks:
        (servers,) = block.values()
        server = servers["juspay-wallets"]
        assert Path(server["command"]).is_absolute()
        assert Path(server["command"]).exists()
        assert server["env"] == {"JUSPAY_ENV": "simulator"}


async def test_an_unexpected_answer_is_reported_and_ends_the_demo_without_hosts() -> None:
    pipe = TextIOWrapper(BytesIO(), encoding="ascii")
    wrong = Question(customer="cth_no_wallets", case="Expected to fail, and doesn't.", error="access_denied")
    unforeseen = Question(customer="cth_nobody", case="Expected to be there, and isn't.")
    assert await run_demo(Console(file=pipe, width=80), [wrong, NOBODY, unforeseen]) is False
    pipe.seek(0)
    text = pipe.read()
    assert re.findall(r"^UNEXPECTED: .*$", text, re.MULTILINE) == [
        "UNEXPECTED: should have been access_denied.",
        "UNEXPECTED: should have been an answer.",
    ]
    assert "\n1 of 3 answers were as expected --" in text
    assert "paste" not in text


async def test_a_server_that_does_not_start_is_an_error_and_its_words_reach_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = Console(file=StringIO(), width=80)
    broken = Question(customer="cth_stale", case="A server that stops at once.", api_key="two words")
    with pytest.raises(ExceptionGroup):
        await run_demo(console, [broken])
    assert capsys.readouterr().err.startswith("juspay-wallets-mcp: JUSPAY_API_KEY must be")


def test_figures_that_are_not_the_simulators_or_not_fresh_are_not_expected() -> None:
    answer = read_result(
        CallToolResult(
            content=[],
            structured_content={
                "summary": "The customer has no wallets.",
                "customer": "XXXXXXlets",
                "environment": "simulator",
                "source": "refresh",
                "as_of": "2026-11-23T09:30:00Z",
                "currency": "INR",
                "wallet_count": 0,
                "linked_count": 0,
            },
        )
    )
    assert not isinstance(answer, str)
    question = Question(customer="cth_no_wallets", case="No wallets at all.")
    assert is_as_expected(answer, question)
    assert not is_as_expected(answer.model_copy(update={"environment": "sandbox"}), question)
    assert not is_as_expected(answer.model_copy(update={"source": "last_known"}), question)


def test_another_error_than_the_expected_one_is_not_expected() -> None:
    error = read_result(CallToolResult(content=[TextContent(text="No. [access_denied]")], is_error=True))
    assert error == "No. [access_denied]"
    assert not is_as_expected(error, NOBODY)
