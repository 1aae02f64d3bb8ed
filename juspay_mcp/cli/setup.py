"""The command `setup`: writes this server into a host's own configuration, or takes it out again.

Nothing else in the file changes its value. A file that can't be read (JSON with comments, say) is left as it is.
Where each host keeps its file is said in its documentation: Claude Desktop's in
modelcontextprotocol.io/docs/develop/connect-local-servers, VS Code's in
code.visualstudio.com/docs/copilot/customization/mcp-servers, Cursor's in cursor.com/docs/mcp, Codex's in
developers.openai.com/codex/mcp, Claude Code's in code.claude.com/docs/en/mcp.
"""

import json
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

import click

from juspay_mcp.cli.host_configs import (
    HOSTS,
    SERVER,
    TRIAL,
    Host,
    Launch,
    block,
    launch_from,
    server_block,
    toml_block,
    trial_block,
)
from juspay_mcp.errors import EX_OK, EX_UNAVAILABLE, ConfigurationError
from juspay_mcp.settings.load import load_settings

_CODEX_TABLE = re.compile(rf'^\[mcp_servers\.(?:"{SERVER}"|{SERVER})(?:\..*)?\]', re.MULTILINE)
_ANY_TABLE = re.compile(r"^\[", re.MULTILINE)
_PRIVATE = 0o600


def slug(host: Host) -> str:
    """What a host is called on the command line: `claude-desktop`, `vs-code`."""
    return re.sub(r"\W+", "-", host.name.lower().partition(" (")[0])


BY_SLUG: Final[Mapping[str, Host]] = {slug(host): host for host in HOSTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of a host's file."""

    path: Path
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The change as people read it; empty if there is none."""
        lines = unified_diff(
            self.before.splitlines(), self.after.splitlines(), str(self.path), str(self.path), lineterm="", n=2
        )
        return "\n".join(lines)

    def write(self, now: datetime) -> Path | None:
        """Writes the file at once or not at all, and keeps a copy of it as it was; the copy's path, if there is one.

        A symbolic link stays one. A new file is readable by its owner alone; one that is there keeps its mode.

        Raises:
            OSError: it can't be written; then the file is as it was.
        """
        target = self.path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = None
        mode = _PRIVATE
        if target.exists():
            mode = target.stat().st_mode & 0o777
            copy = target.with_name(f"{target.name}.{now:%Y%m%d-%H%M%S-%f}.bak")
            write_file(copy, target.read_bytes(), mode)
        write_file(target, self.after.encode(), mode)
        return copy


def write_file(path: Path, data: bytes, mode: int = _PRIVATE) -> None:
    """Writes a file at once or not at all; on Windows the folder's permissions decide who can read it.

    Raises:
        OSError: it can't be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".juspay-wallets-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def config_path(name: str, environ: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """Where a host keeps its servers for this user, or Claude Code for this folder; None if `setup` doesn't know."""
    home = Path(environ.get("USERPROFILE" if platform == "win32" else "HOME") or Path.home())
    if platform == "win32":
        programs = Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif platform == "darwin":
        programs = home / "Library" / "Application Support"
    else:
        programs = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return {
        "claude-desktop": programs / "Claude" / "claude_desktop_config.json",
        "claude-code": Path(".mcp.json"),
        "cursor": home / ".cursor" / "mcp.json",
        "vs-code": programs / "Code" / "User" / "mcp.json",
        "codex": Path(environ.get("CODEX_HOME") or home / ".codex") / "config.toml",
    }.get(name)


def key_path(env: str, environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where `setup` keeps the API key of an environment."""
    home = Path(environ.get("USERPROFILE" if platform == "win32" else "HOME") or Path.home())
    windows = Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
    return (windows if platform == "win32" else home / ".config") / "juspay-wallets-mcp" / f"{env}_api_key"


def plan(host: Host, path: Path, launch: Launch, variables: Mapping[str, str] | None) -> Change:
    """The change that adds the server with these variables to the host's file; with None, takes it out.

    Raises:
        ConfigurationError: the file can't be read, or isn't what it should be; it is left as it is.
    """
    try:
        before = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path} can't be read as UTF-8; it was left as it is.") from None
    merge = _merged_toml if host.toml else _merged_json
    try:
        after = merge(host, before, launch, variables)
        after.encode()  # fails for half of an emoji, which JSON can escape and UTF-8 can't encode
    except (ValueError, AttributeError, TypeError):
        kind = "TOML" if host.toml else "JSON without comments"
        raise ConfigurationError(
            f"{path} isn't {kind}, or not of the form that {host.name} documents; it was left as it is. "
            f"Print the block to put into it by hand: juspay-wallets-mcp setup {slug(host)} --print"
        ) from None
    return Change(path=path, before=before, after=after)


