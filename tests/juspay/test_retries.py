"""Whether and when a failed refresh is retried, without waiting."""

from collections.abc import Callable, Sequence

import anyio.lowlevel
import pytest

from juspay_mcp.errors import (
    AuthenticationFailed,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from juspay_mcp.juspay.retries import Retries

DRAWN = 0.6
PLENTY = 20.0


def refused() -> UpstreamUnavailable:
    return UpstreamUnavailable("the connection was refused", transient=True)


def busy(retry_after: int | None = None) -> UpstreamUnavailable:
    return UpstreamUnavailable("it answered HTTP 503", transient=True, retry_after=retry_after)


class Upstream:
    """Fails with each of the failures, then succeeds; records the requests, the waits and the messages."""

    def __init__(self, failures: Sequence[Exception]) -> None:
        self.failures = list(failures)
        self.requests = 0
        self.waits: list[float] = []
        self.said: list[str] = []

    async def __call__(self) -> str:
        self.requests += 1
        if self.failures:
            raise self.failures.pop(0)
        return "wallets"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await anyio.lowlevel.checkpoint()

    async def ask(self, seconds_left: float | Callable[[], float] = PLENTY) -> str:
        left = seconds_left if callable(seconds_left) else lambda: seconds_left
        retries = Retries(sleep=self.sleep, draw=lambda: DRAWN)
        return await retries.run(self, left, self.said.append)


RETRIED: dict[str, tuple[list[Exception], list[float]]] = {
    "nothing fails": ([], []),
    "refused once": ([refused()], [0.3]),
    "refused twice: the bound doubles": ([refused(), refused()], [0.3, 0.6]),
    "503 asks for less than the jitter": ([busy(0)], [0.3]),
    "503 asks for more than the jitter": ([busy(2)], [2]),
    "429 asks for 3 s": ([UpstreamRateLimited(3)], [3]),
    "429 asks for nothing, in so many words": ([UpstreamRateLimited(0)], [0.3]),
    "each failure asks for its own": ([UpstreamRateLimited(1), busy(4)], [1, 4]),
}


@pytest.mark.parametrize("name", RETRIED)
async def test_a_transient_failure_is_retried_after_a_wait(name: str) -> None:
    failures, waits = RETRIED[name]
    upstream = Upstream(failures)
    assert await upstream.ask() == "wallets"
    assert (upstream.requests, upstream.waits) == (len(failures) + 1, waits)


FINAL: dict[str, UpstreamError] = {
    "a slow answer: the providers were asked already": UpstreamTimeout(25),
    "500": UpstreamUnavailable("it answered HTTP 500", transient=False),
    "429 that names no time": UpstreamRateLimited(None),
    "429 that asks for more than is left": UpstreamRateLimited(20),
    "503 that asks for more than is left": busy(20),
    "401": AuthenticationFailed("sandbox"),
    "no JSON": UpstreamInvalid("it is not JSON"),
}


@pytest.mark.parametrize("name", FINAL)
async def test_any_other_failure_is_not_retried(name: str) -> None:
    upstream = Upstream([FINAL[name]])
    with pytest.raises(UpstreamError) as caught:
        await upstream.ask()
    assert caught.value is FINAL[name]
    assert (upstream.requests, upstream.waits, upstream.said) == (1, [], [])


async def test_the_third_failure_is_the_last() -> None:
    last = refused()
    upstream = Upstream([refused(), busy(), last])
    with pytest.raises(UpstreamError) as caught:
        await upstream.ask()
    assert caught.value is last
    assert (upstream.requests, len(upstream.waits)) == (3, 2)


async def test_a_retry_that_would_start_after_the_deadline_is_skipped() -> None:
    left = iter([0.31, 0.6])
    upstream = Upstream([refused(), refused(), refused()])
    with pytest.raises(UpstreamUnavailable):
        await upstream.ask(lambda: next(left))
    assert (upstream.requests, upstream.waits) == (2, [0.3])


async def test_each_wait_is_reported_with_its_length_and_the_next_attempt() -> None:
    upstream = Upstream([refused(), UpstreamRateLimited(2)])
    await upstream.ask()
    assert upstream.said == ["waiting 0.3 s, attempt 2 of 3", "waiting 2.0 s, attempt 3 of 3"]


async def test_a_bug_is_not_retried() -> None:
    upstream = Upstream([ZeroDivisionError()])
    with pytest.raises(ZeroDivisionError):
        await upstream.ask()
    assert upstream.requests == 1


async def test_cancelling_ends_the_wait() -> None:
    upstream = Upstream([refused(), refused()])
    retries = Retries(sleep=anyio.sleep, draw=lambda: 0.999)
    with anyio.move_on_after(0.01) as scope:
        await retries.run(upstream, lambda: PLENTY, upstream.said.append)
    assert scope.cancelled_caught
    assert upstream.requests == 1
