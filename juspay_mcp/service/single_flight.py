"""Single flight: one lookup for all who ask the same at the same time.

Each customer has at most one lookup under way. It runs in its own task, so any caller may be cancelled without
affecting the others; when the last one is, the lookup is cancelled too, its request included.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Generic, Self, TypeVar

from juspay_mcp.errors import WalletsError, bugs_as_internal_errors
from juspay_mcp.observability.metrics import shared_lookups

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Look = Callable[[Callable[[str], None]], Awaitable[T]]
"""Does the lookup, and tells what is happening."""
Report = Callable[[int, str], Awaitable[None]]
"""Passes on to one caller what is happening: a number that grows, and a few words."""


class _Lookup(Generic[T]):
    """A lookup under way: its outcome once there is one, the stages so far, and how many callers wait for it."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self.waiting = 0
        self._stages: list[str] = []
        self._outcome: T | WalletsError | None = None
        self._changed = asyncio.Event()

    async def run(self, look: Look[T]) -> None:
        """Looks up, to an answer or an error."""
        try:
            with bugs_as_internal_errors():
                self._outcome = await look(self._tell)
        except WalletsError as error:
            self._outcome = error
        self._changed.set()

    async def outcome(self, report: Report) -> T:
        """Reports each stage in its order, and returns the answer.

        Raises:
            WalletsError: the lookup failed.
        """
        told = 0
        while self._outcome is None:
            if told < len(self._stages):
                told += 1
                await report(told, self._stages[told - 1])
            else:
                await self._changed.wait()
        if isinstance(self._outcome, WalletsError):
            raise self._outcome
        return self._outcome

    def _tell(self, stage: str) -> None:
        self._stages.append(stage)
        self._changed.set()
        self._changed = asyncio.Event()


class SingleFlight(Generic[K, T]):
    """The lookups under way, by what they look for; an async context manager, which cancels them at its exit.

    An answer is never None.
    """

    def __init__(self) -> None:
        self._tasks = asyncio.TaskGroup()
        self._lookups: dict[K, _Lookup[T]] = {}

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lookup in self._lookups.values():
            lookup.task.cancel()
        # The group isn't told of the error, so that it doesn't wrap it in an exception group.
        await self._tasks.__aexit__(None, None, None)

    async def join(self, key: K, look: Look[T], report: Report) -> T:
        """The answer of the lookup under way for `key`, or of one begun now with `look`.

        Raises:
            WalletsError: the lookup failed.
        """
        lookup = self._lookups.get(key)
        if lookup:
            shared_lookups.add(1)
        else:
            lookup = self._lookups[key] = _Lookup()
            lookup.task = self._tasks.create_task(lookup.run(look))
            lookup.task.add_done_callback(lambda _: self._forget(key, lookup))
        lookup.waiting += 1
        try:
            return await lookup.outcome(report)
        finally:
            lookup.waiting -= 1
            if not lookup.waiting:
                lookup.task.cancel()
                self._forget(key, lookup)

    def _forget(self, key: K, lookup: _Lookup[T]) -> None:
        """Removes a lookup, unless a later one for the same key has replaced it."""
        if self._lookups.get(key) is lookup:
            del self._lookups[key]
