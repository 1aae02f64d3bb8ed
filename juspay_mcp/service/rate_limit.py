"""This server's own limit on tool calls, so that an agent in a loop can't spend a merchant's quota at Juspay."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from math import ceil
from typing import Protocol

from juspay_mcp.errors import RateLimited
from juspay_mcp.values.timestamps import SECONDS


class Limiter(Protocol):
    """What counts calls."""

    async def admit(self, caller: str) -> None:
        """Counts a call.

        Raises:
            RateLimited: the caller has none left; says how long to wait. Such a call counts for nothing.
        """


class CallLimiter:
    """Counts each caller's calls in a moving window, in this process's memory.

    `limit` is like `60/minute`; None admits everything. `clock` gives seconds that only grow. What is kept is one
    number for each call of the last window, and nothing of callers who made none.
    """

    def __init__(self, limit: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        amount, _, unit = (limit or "0/second").partition("/")
        self._amount, self._window = int(amount), SECONDS[unit]
        self._clock = clock
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()  # whose last call is oldest comes first

    async def admit(self, caller: str) -> None:
        """Counts a call, or raises RateLimited."""
        if not self._amount:
            return
        now = self._clock()
        while self._calls and next(iter(self._calls.values()))[-1] + self._window <= now:
            self._calls.popitem(last=False)
        calls = self._calls.setdefault(caller, deque(maxlen=self._amount))
        if len(calls) == self._amount and calls[0] + self._window > now:
            raise RateLimited(ceil(calls[0] + self._window - now))
        calls.append(now)
        self._calls.move_to_end(caller)
