"""One lookup for all who ask the same at the same time.

Each customer has at most one lookup under way. It runs in a task of its own, so that it belongs to no caller: any of
them can leave, and with the last one the lookup ends, its request included.
"""

from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Generic, Self, TypeVar

import anyio

from juspay_mcp.errors import WalletsError, bugs_as_internal_errors
from juspay_mcp.observability.metrics import shared_lookups

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Look = Callable[[Callable[[str], None]], Awaitable[T]]
"""Does the lookup, and tells what is happening."""
Report = Callable[[int, str], Awaitable[None]]
"""Passes on to one caller what is happening: a number that grows, and a few words."""


class Flight(Generic[T]):
    """A lookup under way, and how many wait for it."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.waiting = 0
        self._stages: list[str] = []
        self._outcome: list[T | WalletsError] = []
        self._changed = anyio.Event()

    async def fly(self, look: Look[T]) -> None:
        """Runs the lookup to its outcome, an error included, unless nobody waits any more."""
        with self.scope:
            try:
                with bugs_as_internal_errors():
                    self._outcome.append(await look(self._tell))
            except WalletsError as error:
                self._outcome.append(error)
        self._wake()

    async def follow(self, report: Report) -> T:
        """Reports each stage in its order, and returns the outcome.

        Raises:
            WalletsError: the lookup failed.
        """
        told = 0
        while not self._outcome:
            if told < len(self._stages):
                told += 1
                await report(told, self._stages[told - 1])
            else:
                await self._changed.wait()
        [outcome] = self._outcome
        if isinstance(outcome, WalletsError):
            raise outcome
        return outcome

    def _tell(self, stage: str) -> None:
        self._stages.append(stage)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


class Flights(Generic[K, T]):
    """The lookups under way, by what they look for; an async context manager, which ends them at its exit."""

    def __init__(self) -> None:
        self._tasks = anyio.create_task_group()
        self._open: dict[K, Flight[T]] = {}

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        # Not told of the error, the group doesn't wrap it: a caller's `except WalletsError` goes on to work.
        await self._tasks.__aexit__(None, None, None)

    async def join(self, key: K, look: Look[T], report: Report) -> T:
        """The outcome of the lookup under way for `key`, or of one begun now with `look`.

        Raises:
            WalletsError: the lookup failed.
        """
        flight = self._open.get(key)
        if flight:
            shared_lookups.add(1)
        else:
            flight = self._begin(key, look)
        flight.waiting += 1
        try:
            return await flight.follow(report)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.scope.cancel()
                self._forget(key, flight)

    def _begin(self, key: K, look: Look[T]) -> Flight[T]:
        flight = self._open[key] = Flight()
        self._tasks.start_soon(self._fly, key, flight, look)
        return flight

    async def _fly(self, key: K, flight: Flight[T], look: Look[T]) -> None:
        await flight.fly(look)
        self._forget(key, flight)

    def _forget(self, key: K, flight: Flight[T]) -> None:
        """A later question begins anew; another flight that has taken the place stays."""
        if self._open.get(key) is flight:
            del self._open[key]
