"""Whatever holds a line up, the event loop goes on."""

import asyncio
import errno
import os
import time
from collections.abc import Iterator
from threading import Event

import anyio
import pytest
from typing_extensions import override

from juspay_mcp.audit.file import CutShort
from juspay_mcp.audit.writer import GATHER_SECONDS, LineWriter
from tests.support.serving import until

PATIENCE = 0.1


class SlowDisk:
    """Writes nothing until it is told to go on."""

    def __init__(self) -> None:
        self.begun, self.goes_on = Event(), Event()
        self.full = False
        self.written: list[bytes] = []

    def append(self, lines: bytes, _deadline: float) -> None:
        first = not self.begun.is_set()
        self.begun.set()
        self.goes_on.wait(10)
        if self.full and not first:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.written.append(lines)

    def check(self, _deadline: float) -> None:
        self.goes_on.wait(10)


@pytest.fixture
def disk() -> Iterator[SlowDisk]:
    disk = SlowDisk()
    yield disk
    disk.goes_on.set()


async def fails(writer: LineWriter, line: bytes) -> None:
    with pytest.raises(TimeoutError):
        await writer.append(line)


async def test_a_disk_that_does_not_answer_fails_the_line_and_leaves_the_loop_running(disk: SlowDisk) -> None:
    writer = LineWriter(disk, PATIENCE)
    turns = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fails, writer, b"one\n")
        await until(disk.begun.is_set)
        tasks.start_soon(fails, writer, b"two\n")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            turns += 1
            await anyio.sleep(0.001)
    assert turns > 10
    with pytest.raises(TimeoutError):
        await writer.check()
    disk.goes_on.set()
    await writer.append(b"three\n")
    writer.close()
    assert disk.written == [b"one\n", b"three\n"]  # the first was under way; the second was given up before


async def test_beyond_so_many_that_wait_a_line_fails_at_once_and_a_check_before(disk: SlowDisk) -> None:
    writer = LineWriter(disk, PATIENCE, max_waiting=4)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fails, writer, b"one\n")
        await until(disk.begun.is_set)
        tasks.start_soon(fails, writer, b"one\n")
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(BlockingIOError):
            await writer.check()
        for _ in range(2):
            tasks.start_soon(fails, writer, b"one\n")
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(BlockingIOError):
            await writer.append(b"two\n")


async def test_lines_that_wait_are_written_together_in_their_order_and_each_is_told(disk: SlowDisk) -> None:
    writer = LineWriter(disk)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.append, b"one\n")
        await until(disk.begun.is_set)
        for number in range(9):
            tasks.start_soon(writer.append, b"%d\n" % number)
        tasks.start_soon(writer.check)
        await anyio.wait_all_tasks_blocked()
        disk.goes_on.set()
    writer.close()
    assert disk.written == [b"one\n", b"0\n1\n2\n3\n4\n5\n6\n7\n8\n"]


async def test_a_line_waits_for_those_that_are_expected_but_not_for_long(disk: SlowDisk) -> None:
    disk.goes_on.set()
    writer = LineWriter(disk)
    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(writer.append, b"%d\n" % number, 3)
    begun = time.monotonic()
    await writer.append(b"three\n", 2)
    assert time.monotonic() - begun >= GATHER_SECONDS
    writer.close()
    assert disk.written == [b"0\n1\n2\n", b"three\n"]


async def test_lines_that_were_not_written_fail_together(disk: SlowDisk) -> None:
    async def is_told(line: bytes) -> None:
        with pytest.raises(OSError, match="No space left"):
            await writer.append(line)

    writer = LineWriter(disk)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.append, b"one\n")
        await until(disk.begun.is_set)
        for line in (b"two\n", b"three\n"):
            tasks.start_soon(is_told, line)
        await anyio.wait_all_tasks_blocked()
        disk.full = True
        disk.goes_on.set()
    await writer.check()
    writer.close()
    assert disk.written == [b"one\n"]


class DiskForTwelveBytes(SlowDisk):
    """Has room for a few lines, and cuts the next one short."""

    @override
    def append(self, lines: bytes, _deadline: float) -> None:
        self.begun.set()
        self.goes_on.wait(10)
        if len(lines) > 12:
            self.written.append(lines[:12])
            raise CutShort(errno.ENOSPC, 12)
        self.written.append(lines)


async def test_a_write_that_is_cut_short_fails_only_the_lines_after_the_cut() -> None:
    told: dict[bytes, str] = {}

    async def write(line: bytes) -> None:
        try:
            await writer.append(line)
            told[line] = "written"
        except OSError as error:
            told[line] = errno.errorcode[error.errno or 0]

    disk = DiskForTwelveBytes()
    writer = LineWriter(disk)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write, b"begin\n")
        await until(disk.begun.is_set)
        for line in (b"one\n", b"two\n", b"three\n", b"four\n"):
            tasks.start_soon(write, line)
        await anyio.wait_all_tasks_blocked()
        disk.goes_on.set()
    writer.close()
    assert disk.written == [b"begin\n", b"one\ntwo\nthre"]
    assert told == {
        b"begin\n": "written", b"one\n": "written", b"two\n": "written", b"three\n": "ENOSPC", b"four\n": "ENOSPC"
    }  # fmt: skip


async def test_a_caller_that_is_cancelled_waits_for_its_line(disk: SlowDisk) -> None:
    writer = LineWriter(disk)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.append, b"one\n")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        disk.goes_on.set()
    assert disk.written == [b"one\n"]
    writer.close()


async def test_a_caller_that_asyncio_cancels_leaves_its_place_to_others(disk: SlowDisk) -> None:
    writer = LineWriter(disk, max_waiting=1)
    task = asyncio.create_task(writer.append(b"one\n"))
    await until(disk.begun.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    disk.goes_on.set()
    await writer.append(b"two\n")
    writer.close()
    assert disk.written == [b"one\n", b"two\n"]


def test_a_line_that_is_written_after_the_loop_has_ended_raises_nothing(disk: SlowDisk) -> None:
    writer = LineWriter(disk, PATIENCE)
    anyio.run(fails, writer, b"one\n")
    disk.goes_on.set()
    writer.close()
    assert disk.written == [b"one\n"]
