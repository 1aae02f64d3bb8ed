"""What a person pastes into an MCP host."""

import json
import sys
from pathlib import Path

import pytest

from juspay_mcp.cli import PROGRAM
from juspay_mcp.hosts import HOSTS, INSTALLED, Host, block, launch_from, trial_block
from juspay_mcp.settings import load_settings
from juspay_mcp.variables import VARIABLES

BY_FILE = {
    "mcpServers": {
        "juspay-wallets": {
            "command": "juspay-wallets-mcp",
            "env": {
                "JUSPAY_ENV": "sandbox",
                "JUSPAY_MERCHANT_ID": "your merchant id",
                "JUSPAY_API_KEY_FILE": "/path/to/a/file/that/holds/the/key",
            },
        }
    }
}
CLAUDE_CODE = {
    "mcpServers": {
        "juspay-wallets": {
            "command": "juspay-wallets-mcp",
            "env": {
                "JUSPAY_ENV": "sandbox",
                "JUSPAY_MERCHANT_ID": "${JUSPAY_MERCHANT_ID:-}",
                "JUSPAY_API_KEY": "${JUSPAY_API_KEY:-}",
            },
        }
    }
}
VS_CODE = {
    "inputs": [
        {"type": "promptString", "id": "juspay-merchant-id", "description": "Juspay merchant id"},
        {"type": "promptString", "id": "juspay-api-key", "description": "Juspay API key", "password": True},
    ],
    "servers": {
        "juspay-wallets": {
            "type": "stdio",
            "command": "juspay-wallets-mcp",
            "env": {
                "JUSPAY_ENV": "sandbox",
                "JUSPAY_MERCHANT_ID": "${input:juspay-merchant-id}",
                "JUSPAY_API_KEY": "${input:juspay-api-key}",
            },
        }
    },
}

each_host = pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)


def test_every_host_has_its_file_and_its_block() -> None:
    assert {host.name: (host.file, json.loads(block(host))) for host in HOSTS} == {
        "Claude Desktop": ("claude_desktop_config.json", BY_FILE),
        "Cursor": (".cursor/mcp.json", BY_FILE),
        "Claude Code": (".mcp.json", CLAUDE_CODE),
        "VS Code": (".vscode/mcp.json", VS_CODE),
    }


@each_host
def test_to_try_it_a_host_needs_no_keys_and_asks_for_none(host: Host) -> None:
    written = json.loads(trial_block(host))
    server = written[host.section]["juspay-wallets"]
    assert "inputs" not in written
    assert server["env"] == {"JUSPAY_ENV": "simulator"}
    assert load_settings(server["env"]).missing == ()


@each_host
@pytest.mark.parametrize("written", [block, trial_block])
def test_a_block_starts_the_server_without_arguments_and_with_known_variables(host: Host, written: object) -> None:
    server = json.loads(block(host) if written is block else trial_block(host))[host.section]["juspay-wallets"]
    assert (server["command"], server.get("args")) == (PROGRAM, None)
    assert server["env"].keys() <= {variable.name for variable in VARIABLES}


@each_host
def test_a_launch_of_several_words_becomes_a_command_and_its_arguments(host: Host) -> None:
    server = json.loads(trial_block(host, ("/usr/bin/python3", "-m", "juspay_mcp")))[host.section]["juspay-wallets"]
    assert (server["command"], server["args"]) == ("/usr/bin/python3", ["-m", "juspay_mcp"])


def test_the_installed_command_is_this_programs() -> None:
    assert INSTALLED == (PROGRAM,)


def test_the_command_beside_an_interpreter_is_what_starts_its_server(tmp_path: Path) -> None:
    suffix = ".exe" if sys.platform == "win32" else ""
    script = tmp_path / f"{PROGRAM}{suffix}"
    script.touch(mode=0o755)
    assert launch_from(str(tmp_path / "python")) == (str(script),)


def test_without_such_a_command_the_interpreter_itself_starts_the_server(tmp_path: Path) -> None:
    python = str(tmp_path / "python")
    assert launch_from(python) == (python, "-m", "juspay_mcp")
