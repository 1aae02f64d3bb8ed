"""Every call leaves one line, and no call answers without one."""

import asyncio
import errno
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import anyio
import httpx2
import pytest
from mcp.types import CallToolResult, TextContent
from opentelemetry.trace import NonRecordingSpan, SpanContext, use_span
from pydantic import SecretStr
from typing_extensions import override

from juspay_mcp.answer.snapshot import Snapshot
from juspay_mcp.audit.log import REFUSALS_A_MINUTE, AuditLog, customer_hash, open_audit
from juspay_mcp.audit.writer import LineWriter
from juspay_mcp.errors import AuditUnwritable, ConfigurationError, RateLimited, UpstreamTimeout
from juspay_mcp.juspay.retries import Retries
from juspay_mcp.server.tool import NAME, call_tool
from juspay_mcp.service.wallet_service import WalletService, open_service, report_nothing
from juspay_mcp.settings.variables import broken_rule
from juspay_mcp.values.caller import CLI, STDIO, Caller
from tests.support.builders import CUSTOMER, make_settings, make_snapshot
from tests.support.common import NOW, no_wait
from tests.support.processes import CALL, MODERN, Pipes
from tests.support.serving import until
from tests.support.simulator import Behaviour, Simulator

KEY = "0123456789abcdef0123456789abcdef"
ID = {"x-request-id": "aaaa0001aaaa0001"}
WALLETS = {"list": [{"wallet": "PAYTM", "linked": True, "current_balance": "90"}, {"wallet": "MOBIKWIK"}]}
ARGUMENTS = {"customer_id": CUSTOMER}
JANE = Caller("token:jane", "http")
Opened = Callable[..., AbstractAsyncContextManager[WalletService]]
Juspay = (
    Callable[[httpx2.Request], httpx2.Response] | Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]
)


def reply(status: int, body: bytes) -> httpx2.Response:
    """A reply as it comes over a connection: not read yet."""

    async def content() -> AsyncIterator[bytes]:
        yield body

    return httpx2.Response(status, headers=ID, content=content())


def ok(_: httpx2.Request) -> httpx2.Response:
    return reply(200, json.dumps(WALLETS).encode())


def status(code: int, body: bytes = b"") -> Callable[[httpx2.Request], httpx2.Response]:
    return lambda _: reply(code, body)


def stored_only(request: httpx2.Request) -> httpx2.Response:
    """Juspay on a day on which no provider answers."""
    return status(503)(request) if request.url.path.endswith("refresh-balances") else ok(request)


def bug(_: httpx2.Request) -> httpx2.Response:
    raise ZeroDivisionError(CUSTOMER)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def opened(path: Path) -> Opened:
    """A service that keeps an audit log, and whose every reading of the clock lasts a quarter of a second."""

    @asynccontextmanager
    async def opened(answer: Juspay = ok, **variables: str) -> AsyncIterator[WalletService]:
        ticks = count()
        audited = {"JUSPAY_MCP_AUDIT_LOG": str(path), "JUSPAY_MCP_AUDIT_KEY": KEY}
        settings = make_settings(**audited | variables)
        async with open_service(
            settings,
            clock=lambda: NOW,
            monotonic=lambda: next(ticks) * 0.25,
            transport=httpx2.MockTransport(answer),
            retries=Retries(sleep=no_wait, draw=lambda: 0.5),
        ) as service:
            yield service

    return opened


async def ask(service: WalletService, arguments: Any = ARGUMENTS, caller: Caller = STDIO) -> CallToolResult:
    return await call_tool(arguments, service, caller, report_nothing)


