"""`setup` changes a host's file as that host documents it, and nothing else in it."""

import json
import os
import stat
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from juspay_mcp.cli.commands import cli
from juspay_mcp.cli.host_configs import SERVER, TRIAL, launch_from
from juspay_mcp.cli.setup import BY_SLUG, Wish, config_path, key_path, plan, run_setup
from juspay_mcp.cli.setup_command import HOST_NAMES
from juspay_mcp.errors import ConfigurationError

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
WRITTEN = ["claude-desktop", "claude-code", "cursor", "vs-code", "codex"]
COMMAND = launch_from(sys.executable)[0]
OTHER = {"command": "other", "env": {"TOKEN": "₹ kept"}}
needs_modes = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home folder, where nothing is yet."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("APPDATA", "XDG_CONFIG_HOME", "CODEX_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def path_of(name: str) -> Path:
    path = config_path(name, os.environ)
    assert path is not None
    return path


def run(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(cli, ["setup", *arguments], input=answer, standalone_mode=False)


def servers(name: str) -> dict[str, Any]:
    """The servers in a host's file."""
    text = path_of(name).read_text(encoding="utf-8")
    whole = tomllib.loads(text) if name == "codex" else json.loads(text)
    found: dict[str, Any] = whole[BY_SLUG[name].section]
    return found


def write(name: str, text: str) -> Path:
    path = path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.bak"))


def test_the_command_line_names_every_host_there_is_a_block_for() -> None:
    assert sorted(BY_SLUG) == list(HOST_NAMES)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.usefixtures("home")
def test_a_host_without_a_file_gets_one_that_starts_the_simulator(name: str) -> None:
    result = run(name, "--yes")
    assert result.return_value == 0
    assert f"Changed {path_of(name)}. Restart {BY_SLUG[name].name}." in result.output
    assert servers(name)[SERVER]["command"] == COMMAND
    assert servers(name)[SERVER]["env"] == dict(TRIAL)
    if os.name != "nt":
        assert stat.S_IMODE(path_of(name).stat().st_mode) == 0o600


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.usefixtures("home")
def test_the_rest_of_the_file_stays_and_a_copy_of_the_file_is_kept(name: str) -> None:
    section = BY_SLUG[name].section
    if name == "codex":
        before = f'# mine\nmodel = "x"\n\n[{section}.other]\ncommand = "other" # this too\n'
    else:
        before = json.dumps({"theme": "dark", section: {"other": OTHER}}, indent=4, ensure_ascii=False)
    path = write(name, before)
    assert run(name, "--yes").return_value == 0
    after = path.read_text(encoding="utf-8")
    assert servers(name).keys() == {"other", SERVER}
    if name == "codex":
        assert after.startswith(before)
    else:
        assert json.loads(after)["theme"] == "dark"
        assert servers(name)["other"] == OTHER
        assert '\n    "theme"' in after, "indented as it was"
    [copy] = copies(path)
    assert copy.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.usefixtures("home")
def test_a_second_time_nothing_changes_and_remove_takes_it_out(name: str) -> None:
    run(name, "--yes")
    once = path_of(name).read_text(encoding="utf-8")
    again = run(name, "--yes")
    assert "Nothing to change" in again.output
    assert path_of(name).read_text(encoding="utf-8") == once
    assert run(name, "--remove", "--yes").return_value == 0
    text = path_of(name).read_text(encoding="utf-8")
    assert SERVER not in text
    assert "Nothing to change" in run(name, "--remove", "--yes").output


@pytest.mark.parametrize("name", ["cursor", "codex"])
@pytest.mark.usefixtures("home")
def test_an_older_block_of_ours_is_replaced(name: str) -> None:
    if name == "codex":
        ours = f'[mcp_servers."{SERVER}"]\ncommand = "old"\n\n[mcp_servers."{SERVER}".env]\nA = "b"\n\n'
        old = f'{ours}[tui]\ntheme = "x"\n'
    else:
        old = json.dumps({"mcpServers": {SERVER: {"command": "old"}}})
    path = write(name, old)
    assert run(name, "--yes").return_value == 0
    assert servers(name)[SERVER]["command"] == COMMAND
    assert '"old"' not in path.read_text(encoding="utf-8")
    if name == "codex":
        assert tomllib.loads(path.read_text(encoding="utf-8"))["tui"] == {"theme": "x"}


@pytest.mark.parametrize("name", ["cursor", "codex"])
@pytest.mark.usefixtures("home")
def test_every_change_keeps_a_copy_of_its_own_byte_for_byte(name: str) -> None:
    path = write(name, "")
    path.write_bytes(b"\xef\xbb\xbf# mine\r\n[tui]\r\n" if name == "codex" else b'\xef\xbb\xbf{\r\n  "a": 1\r\n}\r\n')
    kept = set()
    for arguments in ([], ["--remove"], []):
        kept.add(path.read_bytes())
        assert run(name, *arguments, "--yes").return_value == 0
    assert {copy.read_bytes() for copy in copies(path)} == kept
    assert len(kept) == len(copies(path)) == 3
    assert b"\xef\xbb\xbf" not in path.read_bytes()
    assert name != "codex" or path.read_bytes().startswith(b"# mine\r\n[tui]")


@pytest.mark.usefixtures("home")
def test_the_change_is_shown_and_a_no_changes_nothing() -> None:
    path = write("cursor", "{}")
    result = run("cursor", answer="n\n")
    assert f'+    "{SERVER}": {{' in result.output
    assert result.output.rstrip().endswith("Nothing was changed.")
    assert (path.read_text(encoding="utf-8"), copies(path)) == ("{}", [])


@pytest.mark.usefixtures("home")
def test_a_yes_writes() -> None:
    assert run("cursor", answer="y\n").return_value == 0
    assert SERVER in servers("cursor")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vs-code", '{ // with a comment\n "servers": {} }'),
        ("cursor", "[]"),
        ("cursor", '{"mcpServers": []}'),
        ("cursor", '{"mcpServers": null}'),
        ("cursor", "{"),
        ("cursor", '{"a": "\\ud83d", "mcpServers": {}}'),
        ("cursor", '{"a": 1e999, "mcpServers": {}}'),
        ("codex", "a = "),
        ("codex", 'mcp_servers = "x"'),
        ("codex", f'mcp_servers.{SERVER}.command = "old"'),
        ("codex", f'[mcp_servers]\n{SERVER} = {{ command = "old" }}'),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_file_of_another_form_is_left_as_it_is(name: str, text: str) -> None:
    path = write(name, text)
    with pytest.raises(ConfigurationError, match="it was left as it is") as raised:
        plan(BY_SLUG[name], path, ("juspay-wallets-mcp",), TRIAL)
    assert f"setup {name} --print" in str(raised.value)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.usefixtures("home")
def test_a_block_in_a_form_that_cant_be_cut_out_is_left_as_it_is() -> None:
    text = f'mcp_servers.{SERVER}.command = "old"\n'
    path = write("codex", text)
    with pytest.raises(ConfigurationError, match="it was left as it is"):
        plan(BY_SLUG["codex"], path, ("juspay-wallets-mcp",), None)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.usefixtures("home")
def test_a_file_that_is_not_utf_8_is_left_as_it_is() -> None:
    path = write("cursor", "")
    path.write_bytes("{}".encode("utf-16"))
    with pytest.raises(ConfigurationError, match="can't be read as UTF-8"):
        plan(BY_SLUG["cursor"], path, ("juspay-wallets-mcp",), TRIAL)


@needs_modes
@pytest.mark.usefixtures("home")
def test_a_link_that_leads_to_itself_is_left_as_it_is() -> None:
    path = write("cursor", "")
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(ConfigurationError, match="it was left as it is"):
        plan(BY_SLUG["cursor"], path, ("juspay-wallets-mcp",), TRIAL)


@pytest.mark.parametrize("env", ["sandbox", "production"])
@pytest.mark.usefixtures("home")
def test_the_key_is_asked_for_and_goes_into_a_file_only_its_owner_can_read(env: str) -> None:
    result = run("cursor", "--env", env, "--yes", answer="acme\nsecret-key\n")
    assert result.return_value == 0
    assert "secret-key" not in result.output
    path = key_path(env, os.environ)
    assert path.read_text(encoding="utf-8") == "secret-key\n"
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert servers("cursor")[SERVER]["env"] == {
        "JUSPAY_ENV": env,
        "JUSPAY_MERCHANT_ID": "acme",
        "JUSPAY_API_KEY_FILE": str(path),
    }


@pytest.mark.usefixtures("home")
def test_a_new_key_is_saved_even_if_the_host_s_file_stays_as_it_is() -> None:
    for key in ("first", "second"):
        run("cursor", "--env", "sandbox", "--merchant-id", "acme", "--yes", answer=f"{key}\n")
    assert key_path("sandbox", os.environ).read_text(encoding="utf-8") == "second\n"


@pytest.mark.parametrize(("merchant_id", "key"), [("a c m e", "k"), ("acme", "a key"), ("acme", "<your key>")])
@pytest.mark.usefixtures("home")
def test_a_credential_that_breaks_its_rule_is_neither_shown_nor_saved(merchant_id: str, key: str) -> None:
    result = run("cursor", "--env", "sandbox", "--merchant-id", merchant_id, "--yes", answer=f"{key}\n")
    assert isinstance(result.exception, ConfigurationError)
    assert key not in str(result.exception) or key == "k"
    assert not key_path("sandbox", os.environ).exists()
    assert not path_of("cursor").exists()


@pytest.mark.parametrize("name", ["zed", "windsurf", "antigravity-cli", "copilot-cli", "kiro"])
@pytest.mark.usefixtures("home")
def test_for_other_hosts_the_block_is_printed_with_its_place(name: str) -> None:
    result = run(name)
    assert json.loads(result.stdout)[BY_SLUG[name].section][SERVER]["env"] == dict(TRIAL)
    assert BY_SLUG[name].file in result.stderr
    removed = run(name, "--remove")
    assert (removed.stdout, removed.stderr.startswith("Remove the block from")) == ("", True)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.usefixtures("home")
def test_print_names_the_file_that_setup_would_change(name: str) -> None:
    assert run(name, "--print").stderr == f"Put this into {path_of(name)}:\n"


@pytest.mark.usefixtures("home")
def test_print_changes_nothing_and_asks_for_no_key() -> None:
    result = run("codex", "--env", "sandbox", "--print")
    table = tomllib.loads(result.stdout)["mcp_servers"][SERVER]
    assert table["env"]["JUSPAY_ENV"] == "sandbox"
    assert not path_of("codex").exists()


@needs_modes
def test_a_symbolic_link_stays_one_and_the_file_keeps_its_mode(home: Path) -> None:
    real = home / "dotfiles.json"
    real.write_text("{}", encoding="utf-8")
    real.chmod(0o640)
    path_of("cursor").parent.mkdir()
    path_of("cursor").symlink_to(real)
    assert run("cursor", "--yes").return_value == 0
    assert path_of("cursor").is_symlink()
    assert SERVER in real.read_text(encoding="utf-8")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@needs_modes
def test_a_file_that_cant_be_written_is_as_it_was_and_the_status_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("cursor", "{}")

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert run_setup(Wish(host="cursor", yes=True), {"HOME": str(home)}, NOW) == 69
    assert "No space left on device" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "{}"
    assert [each.name for each in path.parent.iterdir()] == ["mcp.json"]


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"HOME": "/h"}, "/h/.config/Claude/claude_desktop_config.json"),
        ("linux", {"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/x/Claude/claude_desktop_config.json"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Application Support/Claude/claude_desktop_config.json"),
        ("win32", {"USERPROFILE": "/h", "APPDATA": "/a"}, "/a/Claude/claude_desktop_config.json"),
        ("win32", {"USERPROFILE": "/h"}, "/h/AppData/Roaming/Claude/claude_desktop_config.json"),
    ],
)
def test_each_platform_has_its_folder(platform: str, environ: dict[str, str], expected: str) -> None:
    assert config_path("claude-desktop", environ, platform) == Path(expected)


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"HOME": "/h"}, "/h/.config/juspay-wallets-mcp/sandbox_api_key"),
        ("win32", {"USERPROFILE": "/h", "APPDATA": "/a"}, "/a/juspay-wallets-mcp/sandbox_api_key"),
    ],
)
def test_the_key_has_a_folder_of_its_own(platform: str, environ: dict[str, str], expected: str) -> None:
    assert key_path("sandbox", environ, platform) == Path(expected)
