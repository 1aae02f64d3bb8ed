"""What any watched file does is shown with key files in test_credentials; here is what those can't show."""

from pathlib import Path

import pytest

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.watched import WatchedFile

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
