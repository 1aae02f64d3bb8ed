import logging
import os
import sys
from pathlib import Path

import pytest

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.settings.secrets import MISFILLED, KeyFile, api_key, audit_key
from juspay_mcp.settings.variables import broken_rule
from tests.support.builders import account_of, make_settings

KEPT = (
    "juspay_mcp.settings.watched_file",
    logging.WARNING,
    "file_unreadable: JUSPAY_API_KEY_FILE, what it held last is still used",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that holds the key `first`."""
    path = tmp_path / "key"
    path.write_text("first\n", encoding="ascii")
    return path


def in_force(key: KeyFile) -> str:
    secret = key()
    assert secret is not None
    return secret.get_secret_value()


def test_a_key_given_once_stays_as_it_is() -> None:
    key = api_key(account_of(make_settings(JUSPAY_API_KEY="given")))()
    assert key is not None
    assert (key.get_secret_value(), str(key)) == ("given", "**********")


def test_no_key_is_none() -> None:
    assert api_key(account_of(make_settings(JUSPAY_API_KEY="")))() is None


def test_a_key_in_a_file_is_read_without_the_space_around_it(path: Path) -> None:
    path.write_text("  in-a-file \r\n", encoding="ascii")
    key = api_key(account_of(make_settings(JUSPAY_API_KEY="", JUSPAY_API_KEY_FILE=str(path))))()
    assert key is not None
    assert (key.get_secret_value(), str(key)) == ("in-a-file", "**********")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b" \n", id="white space"),
        pytest.param(b"two words", id="two words"),
        pytest.param(b"first\nsecond", id="two lines"),
        pytest.param(b"key:", id="a colon"),
        pytest.param("schlüssel".encode(), id="not ASCII"),
        pytest.param(b"k" * 257, id="257 characters"),
        pytest.param(b"k" * 5000, id="something long"),
    ],
)
def test_a_file_that_holds_no_key_stops_the_start(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        KeyFile(path)
    assert str(caught.value) == str(broken_rule("JUSPAY_API_KEY_FILE"))


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfsecret\r\n", b'"secret"\n', b" 'secret' ", b'\xef\xbb\xbf"secret"']
)
def test_a_byte_order_mark_and_quotes_around_a_key_are_no_part_of_it(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert in_force(KeyFile(path)) == "secret"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("variable", ["JUSPAY_API_KEY", "JUSPAY_MCP_AUDIT_KEY"])
def test_a_key_file_saved_as_utf_16_stops_the_start_and_says_so(path: Path, encoding: str, variable: str) -> None:
    path.write_text("k" * 32, encoding=encoding)
    with pytest.raises(ConfigurationError) as caught:
        KeyFile(path, variable)
    assert str(caught.value) == f"The file of {variable}_FILE is saved as UTF-16; save it as UTF-8."


MISFILLED_BY = ["JUSPAY_API_KEY=s3cret", "export KEY = 's3cret'", "${JUSPAY_API_KEY}", "<your key>", '"$KEY"']


@pytest.mark.parametrize("content", MISFILLED_BY)
def test_a_misfilled_key_file_counts_as_missing_until_it_is_corrected(
    path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(content)
    key = api_key(account_of(make_settings(JUSPAY_API_KEY="", JUSPAY_API_KEY_FILE=str(path))))
    assert (key(), key()) == (None, None)
    assert caplog.record_tuples == [
        ("juspay_mcp.settings.secrets", logging.WARNING, f"key_file_misfilled: {MISFILLED}")
    ]
    path.write_text("corrected")
    assert [each and each.get_secret_value() for each in (key(), key())] == ["corrected"] * 2


def test_a_key_in_use_is_kept_if_its_file_becomes_misfilled(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = KeyFile(path)
    path.write_text("JUSPAY_API_KEY=second")
    assert (in_force(key), caplog.record_tuples) == ("first", [KEPT])


@pytest.mark.parametrize("content", [f"JUSPAY_MCP_AUDIT_KEY={'k' * 32}", "${JUSPAY_MCP_AUDIT_KEY_FOR_THE_HASHES}"])
def test_a_misfilled_audit_key_file_stops_the_start(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        audit_key(make_settings(JUSPAY_MCP_AUDIT_KEY_FILE=str(path)))
    assert str(caught.value).startswith("The file of JUSPAY_MCP_AUDIT_KEY_FILE holds a placeholder or NAME=value")


def test_a_file_that_is_rewritten_is_read_again(path: Path) -> None:
    key = KeyFile(path)
    path.write_text("second-one", encoding="ascii")
    assert [in_force(key), in_force(key)] == ["second-one"] * 2


def test_a_file_that_is_replaced_by_another_is_read_again(path: Path) -> None:
    key = KeyFile(path)
    other = path.with_name("other")
    other.write_text("other", encoding="ascii")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert in_force(key) == "other"


@pytest.mark.skipif(sys.platform == "win32", reason="there making a link takes a privilege")
def test_a_link_that_points_elsewhere_is_read_again(path: Path) -> None:
    # As Kubernetes rotates a mounted secret.
    link, other = path.with_name("link"), path.with_name("other")
    link.symlink_to(path)
    other.write_text("other", encoding="ascii")
    key = KeyFile(link)
    link.unlink()
    link.symlink_to(other)
    assert in_force(key) == "other"


@pytest.mark.skipif(sys.platform == "win32", reason="there st_ctime is when a file was made")
def test_a_file_that_keeps_its_size_and_its_time_is_read_again_all_the_same(path: Path) -> None:
    # As `cp -p`, `rsync -t` and `chmod` change a file: only its ctime tells.
    before = path.stat()
    key = KeyFile(path)
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        path.write_text("other\n", encoding="ascii")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert in_force(key) == "other"


def test_the_key_is_still_used_when_its_file_disappears_and_the_log_says_so_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = KeyFile(path)
    path.unlink()
    assert [in_force(key), in_force(key), in_force(key)] == ["first"] * 3
    assert caplog.record_tuples == [KEPT]


def test_a_half_written_file_costs_no_call_and_is_read_when_it_is_whole(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = KeyFile(path)
    keys = []
    for content in ("", "two words", "second"):
        path.write_text(content, encoding="ascii")
        keys += [in_force(key), in_force(key)]
    assert keys == ["first"] * 4 + ["second"] * 2
    assert caplog.record_tuples == [KEPT, KEPT]


def test_neither_the_key_nor_its_file_is_in_a_text(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = KeyFile(path)
    path.write_text("not a key", encoding="ascii")
    in_force(key)
    texts = f"{key!r} {key()!r} {caplog.text}"
    assert [secret in texts for secret in ("first", "not a key", str(path))] == [False] * 3


def test_the_audit_key_is_given_or_in_a_file_of_its_own_rule(path: Path) -> None:
    given = audit_key(make_settings(JUSPAY_MCP_AUDIT_KEY="g" * 32))()
    path.write_text("f" * 32 + "\n", encoding="ascii")
    in_a_file = audit_key(make_settings(JUSPAY_MCP_AUDIT_KEY_FILE=str(path)))()
    assert [key and key.get_secret_value() for key in (given, in_a_file)] == ["g" * 32, "f" * 32]
    assert audit_key(make_settings())() is None


def test_a_file_that_holds_no_audit_key_stops_the_start(path: Path) -> None:
    path.write_text("f" * 31, encoding="ascii")
    with pytest.raises(ConfigurationError) as caught:
        audit_key(make_settings(JUSPAY_MCP_AUDIT_KEY_FILE=str(path)))
    assert str(caught.value) == str(broken_rule("JUSPAY_MCP_AUDIT_KEY_FILE"))
