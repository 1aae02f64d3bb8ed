"""Writing lines in a thread, so that no lock, no full pipe and no slow disk stops the event loop."""

import asyncio
import errno
import os
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple

import anyio

from juspay_mcp.audit.file import CutShort, Lines

PATIENCE: Final = 1.0
"""Seconds that a line waits for a lock on the file, or for room in a pipe."""
MAX_WAITING: Final = 1_000
"""Lines that wait for a disk that doesn't answer; beyond them each call fails at once."""
MAX_TOGETHER: Final = 8
"""Lines that are written together: few enough for what a pipe takes at once."""


class _Job(NamedTuple):
    """A line to write, or nothing but a check whether one could be written."""

    line: bytes
    deadline: float
    done: "asyncio.Future[None]"
    loop: asyncio.AbstractEventLoop


class LineWriter:
    """Writes lines in their order, those that wait together: each write is some turns between two threads.

    The thread is a daemon: a disk that never answers can't keep the process from ending.
    """

    def __init__(self, lines: Lines, patience: float = PATIENCE, max_waiting: int = MAX_WAITING) -> None:
        self._lines = lines
        self._patience = patience
        self._max_waiting = max_waiting
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    async def append(self, line: bytes) -> None:
        """Writes a line, which ends in a newline; a caller that is cancelled meanwhile waits for it all the same.

        Raises:
            OSError: it wasn't written within `patience` seconds, or within twice that if others waited or the system
                itself doesn't answer; in the last case the line may still appear later.
        """
        await self._do(line, self._max_waiting)

    async def check(self) -> None:
        """Finds out whether a line could be written; however many ask, there is room left for lines that wait.

        Raises:
            OSError: it couldn't.
        """
        await self._do(b"", self._max_waiting // 2)

    def close(self) -> None:
        """Lets the thread finish what waits, for a moment at most."""
        self._jobs.put(None)
        self._thread.join(self._patience)

    async def _do(self, line: bytes, max_waiting: int) -> None:
        if self._jobs.qsize() >= max_waiting:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._jobs.put(_Job(line, time.monotonic() + self._patience, done, loop))
        with anyio.CancelScope(shield=True):
            await asyncio.wait([done], timeout=2 * self._patience)
        if done.cancel():
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        done.result()

    def _run(self) -> None:
        closing = False
        while not closing:
            taken = [self._jobs.get()]
            with suppress(Empty):
                while len(taken) < MAX_TOGETHER:
                    taken.append(self._jobs.get_nowait())
            closing = None in taken
            jobs = [job for job in taken if job and not job.done.cancelled()]
            error, written = None, 0
            try:
                if jobs:
                    self._write(b"".join(job.line for job in jobs), jobs[-1].deadline)
            except BaseException as failure:  # noqa: BLE001 - it is raised where the lines are waited for
                error = failure
                written = failure.written if isinstance(failure, CutShort) else 0
            for job in jobs:
                # A line that is there whole is one, whatever became of those after it.
                written -= len(job.line)
                is_there = job.line and written >= 0
                with suppress(RuntimeError):  # the loop has ended
                    job.loop.call_soon_threadsafe(_settle, job.done, None if is_there else error)

    def _write(self, lines: bytes, deadline: float) -> None:
        if lines:
            self._lines.append(lines, deadline)
        else:
            self._lines.check(deadline)


def _settle(done: "asyncio.Future[None]", error: BaseException | None) -> None:
    if done.done():
        return
    if error:
        done.set_exception(error)
    else:
        done.set_result(None)
