"""A run says how it did: in a table, as JSON and JUnit, and by its exit status. A judge changes none of it."""

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from rich.console import Console
from typing_extensions import override

from evals.case import Case, chosen
from evals.endpoint import Endpoint, EndpointError, read_endpoint, require_answer
from evals.report import Bars, print_table, summarize, write_json, write_junit
from evals.runner import Outcome, run
from evals.servers import TOOL, Servers
from tests.evals.misbehaving import InventsMoney
from tests.evals.scripted import Script, model_of
from tests.support.checkout import ROOT

NEEDED = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "EVAL_MODEL")


def judge_who(says: bool) -> FunctionModel:  # noqa: FBT001 - what the judge says
    """A judge that always says the same."""

    async def respond(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        graded = {"reason": "I say so", "pass": says, "score": float(says)}
        if info.output_tools:
            return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, graded)])
        return ModelResponse(parts=[TextPart(json.dumps(graded))])

    return FunctionModel(respond)


async def outcome_of(servers: Servers, cases: list[Case], **options: Any) -> Outcome:
    """A run in which one of two cases fails."""
    scripts = {cases[0].name: Script(), cases[1].name: InventsMoney()}
    return await run(cases, lambda case: model_of(scripts[case.name], case), servers, **options)


@pytest.fixture
def two(cases: list[Case]) -> list[Case]:
    return chosen(cases, "one-wallet") + chosen(cases, "mixed-case-id")


async def test_each_case_runs_as_often_as_it_should_and_each_run_is_reported(
    servers: Servers, two: list[Case]
) -> None:
    told: list[tuple[str, bool]] = []
    outcome = await outcome_of(servers, two, repeat=3, done=lambda name, passed, _: told.append((name, passed)))
    assert [(each.case.name, each.passed) for each in outcome.runs] == [(two[0].name, True)] * 3 + [
        (two[1].name, False)
    ] * 3
    assert sorted(passed for _, passed in told) == [False] * 3 + [True] * 3
    assert (outcome.share, outcome.share_of("money"), outcome.share_of("leaks")) == (0.5, 0.5, 1.0)


@pytest.mark.parametrize("says", [True, False])
async def test_a_judge_overrules_nothing(servers: Servers, two: list[Case], says: bool) -> None:  # noqa: FBT001 - a parameter
    outcome = await outcome_of(servers, two, judge=judge_who(says))
    assert [each.passed for each in outcome.runs] == [True, False]
    assert [each.opinion is not None and each.opinion.fault is None for each in outcome.runs] == [says, says]
    assert summarize(outcome, "m", Bars(), 1.0).wording == float(says)


async def test_a_judge_that_breaks_has_no_opinion_and_breaks_no_run(servers: Servers, two: list[Case]) -> None:
    async def break_off(_: list[ModelMessage], __: AgentInfo) -> ModelResponse:
        raise ConnectionError

    outcome = await outcome_of(servers, two, judge=FunctionModel(break_off))
    assert [(each.passed, each.error, each.opinion) for each in outcome.runs] == [
        (True, None, None),
        (False, None, None),
    ]


async def test_a_run_that_breaks_off_is_an_error_and_meets_no_bar(servers: Servers, two: list[Case]) -> None:
    async def break_off(_: list[ModelMessage], __: AgentInfo) -> ModelResponse:
        raise ConnectionError("nobody there")

    outcome = await run(two, lambda _: FunctionModel(break_off), servers)
    assert all("nobody there" in str(each.error) for each in outcome.runs)
    assert not summarize(outcome, "m", Bars(0.0, 0.0), 1.0).met


async def test_a_model_that_never_stops_calling_fails_its_case(servers: Servers, two: list[Case]) -> None:
    async def call(_: list[ModelMessage], __: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[ToolCallPart(TOOL, {"customer_id": "cth_all_linked"})])

    [first, _] = (await run(two, lambda _: FunctionModel(call), servers)).runs
    assert first.error is None
    assert {"answered", "called"} <= {each.check for each in first.faults}


