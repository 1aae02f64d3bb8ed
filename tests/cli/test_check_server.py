"""The command `check` on what is set beyond Juspay's account, tried with real files, servers and processes."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from juspay_mcp import VERSION
from juspay_mcp.cli.check import run_checks
from juspay_mcp.cli.check_report import Check, Report, render
from juspay_mcp.errors import ConfigurationError
from juspay_mcp.http.auth.tokens import new_token
from juspay_mcp.http.serve import Address, check_start
from juspay_mcp.settings.load import load_settings
from tests.support.authorization_server import AUDIENCE, Issuer, make_key
from tests.support.programs import Redis, free_port

SIMULATED = {"JUSPAY_ENV": "simulator"}
AUDIT_KEY = {"JUSPAY_MCP_AUDIT_KEY": "k" * 32}


def check(**variables: str) -> Report:
    return anyio.run(run_checks, SIMULATED | variables)


def passed(report: Report, name: str) -> str:
    """What the check of that name found; nothing failed."""
    assert (report.failed, report.exit_status) == ((), 0)
    [found] = [each for each in report.checks if each.name == name]
    return found.finding


def only_failure(report: Report) -> Check:
    """The one check that failed; it says what to do, and the start wasn't tried."""
    [failed] = report.failed
    assert failed.advice
    assert (report.checks[-1].name, report.checks[-1].outcome) == ("start", "skipped")
    return failed


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    """A file with the tokens of two callers."""
    path = tmp_path / "tokens"
    path.write_text("# who\n" + "".join(f"{new_token(name)[1]}\n" for name in ("priya", "bot")))
    return path


def test_without_any_variable_it_says_three_steps_instead_of_failures() -> None:
    report = anyio.run(run_checks, {"PATH": "/bin", "JUSPAY_ENV": " "})
    lines = render(report)
    assert lines[0] == f"juspay-wallets-mcp {VERSION}: not set up yet; three steps"
    assert [line[:3] for line in lines if line[:1].isdigit()] == ["1. ", "2. ", "3. "]
    assert "FAILED" not in "\n".join(lines)
    assert (report.exit_status, json.loads(report.to_json())["ok"]) == (78, False)


def test_a_tokens_file_is_read_and_its_tokens_counted(tokens_file: Path) -> None:
    assert passed(check(JUSPAY_MCP_TOKENS_FILE=str(tokens_file)), "tokens file") == "It has 2 tokens."
    tokens_file.write_text(new_token("priya")[1])
    assert passed(check(JUSPAY_MCP_TOKENS_FILE=str(tokens_file)), "tokens file") == "It has 1 token."


def test_tokens_that_have_expired_are_warned_about(tokens_file: Path) -> None:
    name, digest = new_token("old")[1].split(":")[:2]
    tokens_file.write_text(f"{tokens_file.read_text()}{name}:{digest}:2024-02-29\n")
    assert passed(check(JUSPAY_MCP_TOKENS_FILE=str(tokens_file)), "tokens file") == (
        "It has 3 tokens, of which 1 expired."
    )