def content(path: Path) -> bytes:
    return path.read_bytes()


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def line(**fields: Any) -> dict[str, Any]:
    """A line about CUSTOMER, whom somebody asked about over stdio, with a reply of Juspay's."""
    usual = {
        "time": "2026-11-23T09:30:00.000Z",
        "caller": "stdio",
        "transport": "stdio",
        "tool": "refresh_customer_wallets",
        "customer": customer_hash(CUSTOMER, SecretStr(KEY)),
        "milliseconds": 250,
        "upstream_requests": 1,
        "request_id": "aaaa0001aaaa0001",
    }
    return {name: value for name, value in {**usual, **fields}.items() if value is not None}


NOTHING_SENT: dict[str, Any] = {"upstream_requests": 0, "request_id": None}
NO_CUSTOMER: dict[str, Any] = {"customer": None, **NOTHING_SENT}
ENDS: dict[str, tuple[Juspay, dict[str, str], Any, dict[str, Any]]] = {
    "refreshed": (ok, {}, ARGUMENTS, {"outcome": "ok", "source": "refresh", "wallet_count": 2}),
    "stored": (
        stored_only, {}, ARGUMENTS,
        {"outcome": "ok", "source": "last_known", "wallet_count": 2, "upstream_requests": 4},
    ),
    "no customer": (
        status(400, b'{"error_code": "null_error"}'), {}, ARGUMENTS,
        {"outcome": "customer_not_found"},
    ),
    "wrong key": (status(401), {}, ARGUMENTS, {"outcome": "authentication_failed"}),
    "denied": (status(403), {}, ARGUMENTS, {"outcome": "access_denied"}),
    "rejected": (status(422), {}, ARGUMENTS, {"outcome": "request_rejected"}),
    "limited by Juspay": (status(429), {}, ARGUMENTS, {"outcome": "rate_limited", "upstream_requests": 2}),
    "down": (status(503), {}, ARGUMENTS, {"outcome": "upstream_unavailable", "upstream_requests": 4}),
    "no JSON": (status(200, b"<html>"), {}, ARGUMENTS, {"outcome": "upstream_invalid", "upstream_requests": 2}),
    "a bug on the way": (
        bug, {}, ARGUMENTS, {"outcome": "internal_error", "upstream_requests": None, "request_id": None},
    ),
    "not set up": (ok, {"JUSPAY_API_KEY": ""}, ARGUMENTS, {"outcome": "not_configured", **NOTHING_SENT}),
    "a wrong id": (ok, {}, {"customer_id": "98123 45678"}, {"outcome": "invalid_customer_id", **NO_CUSTOMER}),
    "no arguments": (ok, {}, None, {"outcome": "invalid_customer_id", **NO_CUSTOMER}),
    "unknown arguments": (
        ok, {}, {**ARGUMENTS, "more": "9812345678"}, {"outcome": "invalid_customer_id", **NO_CUSTOMER},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
async def test_a_call_leaves_one_line_whatever_its_end(name: str, opened: Opened, path: Path) -> None:
    answer, variables, arguments, fields = ENDS[name]
    async with opened(answer, **variables) as service:
        await ask(service, arguments)
    assert written(path) == [line(**fields)]


async def test_a_line_is_compact_ascii_in_a_fixed_order_and_the_hash_anybody_s_hmac(
    opened: Opened, path: Path
) -> None:
    hashed = hmac.new(KEY.encode(), CUSTOMER.encode(), hashlib.sha256).hexdigest()
    async with opened() as service:
        await ask(service, caller=Caller("oauth:Jürgen\n", "http"))
    assert content(path) == (
        '{"time":"2026-11-23T09:30:00.000Z","caller":"oauth:J\\u00fcrgen\\n","transport":"http",'
        f'"tool":"refresh_customer_wallets","customer":"{hashed}","outcome":"ok","source":"refresh",'
        '"wallet_count":2,"milliseconds":250,"upstream_requests":1,"request_id":"aaaa0001aaaa0001"}\n'
    ).encode("ascii")


async def test_the_slow_day_is_a_timeout(opened: Opened, path: Path) -> None:
    async def never(_: httpx2.Request) -> httpx2.Response:
        await anyio.sleep_forever()
        raise AssertionError

    async with opened(never, JUSPAY_TIMEOUT_SECONDS="1") as service:
        await ask(service)
    assert written(path) == [line(outcome="upstream_timeout", upstream_requests=2, request_id=None)]


async def test_a_call_over_this_server_s_limit_leaves_a_line_too(opened: Opened, path: Path) -> None:
    async with opened(JUSPAY_MCP_RATE_LIMIT="1/hour") as service:
        await ask(service, caller=JANE)
        await ask(service, caller=JANE)
    jane = {"caller": "token:jane", "transport": "http"}
    assert written(path) == [
        line(outcome="ok", source="refresh", wallet_count=2, **jane),
        line(outcome="rate_limited", **NOTHING_SENT, **jane),
    ]


async def test_a_call_that_ends_in_a_bug_outside_the_lookup_leaves_a_line_too(opened: Opened, path: Path) -> None:
    async def broken(_number: int, _stage: str) -> None:
        raise ZeroDivisionError(CUSTOMER)

    async def slow(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(0.001)
        return ok(request)

    async with opened(slow) as service:
        result = await call_tool(ARGUMENTS, service, STDIO, broken)
    assert result.is_error
    assert written(path) == [line(outcome="internal_error", upstream_requests=None, request_id=None)]


async def test_callers_that_share_a_lookup_have_a_line_each_with_its_numbers(opened: Opened, path: Path) -> None:
    async with opened(stored_only) as service, anyio.create_task_group() as tasks:
        for caller in (STDIO, JANE):
            tasks.start_soon(ask, service, ARGUMENTS, caller)
    lines = written(path)
    shared = {"outcome": "ok", "source": "last_known", "wallet_count": 2, "upstream_requests": 4, "milliseconds": 500}
    assert lines == [line(**shared), line(**shared, caller="token:jane", transport="http")]


async def test_a_cancelled_call_leaves_a_line_and_stays_cancelled(opened: Opened, path: Path) -> None:
    asked = anyio.Event()

    async def never(_: httpx2.Request) -> httpx2.Response:
        asked.set()
        await anyio.sleep_forever()
        raise AssertionError

    answers = []
    async with opened(never) as service, anyio.create_task_group() as tasks:

        async def call() -> None:
            answers.append(await ask(service))

        tasks.start_soon(call)
        await asked.wait()
        tasks.cancel_scope.cancel()
    assert answers == []
    assert written(path) == [line(outcome="cancelled", upstream_requests=None, request_id=None)]


async def test_the_trace_a_call_is_part_of_is_named(opened: Opened, path: Path) -> None:
    context = SpanContext(trace_id=0xABC, span_id=1, is_remote=True)
    async with opened() as service:
        with use_span(NonRecordingSpan(context)):
            await ask(service)
    expected = line(outcome="ok", source="refresh", wallet_count=2, trace_id="00000000000000000000000000000abc")
    assert written(path) == [expected]


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_file(path: Path) -> None:
    path.rmdir()


async def test_a_call_whose_audit_line_can_t_be_written_gets_no_answer(
    opened: Opened, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened() as service:
        become_folder(path)
        results = [await ask(service), await ask(service, {"customer_id": "?"})]
        become_file(path)
        results.append(await ask(service))
    for result in results[:2]:
        assert result.is_error
        assert result.structured_content is None
        assert result.content == [TextContent(text=str(AuditUnwritable()))]
    said = [record.getMessage() for record in caplog.records if record.name == "juspay_mcp.audit.log"]
    reason = "EACCES" if sys.platform == "win32" else "EISDIR"
    assert said == [f"audit_unwritable ({reason}): call refused; check JUSPAY_MCP_AUDIT_LOG"] * 2
    assert not results[2].is_error
    assert len(written(path)) == 1


class Lines:
    """Keeps the lines, or fails as a full disk does."""

    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []
        self.full = False

    def append(self, line: bytes, _deadline: float) -> None:
        self.check(0)
        self.written.append(json.loads(line))

    def check(self, _deadline: float) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "")


async def never() -> NoReturn:
    await anyio.sleep_forever()
    raise AssertionError


async def test_a_cancelled_call_stays_cancelled_even_if_it_cannot_be_accounted_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines = Lines()
    lines.full = True
    log = AuditLog(LineWriter(lines), lambda: SecretStr(KEY))
    with anyio.move_on_after(0) as scope:
        await log.record(STDIO, NAME, CUSTOMER, never)
    assert scope.cancelled_caught
    assert len(caplog.records) == 1


async def test_a_task_that_the_end_of_the_process_cancels_has_its_line() -> None:
    lines = Lines()
    writer = LineWriter(lines)
    log = AuditLog(writer, lambda: SecretStr(KEY))
    task: asyncio.Task[None] = asyncio.create_task(log.record(STDIO, NAME, CUSTOMER, never))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # while it waits for its line, too
    with pytest.raises(asyncio.CancelledError):
        await task
    writer.close()
    assert [line["outcome"] for line in lines.written] == ["cancelled"]


class Gathering(LineWriter):
    """Remembers for how many lines each was to wait."""

    def __init__(self) -> None:
        super().__init__(Lines())
        self.expected: list[int] = []

    @override
    async def append(self, line: bytes, expected: int = 1) -> None:
        self.expected.append(expected)
        await super().append(line, expected)


async def test_only_the_line_of_a_call_that_others_overlap_waits_for_more() -> None:
    writer, goes_on = Gathering(), asyncio.Event()
    log = AuditLog(writer, lambda: SecretStr(KEY))

    async def fails() -> NoReturn:
        raise UpstreamTimeout(1)

    async def fails_later() -> NoReturn:
        await goes_on.wait()
        raise UpstreamTimeout(1)

    async def record(look_up: Callable[[], Coroutine[Any, Any, NoReturn]]) -> None:
        with pytest.raises(UpstreamTimeout):
            await log.record(STDIO, NAME, CUSTOMER, look_up)

    await record(fails)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(record, fails_later)
        await anyio.wait_all_tasks_blocked()
        await record(fails)
        goes_on.set()
    writer.close()
    assert writer.expected == [1, 2, 1]


async def test_without_a_key_for_the_hash_a_call_gets_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    log = AuditLog(LineWriter(Lines()), lambda: None)

    async def look_up() -> tuple[Snapshot, str]:
        return make_snapshot(), "an answer"

    with pytest.raises(AuditUnwritable):
        await log.record(STDIO, NAME, CUSTOMER, look_up)
    assert caplog.messages == ["audit_unwritable (EACCES): call refused; check JUSPAY_MCP_AUDIT_LOG"]


async def test_a_service_is_ready_while_its_log_can_be_written(opened: Opened, path: Path) -> None:
    async with opened() as service:
        assert await service.ready()
        become_folder(path)
        assert not await service.ready()


JOE = Caller("token:joe", "http")


async def test_a_flood_of_refusals_is_a_few_lines_and_a_count(opened: Opened, path: Path) -> None:
    async with opened(JUSPAY_MCP_RATE_LIMIT="2/hour") as service:
        for _ in range(1_000):
            await ask(service, {"customer_id": "a?b"}, JANE)
            await ask(service, caller=JANE)
        await ask(service, caller=JOE)
    outcomes = [(entry["caller"], entry["outcome"], entry.get("count")) for entry in written(path)]
    assert outcomes == [
        ("token:jane", "invalid_customer_id", None),
        ("token:jane", "ok", None),
        *[("token:jane", "rate_limited", None)] * REFUSALS_A_MINUTE,
        ("token:joe", "ok", None),
        ("token:jane", "rate_limited", 1_998 - REFUSALS_A_MINUTE),
    ]
    assert written(path)[-1] == line(
        caller="token:jane", transport="http", outcome="rate_limited", count=1_993, customer=None, milliseconds=None,
        upstream_requests=None, request_id=None,
    )  # fmt: skip


REFUSED: dict[str, tuple[dict[str, str], Any]] = {
    "invalid_customer_id": ({}, {"customer_id": "a?b"}),
    "not_configured": ({"JUSPAY_API_KEY": ""}, ARGUMENTS),
}


@pytest.mark.parametrize("outcome", REFUSED)
async def test_without_a_limit_refusals_are_summed_up_all_the_same(outcome: str, opened: Opened, path: Path) -> None:
    variables, arguments = REFUSED[outcome]
    async with opened(JUSPAY_MCP_RATE_LIMIT="off", **variables) as service:
        for _ in range(REFUSALS_A_MINUTE + 7):
            await ask(service, arguments)
    counts = [entry.get("count") for entry in written(path) if entry["outcome"] == outcome]
    assert counts == [None] * REFUSALS_A_MINUTE + [7]


async def refuse(log: AuditLog, calls: int, caller: Caller = STDIO) -> None:
    async def over_the_limit() -> NoReturn:
        raise RateLimited(1)

    for _ in range(calls):
        with pytest.raises((RateLimited, AuditUnwritable)):
            await log.record(caller, NAME, CUSTOMER, over_the_limit)


async def test_each_minute_s_count_is_written_soon_after_its_end() -> None:
    lines = Lines()
    times = [NOW + timedelta(seconds=15), NOW + timedelta(seconds=60)]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            await anyio.sleep_forever()
        await refuse(log, REFUSALS_A_MINUTE + 3)
        times.pop(0)

    log = AuditLog(LineWriter(lines), lambda: SecretStr(KEY), clock=lambda: times[0], sleep=sleep)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(log.sum_up_every_minute)
        await until(lambda: len(slept) == 2)
        tasks.cancel_scope.cancel()
    assert slept == [45, 60]
    assert [entry.get("count") for entry in lines.written] == [None] * REFUSALS_A_MINUTE + [3]
    assert lines.written[-1]["time"] == "2026-11-23T09:30:00.000Z"
    await refuse(log, REFUSALS_A_MINUTE)
    await log.sum_up(NOW + timedelta(minutes=1))
    assert len(lines.written) == 2 * REFUSALS_A_MINUTE + 1  # of the current minute nothing is written yet
    await log.sum_up()
    assert len(lines.written) == 2 * REFUSALS_A_MINUTE + 1  # each has its own line


async def test_counts_that_cannot_be_written_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    lines = Lines()
    log = AuditLog(LineWriter(lines), lambda: SecretStr(KEY), clock=lambda: NOW)
    await refuse(log, REFUSALS_A_MINUTE + 3)
    await refuse(log, REFUSALS_A_MINUTE + 1, JANE)
    lines.full = True
    await log.sum_up()
    assert len(caplog.messages) == 1  # one try, which may take a second, tells enough
    await refuse(log, 4)
    lines.full = False
    await log.sum_up()
    assert sorted(entry["count"] for entry in lines.written if "count" in entry) == [1, 7]


async def test_so_many_callers_that_they_are_not_counted_have_a_line_for_each_call() -> None:
    lines = Lines()
    log = AuditLog(LineWriter(lines), lambda: SecretStr(KEY), clock=lambda: NOW, max_counted=2)
    for name in ("one", "two", "three"):
        await refuse(log, REFUSALS_A_MINUTE + 3, Caller(name, "http"))
    await log.sum_up()
    lines_of = Counter(entry["caller"] for entry in lines.written)
    assert lines_of == {"one": REFUSALS_A_MINUTE + 1, "two": REFUSALS_A_MINUTE + 1, "three": REFUSALS_A_MINUTE + 3}


async def test_without_an_audit_log_nothing_is_timed() -> None:
    def nobody_asks() -> float:
        raise AssertionError

    async with open_service(
        make_settings(JUSPAY_MCP_AUDIT_KEY=KEY), monotonic=nobody_asks, transport=httpx2.MockTransport(ok)
    ) as service:
        assert await service.ready()
        result = await ask(service)
    assert not result.is_error


async def test_a_rotated_key_gives_other_hashes_from_the_next_call_on(
    opened: Opened, path: Path, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    async with opened(JUSPAY_MCP_AUDIT_KEY="", JUSPAY_MCP_AUDIT_KEY_FILE=str(file)) as service:
        await ask(service)
        file.write_text(KEY[::-1] + KEY)
        await ask(service)
    expected = [customer_hash(CUSTOMER, SecretStr(key)) for key in (KEY, KEY[::-1] + KEY)]
    assert [each["customer"] for each in written(path)] == expected


async def test_a_log_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    settings = make_settings(JUSPAY_MCP_AUDIT_LOG=str(tmp_path), JUSPAY_MCP_AUDIT_KEY=KEY)
    with pytest.raises(ConfigurationError) as caught:
        async with open_audit(settings):
            raise AssertionError
    assert str(caught.value) == str(broken_rule("JUSPAY_MCP_AUDIT_LOG"))


async def test_a_line_may_go_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    settings = make_settings(JUSPAY_MCP_AUDIT_LOG="stderr", JUSPAY_MCP_AUDIT_KEY=KEY)
    async with open_audit(settings, lambda: NOW, lambda: 0) as log:
        assert log is not None
        assert await log.ready()
        await refuse(log, 1, CLI)
    out, err = capfd.readouterr()
    fields = {"caller": "cli", "transport": "cli", "milliseconds": 0}
    assert (out, json.loads(err)) == ("", line(outcome="rate_limited", **fields, **NOTHING_SENT))


@pytest.fixture
def variables(environ: dict[str, str], path: Path) -> dict[str, str]:
    return {**environ, "JUSPAY_MCP_AUDIT_LOG": str(path), "JUSPAY_MCP_AUDIT_KEY": KEY}


def test_a_client_s_cancellation_leaves_a_line(variables: dict[str, str], path: Path, simulator: Simulator) -> None:
    simulator.behave_always(Behaviour(latency=1))
    pipes = Pipes(variables)
    pipes.send({"id": 1, "method": "tools/call", "params": {"_meta": MODERN, **CALL}})
    while not simulator.requests:
        time.sleep(0.01)
    pipes.send({"method": "notifications/cancelled", "params": {"requestId": 1}})
    while not path.read_text():
        time.sleep(0.01)
    assert pipes.close() == (b"", b"", 0)
    [entry] = written(path)
    assert {"outcome", "source", "wallet_count"} & entry.keys() == {"outcome"}
    assert entry["outcome"] == "cancelled"


def test_a_rotation_while_calls_go_on_costs_no_line(variables: dict[str, str], path: Path) -> None:
    pipes = Pipes({**variables, "JUSPAY_MCP_RATE_LIMIT": "off"})
    for number in range(60):
        assert "structuredContent" in pipes.call(CALL["arguments"])
        if number % 20 == 10:
            path.rename(path.with_suffix(f".{number}"))
    assert pipes.close() == (b"", b"", 0)
    files = sorted(path.parent.iterdir())
    assert sorted(len(written(file)) for file in files) == [9, 11, 20, 20]


@pytest.mark.skipif(sys.platform == "win32", reason="needs sh")
def test_a_closed_stderr_is_no_audit_log(environ: dict[str, str]) -> None:
    command = f"exec {sys.executable} -m juspay_mcp </dev/null 2>&-"
    audited = {"JUSPAY_MCP_AUDIT_LOG": "stderr", "JUSPAY_MCP_AUDIT_KEY": "k" * 32}
    done = subprocess.run(["sh", "-c", command], env=os.environ | environ | audited, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (78, b"")
