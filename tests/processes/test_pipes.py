"""The installed command as a host runs it: a child process, pipes, and nothing on them that isn't meant."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.settings.variables import broken_rule, no_authorities
from tests.support.processes import CALL, COMMAND, MEASURING, MODERN, Pipes
from tests.support.simulator import Simulator


def test_it_speaks_the_handshake_era_and_leaves_nothing_else_on_its_pipes(pipes: Pipes) -> None:
    client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    assert pipes.ask(1, "initialize", client)["protocolVersion"] == "2025-11-25"
    pipes.send({"method": "notifications/initialized"})
    assert [tool["name"] for tool in pipes.ask(2, "tools/list", {})["tools"]] == ["refresh_customer_wallets"]
    assert pipes.ask(3, "tools/call", CALL)["structuredContent"]["total_balance"] == "1770.49"
    assert pipes.close() == (b"", b"", 0)


def test_it_speaks_the_2026_era_and_leaves_nothing_else_on_its_pipes(pipes: Pipes) -> None:
    assert "2026-07-28" in pipes.ask(1, "server/discover", {"_meta": MODERN})["supportedVersions"]
    assert [t["name"] for t in pipes.ask(2, "tools/list", {"_meta": MODERN})["tools"]] == ["refresh_customer_wallets"]
    assert pipes.ask(3, "tools/call", {"_meta": MODERN, **CALL})["structuredContent"]["total_balance"] == "1770.49"
    assert pipes.close() == (b"", b"", 0)


@pytest.mark.parametrize("answered", [False, True])
def test_a_client_that_only_asked_what_it_speaks_may_shake_hands(pipes: Pipes, *, answered: bool) -> None:
    pipes.send({"id": 1, "method": "server/discover", "params": {"_meta": MODERN}})
    if answered:
        assert "2026-07-28" in pipes.reply(1)["result"]["supportedVersions"]
    pipes.send({"method": "notifications/cancelled", "params": {"requestId": 1}})
    pipes.shake_hands(2)
    assert pipes.reply(2)["result"]["protocolVersion"] == "2025-11-25"
    pipes.send({"method": "notifications/initialized"})
    assert pipes.ask(3, "tools/call", CALL)["structuredContent"]["total_balance"] == "1770.49"
    assert pipes.close() == (b"", b"", 0)


def test_a_client_that_has_asked_for_more_may_not(pipes: Pipes) -> None:
    assert pipes.ask(1, "tools/list", {"_meta": MODERN})["tools"]
    pipes.shake_hands(2)
    assert pipes.reply(2)["error"]["code"] == -32022
    assert pipes.close() == (b"", b"", 0)


CHATTY = {"JUSPAY_MCP_LOG_LEVEL": "DEBUG", "JUSPAY_MCP_RATE_LIMIT": "off"}


def test_no_answer_and_no_end_waits_for_stderr_to_be_read(environ: dict[str, str]) -> None:
    pipes = Pipes(environ | CHATTY)
    with pipes.process as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for _ in range(300):
            assert '"total_balance":"1770.49"' in pipes.call(CALL["arguments"])
        process.stdin.close()
        assert process.wait(timeout=20) == 0
        holds = 60_000 if sys.platform == "linux" else 4_000  # bytes; Windows' pipes have 4 KiB
        assert len(process.stderr.read()) > holds, "the pipe was full"


def test_what_was_logged_while_the_pipe_was_full_is_written_when_it_is_read(environ: dict[str, str]) -> None:
    pipes = Pipes(environ | CHATTY)
    for _ in range(300):
        pipes.call(CALL["arguments"])
    _, errors, status = pipes.close()
    written = [line.split(b" ", 1)[1] for line in errors.splitlines()]
    dropped = [int(line.rpartition(b" ")[2]) for line in written if b" log_lines_dropped: " in line]
    assert (status, sum(dropped) > 0) == (0, True)
    assert written[-1].startswith(b"DEBUG"), "the last lines too"


@pytest.mark.parametrize(
    "arguments", [[], ["wallets", "cth_all_linked"], ["wallets", "cth_unknown"], ["audit-hash", "c"]]
)
def test_without_a_reader_of_stderr_the_status_is_the_same(environ: dict[str, str], arguments: list[str]) -> None:
    asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"_meta": MODERN, **CALL}})
    reading, writing = os.pipe()
    os.close(reading)
    heard, unheard = (
        subprocess.run(
            [*COMMAND, *arguments],
            input=f"{asked}\n".encode(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            check=False,
            env=environ | MEASURING | CHATTY,
        )
        for stderr in (subprocess.DEVNULL, writing)
    )
    os.close(writing)
    assert (unheard.returncode, len(unheard.stdout)) == (heard.returncode, len(heard.stdout))


def test_without_credentials_it_starts_says_so_and_the_tool_answers_not_configured(simulator: Simulator) -> None:
    pipes = Pipes({"JUSPAY_BASE_URL": simulator.url})
    assert len(pipes.ask(1, "tools/list", {"_meta": MODERN})["tools"]) == 1
    result = pipes.ask(2, "tools/call", {"_meta": MODERN, **CALL})
    assert result["isError"] is True
    assert result["content"][0]["text"].endswith("[not_configured]")
    rest, errors, status = pipes.close()
    assert (rest, status) == (b"", 0)
    assert errors.decode()[20:] == (
        " WARNING juspay_mcp.observability.start_line not set up yet, the tool will answer not_configured: "
        "set JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE) and JUSPAY_MERCHANT_ID\n"
    )
    assert simulator.requests == []


def test_the_simulator_environment_needs_no_variable_but_its_name() -> None:
    pipes = Pipes({"JUSPAY_ENV": "simulator"})
    result = pipes.ask(1, "tools/call", {"_meta": MODERN, **CALL})
    assert result["structuredContent"]["environment"] == "simulator"
    assert pipes.close() == (b"", b"", 0)


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes and devices in its file system")
@pytest.mark.parametrize("device", ["a pipe", "/dev/zero"])
@pytest.mark.parametrize(
    ("variable", "error"),
    [("JUSPAY_API_KEY_FILE", broken_rule("JUSPAY_API_KEY_FILE")), ("SSL_CERT_FILE", no_authorities())],
)
def test_a_pipe_that_nobody_writes_to_and_a_device_stop_the_start(
    variable: str, error: ConfigurationError, device: str, tmp_path: Path
) -> None:
    path = Path(device)
    if device == "a pipe":
        path = tmp_path / "fifo"
        os.mkfifo(path)
    environ = {"JUSPAY_MERCHANT_ID": "acme", "JUSPAY_API_KEY": "" if variable == "JUSPAY_API_KEY_FILE" else "key"}
    assert Pipes(environ | {variable: str(path)}).close() == (b"", f"juspay-wallets-mcp: {error}\n".encode(), 78)


@pytest.mark.skipif(os.name == "nt", reason="its shells have no <(...)")
def test_a_key_comes_from_a_command_s_output(environ: dict[str, str]) -> None:
    environ = environ | {"JUSPAY_API_KEY": "", "KEY": environ["JUSPAY_API_KEY"]}
    command = f'JUSPAY_API_KEY_FILE=<(sleep 1; echo "$KEY") exec {COMMAND[0]} wallets cth_all_linked --json'
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, env=environ | MEASURING)
    assert (done.stderr, done.returncode) == (b"", 0)
    assert json.loads(done.stdout)["total_balance"] == "1770.49"


@pytest.mark.parametrize(
    ("name", "value"), [("JUSPAY_API_KEY", "secret with spaces"), ("JUSPAY_API_KEY_FILE", "no-such-file")]
)
def test_a_wrong_variable_stops_the_start_with_one_line_and_78(name: str, value: str) -> None:
    assert Pipes({name: value}).close() == (b"", f"juspay-wallets-mcp: {broken_rule(name)}\n".encode(), 78)
