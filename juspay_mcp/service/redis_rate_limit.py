"""The limit on tool calls for replicas: counted in Redis, and in each process while Redis can't be asked.

The limit protects a quota; an agent that stays within it never hears of a Redis that is gone. What this needs is an
extra: without it, the import raises the ConfigurationError that says so.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from math import ceil
from typing import Final

from pydantic import SecretStr

from juspay_mcp.errors import ConfigurationError, RateLimited
from juspay_mcp.service.rate_limit import CallLimiter
from juspay_mcp.settings.variables import broken_rule

_VARIABLE: Final = "JUSPAY_MCP_RATE_LIMIT_STORAGE"

try:
    from limits import parse
    from limits.aio.storage import RedisStorage
    from limits.aio.strategies import MovingWindowRateLimiter
    from limits.errors import StorageError
    from redis.asyncio import ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
except ImportError:
    raise ConfigurationError(
        f"{_VARIABLE} needs the extra redis; from a clone: uv tool install '.[redis]'.", _VARIABLE
    ) from None

PATIENCE = 0.25
"""Seconds that a call waits for Redis, with connecting and signing in."""
TURN_PATIENCE = 4
"""How many times as long it waits for its turn to ask; then the process counts it, as if Redis were gone."""
PROBE_EVERY = 5.0
"""Seconds from one try to the next while Redis can't be asked."""
CONNECTIONS = 4
"""At one time, from each process: more than it can keep busy. Calls beyond them wait for their turn."""
KEY_PREFIX = "juspay-wallets-mcp"

_logger = logging.getLogger(__name__)


class SharedCallLimiter:
    """Counts each caller's calls in a moving window, in a storage that replicas share.

    While the storage fails, each process counts for itself, and one call every `PROBE_EVERY` seconds asks it again:
    that call alone waits, for `patience` seconds at most. `clock` gives seconds that only grow.
    """

    def __init__(
        self,
        limit: str,
        storage: RedisStorage,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._own = CallLimiter(limit, clock)
        self._item = parse(limit)
        self._window = MovingWindowRateLimiter(storage)
        self._clock = clock
        self._patience = patience
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._next_try: float | None = None  # None while the storage answers

    async def admit(self, caller: str) -> None:
        """Counts a call.

        Raises:
            RateLimited: the caller has none left; says how long to wait.
        """
        seconds = await self._seconds_to_wait(_key(caller))
        if seconds is None:
            await self._own.admit(caller)
        elif seconds:
            raise RateLimited(seconds)

    async def probe(self) -> None:
        """Counts a call that nobody made, to see whether the storage can be used.

        Raises:
            Exception: it can't; what answers may not even be a Redis.
        """
        async with asyncio.timeout(self._patience):
            await self._hit(_key("juspay-wallets-mcp check"))

    async def _seconds_to_wait(self, caller: str) -> int | None:
        """Counts a call; 0 for one that may go through, None while the storage can't be asked, or not soon enough."""
        try:
            async with asyncio.timeout(TURN_PATIENCE * self._patience):
                await self._turns.acquire()
        except TimeoutError:
            return None
        try:
            if not self._is_worth_a_try():
                return None
            async with asyncio.timeout(self._patience):
                seconds = await self._hit(caller)
        except Exception as error:  # noqa: BLE001 - what answers may be no Redis: its client raises all kinds
            self._failed(error)
            return None
        finally:
            self._turns.release()
        self._answered()
        return seconds

    async def _hit(self, caller: str) -> int:
        if await self._window.hit(self._item, caller):
            return 0
        stats = await self._window.get_window_stats(self._item, caller)
        if stats.remaining >= self._item.amount:
            raise ValueError("it refuses a call, and has counted none")
        # A longer wait than the whole window is a clock, or an answer, that is wrong.
        return max(1, ceil(min(stats.reset_time - time.time(), self._item.get_expiry())))

    def _is_worth_a_try(self) -> bool:
        if self._next_try is None:
            return True
        if self._clock() < self._next_try:
            return False
        self._next_try = self._clock() + PROBE_EVERY
        return True

    def _failed(self, error: Exception) -> None:
        if self._next_try is None:
            # Of the error only its type: its words hold the address.
            kind = type(error.storage_error if isinstance(error, StorageError) else error).__name__
            _logger.warning("rate_limit_storage_unavailable (%s): each process counts for itself", kind)
        self._next_try = self._clock() + PROBE_EVERY

    def _answered(self) -> None:
        if self._next_try is not None:
            _logger.warning("rate_limit_storage_back: the processes count together again")
        self._next_try = None


def _key(caller: str) -> str:
    """What stands for a caller in Redis: always of one length, and no name that others there can read."""
    return sha256(caller.encode()).hexdigest()


@asynccontextmanager
async def open_shared_limiter(
    limit: str,
    address: SecretStr,
    clock: Callable[[], float] = time.monotonic,
    patience: float = PATIENCE,
) -> AsyncIterator[SharedCallLimiter]:
    """A limiter that counts in the Redis at `address`, which need not be there yet; closes its connections.

    Raises:
        ConfigurationError: the address can't be one.
    """
    try:
        # Once more and at once: a connection that idled may have been closed at the other end.
        retry = Retry(NoBackoff(), 1)
        pool = ConnectionPool.from_url(address.get_secret_value(), retry=retry, max_connections=CONNECTIONS)
        pool.connection_class(**pool.connection_kwargs)  # refuses options in the address that it doesn't know
    except (RedisError, TypeError, ValueError):
        raise broken_rule(_VARIABLE) from None
    storage = RedisStorage(
        "redis://",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=KEY_PREFIX,
        connection_pool=pool,  # type: ignore[arg-type] # documented, and missing in the options' type
    )
    try:
        yield SharedCallLimiter(limit, storage, clock, patience)
    finally:
        with suppress(Exception):  # a connection that can't be closed properly is closed with the process
            async with asyncio.timeout(patience):
                await pool.aclose()
