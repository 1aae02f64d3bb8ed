"""Whether and when a refresh is retried.

A refresh makes Juspay ask every provider, so a request that Juspay may have received isn't repeated for being slow:
only failed connections, the statuses that say "not now" (502, 503, 504), and a 429 that names a time are retried.
"""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from juspay_mcp.errors import UpstreamError, UpstreamRateLimited, UpstreamUnavailable

ATTEMPTS = 3
"""The first one and two retries."""
FIRST_BOUND, LAST_BOUND = 0.5, 4.0
"""Seconds: the longest wait before the first retry; it doubles for each next one, up to the last."""

T = TypeVar("T")


class Retries:
    """Runs a request again after a transient failure, with exponential backoff and full jitter.

    `sleep` waits for seconds; `draw` returns a random number in [0, 1).
    """

    def __init__(
        self,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._sleep = sleep
        self._draw = draw

    async def run(
        self,
        request: Callable[[], Awaitable[T]],
        seconds_left: Callable[[], float],
        tell: Callable[[str], None],
    ) -> T:
        """The result of `request`; a retry is skipped if its wait doesn't fit into the seconds left.

        `tell` receives a few words about each wait, for the user.

        Raises:
            UpstreamError: the last attempt's.
        """
        attempt = 1
        while True:
            try:
                return await request()
            except UpstreamError as error:
                wait = backoff(error, attempt, self._draw())
                if not is_transient(error) or attempt == ATTEMPTS or wait >= seconds_left():
                    raise
            attempt += 1
            tell(f"waiting {wait:.1f} s, attempt {attempt} of {ATTEMPTS}")
            await self._sleep(wait)


def is_transient(error: UpstreamError) -> bool:
    """Whether the same request may well succeed in a moment."""
    if isinstance(error, UpstreamRateLimited):
        return error.retry_after is not None
    return isinstance(error, UpstreamUnavailable) and error.transient


def backoff(error: UpstreamError, retry: int, drawn: float) -> float:
    """Seconds to wait before a retry (the first is 1): full jitter, but at least what `Retry-After` asks for.

    Full jitter, a random part of a growing bound, is what best spreads the clients of a recovering service: AWS
    Architecture Blog, "Exponential Backoff And Jitter", 2015.
    """
    asked = error.retry_after if isinstance(error, UpstreamRateLimited | UpstreamUnavailable) else None
    bound = min(LAST_BOUND, FIRST_BOUND * 2.0 ** (retry - 1))
    return max(drawn * bound, asked or 0)
