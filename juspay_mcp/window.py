"""The moving window of `limits`, counted in this process's memory."""

import threading
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter
from typing_extensions import override

SWEEP_SECONDS: Final = 1.0
"""From a call to when what has expired is forgotten, and at least from one such time to the next."""


class PatientStorage(MemoryStorage):
    """Forgets what has expired once a second, by a thread that keeps no process from ending.

    By itself it does so 10 ms after nearly every call: starting those threads, and taking turns with them, was an
    eighth of a call's time.
    """

    @property  # type: ignore[explicit-override] # mypy overlooks it where there is a setter too
    @override
    def timer(self) -> threading.Timer:
        """What will forget; where it is over, the next call puts a new one here."""
        return self._timer

    @timer.setter
    def timer(self, timer: threading.Timer) -> None:
        timer.interval, timer.daemon = SWEEP_SECONDS, True
        self._timer = timer


def moving_window(limit: str) -> tuple[RateLimitItem, RateLimiter]:
    """A limit like `60/minute`, and what counts against it."""
    return parse(limit), MovingWindowRateLimiter(PatientStorage())
