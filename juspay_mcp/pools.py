"""Connections to Juspay in several small pools: a pool looks through all its connections for every request."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

import anyio
import httpx2

POOL_SIZE = 16
"""Connections of one pool. With 200 in one, half of a call's processor time went into looking through them."""


class Pools:
    """Lends a transport for one request at a time; no more requests are under way than there are connections.

    `make` makes a transport of so many connections. An async context manager, which opens and closes them.
    """

    def __init__(self, make: Callable[[int], httpx2.AsyncBaseTransport], connections: int) -> None:
        sizes = [min(POOL_SIZE, connections - taken) for taken in range(0, connections, POOL_SIZE)]
        self._transports = [make(size) for size in sizes]
        self._room = sizes
        self._turns = anyio.Semaphore(connections)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for transport in self._transports:
            await self._stack.enter_async_context(transport)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[httpx2.AsyncBaseTransport]:
        """The first transport with a connection to spare, when it is the request's turn; so the last ones rest."""
        async with self._turns:
            index = next(index for index, room in enumerate(self._room) if room)
            self._room[index] -= 1
            try:
                yield self._transports[index]
            finally:
                self._room[index] += 1
