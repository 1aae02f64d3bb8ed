"""Whether and when a refresh is tried again.

A refresh makes Juspay ask every provider, so a request that may have got through isn't repeated for being slow: only
connections that failed, statuses that say "not now" (502, 503, 504), and a 429 that names a time which fits.
"""

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from juspay_mcp.errors import UpstreamError, UpstreamRateLimited, UpstreamUnavailable

if TYPE_CHECKING:
    from tenacity import RetryCallState

ATTEMPTS = 3
"""The first one and two retries."""
FIRST_BOUND, LAST_BOUND = 0.5, 4.0
"""Seconds: what the wait before the first retry stays below; doubled for the next, and where the doubling ends."""

Sleep = Callable[[float], Awaitable[None]]
Draw = Callable[[], float]
"""A random number from 0 up to, but without, 1."""
Tell = Callable[[str], None]
"""Takes note of what is happening, in a few words for whoever waits."""
T = TypeVar("T")


def may_pass(error: BaseException) -> bool:
    """Whether the same request may well succeed in a moment."""
    if isinstance(error, UpstreamRateLimited):
        return error.retry_after is not None
    return isinstance(error, UpstreamUnavailable) and error.transient


def backoff(error: BaseException | None, retry: int, drawn: float) -> float:
    """Seconds to wait before a retry (the first is 1): full jitter, and no less than `Retry-After` asks for.

    Full jitter, a random part of a bound that grows, spreads the clients of a service that comes back best: AWS
    Architecture Blog, "Exponential Backoff And Jitter", 2015.
    """
    asked = error.retry_after if isinstance(error, UpstreamRateLimited | UpstreamUnavailable) else None
    bound = min(LAST_BOUND, FIRST_BOUND * 2.0 ** (retry - 1))
    return max(drawn * bound, asked or 0)


class Retries:
    """Tries a request again where that makes sense; what waits and what draws lots are arguments.

    By tenacity, as stamina, which is built on it, has no full jitter, draws and waits by itself, and logs.
    """

    def __init__(self, sleep: Sleep = anyio.sleep, draw: Draw = random.random) -> None:
        self._sleep = sleep
        self._draw = draw

    async def run(self, request: Callable[[], Awaitable[T]], seconds_left: Callable[[], float], tell: Tell) -> T:
        """What `request` returns in the end; a retry whose wait doesn't fit in the time left isn't made.

        Raises:
            UpstreamError: the last attempt's.
        """
        try:
            return await request()
        except UpstreamError as error:
            if not may_pass(error):
                raise
            failed = [error]
        return await self._retry(failed, request, seconds_left, tell)

    async def _retry(
        self,
        failed: list[UpstreamError],
        request: Callable[[], Awaitable[T]],
        seconds_left: Callable[[], float],
        tell: Tell,
    ) -> T:
        """Goes on after a first attempt that failed: most calls never come here, nor import the library."""
        from tenacity import AsyncRetrying, retry_if_exception  # noqa: PLC0415 - 9 ms of a start

        async def attempt() -> T:
            if failed:
                raise failed.pop()
            return await request()

        def wait(state: "RetryCallState") -> float:
            error = state.outcome.exception() if state.outcome else None
            return backoff(error, state.attempt_number, self._draw())

        def say(state: "RetryCallState") -> None:
            tell(f"waiting {state.upcoming_sleep:.1f} s, attempt {state.attempt_number + 1} of {ATTEMPTS}")

        def give_up(state: "RetryCallState") -> bool:
            return state.attempt_number >= ATTEMPTS or state.upcoming_sleep >= seconds_left()

        retrying = AsyncRetrying(
            retry=retry_if_exception(may_pass),
            wait=wait,
            stop=give_up,
            sleep=self._sleep,
            before_sleep=say,
            reraise=True,
        )
        return await retrying(attempt)
