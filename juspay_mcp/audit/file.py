"""Where audit lines go: a file, or stderr. Nothing here waits longer than it is told to.

Lines are one write at the end of the file, so several processes may append to it. The file is opened again for each
write (some 10 µs): it may be renamed, deleted or truncated at any time, as logrotate does, on Windows too.
"""

import errno
import os
import select
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Final, Protocol

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    LOCK_EX = LOCK_NB = 0
    _BEYOND_ANY_LINE: Final = 1 << 40  # nobody can read or write what is locked there

    def flock(descriptor: int, _operation: int) -> None:
        """Locks one byte far beyond the end of the file, so that other programs can still read the lines."""
        os.lseek(descriptor, _BEYOND_ANY_LINE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:  # the class doesn't tell a taken lock from other failures
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
else:
    from fcntl import LOCK_EX, LOCK_NB, flock

RETRY_SECONDS: Final = 0.002
"""From one try for a lock to the next."""
_STDOUT, _STDERR = 1, 2
# Only named pipes heed O_NONBLOCK: opening one that nobody reads is an error then, and doesn't wait for a reader.
_OPTIONAL_FLAGS = (getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"))
_FLAGS = reduce(or_, _OPTIONAL_FLAGS, os.O_APPEND | os.O_CREAT)
_MODE = 0o600
_PIPE_BUF: Final = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe which is ready takes at once; 512 is the least that POSIX allows."""


class CutShort(OSError):
    """Why the rest couldn't be written, after `written` bytes of the lines were."""

    def __init__(self, number: int, written: int) -> None:
        super().__init__(number, os.strerror(number))
        self.written = written


class Lines(Protocol):
    """Where lines go. `deadline` is a time of `time.monotonic`, up to which a lock or a full pipe is waited for."""

    def append(self, lines: bytes, deadline: float) -> None:
        """Writes one or more lines, each of which ends in a newline.

        Raises:
            CutShort: the disk had room for a part of them only.
            OSError: not all could be written. If a part of a line was, the next begins on a new one.
        """

    def check(self, deadline: float) -> None:
        """Does all that `append` does, without writing.

        Raises:
            OSError: a line couldn't be written now.
        """


class LogFile:
    """Appends lines to the regular file at a path, which is created if there is none.

    Raises:
        OSError: it can't be opened, isn't a regular file, or is what stdout goes to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        descriptor = _open(path)
        try:
            if os.path.samestat(os.fstat(descriptor), os.fstat(_STDOUT)):
                raise OSError(errno.EINVAL, "stdout carries the protocol, and results")
        finally:
            os.close(descriptor)

    def append(self, lines: bytes, deadline: float) -> None:
        """Writes lines; another process that holds a lock (`flock`) on the file is waited for."""
        with self._locked(deadline) as descriptor:
            data = b"\n" + lines if _is_torn(descriptor) else lines
            missing = len(data) - os.write(descriptor, data)
            if missing:
                raise CutShort(errno.ENOSPC, len(lines) - missing)

    def check(self, deadline: float) -> None:
        """Finds out whether a line could be written, and whether the disk has room."""
        with self._locked(deadline):
            if not shutil.disk_usage(self._path).free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def _locked(self, deadline: float) -> Iterator[int]:
        """The open file, locked: during another process's write its last line would look torn."""
        descriptor = _open(self._path)
        try:
            _lock(descriptor, deadline)
            yield descriptor
        finally:
            os.close(descriptor)  # which unlocks it


class Stderr:
    """Appends lines to stderr.

    Raises:
        OSError: it is closed, or a device that keeps nothing, such as /dev/null.
    """

    def __init__(self) -> None:
        if sys.__stderr__ is None:  # it was closed before this process began, and its number is another file's by now
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if stat.S_ISCHR(os.fstat(_STDERR).st_mode) and not os.isatty(_STDERR):
            raise OSError(errno.EINVAL, "a device that keeps nothing")
        self._torn = False

    def append(self, lines: bytes, deadline: float) -> None:
        """Writes lines; a reader that leaves the pipe full is waited for."""
        data = memoryview(b"\n" + lines if self._torn else lines)
        while data:
            self.check(deadline)
            with suppress(BlockingIOError):  # it is shared: another process was quicker
                written = os.write(_STDERR, data[:_PIPE_BUF])
                data = data[written:]
                self._torn = bool(data)

    def check(self, deadline: float) -> None:
        """Waits until there is room for a line."""
        if sys.platform != "win32":  # pragma: no branch
            room = select.poll()
            room.register(_STDERR, select.POLLOUT)
            if not room.poll(max(0, deadline - time.monotonic()) * 1_000):
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _open(path: Path) -> int:
    """Opened for reading too, to see how it ends, unless it may only be written."""
    try:
        descriptor = os.open(path, os.O_RDWR | _FLAGS, _MODE)
    except PermissionError:
        descriptor = os.open(path, os.O_WRONLY | _FLAGS, _MODE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "a device or a pipe, which keeps nothing")
    return descriptor


def _lock(descriptor: int, deadline: float) -> None:
    while True:
        try:
            return flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
        except OSError:
            return None  # some file systems have no locks
        time.sleep(RETRY_SECONDS)


def _is_torn(descriptor: int) -> bool:
    """Whether the last line has no end, as after a full disk, in this process or another."""
    with suppress(OSError):
        if size := os.lseek(descriptor, 0, os.SEEK_END):
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            return os.read(descriptor, 1) not in {b"", b"\n"}
    return False
