"""`check --host` says what a host would see, by the host's own file and by a real start."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from juspay_mcp.cli.check_host import DESKTOP_PATH, check_host
from juspay_mcp.cli.check_report import Check
from juspay_mcp.cli.host_configs import SERVER, TRIAL, launch_from
from juspay_mcp.cli.setup import config_path
from tests.support.commands import run

SERVER_HERE = {"command": sys.executable, "args": ["-m", "juspay_mcp"], "env": dict(TRIAL)}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path),
        "USERPROFILE": str(tmp_path),
        "PATH": os.environ["PATH"],
        "SECRET_OF_THE_SHELL": "x",
    }


def write(environ: Mapping[str, str], entry: object, name: str = "cursor") -> Path:
    path = config_path(name, environ)
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    text = entry if isinstance(entry, str) else json.dumps({"mcpServers": {SERVER: entry}})
    path.write_text(text, encoding="utf-8")
    return path


async def found(
    environ: Mapping[str, str], name: str = "cursor", **options: Any
) -> tuple[list[Check], dict[str, str]]:
    checks, env = await check_host(name, environ, **options)
    return list(checks), dict(env)


async def test_a_good_file_starts_the_server_and_its_variables_are_those_of_the_file(environ: dict[str, str]) -> None:
    path = write(environ, SERVER_HERE)
    checks, env = await found(environ)
    assert [check.outcome for check in checks] == ["ok", "ok"]
    assert str(path) in checks[0].finding
    assert checks[1].finding == "Cursor gets the tool refresh_customer_wallets."
    passed_on = {name: value for name, value in environ.items() if name != "SECRET_OF_THE_SHELL"}
    assert env == {**passed_on, **TRIAL}


async def test_codex_has_a_file_of_toml(environ: dict[str, str]) -> None:
    table = f'[mcp_servers.{SERVER}]\ncommand = {json.dumps(sys.executable)}\nargs = ["-m", "juspay_mcp"]\n'
    write(environ, f'{table}env = {{ JUSPAY_ENV = "simulator" }}\n', "codex")
    checks, _ = await found(environ, "codex")
    assert [check.outcome for check in checks] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{", "can't be read as JSON"),
        ("[]", "can't be read as JSON"),
        ('{ "mcpServers": {} } // mine', "can't be read as JSON without comments"),
        ("{}", f"has no server {SERVER} with a command"),
        *(
            (json.dumps({"mcpServers": {SERVER: entry}}), f"has no server {SERVER} with a command")
            for entry in (
                {"command": 1},
                {"command": "x", "args": None},
                {"command": "x", "args": "y"},
                {"command": "x", "env": None},
                {"command": "x", "env": []},
            )
        ),
    ],
)
async def test_a_file_without_this_server_is_reported(environ: dict[str, str], text: str, finding: str) -> None:
    write(environ, text)
    [check], env = await found(environ)
    assert (check.outcome, env) == ("failed", {})
    assert finding in check.finding
    assert check.advice


async def test_no_file_is_told_with_the_command_that_makes_one(environ: dict[str, str]) -> None:
    [check], _ = await found(environ)
    assert check.advice == "Run: juspay-wallets-mcp setup cursor"


async def test_a_file_that_cant_be_read_is_reported(environ: dict[str, str]) -> None:
    write(environ, "").unlink()
    path = config_path("cursor", environ)
    assert path is not None
    path.mkdir()
    [check], _ = await found(environ)
    assert "can't be read as JSON" in check.finding


async def test_a_host_whose_file_is_unknown_is_reported(environ: dict[str, str]) -> None:
    [check], _ = await found(environ, "zed")
    assert "doesn't know where Zed keeps its file" in check.finding


async def test_a_command_that_isn_t_on_the_hosts_path_is_reported(environ: dict[str, str]) -> None:
    write(environ, {"command": "juspay-wallets-mcp"})
    _, check = (await found({**environ, "PATH": "/nowhere"}))[0]
    assert check.finding == "Cursor would not find juspay-wallets-mcp on its PATH."


async def test_on_macos_a_desktop_program_has_a_short_path(environ: dict[str, str]) -> None:
    path = config_path("claude-desktop", environ, "darwin")
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"mcpServers": {SERVER: SERVER_HERE}}), encoding="utf-8")
    _, env = await found(environ, "claude-desktop", platform="darwin")
    assert env["PATH"] == DESKTOP_PATH


async def test_a_server_that_stops_at_once_is_reported_with_its_own_line(environ: dict[str, str]) -> None:
    write(environ, {**SERVER_HERE, "env": {"JUSPAY_ENV": "prod"}})
    _, check = (await found(environ))[0]
    assert check.finding == "The server didn't answer as an MCP server."
    assert check.advice
    assert check.advice.startswith("juspay-wallets-mcp: JUSPAY_ENV must be")


async def test_another_program_at_the_port_is_reported_without_its_words(environ: dict[str, str]) -> None:
    words = "import sys; print('juspay-wallets-mcp: \\x1b[31mred', file=sys.stderr)"
    write(environ, {"command": sys.executable, "args": ["-c", words]})
    _, check = (await found(environ))[0]
    assert check.advice == "Run the command of the file in a terminal, and see what it says."


async def test_a_program_that_never_answers_is_given_up_on(environ: dict[str, str]) -> None:
    write(environ, {"command": sys.executable, "args": ["-c", "import time; time.sleep(60)"]})
    _, check = (await found(environ, seconds=1.0))[0]
    assert check.finding == "The server didn't answer in time."


async def test_claude_code_fills_in_variables_as_it_documents(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = {"JUSPAY_ENV": "${MY_ENV:-simulator}", "JUSPAY_MERCHANT_ID": "${MY_ID}", "JUSPAY_API_KEY": "${NOT_SET}"}
    write(environ, {**SERVER_HERE, "env": env}, "claude-code")
    _, seen = await found({**environ, "MY_ID": "acme"}, "claude-code")
    given = {name: value for name, value in seen.items() if name.startswith("JUSPAY_")}
    assert given == {"JUSPAY_ENV": "simulator", "JUSPAY_MERCHANT_ID": "acme", "JUSPAY_API_KEY": "${NOT_SET}"}


def test_the_command_checks_what_the_host_gets_and_not_what_the_shell_has(environ: dict[str, str]) -> None:
    write(environ, {**SERVER_HERE, "command": launch_from(sys.executable)[0], "args": []})
    status, out, _ = run("check", "--host", "cursor", **{**environ, "JUSPAY_ENV": "not-an-environment"})
    assert status == 0, out
    assert "ok       host file" in out
    assert "ok       host start" in out
    assert "This set-up works" in out


def test_the_command_ends_with_the_status_of_what_failed(environ: dict[str, str]) -> None:
    status, out, _ = run("check", "--host", "cursor", "--json", **environ)
    assert status == 78
    [check] = json.loads(out)["checks"]
    assert check["name"] == "host file", "nothing is said of variables that nobody could read"