@pytest.mark.parametrize("content", [None, b"", b"# nobody\n", b"priya:1234\n", b"\xfe"])
def test_a_tokens_file_that_is_missing_or_has_no_token_fails(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "hush"
    if content is not None:
        path.write_bytes(content)
    failed = only_failure(check(JUSPAY_MCP_TOKENS_FILE=str(path)))
    assert (failed.name, failed.exit_status) == ("tokens file", 78)
    assert failed.finding.startswith("JUSPAY_MCP_TOKENS_FILE must be ")
    assert "juspay-wallets-mcp token NAME" in (failed.advice or "")
    assert "hush" not in repr(failed)


def test_a_tokens_file_in_utf_16_is_reported_and_a_byte_order_mark_is_skipped(tokens_file: Path) -> None:
    text = tokens_file.read_text().removeprefix("# who\n")
    tokens_file.write_text(text, encoding="utf-16")
    failed = only_failure(check(JUSPAY_MCP_TOKENS_FILE=str(tokens_file)))
    assert failed.finding == "The file of JUSPAY_MCP_TOKENS_FILE is saved as UTF-16; save it as UTF-8."
    tokens_file.write_text(text, encoding="utf-8-sig")
    assert passed(check(JUSPAY_MCP_TOKENS_FILE=str(tokens_file)), "tokens file") == "It has 2 tokens."


def test_a_malformed_line_of_a_tokens_file_is_named_by_its_number(tokens_file: Path) -> None:
    tokens_file.write_text(f"hush\n{tokens_file.read_text()}priya;1234\n")
    failed = only_failure(check(JUSPAY_MCP_TOKENS_FILE=str(tokens_file)))
    assert (failed.finding, failed.exit_status) == ("Malformed, so ignored: line 1, 5.", 78)


def test_an_audit_log_and_its_key_that_can_be_used_pass(tmp_path: Path) -> None:
    report = check(**AUDIT_KEY, JUSPAY_MCP_AUDIT_LOG=str(tmp_path / "audit.jsonl"))
    assert passed(report, "audit log") == "A line can be written."
    assert passed(report, "audit key") == "It can be read, and is long enough."


def test_an_audit_log_that_cant_be_opened_fails(tmp_path: Path) -> None:
    failed = only_failure(check(**AUDIT_KEY, JUSPAY_MCP_AUDIT_LOG=str(tmp_path / "gone" / "audit.jsonl")))
    assert (failed.name, failed.exit_status) == ("audit log", 78)
    assert failed.finding.startswith("JUSPAY_MCP_AUDIT_LOG must be the path of a file that can be written")


@pytest.mark.skipif(sys.platform != "linux", reason="there is no file here that can be opened and has no space")
def test_an_audit_log_on_a_full_disk_fails() -> None:
    failed = only_failure(check(**AUDIT_KEY, JUSPAY_MCP_AUDIT_LOG="/proc/self/comm"))
    assert (failed.name, failed.exit_status) == ("audit log", 78)


@pytest.mark.parametrize("content", [None, "short"])
def test_an_audit_key_that_cant_be_used_fails_and_the_log_is_not_checked(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "hush"
    if content is not None:
        path.write_text(content)
    report = check(JUSPAY_MCP_AUDIT_KEY_FILE=str(path), JUSPAY_MCP_AUDIT_LOG=str(tmp_path / "audit.jsonl"))
    failed = only_failure(report)
    assert (failed.name, failed.exit_status) == ("audit key", 78)
    assert failed.finding.startswith("JUSPAY_MCP_AUDIT_KEY_FILE must be ")
    assert [each.outcome for each in report.checks if each.name == "audit log"] == ["skipped"]


def issued_by(url: str, **variables: str) -> Report:
    return check(JUSPAY_MCP_OAUTH_ISSUER=url, JUSPAY_MCP_PUBLIC_URL=AUDIENCE, **variables)


def test_an_issuer_whose_keys_can_be_fetched_passes() -> None:
    with Issuer() as issuer:
        report = issued_by(issuer.url)
        assert passed(report, "issuer") == "It publishes 1 key that can be used."
        issuer.keys.append(make_key("key-2", "ES256"))
        assert passed(issued_by(issuer.url), "issuer") == "It publishes 2 keys that can be used."
    assert passed(report, "host names") == "1 name is answered over HTTP, in addition to loopback's."
    assert passed(report, "start") == "The server starts, over stdio and with serve --http on any address."


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda issuer: issuer.stop(), "unreachable"),
        (lambda issuer: issuer.changes.update(issuer="https://other.example"), "names_another_issuer"),
        (lambda issuer: issuer.keys.clear(), "none for RS256, ES256 or EdDSA"),
    ],
    ids=["refused", "of another name", "without keys"],
)
def test_an_issuer_without_usable_keys_fails_with_the_reason(change: Callable[[Issuer], None], reason: str) -> None:
    with Issuer() as issuer:
        change(issuer)
        failed = only_failure(issued_by(issuer.url))
    assert (failed.name, failed.exit_status) == ("issuer", 69)
    assert reason in failed.finding


def test_an_issuer_that_cant_be_resolved_fails() -> None:
    failed = only_failure(issued_by("https://issuer.invalid"))
    assert (failed.name, failed.exit_status) == ("issuer", 69)
    assert "no_such_host" in failed.finding
    assert "issuer.invalid" not in repr(failed)


def counted_in(url: str) -> Report:
    return check(JUSPAY_MCP_RATE_LIMIT_STORAGE=url)


def test_a_redis_that_counts_passes(redis: Redis) -> None:
    assert passed(counted_in(redis.url), "redis") == "Calls are counted in it."


def test_a_redis_that_no_limit_uses_is_not_asked() -> None:
    report = check(JUSPAY_MCP_RATE_LIMIT="off", JUSPAY_MCP_RATE_LIMIT_STORAGE="redis://redis.invalid")
    assert "redis" not in [each.name for each in report.checks]
    assert report.exit_status == 0


@pytest.mark.parametrize(
    ("host", "reason"),
    [("redis.invalid", "its host name could not be resolved (DNS)"), ("127.0.0.1", "it refused the connection")],
)
def test_a_redis_that_cant_be_reached_fails_with_the_reason(host: str, reason: str) -> None:
    failed = only_failure(counted_in(f"redis://{host}:{free_port()}/0"))
    assert (failed.name, failed.exit_status) == ("redis", 69)
    assert failed.finding == f"The calls can't be counted in it: {reason}."


