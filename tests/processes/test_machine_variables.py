"""Variables that are set for a whole machine, and that libraries read as they are imported."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from juspay_mcp.settings.machine_variables import GROUPS, ignore_unusable
from tests.support.processes import COMMAND, MEASURING

SIMULATED = {"PATH": os.environ["PATH"], "JUSPAY_ENV": "simulator", **MEASURING}
UNUSABLE = {
    "OTEL_PROPAGATORS": "b3",
    "OTEL_PYTHON_CONTEXT": "nope",
    "OTEL_PYTHON_LOGGER_PROVIDER": "nope",
    "OTEL_PYTHON_METER_PROVIDER": "nope",
    "OTEL_PYTHON_TRACER_PROVIDER": "nope",
    "SSLKEYLOGFILE": "/nowhere/keys.log",
}
SERVE_NOBODY = [*COMMAND, "serve"]
WALLETS = [*COMMAND, "wallets", "cth_eN4e4kR12CJV", "--json"]
ASGI = [sys.executable, "-c", "from juspay_mcp import asgi; asgi.app()"]


@pytest.mark.parametrize("command", [SERVE_NOBODY, WALLETS, ASGI], ids=["stdio", "wallets", "asgi"])
def test_variables_that_a_library_would_fail_at_are_ignored_with_a_warning(
    command: list[str], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"priya:{'0' * 64}")
    environ = SIMULATED | UNUSABLE | {"JUSPAY_MCP_TOKENS_FILE": str(tokens)}
    done = subprocess.run(command, env=environ, input=b"", capture_output=True, check=False, timeout=60)
    warned = [
        line.partition(b" WARNING ")[2].decode() for line in done.stderr.splitlines() if b" stdin ended " not in line
    ]
    said = [
        f"juspay_mcp.settings.machine_variables machine_variable_ignored: {name} can't be used" for name in UNUSABLE
    ]
    assert (warned[: len(said)], done.returncode) == (said, 0)
    assert all(line.startswith("juspay_mcp.server.stdio ") for line in warned[len(said) :])


def test_check_warns_of_what_is_ignored_and_passes() -> None:
    environ = SIMULATED | {"OTEL_PROPAGATORS": "b3"}
    done = subprocess.run([*COMMAND, "check"], env=environ, capture_output=True, check=False, timeout=60)
    assert b"\nwarning  machine       Set for the whole machine, and ignored " in done.stdout
    assert b"OTEL_PROPAGATORS" in done.stdout
    assert done.returncode == 0


def test_usable_variables_stay(tmp_path: Path) -> None:
    log = tmp_path / "keys.log"
    given = {
        "OTEL_PROPAGATORS": "tracecontext, baggage",
        "OTEL_PYTHON_CONTEXT": "contextvars_context",
        "SSLKEYLOGFILE": str(log),
        "PATH": "/bin",
    }
    environ = dict(given)
    assert (ignore_unusable(environ), environ) == ([], given)


@pytest.mark.parametrize("value", ["xray", "tracecontext,b3", "tracecontext,", "b3,tracecontext"])
def test_propagators_are_used_all_or_none(value: str) -> None:
    assert ignore_unusable({"OTEL_PROPAGATORS": value}) == ["OTEL_PROPAGATORS"]


@pytest.mark.parametrize("value", ["none", "None", "b3,none"])
def test_no_propagators_can_be_asked_for(value: str) -> None:
    environ = {"OTEL_PROPAGATORS": value}
    assert (ignore_unusable(environ), environ) == ([], {"OTEL_PROPAGATORS": value})


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_variable_is_removed_silently(value: str) -> None:
    environ = dict.fromkeys((*GROUPS, "SSLKEYLOGFILE"), value)
    assert (ignore_unusable(environ), environ) == ([], {})


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in its file system")
def test_a_pipe_that_nobody_reads_doesn_t_delay_the_start(tmp_path: Path) -> None:
    pipe = tmp_path / "keys"
    os.mkfifo(pipe)
    assert ignore_unusable({"SSLKEYLOGFILE": str(pipe)}) == ["SSLKEYLOGFILE"]


def test_the_groups_are_opentelemetrys_own() -> None:
    assert entry_points(group=GROUPS["OTEL_PROPAGATORS"], name="tracecontext")
    assert entry_points(group=GROUPS["OTEL_PYTHON_CONTEXT"], name="contextvars_context")
    assert entry_points(group=GROUPS["OTEL_PYTHON_TRACER_PROVIDER"], name="sdk_tracer_provider")
    assert entry_points(group=GROUPS["OTEL_PYTHON_METER_PROVIDER"], name="sdk_meter_provider")
    assert entry_points(group=GROUPS["OTEL_PYTHON_LOGGER_PROVIDER"], name="sdk_logger_provider")


@pytest.mark.parametrize("safe", [[], ["-P"]])
def test_a_folder_with_an_mcp_of_its_own_is_not_imported(safe: list[str], tmp_path: Path) -> None:
    for name in ("mcp", "click", "anyio"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('somebody else')")
    command = [sys.executable, *safe, "-m", "juspay_mcp", "wallets", "cth_eN4e4kR12CJV"]
    done = subprocess.run(command, env=SIMULATED, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
