"""Writing lines in a thread, so that no lock, no full pipe and no slow disk stops the event loop."""

import asyncio
import errno
import os
import time
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Final

import anyio

from juspay_mcp.audit.file import CutShort, Lines

PATIENCE: Final = 1.0
"""Seconds that a line waits for a lock on the file, or for room in a pipe."""
GATHER_SECONDS: Final = 0.005
"""That a line waits for those of other calls in flight: little beside the seconds that providers take."""
MAX_WAITING: Final = 1_000
"""Lines being written or waiting for a disk that doesn't answer; beyond them each call fails at once."""


class _Batch:
    """Lines to be written together. At the end `error` says why not all of them were; `written` counts the bytes."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.loop = asyncio.get_running_loop()
        self.is_due = False
        self.ended = asyncio.Event()
        self.error: Exception | None = None
        self.written = 0

    def end(self, error: Exception | None, written: int) -> None:
        """Wakes those who wait. A batch that was given up before stays failed, even if it has been written since."""
        if not self.ended.is_set():
            self.error, self.written = error, written
            self.ended.set()


class LineWriter:
    """Writes lines in their order, several in one write if they come together: each write switches threads.

    The thread is a daemon: a disk that never answers can't keep the process from ending.
    """

    def __init__(self, lines: Lines, patience: float = PATIENCE, max_waiting: int = MAX_WAITING) -> None:
        self._lines = lines
        self._patience = patience
        self._max_waiting = max_waiting
        self._waiting = 0
        self._writing = False
        self._next: _Batch | None = None
        self._batches: SimpleQueue[_Batch | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    async def append(self, line: bytes, expected: int = 1) -> None:
        """Writes a line, which ends in a newline; a caller that is cancelled still waits for it.

        If more lines are `expected`, it waits for them to be written together, but no longer than GATHER_SECONDS.

        Raises:
            OSError: it wasn't written within `patience` seconds, or within twice that if others waited or the system
                itself doesn't answer; in the last case the line may still appear later.
        """
        await self._do(line, self._max_waiting, expected)

    async def check(self) -> None:
        """Finds out whether a line could be written. Checks fill at most half of the queue, so lines still find room.

        Raises:
            OSError: it couldn't.
        """
        await self._do(b"", self._max_waiting // 2, expected=1)

    def close(self) -> None:
        """Lets the thread finish what waits, for a moment at most."""
        self._batches.put(None)
        self._thread.join(self._patience)

    async def _do(self, line: bytes, max_waiting: int, expected: int) -> None:
        if self._waiting >= max_waiting:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        if self._next is None:
            self._next = _Batch()
            self._next.loop.call_later(2 * self._patience, self._give_up, self._next)
        batch, place = self._next, len(self._next.lines)
        batch.lines.append(line)
        if len(batch.lines) >= expected:
            self._hand_over(batch)
        elif place == 0:
            batch.loop.call_later(GATHER_SECONDS, self._hand_over, batch)
        self._waiting += 1
        try:
            with anyio.CancelScope(shield=True):
                await batch.ended.wait()
        finally:  # asyncio's own cancellation ignores the shield
            self._waiting -= 1
        # A line that is there whole counts as written, even if those after it are missing.
        is_there = line and sum(map(len, batch.lines[: place + 1])) <= batch.written
        if batch.error and not is_there:
            raise batch.error

    def _hand_over(self, batch: _Batch) -> None:
        batch.is_due = True
        self._begin_next()

    def _begin_next(self) -> None:
        if self._next and self._next.is_due and not self._writing:
            self._writing = True
            self._batches.put(self._next)
            self._next = None

    def _give_up(self, batch: _Batch) -> None:
        """Fails the lines that aren't written by now; those that still wait never will be."""
        if batch is self._next:
            self._next = None
        batch.end(TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)), 0)

    def _end(self, batch: _Batch, error: Exception | None, written: int) -> None:
        batch.end(error, written)
        self._writing = False
        self._begin_next()

    def _run(self) -> None:
        while batch := self._batches.get():
            error: Exception | None = None
            written = 0
            try:
                if lines := b"".join(batch.lines):
                    self._lines.append(lines, time.monotonic() + self._patience)
                else:
                    self._lines.check(time.monotonic() + self._patience)
            except CutShort as failure:
                error, written = failure, failure.written
            except Exception as failure:  # noqa: BLE001 - it is raised where the lines are waited for
                error = failure
            with suppress(RuntimeError):  # the loop has ended
                batch.loop.call_soon_threadsafe(self._end, batch, error, written)
