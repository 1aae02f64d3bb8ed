"""What most tests need: a moment that stands still, a wait that doesn't, and the type of a host."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import anyio.lowlevel
from mcp import Client

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


Host = Callable[..., AbstractAsyncContextManager[Client]]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 12_345.678

    def __call__(self) -> float:
        return self.seconds


async def no_wait(_seconds: float) -> None:
    """Waits as tests do: not at all."""
    await anyio.lowlevel.checkpoint()