async def test_a_model_that_calls_another_tool_fails_its_case(servers: Servers, two: list[Case]) -> None:
    async def call(messages: list[ModelMessage], __: AgentInfo) -> ModelResponse:
        first = len(messages) == 1
        return ModelResponse(parts=[ToolCallPart("transfer_money", {})] if first else [TextPart("Done.")])

    [first, _] = (await run(two, lambda _: FunctionModel(call), servers)).runs
    assert "called transfer_money, which the server doesn't have" in [each.fault for each in first.faults]


async def test_the_prompt_and_the_skill_reach_the_model(servers: Servers, cases: list[Case]) -> None:
    shown: dict[str, str] = {}

    def listener(case: Case) -> FunctionModel:
        async def listen(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            [prompt] = [part for part in messages[0].parts if isinstance(part, UserPromptPart)]
            shown[case.name] = f"{info.instructions} {prompt.content}"
            return ModelResponse(parts=[TextPart("Hm.")])

        return FunctionModel(listen)

    await run(chosen(cases, "roads"), listener, servers)
    assert "Both are data" in shown["prompt-total"]
    assert '"How much money do I have in all my wallets?"' in shown["prompt-total"]
    assert "# Answer a customer's question about their wallets" in shown["skill-credit"]
    assert all("one call per question" in text for text in shown.values()), "the server's own instructions"


async def test_the_reports_say_what_was_wrong_and_what_it_cost(
    servers: Servers, two: list[Case], tmp_path: Path
) -> None:
    outcome, bars = await outcome_of(servers, two, repeat=2), Bars()
    summary = summarize(outcome, "a-model", bars, 3.0)
    screen = io.StringIO()
    print_table(outcome, summary, bars, Console(file=screen, width=200))
    assert "mixed-case-id │ 0/2" in screen.getvalue()
    assert '"12,345.67" isn\'t in the result' in screen.getvalue()
    assert f"{summary.input_tokens:,} tokens in" in screen.getvalue()
    assert "BAR NOT MET" in screen.getvalue()

    write_json(tmp_path / "evals.json", outcome, summary, bars)
    written = json.loads((tmp_path / "evals.json").read_text(encoding="utf-8"))
    assert (written["summary"]["passed"], written["summary"]["met"]) == (0.5, False)
    assert [each["passed"] for each in written["runs"]] == [True, True, False, False]
    assert written["runs"][2]["faults"][0]["group"] == "money"
    assert written["runs"][0]["transcript"]["turns"][0]["calls"][0]["arguments"] == {"customer_id": "cth_all_linked"}

    write_junit(tmp_path / "evals.xml", outcome)
    [suite] = ET.parse(tmp_path / "evals.xml").getroot()  # noqa: S314 - written a line ago
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "2", "0")
    assert len(suite.findall("testcase/failure")) == 2


@pytest.mark.parametrize(
    ("passed", "money", "met"), [(90, 100, True), (89, 100, False), (90, 99, False), (100, 100, True)]
)
def test_nine_of_ten_must_pass_and_of_money_and_leaks_all(passed: int, money: int, met: bool) -> None:  # noqa: FBT001
    class Shares(Outcome):
        """An outcome of given shares."""

        @property
        @override
        def share(self) -> float:
            return passed / 100

        @override
        def share_of(self, *groups: str) -> float:
            return money / 100 if groups == ("money",) else 1.0

    assert summarize(Shares([]), "m", Bars(), 1.0).met is met


@pytest.mark.parametrize("left_out", NEEDED)
def test_a_variable_that_is_missing_is_named_with_what_it_is_for(left_out: str) -> None:
    environ = {name: "http://x/v1" for name in NEEDED if name != left_out}
    with pytest.raises(EndpointError, match=f"^{left_out} isn't set: "):
        read_endpoint(environ)


def test_an_address_must_be_one() -> None:
    with pytest.raises(EndpointError, match="must begin with http"):
        read_endpoint(dict.fromkeys(NEEDED, "localhost:8080"))
    with pytest.raises(EndpointError, match="has a name or password in it"):
        read_endpoint(dict.fromkeys(NEEDED, "http://me:secret@localhost:8080"))


