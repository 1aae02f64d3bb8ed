"""This server's own limit on tool calls, so that an agent in a loop can't spend a merchant's quota at Juspay."""

import time
from math import ceil

from juspay_mcp.errors import RateLimited


class CallLimiter:
    """Counts each caller's calls in a moving window, in this process's memory.

    `limit` is like `60/minute`; None lets everything pass.
    """

    def __init__(self, limit: str | None) -> None:
        if limit is None:
            self._item = None
            return
        # Imported here: 16 ms that a server without a limit, and a command that makes no call, needn't spend.
        from limits import parse  # noqa: PLC0415
        from limits.storage import MemoryStorage  # noqa: PLC0415
        from limits.strategies import MovingWindowRateLimiter  # noqa: PLC0415

        self._item = parse(limit)
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def admit(self, caller: str) -> None:
        """Counts a call.

        Raises:
            RateLimited: the caller has none left; says how long to wait.
        """
        if self._item is None or self._window.hit(self._item, caller):
            return
        reset = self._window.get_window_stats(self._item, caller).reset_time
        raise RateLimited(ceil(reset - time.time()))
