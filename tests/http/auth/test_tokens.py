import hashlib
import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from mcp.server.auth.provider import AccessToken

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.http.auth.tokens import new_token
from juspay_mcp.http.auth.tokens_file import TokensFile
from juspay_mcp.settings.variables import broken_rule

ASHA, RAVI = "jwm_asha-s-token", "jwm_ravi-s-token"
REFUSED = str(broken_rule("JUSPAY_MCP_TOKENS_FILE"))
NOBODY = "tokens_file: no line has a token"


def line(name: str, token: str) -> str:
    return f"{name}:{hashlib.sha256(token.encode()).hexdigest()}"


def grant(name: str) -> AccessToken:
    return AccessToken(token="", client_id=f"token:{name}", scopes=["wallets:read"])


class Other:
    """Another verifier, which takes any token."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def verify_token(self, token: str) -> AccessToken:
        self.asked.append(token)
        return grant("other")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that lets Asha in."""
    path = tmp_path / "tokens"
    write(path, line("asha", ASHA))
    return path


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines), encoding="utf-8")


def remove(path: Path) -> None:
    path.unlink()


async def bearers(file: TokensFile, *tokens: str) -> list[str | None]:
    found = [await file.verify_token(token) for token in tokens]
    return [each.client_id if each else None for each in found]


async def test_a_token_in_the_file_lets_its_bearer_in_by_name(path: Path) -> None:
    assert await TokensFile(path).verify_token(ASHA) == grant("asha")


async def test_a_file_has_comments_blank_lines_any_line_end_and_hashes_in_either_case(path: Path) -> None:
    lines = ("# who may call, über alles\r", "\r", f"  {line('asha@team-1.example', ASHA).upper()} \r", "")
    write(path, *lines, line("ravi", RAVI))
    found = await bearers(TokensFile(path), ASHA, RAVI)
    assert found == ["token:ASHA@TEAM-1.EXAMPLE", "token:ravi"]


async def test_two_lines_of_one_name_let_both_its_tokens_in(path: Path) -> None:
    write(path, line("asha", ASHA), line("asha", RAVI))
    assert await bearers(TokensFile(path), ASHA, RAVI) == ["token:asha"] * 2


async def test_a_token_under_two_names_is_the_first_ones(path: Path) -> None:
    write(path, line("asha", ASHA), line("ravi", ASHA))
    assert await bearers(TokensFile(path), ASHA) == ["token:asha"]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param(RAVI, "not_in_the_file", id="another"),
        pytest.param(ASHA + " ", "not_in_the_file", id="a space more"),
        pytest.param(ASHA[:-1], "not_in_the_file", id="a character less"),
        pytest.param(hashlib.sha256(ASHA.encode()).hexdigest(), "not_in_the_file", id="the hash"),
        pytest.param("", "not_in_the_file", id="nothing"),
        pytest.param("x" * 8192, "not_in_the_file", id="8 KiB"),
        pytest.param("x" * 8193, "implausible", id="a byte more"),
        pytest.param("x" * (1 << 20), "implausible", id="1 MiB"),
        pytest.param("jwm_é", "implausible", id="a letter with an accent"),
        pytest.param("\udcff", "implausible", id="no character at all"),
    ],
)
async def test_any_other_token_is_rejected_and_the_log_says_why(
    path: Path, caplog: pytest.LogCaptureFixture, token: str, reason: str
) -> None:
    assert await TokensFile(path).verify_token(token) is None
    assert caplog.record_tuples == [("juspay_mcp.http.auth.bearer", logging.WARNING, f"token_refused: {reason}")]


@pytest.mark.parametrize("token", [RAVI, "x" * 8193])
async def test_a_token_that_isn_t_in_the_file_is_left_to_the_other_verifier(
    path: Path, caplog: pytest.LogCaptureFixture, token: str
) -> None:
    other = Other()
    file = TokensFile(path, other)
    assert await bearers(file, ASHA, token) == ["token:asha", "token:other"]
    assert (other.asked, caplog.messages) == ([token], [])


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("asha", id="a name"),
        pytest.param(RAVI, id="a token"),
        pytest.param(f"ravi:{RAVI}", id="a token instead of its hash"),
        pytest.param(line("", RAVI), id="no name"),
        pytest.param(line("r" * 65, RAVI), id="a long name"),
        pytest.param(line("ra vi", RAVI), id="a space in the name"),
        pytest.param(line("ravi", RAVI)[:-1], id="a digit less"),
        pytest.param(line("ravi", RAVI) + "0", id="a digit more"),
        pytest.param(line("ravi", RAVI) + " # old", id="a comment behind"),
        pytest.param("\ufeff" + line("ravi", RAVI), id="a byte order mark"),
        pytest.param(line("ravi", RAVI) + ":", id="an empty date"),
        pytest.param(line("ravi", RAVI) + ":2027-02-30", id="no such day"),
        pytest.param(line("ravi", RAVI) + ":0000-01-01", id="no such year"),
        pytest.param(line("ravi", RAVI) + ":20270131", id="a date without hyphens"),
        pytest.param(line("ravi", RAVI) + ":2027-01-31T12:00Z", id="a time"),
        pytest.param(line("ravi", RAVI) + ":202\uff17-01-31", id="digits of another script"),
        pytest.param(line("ravi", RAVI) + ":2027-01-31:2028-01-31", id="two dates"),
    ],
)
async def test_a_malformed_line_is_ignored_with_a_warning_that_has_its_number(
    path: Path, caplog: pytest.LogCaptureFixture, bad: str
) -> None:
    write(path, "# tokens", bad, line("asha", ASHA))
    file = TokensFile(path)
    warnings = list(caplog.messages)
    assert await bearers(file, ASHA, RAVI) == ["token:asha", None]
    assert warnings == ["tokens_file: ignored malformed line 2"]


