"""The tool, called through clients that nobody here wrote, against the server's own process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.model import ScriptedModel
from tests.clients.rig import Machine, package_program, reachable
from tests.support.simulator import Behaviour, Simulator

CUSTOMER, TOTAL = "cth_all_linked", "1770.49"
STRANGER, CODE = "nobody", "[customer_not_found]"
SECRETS = ("9876543210", "simulator_key")
VERSIONS = {"legacy": "2025-11-25", "auto": "2026-07-28"}
AGENTS = ("ai_sdk.mjs", "langchain_agent.py", "openai_agent.py", "pydantic_ai_agent.py")

Server = dict[str, Any]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture(params=["stdio", "http"])
def server(request: pytest.FixtureRequest, environ: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    with reachable(request.param, environ, tmp_path) as way:
        yield way


def assert_found(tools: list[dict[str, Any]]) -> None:
    [tool] = tools
    assert tool["name"] == "refresh_customer_wallets"
    assert tool["annotations"]["readOnlyHint"] is True
    assert tool["outputSchema"]["properties"].keys() >= {"summary", "total_balance", "wallets"}


def assert_answered(result: dict[str, Any]) -> None:
    answer = result["structuredContent"]
    assert (answer["total_balance"], answer["wallet_count"], len(answer["wallets"])) == (TOTAL, 3, 3)
    [block] = result["content"]
    assert block["text"].startswith(answer["summary"])
    assert not result.get("isError")


def assert_refused(result: dict[str, Any]) -> None:
    [block] = result["content"]
    assert block["text"].endswith(CODE)
    assert result["isError"] is True
    assert "structuredContent" not in result


@pytest.mark.parametrize(
    ("program", "era"),
    [("typescript_sdk_1.mjs", "legacy"), ("typescript_sdk_2.mjs", "legacy"), ("typescript_sdk_2.mjs", "auto")],
)
def test_the_typescript_sdks_check_and_hand_on_what_the_tool_answers(
    machine: Machine, server: Server, simulator: Simulator, program: str, era: str
) -> None:
    # Progress that comes in one piece with the answer is lost in the SDK 1.x.
    simulator.behave_always(Behaviour(latency=0.3))
    said = machine.do(program, {"server": server, "era": era, "customers": [CUSTOMER, STRANGER]})
    assert (said["server"], said["version"]) == ("juspay-wallets-mcp", VERSIONS[era])
    assert_found(said["tools"])
    answered, refused = said["results"]
    assert_answered(answered)
    assert_refused(refused)
    assert said["progress"] == ["asking Juspay", "asking Juspay"]


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_the_tool_and_calls_it(machine: Machine, server: Server, era: str) -> None:
    assert_found(inspect(machine, server, era, "--method", "tools/list", "--strict")["tools"])
    call = ["--method", "tools/call", "--tool-name", "refresh_customer_wallets", "--tool-arg"]
    assert_answered(inspect(machine, server, era, *call, f"customer_id={CUSTOMER}"))
    assert_refused(inspect(machine, server, era, *call, f"customer_id={STRANGER}", status=5))


def inspect(machine: Machine, server: Server, era: str, *arguments: str, status: int = 0) -> dict[str, Any]:
    """The result that the Inspector's command line prints; it has a status of its own for a tool's error."""
    config = machine.home / "inspector.json"
    config.write_text(json.dumps({"mcpServers": {"wallets": inspected(server)}}), encoding="utf-8")
    command = package_program("@modelcontextprotocol/inspector", "mcp-inspector")
    where = ["--cli", "--config", str(config), "--server", "wallets", "--protocol-era", era]
    ended = machine.run([*command, *where, "--format", "json", "--quiet", *arguments])
    assert ended.returncode == status, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout)["result"]
    return result


def inspected(server: Server) -> Server:
    """A server as the Inspector's configuration has it."""
    return server | {"type": "streamable-http" if "url" in server else "stdio"}


@pytest.mark.parametrize("program", AGENTS)
def test_an_agent_answers_with_the_total(machine: Machine, server: Server, program: str) -> None:
    with ScriptedModel() as model:
        task = {"server": server, "model": model.url, "question": f"What is in the wallets of {CUSTOMER}"}
        said = machine.do(program, task)
    assert said["answer"] == f"They hold {TOTAL}"
    assert [(answer["total_balance"], len(answer["wallets"])) for answer in said["structured"]] == [(TOTAL, 3)]
    asked, told = model.requests
    [offered] = asked["tools"]
    assert offered["function"]["name"] == "refresh_customer_wallets"
    assert offered["function"]["parameters"]["required"] == ["customer_id"]
    assert not [secret for secret in SECRETS if secret in json.dumps(told)]


@pytest.mark.parametrize("program", AGENTS)
def test_an_agent_reads_why_there_is_no_answer(machine: Machine, server: Server, program: str) -> None:
    with ScriptedModel() as model:
        task = {"server": server, "model": model.url, "question": f"What is in the wallets of {STRANGER}"}
        said = machine.do(program, task)
    assert CODE in said["answer"]
    assert said["structured"] == []
    assert len(model.requests) == 2
