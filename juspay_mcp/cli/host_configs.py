"""MCP hosts: where each keeps its servers, and the exact block to paste there.

A key never goes onto a command line, where a shell's history keeps it and other processes see it. So every block is
for a file, and the key in it is asked for or taken from the environment, wherever the host can do either.
Formats as the hosts documented them in autumn 2026: code.claude.com/docs/en/mcp, cursor.com/docs/mcp,
code.visualstudio.com/docs/copilot/reference/mcp-configuration, modelcontextprotocol.io (Claude Desktop),
zed.dev/docs/ai/mcp, developers.openai.com/codex/mcp. Windsurf has been called Devin Desktop since 2026-06-02:
docs.sevalla.com/ai-agents/windsurf and Vaadin's documentation (MCP, Devin Desktop) name its file,
docs.devin.ai/desktop/cascade/mcp names the older one. docs/hosts.md has the source for each host.
Links: cursor.com/docs/mcp/install-links and code.visualstudio.com/docs/copilot/guides/mcp-developer-guide.
"""

import json
import shutil
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode

SERVER: Final = "juspay-wallets"
"""What the server is called in a host's file."""

Launch = tuple[str, ...]
"""A program and its arguments."""

INSTALLED: Final[Launch] = ("juspay-wallets-mcp",)
"""How a host starts the server where the command is on the host's own PATH."""

TRIAL: Final[Mapping[str, str]] = MappingProxyType({"JUSPAY_ENV": "simulator"})
"""The variables that need no keys and no network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """An MCP host; `variables` has the credentials in the form that its file allows.

    `typed`: each server has a `type`, which is stdio. `listed`: each has a list of arguments, even an empty one.
    """

    name: str
    file: str
    where: str
    section: str
    variables: Mapping[str, str]
    typed: bool = False
    listed: bool = False
    toml: bool = False
    inputs: tuple[Mapping[str, object], ...] = ()


def _sandbox(merchant_id: str, **key: str) -> Mapping[str, str]:
    return MappingProxyType({"JUSPAY_ENV": "sandbox", "JUSPAY_MERCHANT_ID": merchant_id, **key})


# No merchant id has blanks, and no such file exists: left as they are, both stop the start with a line that says so.
_BY_FILE: Final = _sandbox("your merchant id", JUSPAY_API_KEY_FILE="/path/to/a/file/that/holds/the/key")

DEMONSTRATED: Final = (
    Host(
        name="Claude Desktop",
        file="claude_desktop_config.json",
        where="Settings > Developer > Edit Config",
        section="mcpServers",
        variables=_BY_FILE,
    ),
    Host(
        name="Cursor",
        file=".cursor/mcp.json",
        where="in the project or in your home folder",
        section="mcpServers",
        # Cursor knows `${env:NAME}`, but a desktop program often lacks what the shell's profile sets.
        variables=_BY_FILE,
    ),
    Host(
        name="Claude Code",
        file=".mcp.json",
        where="in the project",
        section="mcpServers",
        # With `:-`, a variable that isn't set is empty, which the server answers with not_configured. Without it,
        # the server would get the text `${JUSPAY_API_KEY}` for a key, or not be started at all.
        variables=_sandbox("${JUSPAY_MERCHANT_ID:-}", JUSPAY_API_KEY="${JUSPAY_API_KEY:-}"),
    ),
    Host(
        name="VS Code",
        file=".vscode/mcp.json",
        where="in the project",
        section="servers",
        variables=_sandbox("${input:juspay-merchant-id}", JUSPAY_API_KEY="${input:juspay-api-key}"),
        typed=True,
        inputs=(
            {"type": "promptString", "id": "juspay-merchant-id", "description": "Juspay merchant id"},
            {"type": "promptString", "id": "juspay-api-key", "description": "Juspay API key", "password": True},
        ),
    ),
)
"""The hosts that `demo` prints a block for."""

HOSTS: Final = (
    *DEMONSTRATED,
    Host(
        name="Windsurf (Devin Desktop)",
        file="~/.config/devin/mcp_config.json",
        where=r"on Windows %APPDATA%\devin\mcp_config.json; "
        "before June 2026, or with Cascade, ~/.codeium/windsurf/mcp_config.json",
        section="mcpServers",
        variables=_BY_FILE,
    ),
    Host(
        name="Zed",
        file="settings.json",
        where="the command zed: open settings file",
        section="context_servers",
        variables=_BY_FILE,
        # As its documentation has it. `"source": "custom"`, which older pages show, is what Zed now takes out of a
        # file: its migration of 2025-11-25, remove_context_server_source.
        listed=True,
    ),
    Host(
        name="Codex",
        file="~/.codex/config.toml",
        where="in your home folder",
        section="mcp_servers",
        # Codex can hand on variables of its own environment (`env_vars`), but its desktop program and its extension
        # read this file too, and often lack what the shell's profile sets.
        variables=_BY_FILE,
        toml=True,
    ),
    Host(
        name="Antigravity CLI",
        file="~/.gemini/config/mcp_config.json",
        where="in your home folder",
        section="mcpServers",
        variables=_BY_FILE,
    ),
    Host(
        name="Copilot CLI",
        file="~/.copilot/mcp-config.json",
        where="in your home folder",
        section="mcpServers",
        variables=_BY_FILE,
        typed=True,
        listed=True,
    ),
    Host(
        name="Kiro",
        file="~/.kiro/settings/mcp.json",
        where="in your home folder, or .kiro/settings/mcp.json in the project",
        section="mcpServers",
        # Kiro knows `${NAME}`, but fills in only the variables that the user has approved.
        variables=_BY_FILE,
    ),
)
"""The hosts, each with the file that it reads."""

# A page that shows Markdown takes away links whose scheme it doesn't know; these two lead to `cursor:` and `vscode:`.
_TO_CURSOR: Final = "https://cursor.com/en/install-mcp"
_TO_VS_CODE: Final = "https://insiders.vscode.dev/redirect"


def block(host: Host, launch: Launch = INSTALLED) -> str:
    """The text for `host.file` that asks Juspay's sandbox, with credentials as that host reads them."""
    return _written(host, launch, host.variables, host.inputs)


