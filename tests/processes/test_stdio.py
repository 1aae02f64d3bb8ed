"""How a conversation over stdin and stdout ends: a real process, real pipes, and every request answered."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import CALL, COMMAND, MEASURING, MODERN, Pipes
from tests.support.simulator import Behaviour, Simulator

CLIENT = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
HANDSHAKE: list[dict[str, Any]] = [
    {"id": 0, "method": "initialize", "params": CLIENT},
    {"method": "notifications/initialized"},
]
ERAS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "2025-11-25": (HANDSHAKE, {}),
    "2026-07-28": ([], {"_meta": MODERN}),
}
NOTHING_CAME = (
    b"stdin ended before a message arrived; an MCP client keeps it open, and in a container it takes: docker run -i"
)


@pytest.fixture(params=list(ERAS.values()), ids=list(ERAS))
def era(request: pytest.FixtureRequest) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What a conversation opens with, and what each request carries."""
    opening: tuple[list[dict[str, Any]], dict[str, Any]] = request.param
    return opening


@pytest.fixture
def silent_juspay() -> Iterator[socket.socket]:
    """A Juspay that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


@pytest.fixture
def waiting(environ: dict[str, str], silent_juspay: socket.socket) -> Iterator[Pipes]:
    """A server with a call under way that would take a minute."""
    url = f"http://127.0.0.1:{silent_juspay.getsockname()[1]}"
    opened = Pipes(environ | {"JUSPAY_BASE_URL": url, "JUSPAY_TIMEOUT_SECONDS": "60"})
    opened.send(call(1, _meta=MODERN))
    with silent_juspay.accept()[0]:
        yield opened
    opened.kill()


def lines(*messages: dict[str, Any]) -> bytes:
    """The messages, as they are sent."""
    return b"".join(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n" for message in messages)


def call(number: int, **params: Any) -> dict[str, Any]:
    """A call of the tool."""
    return {"id": number, "method": "tools/call", "params": {**CALL, **params}}


def run(environ: dict[str, str], data: bytes, command: list[str] = COMMAND) -> "subprocess.CompletedProcess[bytes]":
    """A server that is sent this much, and then the end of stdin."""
    return subprocess.run(command, input=data, capture_output=True, check=False, env=environ | MEASURING, timeout=30)


def answers(stdout: bytes) -> dict[Any, Any]:
    """What was answered, by id; two answers for one id fail."""
    read = [json.loads(line) for line in stdout.splitlines()]
    assert len({answer["id"] for answer in read}) == len(read)
    return {answer["id"]: answer.get("result", answer.get("error")) for answer in read}


def test_what_was_asked_before_the_end_of_stdin_is_answered(
    environ: dict[str, str], simulator: Simulator, era: tuple[list[dict[str, Any]], dict[str, Any]]
) -> None:
    simulator.behave_always(Behaviour(latency=0.3))
    opening, envelope = era
    asked = [call(number, **envelope) for number in range(1, 11)]
    ended = run(environ, lines(*opening, *asked, {"id": 11, "method": "tools/list", "params": envelope}))
    given = answers(ended.stdout)
    assert sorted(given) == [*([0] if opening else []), *range(1, 12)]
    assert {given[number]["structuredContent"]["total_balance"] for number in range(1, 11)} == {"1770.49"}
    assert (ended.stderr, ended.returncode) == (b"", 0)


def test_a_last_line_that_is_not_ended_is_answered(environ: dict[str, str]) -> None:
    ended = run(environ, lines(call(1, _meta=MODERN)).rstrip())
    assert list(answers(ended.stdout)) == [1]
    assert (ended.stderr, ended.returncode) == (b"", 0)


def test_requests_that_share_an_id_are_each_answered(environ: dict[str, str], simulator: Simulator) -> None:
    simulator.behave_always(Behaviour(latency=0.3))
    ended = run(environ, lines(call(1, _meta=MODERN), {"id": 1, "method": "tools/list", "params": {"_meta": MODERN}}))
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()] == [1, 1]
    assert b"Connection closed" not in ended.stdout
    assert (ended.stderr, ended.returncode) == (b"", 0)


def test_a_call_that_was_cancelled_is_not_waited_for(waiting: Pipes) -> None:
    waiting.send({"method": "notifications/cancelled", "params": {"requestId": 1}})
    assert waiting.close() == (b"", b"", 0)


def test_a_call_that_uses_up_its_budget_is_answered_too(
    environ: dict[str, str], silent_juspay: socket.socket
) -> None:
    url = f"http://127.0.0.1:{silent_juspay.getsockname()[1]}"
    ended = run(environ | {"JUSPAY_BASE_URL": url, "JUSPAY_TIMEOUT_SECONDS": "1"}, lines(call(1, _meta=MODERN)))
    assert answers(ended.stdout)[1]["content"][0]["text"].endswith("[upstream_timeout]")
    assert ended.returncode == 0


def test_a_regular_file_is_read_to_its_end(
    environ: dict[str, str], tmp_path: Path, era: tuple[list[dict[str, Any]], dict[str, Any]]
) -> None:
    opening, envelope = era
    asked = tmp_path / "asked"
    asked.write_bytes(lines(*opening, *(call(number, **envelope) for number in range(1, 4))))
    with asked.open("rb") as stdin, (tmp_path / "answered").open("wb") as stdout:
        ended = subprocess.run(
            COMMAND, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, check=False, env=environ | MEASURING
        )
    assert {1, 2, 3} <= answers((tmp_path / "answered").read_bytes()).keys()
    assert (ended.stderr, ended.returncode) == (b"", 0)


def nothing(_folder: Path) -> int:
    return os.open(os.devnull, os.O_RDONLY)


def an_empty_file(folder: Path) -> int:
    (folder / "empty").touch()
    return os.open(folder / "empty", os.O_RDONLY)


def unreadable(_folder: Path) -> int:
    return os.open(os.devnull, os.O_WRONLY)


def an_ended_pipe(_folder: Path) -> int:
    reading, writing = os.pipe()
    os.close(writing)
    return reading


@pytest.mark.parametrize("open_stdin", [nothing, an_empty_file, unreadable, an_ended_pipe])
def test_stdin_without_a_message_ends_with_0_and_says_why(
    environ: dict[str, str], tmp_path: Path, open_stdin: Callable[[Path], int]
) -> None:
    stdin = open_stdin(tmp_path)
    ended = subprocess.run(COMMAND, stdin=stdin, capture_output=True, check=False, env=environ | MEASURING)
    os.close(stdin)
    assert (ended.stdout, ended.returncode) == (b"", 0)
    *greeting, reason = ended.stderr.splitlines()
    assert NOTHING_CAME in reason
    assert greeting == [] or os.name == "nt"  # NUL counts as a terminal there


@pytest.mark.skipif(os.name == "nt", reason="needs sh")
def test_a_closed_stdin_ends_with_0_and_says_why(environ: dict[str, str]) -> None:
    ended = run(environ, b"", ["sh", "-c", 'exec "$0" <&-', *COMMAND])
    assert (ended.stdout, ended.returncode) == (b"", 0)
    assert NOTHING_CAME in ended.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs sh")
def test_a_log_that_has_nowhere_to_go_does_not_reach_the_client(environ: dict[str, str]) -> None:
    del environ["JUSPAY_API_KEY"]  # which is warned about
    ended = run(
        environ | {"JUSPAY_MCP_LOG_LEVEL": "DEBUG"},
        lines(call(1, _meta=MODERN)),
        ["sh", "-c", 'exec "$0" 2>&-', *COMMAND],
    )
    assert list(answers(ended.stdout)) == [1]
    assert ended.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux makes pipes smaller")
def test_pipes_that_somebody_made_non_blocking_lose_nothing(environ: dict[str, str]) -> None:
    """Who shares a pipe shares its flags; then reading finds nothing yet, and writing no room."""
    import fcntl  # noqa: PLC0415 - not on Windows

    asked, stdin = os.pipe()
    stdout, answered = os.pipe()
    fcntl.fcntl(stdout, fcntl.F_SETPIPE_SZ, 4_096)  # room for one answer
    os.set_blocking(asked, False)
    os.set_blocking(answered, False)
    process = subprocess.Popen(COMMAND, stdin=asked, stdout=answered, env=environ | MEASURING)
    os.close(asked)
    os.close(answered)
    with os.fdopen(stdout, "rb") as reading, os.fdopen(stdin, "wb", buffering=0) as writing:
        for numbers in ([0], range(1, 20)):
            writing.write(
                lines(*({"id": each, "method": "tools/list", "params": {"_meta": MODERN}} for each in numbers))
            )
            time.sleep(0.5)  # it runs out of room
            assert {json.loads(reading.readline())["id"] for _ in numbers} == set(numbers)
    assert process.wait(30) == 0


def test_a_line_that_comes_in_a_thousand_chunks_is_one_message(environ: dict[str, str]) -> None:
    ended = run(environ, lines(call(1, arguments={"customer_id": "a" * 67_108_864}, _meta=MODERN)))
    assert answers(ended.stdout)[1]["content"][0]["text"].endswith("[invalid_customer_id]")
    assert (ended.stderr, ended.returncode) == (b"", 0)


# Messages that are none


def test_each_malformed_message_has_one_answer_and_one_line_in_the_log(
    environ: dict[str, str], era: tuple[list[dict[str, Any]], dict[str, Any]]
) -> None:
    opening, envelope = era
    malformed = [
        b'{"jsonrpc": "2.0", "id": "array", "method": "tools/list", "params": []}',
        b'{"id": 21, "method": "tools/list"}',
        b"[" + lines(call(22, **envelope)).strip() + b"]",
        b'{"jsonrpc": "2.0", "id": null, "method": "tools/list"}',
        b'{"jsonrpc": "2.0", "id": 1.5, "method": "tools/list"}',
        b'{"jsonrpc": "2.0", "id": true, "method": "tools/list"}',
        b'{"jsonrpc": "2.0", "id": 23, "method": "tools/list", "params": {"x": "\\ud800"}}',
        b"9" * 300_000,
    ]
    notification = b'{"jsonrpc": "2.0", "method": "notifications/initialized", "params": []}'
    data = b"\n".join([*malformed, notification, b"", b" \r", lines(call(1, **envelope))])
    ended = run(environ, b"\xef\xbb\xbf" + lines(*opening) + data)
    given = [json.loads(line) for line in ended.stdout.splitlines()]
    errors = [(answer["id"], answer["error"]["code"]) for answer in given if "error" in answer]
    refused = [("array", -32600), (21, -32600), *[(None, -32600)] * 4, (23, -32700), (None, -32700)]
    assert errors == refused
    assert {answer["id"] for answer in given if "result" in answer} == {1, *([0] if opening else [])}
    assert ended.stderr.count(b"refused a malformed message") == ended.stderr.count(b"\n") == len(malformed) + 1
    assert ended.returncode == 0


# Signals, and clients that stop reading


def busy(pipes: Pipes, simulator: Simulator, latency: float) -> None:
    """Returns when a call is under way."""
    simulator.behave_always(Behaviour(latency=latency))
    pipes.send(call(1, _meta=MODERN))
    while not simulator.requests:
        time.sleep(0.01)


needs_signals = pytest.mark.skipif(os.name == "nt", reason="a process can't be sent SIGTERM")


@needs_signals
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT], ids=lambda told: told.name)
def test_a_signal_lets_what_was_read_be_answered_and_nothing_after_it(
    pipes: Pipes, simulator: Simulator, told: signal.Signals
) -> None:
    busy(pipes, simulator, 1)
    pipes.process.send_signal(told)
    time.sleep(0.2)
    pipes.send({"id": 2, "method": "tools/list", "params": {"_meta": MODERN}})
    rest, errors, status = pipes.close()
    assert answers(rest)[1]["structuredContent"]["total_balance"] == "1770.49"
    assert (list(answers(rest)), errors, status) == ([1], b"", 0)


@needs_signals
def test_half_a_line_before_a_signal_is_no_message(pipes: Pipes, simulator: Simulator) -> None:
    busy(pipes, simulator, 1)
    assert pipes.process.stdin is not None
    pipes.process.stdin.write(b'{"jsonrpc": ')
    pipes.process.stdin.flush()
    time.sleep(0.2)
    pipes.process.send_signal(signal.SIGTERM)
    assert list(answers(pipes.process.stdout.read() if pipes.process.stdout else b"")) == [1]
    assert pipes.process.wait(10) == 0
    assert pipes.process.stderr is not None
    assert pipes.process.stderr.read() == b""


@needs_signals
@pytest.mark.parametrize("first", ["a signal", "the end of stdin"])
def test_a_signal_after_a_signal_or_after_the_end_of_stdin_ends_at_once(waiting: Pipes, first: str) -> None:
    """The Python SDK's client closes stdin, waits two seconds, sends SIGTERM, waits two more, and kills."""
    if first == "a signal":
        waiting.process.send_signal(signal.SIGTERM)
    elif waiting.process.stdin is not None:
        waiting.process.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.process.wait(1)
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.process.wait(10) == 0
    assert waiting.process.stderr is not None
    assert waiting.process.stderr.read() == b""