def test_a_redis_that_rejects_the_password_or_the_command_or_is_silent_fails_with_the_reason(redis: Redis) -> None:
    redis.ask("CONFIG SET requirepass s3cret")
    reasons = [only_failure(counted_in(redis.url)).finding]
    redis.ask("AUTH s3cret\r\nACL SETUSER limited on >hush ~* +ping +hello +client")
    reasons.append(only_failure(counted_in(f"redis://limited:hush@127.0.0.1:{redis.port}/0")).finding)
    redis.ask("AUTH s3cret\r\nREPLICAOF 127.0.0.1 1")
    reasons.append(only_failure(counted_in(f"redis://:s3cret@127.0.0.1:{redis.port}/0")).finding)
    redis.pause()
    reasons.append(only_failure(counted_in(redis.url)).finding)
    redis.resume()
    assert reasons == [
        "The calls can't be counted in it: it rejected the user or the password.",
        "The calls can't be counted in it: its user may not run the commands needed.",
        "The calls can't be counted in it: the connection broke, or what answers rejected the command.",
        "The calls can't be counted in it: it did not answer within 0.25 s.",
    ]
    assert "hush" not in repr(reasons)


def test_variables_for_traces_are_tried_out() -> None:
    report = check(OTEL_TRACES_EXPORTER="console")
    assert passed(report, "traces") == "Traces can be exported as the OTEL_ variables say."
    assert passed(check(OTEL_SERVICE_NAME="a"), "traces") == "The OTEL_ variables don't ask for traces."
    assert passed(check(OTEL_SERVICE_NAME="a"), "metrics") == "The OTEL_ variables don't ask for metrics."


def test_traces_that_cant_be_exported_are_warned_about() -> None:
    report = check(OTEL_TRACES_EXPORTER="nope")
    assert passed(report, "traces") == (
        "The server starts, but traces can't be exported: an exporter isn't installed; the extra otel brings otlp "
        "over http/protobuf, and console."
    )
    assert render(report)[-1].endswith("; see the warning about: traces.")


def test_a_team_without_host_names_is_warned_that_only_loopback_is_served(tokens_file: Path) -> None:
    report = check(JUSPAY_MCP_TOKENS_FILE=str(tokens_file))
    assert passed(report, "start") == "The server starts, but with serve --http on loopback only."
    assert "JUSPAY_MCP_ALLOWED_HOSTS" in (report.checks[-1].advice or "")
    verdict = "This set-up works, with the simulator and not with Juspay; see the warning about: start."
    assert render(report)[-1] == verdict
    report = check(JUSPAY_MCP_TOKENS_FILE=str(tokens_file), JUSPAY_MCP_ALLOWED_HOSTS="a.example,b.example")
    assert passed(report, "host names") == "2 names are answered over HTTP, in addition to loopback's."
    assert passed(report, "start") == "The server starts, over stdio and with serve --http on any address."


WRONG = {
    "a tokens file that is missing": {"JUSPAY_MCP_TOKENS_FILE": "/nowhere/tokens"},
    "an audit log in a missing folder": {**AUDIT_KEY, "JUSPAY_MCP_AUDIT_LOG": "/nowhere/audit.jsonl"},
    "an audit key that is missing": {"JUSPAY_MCP_AUDIT_KEY_FILE": "/nowhere/key", "JUSPAY_MCP_AUDIT_LOG": "stderr"},
    "authorities that are missing": {"SSL_CERT_FILE": "/nowhere/ca.pem", "JUSPAY_ENV": "sandbox"},
    "a Redis at an impossible address": {"JUSPAY_MCP_RATE_LIMIT_STORAGE": "redis://127.0.0.1:port"},
    "a key's file that is missing": {"JUSPAY_API_KEY_FILE": "/nowhere/key", "JUSPAY_ENV": "sandbox"},
    "an audit log without a key": {"JUSPAY_MCP_AUDIT_LOG": "stderr"},
    "an issuer without an audience": {"JUSPAY_MCP_OAUTH_ISSUER": "https://issuer.example"},
}


@pytest.mark.parametrize("variables", WRONG.values(), ids=WRONG)
def test_check_is_not_green_if_the_server_does_not_start(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = SIMULATED | variables
    for name in environ.keys() & {"SSL_CERT_FILE"}:
        monkeypatch.setenv(name, environ[name])  # which OpenSSL reads by itself
    with pytest.raises(ConfigurationError):
        check_start(load_settings(environ), Address("127.0.0.1", 0, 1, allow_unauthenticated=False))
    assert anyio.run(run_checks, environ).exit_status != 0
