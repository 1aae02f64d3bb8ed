import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread
from typing import TypeVar

import pytest

from juspay_mcp.observability.logs import (
    CLOSE_SECONDS,
    BackgroundHandler,
    FloodGate,
    JsonFormatter,
    SafeFormatter,
    describe,
)
from tests.support.common import NOW

Raised = TypeVar("Raised", bound=BaseException)

SECRET = "jane@example.com"
# A process that logs from everywhere a log comes from.
EVERYWHERE = f"""
import logging, sys, warnings
from juspay_mcp.observability.logs import configure_logging
logging.basicConfig(stream=sys.stdout)
configure_logging("INFO", sys.stderr)
logging.getLogger("juspay_mcp.server.tool").info("call failed: %s", "internal_error")
logging.getLogger("juspay_mcp.server.tool").debug("below the level")
logging.getLogger("httpx2").info("GET https://api.juspay.in/customers/%s/wallets", "{SECRET}")
warnings.warn("{SECRET} is deprecated")
class Broken:
    def __del__(self):
        raise ValueError("{SECRET}")
Broken()
"""
IN_A_THREAD = f"""
import sys, threading
from juspay_mcp.observability.logs import configure_logging
configure_logging("INFO", sys.stderr)
def fail():
    raise ValueError("{SECRET}")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
"""


def record(name: str, text: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    return logging.makeLogRecord(
        {
            "name": name,
            "levelno": logging.WARNING,
            "levelname": "WARNING",
            "msg": text,
            "args": args,
            "created": NOW.timestamp(),
            "filename": "module.py",
            "lineno": 42,
            "exc_info": (type(error), error, None) if error else None,
        }
    )


def because_of(error: Raised, cause: BaseException) -> Raised:
    error.__cause__ = cause
    return error


def while_handling(error: BaseException, context: BaseException) -> BaseException:
    error.__context__ = context
    return error


def raised_by(function: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whatever it raises
        function()
    return caught.value


def run(program: str) -> tuple[str, str]:
    """What the program writes to stdout and to stderr, without moments and without lines of Python's own files."""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    lines = re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", "", ended.stderr, flags=re.MULTILINE)
    return ended.stdout, re.sub(r"(warnings\.py):\d+", r"\1:N", lines)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        pytest.param(
            record("juspay_mcp.server.mcp_server", "no %s", "credentials"),
            "2026-11-23T09:30:00Z WARNING juspay_mcp.server.mcp_server no credentials",
            id="ours is shown",
        ),
        pytest.param(
            record("juspay_mcp", "100%"), "2026-11-23T09:30:00Z WARNING juspay_mcp 100%", id="so is the package's own"
        ),
        pytest.param(
            record("httpx2", "GET https://api.juspay.in/customers/%s", SECRET),
            "2026-11-23T09:30:00Z WARNING httpx2 (text withheld) at module.py:42",
            id="a library's text is withheld",
        ),
        pytest.param(
            record("mcp.server.lowlevel", "got %d", SECRET),
            "2026-11-23T09:30:00Z WARNING mcp.server.lowlevel (text withheld) at module.py:42",
            id="and not even put together",
        ),
        pytest.param(
            record("juspay_mcp_plugin", SECRET),
            "2026-11-23T09:30:00Z WARNING juspay_mcp_plugin (text withheld) at module.py:42",
            id="a name that only begins like ours is a library's",
        ),
        pytest.param(
            record("root", SECRET),
            "2026-11-23T09:30:00Z WARNING root (text withheld) at module.py:42",
            id="so is the root's",
        ),
        pytest.param(
            record("juspay_mcp.errors", "internal_error", error=because_of(ValueError(SECRET), KeyError(SECRET))),
            (
                "2026-11-23T09:30:00Z WARNING juspay_mcp.errors internal_error "
                "ValueError at no place < KeyError at no place"
            ),
            id="an exception is shown without its words",
        ),
        pytest.param(
            record("asyncio", SECRET, error=ValueError(SECRET)),
            "2026-11-23T09:30:00Z WARNING asyncio (text withheld) at module.py:42 ValueError at no place",
            id="a library's exception too",
        ),
    ],
)
def test_a_record_is_one_line_of_our_own_words(written: logging.LogRecord, line: str) -> None:
    assert SafeFormatter().format(written) == line


