import asyncio
import logging
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from pydantic import SecretStr

from juspay_mcp.errors import EX_CONFIG, ConfigurationError, RateLimited
from juspay_mcp.server.tool import NAME
from juspay_mcp.service.redis_rate_limit import PATIENCE, PROBE_EVERY, SharedCallLimiter, open_shared_limiter
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.load import load_settings
from juspay_mcp.values.caller import Caller
from juspay_mcp.values.customer_id import parse_customer_id
from tests.support.common import Clock
from tests.support.processes import MEASURING
from tests.support.programs import Redis, free_port

A_FEW_WAITS = 10 * PATIENCE
"""On a busy machine; if each of 200 calls waited, it would be more."""
GONE = "rate_limit_storage_unavailable ({}): each process counts for itself"
BACK = "rate_limit_storage_back: the processes count together again"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def limiters(
    limit: str, url: str, clock: Callable[[], float] = time.monotonic, patience: float = 30
) -> AsyncIterator[tuple[SharedCallLimiter, SharedCallLimiter]]:
    """The limiters of two processes, with patience for a Redis on a busy machine."""
    address = SecretStr(url)
    async with (
        open_shared_limiter(limit, address, clock, patience) as one,
        open_shared_limiter(limit, address, clock, patience) as other,
    ):
        yield one, other


async def is_admitted(limiter: SharedCallLimiter, caller: str) -> bool:
    try:
        await limiter.admit(caller)
    except RateLimited:
        return False
    return True


async def admitted(limiter: SharedCallLimiter, *callers: str) -> list[bool]:
    """For each call in turn, whether it was let through."""
    return [await is_admitted(limiter, caller) for caller in callers]


async def test_processes_count_together(redis: Redis) -> None:
    async with limiters("3/hour", redis.url) as (one, other):
        assert await admitted(one, "jane", "jane") + await admitted(other, "jane", "jane") == [True] * 3 + [False]
        assert await admitted(one, "jane") == [False]


async def test_each_caller_has_a_limit_of_its_own(redis: Redis) -> None:
    async with limiters("1/hour", redis.url) as (one, other):
        assert await admitted(one, "jane", "joe") + await admitted(other, "jane", "joe") == [True] * 2 + [False] * 2


async def test_calls_that_come_at_once_are_all_counted(redis: Redis) -> None:
    async with limiters("60/hour", redis.url) as both:
        outcomes = await asyncio.gather(*(is_admitted(limiter, "jane") for _ in range(100) for limiter in both))
    assert sum(outcomes) == 60


@pytest.mark.parametrize(
    ("limit", "waits"),
    [("1/second", range(1, 2)), ("1/minute", range(50, 61)), ("1/hour", range(3590, 3601))],
)
async def test_a_refused_caller_is_told_how_long_to_wait(redis: Redis, limit: str, waits: range) -> None:
    async with limiters(limit, redis.url) as (one, other):
        await one.admit("jane")
        with pytest.raises(RateLimited) as caught:
            await other.admit("jane")
    assert caught.value.seconds in waits


async def test_a_caller_has_a_key_of_this_project_that_does_not_name_it(redis: Redis) -> None:
    names = ["jane@example.com", "two\r\nlines", "a" * 1000, "*", "ジェーン"]
    async with limiters("1/hour", redis.url) as (one, _):
        assert await admitted(one, *names) == [True] * len(names)
    keys = [line for line in redis.ask("KEYS *").splitlines() if line[0] not in "*$"]
    assert len(keys) == len(names)
    assert all(re.fullmatch(r"juspay-wallets-mcp:LIMITER/[0-9a-f]{64}/1/1/hour", key) for key in keys)