@needs_signals
def test_a_signal_before_a_message_ends_it_silently(pipes: Pipes) -> None:
    pipes.shake_hands(1)
    assert pipes.reply(1)["result"]
    pipes.process.send_signal(signal.SIGTERM)
    assert pipes.process.wait(10) == 0
    assert pipes.close() == (b"", b"", 0)


def test_a_client_that_closes_stdout_in_the_middle_ends_it_with_0(pipes: Pipes, simulator: Simulator) -> None:
    busy(pipes, simulator, 0.5)
    assert pipes.process.stdout is not None
    pipes.process.stdout.close()
    assert pipes.process.wait(30) == 0
    assert pipes.process.stderr is not None
    assert pipes.process.stderr.read() == b""


def test_a_malformed_message_after_stdout_was_closed_ends_it_with_0(pipes: Pipes) -> None:
    pipes.shake_hands(1)
    assert pipes.reply(1)["result"]
    assert pipes.process.stdout is not None
    pipes.process.stdout.close()
    pipes.send(b"[]")
    assert pipes.process.wait(10) == 0


@pytest.mark.skipif(os.name == "nt", reason="no poll: there it waits for the budget")
def test_the_end_of_stdin_waits_for_nothing_if_nobody_reads_stdout(waiting: Pipes) -> None:
    assert waiting.process.stdin is not None
    assert waiting.process.stdout is not None
    waiting.process.stdin.close()
    waiting.process.stdout.close()
    assert waiting.process.wait(10) == 0


@pytest.mark.parametrize("how", ["stdin closes", pytest.param("a signal", marks=needs_signals)])
def test_stdout_that_is_never_drained_keeps_it_no_longer_than_the_budget(
    how: str, environ: dict[str, str], request: pytest.FixtureRequest
) -> None:
    pipes = Pipes(environ | {"JUSPAY_TIMEOUT_SECONDS": "1"})
    request.addfinalizer(pipes.kill)
    assert pipes.ask(100, "tools/list", {"_meta": MODERN})  # from here on it heeds signals
    for number in range(100):  # a pipe holds twenty or so of these answers
        pipes.send({"id": number, "method": "tools/list", "params": {"_meta": MODERN}})
    if how == "a signal":
        pipes.process.send_signal(signal.SIGTERM)
    elif pipes.process.stdin is not None:
        pipes.process.stdin.close()
    assert pipes.process.wait(60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_answers_that_find_no_room_on_a_disk_are_a_failure(environ: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as stdout:
        ended = subprocess.run(
            COMMAND,
            input=lines(call(1, _meta=MODERN)),
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
            env=environ | MEASURING,
        )
    assert ended.returncode == 70
    assert b"Traceback" not in ended.stderr
