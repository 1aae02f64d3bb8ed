"""What any watched file does is shown with key files in test_secrets; here is what those can't show."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.settings.load import load_settings
from juspay_mcp.settings.secrets import KeyFile
from juspay_mcp.settings.watched_file import WatchedFile, read_file
from tests.support.builders import account_of

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
VARIABLE = "JUSPAY_MCP_TOKENS_FILE"


def number(content: bytes) -> int | None:
    return int(content) if content.isdigit() else None


def test_a_value_that_counts_as_false_is_a_value(tmp_path: Path) -> None:
    path = tmp_path / "number"
    path.write_bytes(b"0")
    file = WatchedFile(path, number, VARIABLE)
    first = file()
    path.write_bytes(b"00")
    assert (first, file()) == (0, 0)


def test_a_file_is_parsed_once_for_each_change(tmp_path: Path) -> None:
    path = tmp_path / "number"
    path.write_bytes(b"1")
    parsed = []

    def parse(content: bytes) -> bytes:
        parsed.append(content)
        return content

    file = WatchedFile(path, parse, VARIABLE)
    values = [file(), file()]
    path.write_bytes(b"22")
    values += [file(), file()]
    assert (parsed, values) == ([b"1", b"22"], [b"1", b"1", b"22", b"22"])


def test_a_file_may_be_as_long_as_it_may_be_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "number"
    path.write_bytes(b"12345")
    assert WatchedFile(path, number, VARIABLE, max_bytes=5)() == 12345
    path.write_bytes(b"123456")
    with pytest.raises(ConfigurationError) as caught:
        WatchedFile(path, number, VARIABLE, max_bytes=5)
    assert str(caught.value).startswith(f"{VARIABLE} must be ")


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A pipe with a name, which nobody writes to."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@contextmanager
def holding(fifo: Path, content: bytes) -> Iterator[int]:
    """While somebody keeps the pipe open, with this in it."""
    held = os.open(fifo, os.O_RDWR)
    os.write(held, content)
    yield held
    os.close(held)


@posix_only
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty", "/dev", "/nonexistent"])
def test_other_things_than_files_and_pipes_are_not_read(path: str) -> None:
    assert read_file(Path(path), 10) is None


@posix_only
def test_a_pipe_is_read_as_far_as_it_is_filled_and_not_waited_for(fifo: Path) -> None:
    assert read_file(fifo, 10) is None, "nobody writes"
    with holding(fifo, b""):
        assert read_file(fifo, 10) is None, "nobody has written yet"
    with holding(fifo, b"12345"):
        assert read_file(fifo, 10) == b"12345"
    with holding(fifo, b"1234567890ABCDE"):
        assert read_file(fifo, 10) == b"1234567890A", "one byte more than it may hold"


@posix_only
def test_at_the_start_the_end_of_a_pipe_is_waited_for(fifo: Path) -> None:
    def write_in_parts() -> None:
        with fifo.open("wb", buffering=0) as pipe:
            for part in (b"made-", b"up-", b"key\n"):
                time.sleep(0.1)
                pipe.write(part)

    writer = Thread(target=write_in_parts)
    writer.start()
    key = account_of(load_settings({"JUSPAY_API_KEY_FILE": str(fifo)})).api_key_file
    writer.join()
    assert key is not None
    assert [KeyFile(key)(), KeyFile(key)()] == [KeyFile(key)()] * 2, "as often as it is asked for"
    assert (KeyFile(key)().get_secret_value(), repr(key)) == ("made-up-key", "SecretBytes(b'**********')")


@posix_only
def test_a_file_that_becomes_a_pipe_keeps_no_call_waiting(fifo: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = fifo.with_name("number")
    path.write_bytes(b"1")
    file = WatchedFile(path, number, VARIABLE)
    fifo.replace(path)
    values = [file(), file()]
    with holding(path, b"22"):
        values += [file(), file()]
    assert values == [1, 1, 22, 22]
    assert caplog.messages == [f"file_unreadable: {VARIABLE}, what it held last is still used"]
