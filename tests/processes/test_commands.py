"""The commands as a person runs them: real processes, what stands on which stream, and exit statuses."""

import hashlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import IO

import click
import httpx2
import pytest
from typing_extensions import override

from juspay_mcp import VERSION
from juspay_mcp.cli.commands import cli
from juspay_mcp.cli.main import Output
from juspay_mcp.cli.main import run as run_here
from juspay_mcp.simulator.api import CUSTOMERS
from tests.support.commands import COMMAND, INTERRUPTIBLE, posix_only, run, variables
from tests.support.simulator import Behaviour, Simulator

# A shell's background job ignores SIGINT, and hands that on to what it starts: these tests may be one.
SAMPLE = "cth_eN4e4kR12CJV"
SIMULATED = {"JUSPAY_ENV": "simulator"}


@contextmanager
def started(command: list[str], **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until the end of the block at the latest."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=variables(**environ)
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_help_names_the_commands_and_takes_80_columns() -> None:
    status, text, err = run("--help")
    assert (status, err) == (0, "")
    commands = text[text.index("Commands:") : text.index("Environment variables:")]
    assert re.findall(r"^  ([\w-]+)  ", commands, re.MULTILINE) == sorted(cli.commands)
    assert max(map(len, text[: text.index("Environment variables:")].splitlines())) <= 80


@posix_only
def test_a_stderr_that_is_full_and_does_not_block_loses_the_line_and_raises_nothing() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, b"x" * 65_536):
            pass
    with Output(writing, may_lose_all=True) as raw:
        assert raw.write(b"lost") == 4
    os.close(reading)


def test_help_imports_none_of_the_slow_libraries() -> None:
    slow = {"anyio", "httpx2", "importlib.metadata", "mcp", "pydantic", "rich"}
    program = f"import sys; from juspay_mcp.cli.main import run; run(['--help']); print({slow} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_the_help_of_a_command_shows_how_to_type_it(command: str) -> None:
    text = cli.commands[command].get_help(click.Context(cli.commands[command], info_name=command))
    assert re.search(rf"Examples:\n    juspay-wallets-mcp {command}", text)
    assert max(map(len, text.splitlines())) <= 80


def test_the_version_is_the_packages() -> None:
    assert run("--version") == (0, f"juspay-wallets-mcp, version {VERSION}\n", "")


def test_json_is_the_structured_result_indented_and_nothing_else() -> None:
    status, out, err = run("wallets", SAMPLE, "--json", **SIMULATED)
    answer = json.loads(out)
    assert (status, err) == (0, "")
    assert out == json.dumps(answer, indent=2) + "\n"
    assert (answer["environment"], answer["total_balance"], answer["customer"]) == (
        "simulator",
        "109.55",
        "XXXXXX2CJV",
    )


@pytest.mark.parametrize(
    ("arguments", "environ", "status", "line"),
    [
        (["nonsense"], {}, 64, "Error: No such command 'nonsense'."),
        (["wallets"], {}, 64, "Error: Missing argument 'CUSTOMER_ID'."),
        (["simulator", "--port", "65536"], {}, 64, "Error: Invalid value for '--port'"),
        (["wallets", SAMPLE], {"JUSPAY_ENV": "prod"}, 78, "juspay-wallets-mcp: JUSPAY_ENV must be one of"),
        (
            ["wallets", SAMPLE],
            {"JUSPAY_MERCHANT_ID": "acme"},
            78,
            "juspay-wallets-mcp: there are no Juspay credentials: set JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE)",
        ),
    ],
)
def test_the_last_line_of_a_failed_command_says_what_is_wrong(
    arguments: list[str], environ: dict[str, str], status: int, line: str
) -> None:
    actual, out, err = run(*arguments, **environ)
    assert (actual, out) == (status, "")
    assert err.splitlines()[-1].startswith(line)


@pytest.mark.parametrize(
    ("customer", "changed", "status", "code"),
    [
        ("two words", {}, 64, "invalid_customer_id"),
        ("cth_nobody", {}, 69, "customer_not_found"),
        (SAMPLE, {"JUSPAY_API_KEY": "not_the_key"}, 77, "authentication_failed"),
    ],
)
def test_a_failed_call_is_one_line_on_stderr_and_the_errors_status(
    environ: dict[str, str], customer: str, changed: dict[str, str], status: int, code: str
) -> None:
    actual, out, err = run("wallets", customer, **(environ | changed))
    assert (actual, out) == (status, "")
    assert re.fullmatch(rf"juspay-wallets-mcp: [^\n]+ \[{code}\]\n", err)
    assert customer not in err