@pytest.mark.parametrize(
    ("written", "facts"),
    [
        pytest.param(
            record("juspay_mcp.server.tool", 'a "quoted" word \u20b9\n'),
            {"logger": "juspay_mcp.server.tool", "message": 'a "quoted" word \u20b9\n'},
            id="ours",
        ),
        pytest.param(
            record("httpx2", SECRET, error=ValueError(SECRET)),
            {
                "logger": "httpx2",
                "message": "(text withheld) at module.py:42",
                "error": "ValueError at no place",
            },
            id="a library's",
        ),
    ],
)
def test_as_json_a_record_is_one_object_in_one_line_with_the_same_facts(
    written: logging.LogRecord, facts: dict[str, str]
) -> None:
    line = JsonFormatter().format(written)
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {"time": "2026-11-23T09:30:00Z", "level": "WARNING", **facts}


def test_as_json_what_was_suppressed_is_a_number() -> None:
    written = record("juspay_mcp.server.tool", "odd")
    written.withheld = 3
    assert json.loads(JsonFormatter().format(written))["suppressed"] == 3


def test_a_record_with_exc_info_but_no_exception_is_shown_without_one() -> None:
    written = record("juspay_mcp.server.tool", "odd")
    written.exc_info = (None, None, None)
    assert SafeFormatter().format(written) == "2026-11-23T09:30:00Z WARNING juspay_mcp.server.tool odd"


def test_a_stack_a_record_carries_is_not_shown() -> None:
    written = record("juspay_mcp.server.tool", "odd")
    written.stack_info = f"Stack (most recent call last): {SECRET}"
    assert SafeFormatter().format(written) == "2026-11-23T09:30:00Z WARNING juspay_mcp.server.tool odd"


@pytest.mark.parametrize(
    ("error", "described"),
    [
        pytest.param(ValueError(SECRET), "ValueError at no place", id="an exception"),
        pytest.param(
            because_of(ValueError(SECRET), because_of(KeyError(SECRET), OSError(SECRET))),
            "ValueError at no place < KeyError at no place < OSError at no place",
            id="its causes",
        ),
        pytest.param(
            while_handling(ValueError(SECRET), KeyError(SECRET)),
            "ValueError at no place < KeyError at no place",
            id="what was being handled",
        ),
        pytest.param(
            while_handling(because_of(ValueError(SECRET), KeyError(SECRET)), OSError(SECRET)),
            "ValueError at no place < KeyError at no place",
            id="the cause rather than what was being handled",
        ),
        pytest.param(
            ExceptionGroup(SECRET, [ValueError(SECRET), because_of(KeyError(SECRET), OSError(SECRET))]),
            "ExceptionGroup at no place < ValueError at no place < KeyError at no place < OSError at no place",
            id="a group's members and their causes",
        ),
        pytest.param(
            because_of(ValueError(SECRET), BaseExceptionGroup(SECRET, [KeyboardInterrupt(SECRET)])),
            "ValueError at no place < BaseExceptionGroup at no place < KeyboardInterrupt at no place",
            id="a group as a cause",
        ),
    ],
)
def test_an_exception_is_described_by_its_types_and_never_by_its_words(error: BaseException, described: str) -> None:
    assert describe(error) == described


def test_an_exception_is_described_with_the_places_it_passed() -> None:
    error = raised_by(lambda: int(SECRET))
    places = [f"test_logs.py:{number}" for number in line_numbers(error)]
    assert (describe(error), len(places)) == (f"ValueError at {' '.join(places)}", 2)


def test_only_the_last_six_places_are_shown() -> None:
    def fall(depth: int) -> float:
        return fall(depth - 1) if depth else 1 / depth

    error = raised_by(lambda: fall(20))
    assert describe(error).count("test_logs.py:") == 6


