"""This server's own limit on tool calls, so that an agent in a loop can't spend a merchant's quota at Juspay."""

import time
from math import ceil
from typing import TYPE_CHECKING, Protocol

from juspay_mcp.errors import RateLimited

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import RateLimiter


class Limiter(Protocol):
    """What counts calls."""

    async def admit(self, caller: str) -> None:
        """Counts a call.

        Raises:
            RateLimited: the caller has none left; says how long to wait.
        """


class CallLimiter:
    """Counts each caller's calls in a moving window, in this process's memory.

    `limit` is like `60/minute`; None lets everything pass, and imports no library.
    """

    def __init__(self, limit: str | None) -> None:
        self._limit = limit
        self._window: tuple[RateLimitItem, RateLimiter] | None = None

    async def admit(self, caller: str) -> None:
        """Counts a call.

        Raises:
            RateLimited: the caller has none left; says how long to wait.
        """
        if self._limit is None:
            return
        if self._window is None:
            from juspay_mcp.window import moving_window  # noqa: PLC0415 - 20 ms; who only lists the tool does without

            self._window = moving_window(self._limit)
        item, window = self._window
        if not window.hit(item, caller):
            raise RateLimited(ceil(window.get_window_stats(item, caller).reset_time - time.time()))