CONTROLS = "![a](https://canary.example/x.png) \x1b]52;c;Y2FuYXJ5\x07\x1b[2J\x9b31m\r\x08\u202e"
HOSTILE = {
    "wallet": "PAYTM", "id": CONTROLS, "current_balance": CONTROLS, "linked": True, "last_refreshed": CONTROLS,
    "metadata": {"mobile_number": CONTROLS}, "sub_details": [{"payment_method": CONTROLS}], CONTROLS: CONTROLS,
}  # fmt: skip


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (200, {"list": [HOSTILE, {**HOSTILE, "wallet": CONTROLS}]}),
        (400, {"status": CONTROLS, "error_message": CONTROLS, "error_info": {"request_id": CONTROLS}}),
    ],
)
def test_no_reply_can_control_the_terminal_or_put_an_image_before_a_reader(
    simulator: Simulator, environ: dict[str, str], options: list[str], status: int, reply: object
) -> None:
    headers = {"x-request-id": "![a](https://canary.example)\x1b[2J"}
    simulator.behave_always(Behaviour(status=status, headers=headers, body=json.dumps(reply).encode()))
    _, out, err = run("wallets", SAMPLE, *options, **environ, JUSPAY_MCP_LOG_LEVEL="DEBUG")
    shown = out + err
    assert simulator.requests
    assert "Paytm" in out or "[request_rejected]" in err
    assert [line for line in shown.split("\n") if not line.isprintable()] == []
    assert "canary" not in shown
    assert "![" not in shown


def test_a_new_token_is_shown_with_the_line_that_lets_it_in() -> None:
    status, out, err = run("token", "priya")
    shown, line = re.fullmatch(
        r"Token for priya, shown only now:\n  (\S+)\n\nLine for the tokens file:\n  (\S+)\n", out
    ).groups()  # type: ignore[union-attr]
    assert (status, err) == (0, "")
    assert line == f"priya:{hashlib.sha256(shown.encode()).hexdigest()}"


def test_a_new_token_may_expire() -> None:
    today = datetime.now(UTC).date()
    status, out, _ = run("token", "priya", "--days", "90")
    last_days = {(today + timedelta(days=days)).isoformat() for days in (90, 91)}  # the test may run at midnight
    assert (status, out.splitlines()[-1].split(":")[2] in last_days) == (0, True)


@pytest.mark.parametrize("days", ["0", "-1", "3651", "1.5"])
def test_a_token_needs_a_day_to_expire_after(days: str) -> None:
    assert run("token", "priya", "--days", days)[0] == 64


def test_a_name_with_a_colon_is_no_name() -> None:
    status, out, err = run("token", "priya:admin")
    assert (status, out) == (64, "")
    assert err.splitlines()[-1] == "Error: Invalid value for NAME: 1 to 64 letters, digits and any of . _ @ -"