def test_of_many_malformed_lines_ten_are_numbered(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(path, line("asha", ASHA), *["bad"] * 10_000)
    TokensFile(path)
    assert caplog.messages == ["tokens_file: ignored malformed line 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 9990 more"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"# nobody yet\n", id="a comment"),
        pytest.param(ASHA.encode(), id="a token"),
        pytest.param((line("asha", ASHA) + "\n").encode() * 20_000, id="over 1 MiB"),
    ],
)
def test_a_file_without_a_token_stops_the_start(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        TokensFile(path)
    assert str(caught.value) == REFUSED


@pytest.mark.parametrize("name", ["missing", "."], ids=["no file", "a folder"])
def test_a_file_that_can_t_be_read_stops_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TokensFile(tmp_path / name)
    assert str(caught.value) == REFUSED


async def test_a_token_is_rotated_without_a_gap(path: Path) -> None:
    file = TokensFile(path)
    found = []
    for lines in ([line("asha", ASHA), line("asha", RAVI)], [line("asha", RAVI)]):
        write(path, *lines)
        found.append(await bearers(file, ASHA, RAVI))
    assert found == [["token:asha", "token:asha"], [None, "token:asha"]]


@pytest.mark.parametrize("content", ["", "# nobody any more", "gibberish"])
async def test_taking_out_the_last_line_locks_its_bearer_out(
    path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    file = TokensFile(path)
    write(path, content)
    assert await bearers(file, ASHA) == [None]
    assert NOBODY in caplog.messages


async def test_the_last_tokens_are_still_accepted_when_the_file_can_t_be_read(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = TokensFile(path)
    remove(path)
    assert await bearers(file, ASHA, ASHA) == ["token:asha"] * 2
    assert caplog.messages == ["file_unreadable: JUSPAY_MCP_TOKENS_FILE, what it held last is still used"]


class Days:
    """A clock that goes when it is told to, from the morning of 31 January 2027."""

    def __init__(self) -> None:
        self.now = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go(self, **by: int) -> None:
        self.now += timedelta(**by)


async def test_a_token_with_a_date_works_through_that_day_in_utc(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    days = Days()
    write(path, f"{line('asha', ASHA)}:2027-01-31", line("ravi", RAVI))
    file = TokensFile(path, clock=days)
    last_minute = await bearers(file, ASHA, RAVI)
    days.go(hours=14, minutes=30)
    caplog.clear()
    after_midnight = await bearers(file, ASHA, RAVI)
    assert (last_minute, after_midnight) == (["token:asha", "token:ravi"], [None, "token:ravi"])
    assert "token_refused: expired" in caplog.messages


async def test_an_expired_token_is_rejected_here_unless_another_line_accepts_it(path: Path) -> None:
    write(path, f"{line('asha', ASHA)}:2026-01-31", f"{line('ravi', RAVI)}:2026-01-31", line("ravi", RAVI))
    assert await bearers(TokensFile(path, Other(), Days()), ASHA, RAVI) == [None, "token:ravi"]


async def test_the_log_warns_once_a_day_of_tokens_that_expire_within_two_weeks(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    days = Days()
    write(
        path,
        f"{line('asha', ASHA)}:2027-02-15",
        f"{line('ravi', RAVI)}:2027-02-14",
        f"{line('past', 'x')}:0001-01-01",
        f"{line('far', 'y')}:9999-12-31",
        line("good", "z"),
    )
    file = TokensFile(path, clock=days)
    await bearers(file, ASHA, ASHA)
    today = list(caplog.messages)
    days.go(days=1)
    await bearers(file, ASHA, ASHA)
    write(path, f"{line('asha', ASHA)}:2027-02-15")
    await bearers(file, ASHA)
    soon = "tokens_file: expired or about to expire: line"
    assert today == [f"{soon} 2 (2027-02-14), 3 (0001-01-01)"]
    assert caplog.messages[1:] == [f"{soon} 1 (2027-02-15), 2 (2027-02-14), 3 (0001-01-01)", f"{soon} 1 (2027-02-15)"]


def test_a_new_tokens_line_may_end_with_its_last_day() -> None:
    token, its_line = new_token("ravi", date(2027, 1, 31))
    assert its_line == f"{line('ravi', token)}:2027-01-31"


async def test_a_new_token_lets_its_bearer_in(path: Path) -> None:
    token, its_line = new_token("ravi")
    write(path, its_line)
    assert await TokensFile(path).verify_token(token) == grant("ravi")
    assert (token[:4], len(token)) == ("jwm_", 47)
    assert new_token("ravi") != (token, its_line)


def test_a_new_tokens_line_holds_the_hash_of_all_of_it() -> None:
    assert new_token("ravi", draw=lambda size: "r" * size) == ("jwm_" + "r" * 32, line("ravi", "jwm_" + "r" * 32))


@pytest.mark.parametrize("name", ["", "a b", "a:b", "#a", "a" * 65, "é", "a\n"])
def test_no_token_is_made_for_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"^not a name$"):
        new_token(name)


async def test_no_token_and_no_line_is_in_a_text(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    write(path, line("asha", ASHA), f"ravi:{RAVI}")
    file = TokensFile(path)
    texts = f"{file!r} {await file.verify_token(ASHA)!r} {await file.verify_token(RAVI)!r} {caplog.text}"
    secrets = (ASHA, RAVI, "ravi", line("asha", ASHA)[5:], str(path))
    assert [secret for secret in secrets if secret in texts] == []
