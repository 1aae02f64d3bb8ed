"""Who may connect to Juspay next, when more calls want to than there may be connections."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import ceil
from typing import Final

import anyio

from juspay_mcp.errors import ServerBusy
from juspay_mcp.observability.metrics import waiting_call
from juspay_mcp.values.caller import SOLE_CALLERS, Caller

WAITING_PER_SLOT: Final = 64
"""How many calls may wait for each slot. It gets to no more in the time they wait, even at five lookups a second; and
for the default of 16 slots, they are as many as the HTTP server takes requests at one time."""


class _Waiter:
    """One call that waits for a slot, until it is given one or turned away."""

    def __init__(self) -> None:
        self.decided = anyio.Event()
        self.has_slot = False


class ConnectionSlots:
    """Shares out so many slots, by turns among callers.

    While others wait, one caller gets half of the slots at most, and at least one. While none waits, it gets all but
    one, so that the next caller needn't wait for slow lookups to end; and all if there can be no other caller.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._held: list[Caller] = []
        """The caller of each lookup that has a slot."""
        self._waiting: dict[Caller, deque[_Waiter]] = {}
        """The callers with calls that wait, in the order of their turns."""

    @asynccontextmanager
    async def slot(self, caller: Caller, seconds: float, on_wait: Callable[[], None]) -> AsyncIterator[None]:
        """A slot, once it is the caller's turn; `on_wait` is called if that isn't now.

        Raises:
            ServerBusy: none came free within so many seconds, or too many calls wait.
        """
        waiter = _Waiter()
        self._waiting.setdefault(caller, deque()).append(waiter)
        try:
            self._hand_out()
            self._turn_away(caller)
            if not waiter.decided.is_set():
                on_wait()
                with anyio.move_on_after(seconds), waiting_call():
                    await waiter.decided.wait()
            if not waiter.has_slot:
                raise ServerBusy(ceil(seconds))
            yield
        finally:
            if waiter.has_slot:
                self._held.remove(caller)
            elif not waiter.decided.is_set():
                self._stop_waiting(caller, waiter)
            self._hand_out()

    def _hand_out(self) -> None:
        """Gives the free slots to those whose turn it is."""
        while len(self._held) < self._slots:
            caller = next(filter(self._may_have_one, self._waiting), None)
            if caller is None:
                return
            waiter = self._waiting[caller][0]
            self._stop_waiting(caller, waiter)
            if caller in self._waiting:  # moved to the end: all others come first
                self._waiting[caller] = self._waiting.pop(caller)
            self._held.append(caller)
            waiter.has_slot = True
            waiter.decided.set()

    def _may_have_one(self, caller: Caller) -> bool:
        if self._held.count(caller) < max(1, self._slots // 2):
            return True
        last = len(self._held) == self._slots - 1
        return len(self._waiting) == 1 and (caller in SOLE_CALLERS or not last)

    def _turn_away(self, newcomer: Caller) -> None:
        """If too many wait, refuses the last call of the caller with the most, so that nobody else is kept out."""
        if sum(map(len, self._waiting.values())) > self._slots * WAITING_PER_SLOT:
            longest = max(self._waiting, key=lambda caller: (len(self._waiting[caller]), caller == newcomer))
            waiter = self._waiting[longest][-1]
            self._stop_waiting(longest, waiter)
            waiter.decided.set()

    def _stop_waiting(self, caller: Caller, waiter: _Waiter) -> None:
        self._waiting[caller].remove(waiter)
        if not self._waiting[caller]:
            del self._waiting[caller]