def test_the_hash_of_a_customer_is_what_stands_in_the_audit_log(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    audited = {"JUSPAY_MCP_AUDIT_LOG": str(log), "JUSPAY_MCP_AUDIT_KEY": "k" * 32}
    assert run("wallets", SAMPLE, **SIMULATED, **audited)[0] == 0
    line = json.loads(log.read_text())
    assert run("audit-hash", SAMPLE, **audited) == (0, line["customer"] + "\n", "")
    assert (line["caller"], line["transport"], line["tool"], line["outcome"]) == ("cli", "cli", "wallets", "ok")


def test_without_a_key_there_is_no_hash() -> None:
    said = "there is no key for the hash: set JUSPAY_MCP_AUDIT_KEY or JUSPAY_MCP_AUDIT_KEY_FILE."
    assert run("audit-hash", SAMPLE) == (78, "", f"juspay-wallets-mcp: {said}\n")


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nand another line\n"])
def test_for_a_dash_the_customer_is_the_first_line_of_stdin(end: str) -> None:
    key = {"JUSPAY_MCP_AUDIT_KEY": "k" * 32}
    assert run("audit-hash", "-", stdin=f"{SAMPLE}{end}", **key) == run("audit-hash", SAMPLE, **key)


@pytest.mark.parametrize("command", ["wallets", "check"])
def test_each_command_with_a_customer_id_reads_it_from_stdin_for_a_dash(command: str) -> None:
    assert run(command, "-", stdin=SAMPLE, **SIMULATED)[0] == 0
    status, out, err = run(command, "-", stdin="cth_nobody", **SIMULATED)
    assert status == 69
    assert "Juspay knows no customer with this id" in out + err


@pytest.mark.parametrize("line", ["", "\n", "\udcff\udcfe\n", "cth_₹\n", "two words\n"])
def test_a_line_of_stdin_that_is_no_id_is_refused_without_repeating_it(line: str) -> None:
    status, out, err = run("wallets", "-", stdin=line, **SIMULATED)
    assert (status, out) == (64, "")
    assert err.endswith(" [invalid_customer_id]\n")
    assert "two words" not in err


@pytest.mark.parametrize("arguments", [["wallets", SAMPLE], ["wallets", SAMPLE, "--json"], ["--help"], ["check"]])
def test_a_reader_that_leaves_early_is_no_error(arguments: list[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [*COMMAND, *arguments],
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
        env=variables(**SIMULATED),
        timeout=30,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_the_encoding_of_stdout_lacks_is_written_as_an_escape(tmp_path: Path) -> None:
    home = tmp_path / "\u0939"  # a letter of Hindi
    home.mkdir()
    environ = {"HOME": str(home), "USERPROFILE": str(home), "PYTHONIOENCODING": "cp1252"}
    for arguments in (["setup", "cursor", "--yes"], ["check", "--host", "cursor"]):
        status, out, err = run(*arguments, **environ)
        assert (status, err) == (0, ""), arguments
        assert "\\u0939" in out
    assert (home / ".cursor" / "mcp.json").exists()


@posix_only
@pytest.mark.parametrize(
    ("redirection", "told"), [(">&-", (0, "")), ("> /dev/full", (69, "No space left on device"))]
)
@pytest.mark.parametrize("arguments", [["wallets", SAMPLE], ["wallets", SAMPLE, "--json"]])
def test_a_closed_stdout_is_no_error_and_a_full_one_is_reported_in_one_line(
    arguments: list[str], redirection: str, told: tuple[int, str]
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, *arguments],
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
        env=variables(**SIMULATED),
        timeout=30,
    )
    said = f"juspay-wallets-mcp: The result can't be written: {told[1]}.\n" if told[1] else ""
    assert (done.returncode, done.stderr) == (told[0], said)


@posix_only
@pytest.mark.parametrize("closing", ["<&-", "2>&-"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["wallets", SAMPLE], 0),
        (["wallets", "-"], 64),
        (["check", "-"], 64),
        (["setup", "cursor"], 130),
    ],
)
def test_a_stream_that_is_closed_is_an_empty_one(
    tmp_path: Path, arguments: list[str], closing: str, status: int
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closing}', "sh", *COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env=variables(HOME=str(tmp_path), **SIMULATED),
        timeout=30,
    )
    assert done.returncode == status
    assert b"internal_error" not in done.stderr


def test_without_a_command_or_a_terminal_the_server_greets_nobody_and_ends_with_its_stdin() -> None:
    status, out, err = run(JUSPAY_API_KEY="key", JUSPAY_MERCHANT_ID="acme")
    assert (status, out) == (0, "")
    assert "stdin ended before a message arrived" in err
    assert "waits for an MCP client" not in err


@posix_only
def test_at_a_terminal_a_dash_asks_for_the_customer_on_stderr() -> None:
    ours, theirs = os.openpty()
    os.write(ours, f"{SAMPLE}\n".encode())
    done = subprocess.run(
        [*COMMAND, "audit-hash", "-"],
        stdin=theirs,
        capture_output=True,
        check=False,
        env=variables(JUSPAY_MCP_AUDIT_KEY="k" * 32),
        timeout=30,
    )
    os.close(theirs)
    os.close(ours)
    assert (done.returncode, done.stderr) == (0, b"Customer id: ")
    assert re.fullmatch(rb"[0-9a-f]{64}\n", done.stdout)