def test_a_place_is_a_file_s_name_without_its_folders() -> None:
    # As on Windows and elsewhere.
    codes = [compile("1 / 0", path, "eval") for path in ("C:\\Users\\jane\\calls.py", "/home/jane/calls.py")]
    errors = [raised_by(lambda code=code: eval(code)) for code in codes]  # type: ignore[misc] # noqa: S307 - ours
    assert [describe(error).rpartition(" ")[2] for error in errors] == ["calls.py:1"] * 2


def test_causes_that_go_in_a_circle_are_described_to_an_end() -> None:
    first, second = ValueError(SECRET), KeyError(SECRET)
    because_of(first, because_of(second, first))
    assert describe(first).startswith("ValueError at no place < KeyError at no place")


def test_equal_lines_are_logged_ten_times_a_minute_and_the_rest_is_counted() -> None:
    present = iter([0.0] * 12 + [30.0, 59.9, 60.0, 61.0, 120.0])
    moments: list[float] = []
    gate = FloodGate(lambda: moments[-1])
    said = []
    for moment in present:
        moments.append(moment)
        written = record("juspay_mcp.server.tool", "call failed")
        if gate.filter(written):
            said.append((moment, SafeFormatter().format(written).partition("call failed")[2]))
    expected = [(0.0, "")] * 10 + [(60.0, " (and 4 times more)"), (61.0, ""), (120.0, "")]
    assert said == expected


def test_limiting_equal_lines_holds_back_no_other() -> None:
    gate = FloodGate(lambda: 0.0)
    others = [
        record("juspay_mcp.server.tool", "call failed: %s", "rate_limited"),
        record("juspay_mcp.http", "call failed"),
        record("httpx2", "call failed"),
    ]
    flood = [bool(gate.filter(record("juspay_mcp.server.tool", "call failed"))) for _ in range(20)]
    assert (flood, [bool(gate.filter(other)) for other in others]) == ([True] * 10 + [False] * 10, [True] * 3)


def test_below_a_warning_equal_lines_are_not_limited() -> None:
    gate = FloodGate(lambda: 0.0)
    written = record("juspay_mcp.server.tool", "call failed")
    written.levelno = logging.INFO
    assert [bool(gate.filter(written)) for _ in range(50)] == [True] * 50


def test_all_that_a_process_logs_comes_out_in_lines_of_ours() -> None:
    assert run(EVERYWHERE) == (
        "",
        (
            "INFO juspay_mcp.server.tool call failed: internal_error\n"
            "WARNING py.warnings (text withheld) at warnings.py:N\n"
            "ERROR juspay_mcp an exception could not be raised ValueError at <string>:12\n"
        ),
    )


def test_what_libraries_say_below_a_warning_is_shown_at_debug_alone() -> None:
    _, at_debug = run(EVERYWHERE.replace('"INFO"', '"DEBUG"'))
    assert "INFO httpx2 (text withheld) at <string>:8\n" in at_debug


def test_json_is_for_all_that_a_process_logs() -> None:
    _, lines = run(EVERYWHERE.replace("sys.stderr)", 'sys.stderr, "json")'))
    assert [json.loads(line)["logger"] for line in lines.splitlines()] == [
        "juspay_mcp.server.tool",
        "py.warnings",
        "juspay_mcp",
    ]
    assert SECRET not in lines


def test_a_log_in_memory_has_the_same_lines() -> None:
    program = EVERYWHERE.replace('"INFO", sys.stderr', '"INFO", io.StringIO()').replace(
        "import logging", "import io, logging"
    )
    assert run(program + "\nprint(len(logging.getLogger().handlers[0].stream.getvalue().splitlines()))") == (
        "3\n",
        "",
    )


def test_an_exception_that_ends_a_thread_comes_out_without_its_words() -> None:
    out, err = run(IN_A_THREAD)
    assert (SECRET in out + err, "ValueError" in err) == (False, True)


