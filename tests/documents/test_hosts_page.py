"""The page about hosts: every block of it is what the program writes, or what the host's documentation says."""

import html
import json
import re

import pytest
import yaml

from juspay_mcp.cli.host_configs import HOSTS, SERVER, TRIAL, Host, block, cursor_link, vs_code_link
from juspay_mcp.settings.load import load_settings
from juspay_mcp.simulator.api import CUSTOMERS
from tests.support.checkout import ROOT
from tests.support.readme import AGENTS, HOSTS_PAGE, README, authorization, folded, read_server, remote

PROGRAMS = ROOT / "tests" / "clients" / "programs"
ADDRESS = "https://wallets.example.com/mcp"
NAMED = (
    "Claude Desktop", "Claude Code", "claude.ai connectors", "ChatGPT", "Cursor", "VS Code", "Copilot CLI",
    "Copilot Studio", "Codex", "Antigravity CLI", "Windsurf", "Zed", "JetBrains AI Assistant", "Goose", "Kiro",
    "LM Studio", "Cline", "LibreChat", "Open WebUI", "n8n", "Dify",
)  # fmt: skip

each_host = pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)


def imported(source: str) -> set[tuple[str, str]]:
    """Each module that a program imports from, with each name, in Python or JavaScript."""
    python = re.findall(r"^from (\S+) import (.+)$", source, re.MULTILINE)
    script = [
        (module, names) for names, module in re.findall(r"^import \{ (.+) \} from '(.+)';$", source, re.MULTILINE)
    ]
    return {(module, name) for module, names in python + script for name in names.split(", ")}


def test_the_hosts_page_has_every_host_with_its_file_in_the_programs_order() -> None:
    listed = re.findall(r"<summary><b>(.+)</b>: <code>(.+)</code>, (.+)</summary>", HOSTS_PAGE)
    assert [tuple(map(html.unescape, each)) for each in listed] == [
        (host.name, host.file, host.where) for host in HOSTS
    ]


@each_host
def test_the_hosts_page_has_the_block_that_the_program_writes_for_a_host(host: Host) -> None:
    assert folded(host.name) == block(host)


def test_the_table_has_every_host_its_abilities_and_their_sources() -> None:
    table = HOSTS_PAGE.split("\n|---|---|---|---|---|---|\n", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()]
    assert [name for name in NAMED if not any(row[0].startswith(name) for row in rows)] == []
    assert len(rows) == len(NAMED)
    for _, *cells, card, caller in rows:
        assert len(cells) == 3
        assert all(re.match("(yes|no|not verified|with)", cell) for cell in cells)
        assert card in {"yes", "no", "not listed"}
        assert caller
    named = {number for row in rows for number in re.findall(r"\[(\d+)\]", row[0])}
    sources = HOSTS_PAGE.split("\nSources, all read on 2026-", 1)[1].split("\n\n", 1)[0]
    assert all(re.findall(r"\[\d+\]", row[0]) for row in rows)
    assert set(re.findall(r"\[(\d+)\] \S+[./]\S+", sources)) == named


@each_host
def test_a_remote_block_leads_to_the_server_with_a_token_that_stands_on_no_command_line(host: Host) -> None:
    server = read_server(host, remote(host.name))
    if "command" in server:
        assert (server["command"], *server["args"]) == (
            "npx", "-y", "mcp-remote", ADDRESS, "--header-file", "/path/to/a/file/with/the/header"
        )  # fmt: skip
        return
    [address] = [server[key] for key in ("url", "serverUrl") if key in server]
    assert address == ADDRESS
    assert authorization(server, "a_token") == "Bearer a_token"


def test_vs_code_asks_for_the_token_that_its_remote_block_names() -> None:
    [asked] = json.loads(remote("VS Code"))["inputs"]
    assert (asked["id"], asked["password"]) == ("wallets-token", True)


def test_the_blocks_of_a_shared_form_are_read_and_start_or_reach_the_server() -> None:
    shared = HOSTS_PAGE.split("\n## Hosts that share a form\n", 1)[1].split("\n## ", 1)[0]
    [template] = re.findall(r"^```json\n(.*?)^```$", shared, re.MULTILINE | re.DOTALL)
    yaml_blocks = re.findall(r"^```yaml\n(.*?)^```$", shared, re.MULTILINE | re.DOTALL)
    libre_chat, goose, remote_goose = map(yaml.safe_load, yaml_blocks)
    for server in (json.loads(template)["mcpServers"][SERVER], libre_chat["mcpServers"][SERVER]):
        assert server["url"] == ADDRESS
        assert authorization(server, "a_token") == "Bearer a_token"
    remote_extension = remote_goose["extensions"][SERVER]
    assert (remote_extension["type"], remote_extension["uri"]) == ("streamable_http", ADDRESS)
    assert authorization(remote_extension, "a_token") == "Bearer a_token"
    extension = goose["extensions"][SERVER]
    assert (extension["type"], extension["cmd"], extension["args"]) == ("stdio", "juspay-wallets-mcp", [])
    assert load_settings(extension["envs"]).missing == ()


def test_the_readme_links_to_the_hosts_that_install_by_a_link() -> None:
    assert f"[Add to Cursor]({cursor_link()})" in README
    assert f"[Add to VS Code]({vs_code_link()})" in README


@pytest.mark.parametrize(("name", "program"), AGENTS.items())
def test_the_code_in_the_hosts_page_uses_what_the_tried_programs_use(name: str, program: str) -> None:
    text = folded(name)
    assert imported(text)
    assert imported(text) <= imported((PROGRAMS / program).read_text(encoding="utf-8"))
    words = re.findall(r"[\w-]+", text)
    assert {"juspay-wallets-mcp", *TRIAL, *TRIAL.values()} <= set(words)
    assert [word for word in words if word.startswith("cth_")] == ["cth_all_linked"]
    assert "cth_all_linked" in CUSTOMERS