@posix_only
def test_a_spinner_turns_on_a_terminals_stderr_and_leaves_stdout_alone() -> None:
    ours, theirs = os.openpty()
    done = subprocess.run(
        [*COMMAND, "wallets", SAMPLE, "--json"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=False,
        env=variables(TERM="xterm", **SIMULATED),
        timeout=30,
    )
    os.close(theirs)
    seen = os.read(ours, 65_536).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "Juspay is asking the wallets' providers ..." in seen
    assert json.loads(done.stdout)["source"] == "refresh"


@posix_only
def test_the_server_at_a_terminal_says_what_it_waits_for_and_imports_nothing_for_people() -> None:
    ours, theirs = os.openpty()
    os.write(ours, b"\x04")  # Ctrl-D
    program = (
        "import sys; from juspay_mcp.cli.main import run; status = run([]); "
        'sys.exit(f\'{status} {sorted({"rich", "juspay_mcp.simulator.api"} & sys.modules.keys())}\')'
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdin=theirs,
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=variables(JUSPAY_API_KEY="key", JUSPAY_MERCHANT_ID="acme"),
        timeout=30,
    )
    os.close(theirs)
    os.close(ours)
    assert done.stdout == ""
    greeting, *others = done.stderr.splitlines()  # the log comes by a thread, so before the last line or after it
    [reason] = [line for line in others if line != "0 []"]
    assert "stdin ended before a message arrived" in reason
    assert greeting.startswith(f"juspay-wallets-mcp {VERSION} waits for an MCP client on stdin (Ctrl-D ends it).")
    assert greeting.endswith("run: juspay-wallets-mcp demo")
    assert len(others) == 2


@posix_only
def test_ctrl_c_ends_a_command_with_130_and_without_words() -> None:
    asked, over = Event(), Event()

    def hold(_: float) -> None:
        asked.set()
        over.wait(30)

    with Simulator(sleep=hold) as stand_in:
        stand_in.behave_always(Behaviour(latency=1))
        environ = {"JUSPAY_BASE_URL": stand_in.url, "JUSPAY_API_KEY": "simulator_key", "JUSPAY_MERCHANT_ID": "m"}
        with started([*INTERRUPTIBLE, "wallets", SAMPLE], **environ) as process:
            assert asked.wait(30)
            process.send_signal(signal.SIGINT)
            # The line break keeps a shell's prompt off the line of its ^C.
            assert process.communicate(timeout=30) == ("", "\n")
            assert process.returncode == 130
        over.set()


@posix_only
def test_the_simulator_says_how_to_ask_it_and_what_it_says_works() -> None:
    with started([*INTERRUPTIBLE, "simulator", "--port", "0"]) as process:
        assert process.stderr is not None
        told = read_until(process.stderr, list(CUSTOMERS)[-1])
        exports = dict(re.findall(r"^  export (\w+)=(\S+)$", told, re.MULTILINE))
        assert exports.keys() == {"JUSPAY_ENV", "JUSPAY_BASE_URL", "JUSPAY_API_KEY", "JUSPAY_MERCHANT_ID"}
        assert f"listens on {exports['JUSPAY_BASE_URL']} until Ctrl-C. All its figures are made up." in told
        assert [
            name for name, about in CUSTOMERS.items() if not re.search(rf"  {re.escape(name)} +{about}\n", told)
        ] == []
        curl = shlex.split(told[told.index("curl") : told.index("Customers:")])
        assert httpx2.get(curl[-1], headers=curl_headers(curl), auth=curl_user(curl)).json()["count"] == 1
        check_a_table(run("wallets", SAMPLE, **exports))
        check_that_a_port_is_taken(exports["JUSPAY_BASE_URL"].rpartition(":")[2])
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 0


def read_until(stream: IO[str], word: str) -> str:
    """What comes up to the line that holds the word, and that line."""
    lines = []
    for line in stream:
        lines.append(line)
        if word in line:
            break
    return "".join(lines)


def curl_headers(curl: list[str]) -> dict[str, str]:
    return dict(value.split(": ") for flag, value in pairwise(curl) if flag == "-H")


def curl_user(curl: list[str]) -> tuple[str, str]:
    name, _, password = curl[curl.index("-u") + 1].partition(":")
    return name, password


def check_a_table(done: tuple[int, str, str]) -> None:
    """One table for a pipe: no colours, nothing cut."""
    status, out, err = done
    assert (status, err) == (0, "")
    assert out.startswith(" SIMULATOR   customer XXXXXX2CJV, ")
    assert re.search(r"^Total +109\.55 *$", out, re.MULTILINE)
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80


def check_that_a_port_is_taken(port: str) -> None:
    status, out, err = run("simulator", "--port", port)
    assert (status, out) == (69, "")
    said = f"can't use port {port} (another program uses it); choose another one with --port."
    assert err == f"juspay-wallets-mcp: {said}\n"


def test_check_reports_in_words_or_as_json_and_exits_with_the_first_failures_status() -> None:
    status, out, err = run("check", SAMPLE, "--json", **SIMULATED)
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["ok"] is True
    assert [check["outcome"] for check in report["checks"]] == ["ok", "ok", "skipped", "ok", "ok", "ok", "ok"]
    status, out, err = run("check", JUSPAY_ENV="nowhere")
    assert (status, err) == (78, "")
    assert "FAILED   variables     Wrong: JUSPAY_ENV" in out
    assert out.splitlines()[-1] == "1 of 6 checks failed: variables."


class Interrupted(io.BytesIO):
    """A stdin at which somebody presses Ctrl-C."""

    @override
    def readline(self, _size: int | None = -1, /) -> bytes:
        raise KeyboardInterrupt


def test_ctrl_c_at_the_prompt_for_a_customer_ends_it_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUSPAY_ENV", "simulator")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Interrupted()))
    assert run_here(["wallets", "-"]) == 130