async def test_without_redis_each_process_counts_for_itself_and_says_so_once(
    redis: Redis, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with limiters("2/hour", redis.url, clock) as (one, other):
        await admitted(one, "jane", "jane")
        redis.kill()
        assert await admitted(one, *["jane"] * 3) == [True, True, False]
        assert await admitted(other, *["jane"] * 3) == [True, True, False]
    assert caplog.messages == [GONE.format("ConnectionError")] * 2
    assert redis.url not in caplog.text


async def test_a_redis_that_is_back_is_found_within_seconds(
    redis: Redis, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with limiters("2/hour", redis.url, clock) as (one, _):
        redis.kill()
        assert await admitted(one, "jane", "jane", "jane") == [True, True, False]
        clock.seconds += PROBE_EVERY
        assert await admitted(one, "jane") == [False]
        redis.start()
        assert await admitted(one, "jane") == [False]
        clock.seconds += PROBE_EVERY
        assert await admitted(one, "jane", "jane", "jane") == [True, True, False]
    assert caplog.messages == [GONE.format("ConnectionError"), BACK]


async def test_a_redis_that_restarts_between_two_calls_is_not_missed(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async with limiters("1/hour", redis.url) as (one, _):
        await one.admit("jane")
        redis.kill()
        redis.start()
        await one.admit("jane")
    assert caplog.messages == []


async def test_only_the_calls_that_ask_a_hanging_redis_wait_and_not_for_long(
    redis: Redis, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with limiters("1000/hour", redis.url, clock, PATIENCE) as (one, _):
        await one.admit("jane")
        redis.pause()
        assert PATIENCE <= await seconds_for(one, 200) < A_FEW_WAITS
        assert await seconds_for(one, 200) < A_FEW_WAITS
        clock.seconds += PROBE_EVERY
        assert PATIENCE <= await seconds_for(one, 200) < A_FEW_WAITS
        redis.resume()
        clock.seconds += PROBE_EVERY
        await one.admit("jane")
    assert caplog.messages == [GONE.format("TimeoutError"), BACK]


async def test_a_redis_that_is_slow_keeps_no_call_waiting_for_those_before_it() -> None:
    """It answers each in time; but if all waited for their turn, the last would wait for ten seconds."""
    async with (
        answering(lambda: b":1\r\n", seconds=0.1) as url,
        open_shared_limiter("1000/hour", SecretStr(url), patience=0.5) as limiter,
    ):
        assert await seconds_for(limiter, 400) < 6


async def seconds_for(limiter: SharedCallLimiter, calls: int) -> float:
    """How long so many calls at once take."""
    started = time.perf_counter()
    await asyncio.gather(*(limiter.admit("jane") for _ in range(calls)))
    return time.perf_counter() - started


async def test_while_a_call_asks_a_redis_that_hangs_the_others_go_on(redis: Redis, clock: Clock) -> None:
    async with limiters("1000/hour", redis.url, clock, PATIENCE) as (one, _):
        redis.pause()
        await one.admit("jane")
        clock.seconds += PROBE_EVERY
        probe = asyncio.create_task(one.admit("jane"))
        await asyncio.sleep(0)
        await asyncio.gather(*(one.admit("jane") for _ in range(100)))
        assert not probe.done()
        await probe


async def test_a_wrong_password_is_a_redis_that_cannot_be_asked(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.ask("CONFIG SET requirepass right")
    async with limiters("1/hour", redis.url.replace("redis://", "redis://:wrong@")) as (one, _):
        assert await admitted(one, "jane", "jane") == [True, False]
    assert caplog.messages == [GONE.format("AuthenticationError")]
    async with limiters("1/hour", redis.url.replace("redis://", "redis://:right@")) as (one, other):
        assert await admitted(one, "jane") + await admitted(other, "jane") == [True, False]


@asynccontextmanager
async def answering(
    answer: Callable[[], bytes | None], *, greets: bool = True, seconds: float = 0
) -> AsyncIterator[str]:
    """The address of a server with its own answers to the limit's scripts, each after some `seconds`.

    None closes the connection. If it `greets`, what a client says when it connects is answered as Redis answers it.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while sent := await reader.read(65_536):
                greetings = sent.count(b"CLIENT") if greets else 0
                await asyncio.sleep(0 if greetings else seconds)
                said = b"+OK\r\n" * greetings if greetings else answer()
                if said is None:
                    break
                writer.write(said)
                await writer.drain()
        writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"


@pytest.mark.parametrize("greets", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"*1\r\n" * 5_000, id="lists in lists"),
        pytest.param(b"*1\r\n" * 5_000 + b":1\r\n", id="lists in lists with an end"),
        pytest.param(b"*2\r\n$1\r\na\r\n", id="a list that stops short"),
        pytest.param(b"*99999999999999999999\r\n", id="a list of more than there can be"),
        pytest.param(b"$99999999999999999999\r\n", id="a text of more than there can be"),
        pytest.param(b"$-7\r\n", id="a text of less than nothing"),
        pytest.param(b"$x\r\n", id="a length that isn't a number"),
        pytest.param(b":one\r\n", id="a number that isn't one"),
        pytest.param(b"$-1\r\n", id="nothing, always"),
        pytest.param(b":0\r\n", id="a refusal, always"),
        pytest.param(b"*0\r\n", id="an empty list, always"),
        pytest.param(b"*0\r\n" * 2, id="two answers to one question"),
        pytest.param(b"%1\r\n+a\r\n:1\r\n", id="a map"),
        pytest.param(b"-ERR no\r\n", id="an error"),
        pytest.param(b"-NOSCRIPT no\r\n", id="an unknown script, always"),
        pytest.param(b"-MOVED 1 x:y\r\n", id="another node"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param(b"\xff\xfe\0\r\n", id="no protocol at all"),
        pytest.param(b"x" * 300_000, id="no end of a line"),
        pytest.param(b"", id="no answer"),
        pytest.param(None, id="a closed connection"),
    ],
)
async def test_whatever_a_redis_answers_calls_go_through_with_one_warning(
    answer: bytes | None, *, greets: bool, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        answering(lambda: answer, greets=greets) as url,
        open_shared_limiter("2/hour", SecretStr(url), clock) as limiter,
    ):
        assert await admitted(limiter, "jane", "jane", "jane", "joe") == [True, True, False, True]
        clock.seconds += PROBE_EVERY
        assert await admitted(limiter, "joe", "joe") == [True, False]
    assert [re.sub(r"\(\w+\)", "({})", message) for message in caplog.messages] == [GONE]


@pytest.mark.parametrize("beginning", ["9e15", "1e300", "-1e300"])
async def test_an_absurd_time_from_redis_is_capped_at_the_window(beginning: str, clock: Clock) -> None:
    answers = iter([b"$-1\r\n", f"*2\r\n${len(beginning)}\r\n{beginning}\r\n:1\r\n".encode()])
    async with (
        answering(lambda: next(answers)) as url,
        open_shared_limiter("1/minute", SecretStr(url), clock) as limiter,
    ):
        with pytest.raises(RateLimited) as caught:
            await limiter.admit("jane")
    assert 1 <= caught.value.seconds <= 60


@pytest.mark.parametrize(
    "address",
    [
        "redis://localhost:x",
        "redis://localhost:99999",
        "redis://[::1",
        "redis://localhost/0?password_file=x",
        "redis://localhost/0?socket_timeout=x",
        "rediss://localhost/0?ssl_cert_reqs=x",
    ],
)
async def test_an_address_that_cannot_be_one_stops_the_start(environ: dict[str, str], address: str) -> None:
    settings = load_settings(environ | {"JUSPAY_MCP_RATE_LIMIT_STORAGE": address})
    with pytest.raises(ConfigurationError, match=r"^JUSPAY_MCP_RATE_LIMIT_STORAGE must be a redis") as caught:
        async with open_service(settings):
            pass
    assert address not in str(caught.value)


@pytest.mark.parametrize("missing", ["redis", "limits"])
def test_without_the_extra_the_start_stops_and_says_what_to_install(missing: str, environ: dict[str, str]) -> None:
    command = f"import sys; sys.modules['{missing}'] = None; from juspay_mcp.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "wallets", "cth_all_linked"],
        capture_output=True, check=False, text=True,
        env=environ | MEASURING | {"JUSPAY_MCP_RATE_LIMIT_STORAGE": "redis://127.0.0.1/0"},
    )  # fmt: skip
    assert done.returncode == EX_CONFIG
    assert done.stderr == (
        "juspay-wallets-mcp: JUSPAY_MCP_RATE_LIMIT_STORAGE needs the extra redis; "
        "from a clone: uv tool install '.[redis]'.\n"
    )


async def test_two_services_share_a_limit_and_leave_no_connection(environ: dict[str, str], redis: Redis) -> None:
    settings = load_settings(
        environ | {"JUSPAY_MCP_RATE_LIMIT": "1/hour", "JUSPAY_MCP_RATE_LIMIT_STORAGE": redis.url}
    )
    customer, jane = parse_customer_id("cth_all_linked"), Caller("jane", "http")
    async with open_service(settings) as one, open_service(settings) as other:
        await one.answer(customer, jane, NAME)
        assert redis.ask("CLIENT LIST").count(" addr=") == 2  # this question's, too
        with pytest.raises(RateLimited):
            await other.answer(customer, jane, NAME)
    assert redis.ask("CLIENT LIST").count(" addr=") == 1


async def test_a_redis_that_is_not_there_does_not_stop_the_start(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    address = f"redis://127.0.0.1:{free_port()}/0"
    async with open_service(load_settings(environ | {"JUSPAY_MCP_RATE_LIMIT_STORAGE": address})) as service:
        await service.answer("cth_all_linked", Caller("jane", "http"), NAME)
    assert caplog.messages.count(GONE.format("ConnectionError")) == 1


async def test_without_a_limit_redis_isn_t_asked(environ: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    storage = {"JUSPAY_MCP_RATE_LIMIT": "off", "JUSPAY_MCP_RATE_LIMIT_STORAGE": f"redis://127.0.0.1:{free_port()}/0"}
    async with open_service(load_settings(environ | storage)) as service:
        await service.answer("cth_all_linked", Caller("jane", "http"), NAME)
    assert "rate_limit_storage" not in caplog.text
