"""MCP hosts: where each keeps its servers, and the exact block to paste there.

A key never goes onto a command line, where a shell's history keeps it and other processes see it. So every block is
for a file, and the key in it is asked for or taken from the environment, wherever the host can do either.
Formats as the hosts documented them in autumn 2026: code.claude.com/docs/en/mcp, cursor.com/docs/mcp,
code.visualstudio.com/docs/copilot/reference/mcp-configuration, modelcontextprotocol.io (Claude Desktop).
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

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
    """An MCP host; `variables` has the credentials in the form that its file allows."""

    name: str
    file: str
    where: str
    section: str
    variables: Mapping[str, str]
    typed: bool = False
    inputs: tuple[Mapping[str, object], ...] = ()


def _sandbox(merchant_id: str, **key: str) -> Mapping[str, str]:
    return MappingProxyType({"JUSPAY_ENV": "sandbox", "JUSPAY_MERCHANT_ID": merchant_id, **key})


# No merchant id has blanks, and no such file exists: left as they are, both stop the start with a line that says so.
_BY_FILE: Final = _sandbox("your merchant id", JUSPAY_API_KEY_FILE="/path/to/a/file/that/holds/the/key")

HOSTS: Final = (
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
"""The hosts, each with the file that it reads."""


def block(host: Host, launch: Launch = INSTALLED) -> str:
    """The JSON for `host.file` that asks Juspay's sandbox, with credentials as that host reads them."""
    return _written(host, launch, host.variables, host.inputs)


def trial_block(host: Host, launch: Launch = INSTALLED) -> str:
    """The JSON for `host.file` that answers with the simulator's made-up customers: no keys, no network."""
    return _written(host, launch, TRIAL, ())


def launch_from(executable: str) -> Launch:
    """What starts the server of the Python at `executable`, whatever PATH the host has; all paths absolute.

    The command that stands beside the interpreter, as in any virtual environment; else the interpreter itself.
    """
    script = shutil.which(INSTALLED[0], path=str(Path(executable).parent))
    return (script,) if script else (executable, "-m", "juspay_mcp")


def _written(
    host: Host, launch: Launch, variables: Mapping[str, str], inputs: tuple[Mapping[str, object], ...]
) -> str:
    command, *arguments = launch
    server = {
        **({"type": "stdio"} if host.typed else {}),
        "command": command,
        **({"args": arguments} if arguments else {}),
        "env": dict(variables),
    }
    prompts = {"inputs": list(inputs)} if inputs else {}
    return json.dumps({**prompts, host.section: {SERVER: server}}, indent=2)