def _merged_json(host: Host, before: str, launch: Launch, variables: Mapping[str, str] | None) -> str:
    whole: dict[str, Any] = json.loads(before) if before.strip() else {}
    servers = {**whole.get(host.section, {})}
    wanted = None if variables is None else server_block(host, launch, variables)
    if servers.get(SERVER) == wanted:
        return before
    if wanted is None:
        del servers[SERVER]
    else:
        servers[SERVER] = wanted
    indent = re.search(r"^([ \t]+)\S", before, re.MULTILINE)
    merged = {**whole, host.section: servers}
    return json.dumps(merged, indent=indent[1] if indent else 2, ensure_ascii=False, allow_nan=False) + "\n"


def _merged_toml(host: Host, before: str, launch: Launch, variables: Mapping[str, str] | None) -> str:
    """Cuts our own tables out of the text, and adds the new ones at its end; all else stays, comments too."""
    old = tomllib.loads(before)
    wanted = None if variables is None else server_block(host, launch, variables)
    if old.get(host.section, {}).get(SERVER) == wanted:
        return before
    text = before
    while found := _CODEX_TABLE.search(text):
        following = _ANY_TABLE.search(text, found.end())
        text = text[: found.start()] + (text[following.start() :] if following else "")
    text = text.rstrip()
    if variables is not None:
        text = f"{text}\n\n{toml_block(host, launch, variables)}".lstrip("\n")
    text += "\n"
    # A server written in a way that isn't found above, or tables of others that went with it, would show here.
    new = tomllib.loads(text)
    if new.get(host.section, {}).get(SERVER) != wanted or _others(host, new) != _others(host, old):
        raise ValueError("another way of writing it")
    return text


def _others(host: Host, whole: dict[str, Any]) -> dict[str, Any]:
    servers = {name: server for name, server in whole.get(host.section, {}).items() if name != SERVER}
    return {**whole, host.section: servers}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asked `setup` for."""

    host: str
    env: str = "simulator"
    merchant_id: str | None = None
    yes: bool = False
    remove: bool = False
    print_only: bool = False


def run_setup(wish: Wish, environ: Mapping[str, str], now: datetime, executable: str = sys.executable) -> int:
    """Shows the change, asks, and writes it; the exit status.

    Raises:
        ConfigurationError: the host's file can't be changed, or a credential breaks its rule.
    """
    host, launch = BY_SLUG[wish.host], launch_from(executable)
    path = config_path(wish.host, environ)
    if wish.print_only or path is None:
        what = "Remove the block from" if wish.remove else "Put this into"
        click.echo(f"{what} {path or f'{host.file} ({host.where})'}:", err=True)
        if not wish.remove:
            click.echo(trial_block(host, launch) if wish.env == "simulator" else block(host, launch))
        return EX_OK
    variables, key = (None, None) if wish.remove else _credentials(wish, environ)
    change = plan(host, path, launch, variables)
    if change.diff:
        click.echo(change.diff)
    elif key is None:
        click.echo(f"Nothing to change in {path}.")
        return EX_OK
    if not (wish.yes or click.confirm(f"Change {path}?", err=True)):
        click.echo("Nothing was changed.")
        return EX_OK
    try:
        if key:
            key[0].parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(key[0], f"{key[1]}\n".encode())
        copy = change.write(now)
    except OSError as error:
        click.echo(f"{path} can't be written ({os.strerror(error.errno or 0)}); it is as it was.", err=True)
        return EX_UNAVAILABLE
    click.echo(f"Changed {path}{f'; as it was: {copy}' if copy else ''}. Restart {host.name}.")
    return EX_OK


def _credentials(wish: Wish, environ: Mapping[str, str]) -> tuple[Mapping[str, str], tuple[Path, str] | None]:
    """The variables for the host's file, and the key for a file of its own, which is asked for."""
    if wish.env == "simulator":
        return TRIAL, None
    merchant_id = wish.merchant_id or click.prompt("Merchant id", err=True)
    key = click.prompt("API key (not shown)", hide_input=True, err=True)
    given = {"JUSPAY_ENV": wish.env, "JUSPAY_MERCHANT_ID": merchant_id, "JUSPAY_API_KEY": key}
    if missing := load_settings(given).missing:
        raise ConfigurationError(f"there is a placeholder instead of a value: {' and '.join(missing)}.")
    path = key_path(wish.env, environ)
    variables = {"JUSPAY_ENV": wish.env, "JUSPAY_MERCHANT_ID": merchant_id, "JUSPAY_API_KEY_FILE": str(path)}
    return variables, (path, key)
