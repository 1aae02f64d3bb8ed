"""What a person pastes into an MCP host."""

import json
import sys
import tomllib
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from juspay_mcp.cli.host_configs import (
    HOSTS,
    Host,
    cursor_link,
    launch_from,
    trial_block,
    vs_code_link,
)
from juspay_mcp.cli.terminal import PROGRAM
from juspay_mcp.settings.load import load_settings

TRIAL_SERVER = {"command": PROGRAM, "env": {"JUSPAY_ENV": "simulator"}}
MODULE = ("/usr/bin/python3", "-m", "juspay_mcp")

each_host = pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)


def read(host: Host, written: str) -> dict[str, Any]:
    """What a host makes of its file."""
    parsed: dict[str, Any] = tomllib.loads(written) if host.file.endswith(".toml") else json.loads(written)
    return parsed


@each_host
def test_to_try_it_a_host_needs_no_keys_and_asks_for_none(host: Host) -> None:
    written = read(host, trial_block(host))
    server = written[host.section]["juspay-wallets"]
    assert "inputs" not in written
    assert server["env"] == {"JUSPAY_ENV": "simulator"}
    assert load_settings(server["env"]).missing == ()


@each_host
def test_a_launch_of_several_words_becomes_a_command_and_its_arguments(host: Host) -> None:
    server = read(host, trial_block(host, MODULE))[host.section]["juspay-wallets"]
    assert (server["command"], server["args"]) == ("/usr/bin/python3", ["-m", "juspay_mcp"])


def test_a_toml_string_may_hold_what_a_path_may() -> None:
    [codex] = [host for host in HOSTS if host.toml]
    launch = ('C:\\Program Files\\"wallets"\\é.exe', "-m", "a b")
    server = read(codex, trial_block(codex, launch))["mcp_servers"]["juspay-wallets"]
    assert (server["command"], *server["args"]) == launch


def test_the_link_for_cursor_holds_its_name_and_its_server_without_a_key() -> None:
    link = urlsplit(cursor_link())
    asked = parse_qs(link.query, strict_parsing=True)
    assert (link.scheme, link.netloc, link.path) == ("https", "cursor.com", "/en/install-mcp")
    assert {key: len(values) for key, values in asked.items()} == {"name": 1, "config": 1}
    assert asked["name"] == ["juspay-wallets"]
    assert json.loads(b64decode(asked["config"][0], validate=True)) == TRIAL_SERVER


def test_the_link_for_vs_code_holds_its_server_without_a_key() -> None:
    link = urlsplit(vs_code_link())
    asked = parse_qs(link.query, strict_parsing=True)
    assert (link.scheme, link.netloc, link.path) == ("https", "insiders.vscode.dev", "/redirect")
    [target] = asked.pop("url")
    assert asked == {}
    start, config = target.split("?", 1)
    assert start == "vscode:mcp/install"
    assert json.loads(unquote(config)) == {"name": "juspay-wallets", **TRIAL_SERVER}


def test_the_command_beside_an_interpreter_is_what_starts_its_server(tmp_path: Path) -> None:
    suffix = ".exe" if sys.platform == "win32" else ""
    script = tmp_path / f"{PROGRAM}{suffix}"
    script.touch(mode=0o755)
    assert launch_from(str(tmp_path / "python")) == (str(script),)


def test_without_such_a_command_the_interpreter_itself_starts_the_server(tmp_path: Path) -> None:
    python = str(tmp_path / "python")
    assert launch_from(python) == (python, "-m", "juspay_mcp")