def trial_block(host: Host, launch: Launch = INSTALLED) -> str:
    """The text for `host.file` that answers with the simulator's made-up customers: no keys, no network."""
    return _written(host, launch, TRIAL, ())


def server_block(host: Host, launch: Launch, variables: Mapping[str, str]) -> dict[str, object]:
    """What stands under the server's name in the host's file."""
    return _server(launch, variables, typed=host.typed, listed=host.listed)


def toml_block(host: Host, launch: Launch, variables: Mapping[str, str]) -> str:
    """The same, as tables of TOML."""
    return _toml(f"{host.section}.{SERVER}", server_block(host, launch, variables))


def launch_from(executable: str) -> Launch:
    """What starts the server of the Python at `executable`, whatever PATH the host has; all paths absolute.

    The command that stands beside the interpreter, as in any virtual environment; else the interpreter itself.
    """
    script = shutil.which(INSTALLED[0], path=str(Path(executable).parent))
    return (script,) if script else (executable, "-m", "juspay_mcp")


def cursor_link() -> str:
    """A link that offers to put the server, with made-up customers, into Cursor."""
    config = b64encode(_compact(_server(INSTALLED, TRIAL)).encode()).decode()
    return f"{_TO_CURSOR}?{urlencode({'name': SERVER, 'config': config})}"


def vs_code_link() -> str:
    """A link that offers to put the server, with made-up customers, into VS Code."""
    config = _compact({"name": SERVER, **_server(INSTALLED, TRIAL)})
    target = f"vscode:mcp/install?{quote(config, safe='')}"
    return f"{_TO_VS_CODE}?{urlencode({'url': target})}"


def _written(
    host: Host, launch: Launch, variables: Mapping[str, str], inputs: tuple[Mapping[str, object], ...]
) -> str:
    if host.toml:
        return toml_block(host, launch, variables)
    server = server_block(host, launch, variables)
    prompts = {"inputs": list(inputs)} if inputs else {}
    return json.dumps({**prompts, host.section: {SERVER: server}}, indent=2)


def _server(
    launch: Launch, variables: Mapping[str, str], *, typed: bool = False, listed: bool = False
) -> dict[str, object]:
    command, *arguments = launch
    return {
        **({"type": "stdio"} if typed else {}),
        "command": command,
        **({"args": arguments} if arguments or listed else {}),
        "env": dict(variables),
    }


def _toml(table: str, values: Mapping[str, object]) -> str:
    """A table of TOML, and one for each mapping in it; a string or a list of strings is written as JSON writes it."""
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if key not in inner]
    tables = [_toml(f"{table}.{key}", value) for key, value in inner.items()]
    return "\n".join([f"[{table}]", *lines, *(f"\n{each}" for each in tables)])


def _compact(value: Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))
