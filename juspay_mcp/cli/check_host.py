"""`check --host`: what a host's own file says of this server, and whether the server starts as that says.

A host starts a server with few of a shell's variables, and desktop programs with a shorter PATH: so a set-up that
works in the shell may not work there.
"""

import json
import re
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from juspay_mcp.cli.check_report import Check, failed_check
from juspay_mcp.cli.host_configs import SERVER, Host
from juspay_mcp.cli.setup import BY_SLUG, config_path, slug
from juspay_mcp.errors import EX_UNAVAILABLE, causes

START_SECONDS: Final = 30.0
INHERITED: Final = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "APPDATA", "LOCALAPPDATA", "PATHEXT",
                    "PROGRAMFILES", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "USERNAME", "USERPROFILE")  # fmt: skip
"""What the MCP SDKs pass on to a server: mcp/client/stdio.py of the Python SDK, on POSIX and on Windows."""
DESKTOP_PATH: Final = "/usr/bin:/bin:/usr/sbin:/sbin"
"""The PATH of programs that macOS's Finder and Dock start."""

_DESKTOP: Final = frozenset({"claude-desktop", "cursor", "vs-code"})
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


async def check_host(
    name: str, environ: Mapping[str, str], platform: str = sys.platform, seconds: float = START_SECONDS
) -> tuple[tuple[Check, ...], Mapping[str, str]]:
    """What was found out about the host's file and by starting the server, and the environment it gets there."""
    host, path = BY_SLUG[name], config_path(name, environ, platform)
    if path is None:
        finding = f"This command doesn't know where {host.name} keeps its file on this machine."
        return (failed_check("host file", finding, f"See {host.file} ({host.where})."),), {}
    entry = _entry(host, path)
    if isinstance(entry, Check):
        return (entry,), {}
    inherited = {each: environ[each] for each in INHERITED if each in environ}
    if platform == "darwin" and name in _DESKTOP:
        inherited["PATH"] = DESKTOP_PATH
    env = {**inherited, **{key: _filled(str(value), name, environ) for key, value in entry["env"].items()}}
    found = Check(name="host file", outcome="ok", finding=f"{path} starts the server as {entry['command']}.")
    return (found, await _start(host, entry, env, seconds)), env


def _entry(host: Host, path: Path) -> dict[str, Any] | Check:
    """What the file says of this server, or what is wrong with it."""
    advice = f"Run: juspay-wallets-mcp setup {slug(host)}"
    try:
        text = path.read_text(encoding="utf-8-sig")
        whole: dict[str, Any] = tomllib.loads(text) if host.toml else json.loads(text)
        entry: Any = whole.get(host.section, {}).get(SERVER)
    except FileNotFoundError:
        return failed_check("host file", f"There is no {path}.", advice)
    except (OSError, ValueError, AttributeError):
        kind = "TOML" if host.toml else "JSON without comments"
        return failed_check("host file", f"{path} can't be read as {kind}.", "Correct the file.")
    server: dict[str, Any] = {"args": [], "env": {}, **entry} if isinstance(entry, dict) else {}
    match server:
        case {"command": str(), "args": list(), "env": dict()}:
            return server
    finding = f"{path} has no server {SERVER} with a command, in the form that {host.name} documents."
    return failed_check("host file", finding, advice)


async def _start(host: Host, entry: Mapping[str, Any], env: Mapping[str, str], seconds: float) -> Check:
    """Starts the server as the host does, and lists its tools."""
    command = shutil.which(entry["command"], path=env.get("PATH"))
    if command is None:
        return failed_check(
            "host start",
            f"{host.name} would not find {entry['command']} on its PATH.",
            f"Put the command's full path into the file: juspay-wallets-mcp setup {slug(host)}",
        )
    arguments = [str(each) for each in entry["args"]]
    server = StdioServerParameters(command=command, args=arguments, env=dict(env))
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            with anyio.fail_after(seconds):
                async with Client(stdio_client(server, errlog=log)) as client:
                    tools = [tool.name for tool in (await client.list_tools()).tools]
        except Exception as error:  # noqa: BLE001 - whatever else the command is, and does
            log.seek(0)
            lines = [
                line.strip() for line in log if line.startswith("juspay-wallets-mcp: ") and line[:-1].isprintable()
            ]
            kind = "in time" if any(isinstance(each, TimeoutError) for each in causes(error)) else "as an MCP server"
            advice = lines[0] if lines else "Run the command of the file in a terminal, and see what it says."
            return failed_check("host start", f"The server didn't answer {kind}.", advice, EX_UNAVAILABLE)
    return Check(name="host start", outcome="ok", finding=f"{host.name} gets the tool {', '.join(tools)}.")


def _filled(value: str, name: str, environ: Mapping[str, str]) -> str:
    """A value of the `env` block as the host passes it on: Claude Code fills in `${NAME}` and `${NAME:-default}`."""
    if name != "claude-code":
        return value
    return _VARIABLE.sub(lambda found: environ.get(found[1], found[0] if found[2] is None else found[2]), value)