LONG = "x" * 200


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe: where it is read, and where it is written to."""
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        with suppress(OSError):  # a test may have closed it
            os.close(end)


def read_all(pipe: tuple[int, int]) -> list[str]:
    """The lines in a pipe, whose other end gets closed."""
    reading, writing = pipe
    os.close(writing)
    with open(reading, encoding="utf-8", closefd=False) as lines:
        return lines.read().splitlines()


def background(descriptor: int) -> BackgroundHandler:
    handler = BackgroundHandler(descriptor)
    handler.setFormatter(SafeFormatter())
    return handler


def test_logging_never_waits_for_a_full_pipe_and_dropped_lines_are_counted(
    pipe: tuple[int, int],
) -> None:
    handler = background(pipe[1])
    for number in range(5_000):
        handler.handle(record("juspay_mcp.server.tool", f"{number} {LONG}"))
    lines: list[str] = []
    reader = Thread(target=lambda: lines.extend(open(pipe[0], encoding="utf-8", closefd=False)))  # noqa: SIM115 - closed by the fixture
    reader.start()
    handler.close()
    os.close(pipe[1])
    reader.join()
    numbers = [int(line.split()[3]) for line in lines if LONG in line]
    dropped = [
        int(line.split()[-1]) for line in lines if "WARNING juspay_mcp.observability.logs log_lines_dropped: " in line
    ]
    assert numbers == sorted(numbers)
    assert (numbers[0], len(dropped) > 0) == (0, True)
    assert len(numbers) + sum(dropped) == 5_000


def test_the_end_does_not_wait_for_a_pipe_that_nobody_reads(pipe: tuple[int, int]) -> None:
    handler = background(pipe[1])
    for _ in range(1_000):
        handler.handle(record("juspay_mcp.server.tool", LONG))
    begun = time.monotonic()
    handler.close()
    assert CLOSE_SECONDS <= time.monotonic() - begun < 10 * CLOSE_SECONDS
    os.close(pipe[0])
    handler.close()  # else the thread would go on writing, to what is by then another test's


def test_lines_that_cant_be_written_are_counted_in_the_next_one(pipe: tuple[int, int]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    handler = background(full)
    for _ in range(3):
        handler.handle(record("juspay_mcp.server.tool", "lost"))
    while handler._unwritten < 3:  # noqa: SLF001 - nothing else tells
        time.sleep(0.001)
    os.dup2(pipe[1], full)
    handler.handle(record("juspay_mcp.server.tool", "kept"))
    handler.close()
    os.close(full)
    assert [line[21:] for line in read_all(pipe)] == [
        "WARNING juspay_mcp.observability.logs log_lines_dropped: 3",
        "WARNING juspay_mcp.server.tool kept",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe takes all or nothing there")
def test_a_line_after_one_that_was_cut_off_has_a_line_of_its_own(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    handler = background(pipe[1])
    handler.handle(record("juspay_mcp.server.tool", "x" * 1_000_000))
    while not handler._unwritten:  # noqa: SLF001 - nothing else tells
        time.sleep(0.001)
    cut = os.read(pipe[0], 1_000_000)
    handler.handle(record("juspay_mcp.server.tool", "whole"))
    handler.close()
    assert set(cut[-1_000:]) == {ord("x")}
    assert [line[21:] for line in read_all(pipe)] == [
        "",
        "WARNING juspay_mcp.observability.logs log_lines_dropped: 1",
        "WARNING juspay_mcp.server.tool whole",
    ]


def test_a_record_that_cant_be_put_into_words_is_counted_and_not_shown(
    pipe: tuple[int, int], capfd: pytest.CaptureFixture[str]
) -> None:
    handler = background(pipe[1])
    handler.handle(record("juspay_mcp.server.tool", "%d", SECRET))
    handler.close()
    assert [line[21:] for line in read_all(pipe)] == ["WARNING juspay_mcp.observability.logs log_lines_dropped: 1"]
    assert capfd.readouterr() == ("", "")


def test_half_a_surrogate_pair_is_written_escaped(pipe: tuple[int, int]) -> None:
    handler = background(pipe[1])
    handler.handle(record("juspay_mcp.server.tool", "\ud800"))
    handler.close()
    assert [line[21:] for line in read_all(pipe)] == [r"WARNING juspay_mcp.server.tool \ud800"]


def line_numbers(error: BaseException) -> list[int]:
    numbers, place = [], error.__traceback__
    while place is not None:
        numbers.append(place.tb_lineno)
        place = place.tb_next
    return numbers