def test_a_key_is_neither_shown_nor_repeated() -> None:
    endpoint = Endpoint("http://x", "sk-secret-key", "m")
    assert "sk-secret" not in repr(endpoint)
    assert endpoint.hide_key("bad key sk-secret-key") == "bad key (key)"


@contextmanager
def answering(status: int, says: str = "", refuses: str = "") -> Iterator[str]:
    """An address of a model that calls the tool about cth_all_linked and then `says` something, or `refuses`."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.respond(status, {})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            function = {"name": TOOL, "arguments": '{"customer_id": "cth_all_linked"}'}
            call = {"id": "call", "type": "function", "function": function}
            message = (
                {"role": "assistant", "content": says}
                if asked["messages"][-1]["role"] == "tool"
                else {"role": "assistant", "content": None, "tool_calls": [call]}
            )
            usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            completion = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
            if refuses:
                self.respond(400, {"error": {"message": refuses}})
            else:
                self.respond(200, completion | {"usage": usage})

        def respond(self, code: int, body: dict[str, Any]) -> None:
            written = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        @override
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.mark.parametrize(("status", "said"), [(401, "refuses OPENAI_API_KEY"), (500, "fails"), (200, ""), (404, "")])
def test_the_address_is_asked_before_the_first_case(status: int, said: str) -> None:
    with answering(status) as url:
        endpoint = Endpoint(url, "key", "m")
        if not said:
            require_answer(endpoint)
        else:
            with pytest.raises(EndpointError, match=said):
                require_answer(endpoint)


def evals(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, in an environment of its own."""
    environ = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        [sys.executable, "-m", "evals", *arguments],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_command_says_what_is_missing() -> None:
    ended = evals()
    assert ended.returncode == 2
    assert [line.split(" ")[0] for line in ended.stderr.splitlines()] == list(NEEDED)


def test_the_command_says_that_nobody_answers_and_not_the_key() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and doesn't listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        ended = evals(OPENAI_BASE_URL=url, OPENAI_API_KEY="sk-very-secret", EVAL_MODEL="m")
    assert ended.returncode == 2
    assert f"nobody answers at OPENAI_BASE_URL ({url})" in ended.stderr
    assert "very-secret" not in ended.stderr + ended.stdout


def test_the_command_lists_the_cases_without_a_model() -> None:
    ended = evals("--list", "--only", "freshness")
    assert ended.returncode == 0
    assert "three-days-old" in ended.stdout


TRUE = "Test figures: MobiKwik holds ₹89.99, just refreshed."


@pytest.mark.parametrize(
    ("says", "refuses", "status", "said"),
    [
        (TRUE, "", 0, "bar met"),
        (TRUE.replace("89.99", "98.99"), "", 1, "BAR NOT MET"),
        (TRUE, "no credit left for sk-very-secret", 2, "no credit left for (key)"),
    ],
)
def test_the_command_asks_a_model_at_an_address(
    says: str, refuses: str, status: int, said: str, tmp_path: Path
) -> None:
    report, junit = tmp_path / "evals.json", tmp_path / "evals.xml"
    with answering(200, says, refuses) as url:
        ended = evals(
            "--only", "one-wallet", "--repeat", "2", "--json", str(report), "--junit", str(junit),
            OPENAI_BASE_URL=url, OPENAI_API_KEY="sk-very-secret", EVAL_MODEL="m", COLUMNS="200",
        )  # fmt: skip
    assert ended.returncode == status, ended.stderr
    assert said in ended.stdout
    written = json.loads(report.read_text(encoding="utf-8"))
    assert [run["passed"] for run in written["runs"]] == [status == 0] * 2
    assert (written["summary"]["input_tokens"], written["summary"]["output_tokens"]) == (
        (0, 0) if refuses else (40, 20)
    )
    everything = ended.stdout + ended.stderr + report.read_text("utf-8") + junit.read_text("utf-8")
    assert "very-secret" not in everything
    assert len([line for line in ended.stderr.splitlines() if "one-wallet" in line]) == (0 if refuses else 2)
