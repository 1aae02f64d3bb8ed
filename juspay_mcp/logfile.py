"""Lines that must not get lost: each is in the file before the call that wrote it returns, or that call fails.

The file may be renamed or truncated while it is written to, as logrotate does, and several processes may append to
it: the system puts each write at the end, and a line is one write.
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from typing_extensions import override

if sys.platform == "win32":  # pragma: no cover - where there is one process, and no such lock
    LOCK_EX = LOCK_UN = 0

    def flock(_descriptor: int, _operation: int) -> None:
        """Locks nothing."""
else:
    from fcntl import LOCK_EX, LOCK_UN, flock

_STDOUT, _STDERR = 1, 2
# Only named pipes heed O_NONBLOCK: one that nobody reads is an error then, not a start that never ends.
_FLAGS = os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MODE = 0o600


class LineStream:
    """Appends lines to an open file descriptor: stderr's, if not told otherwise."""

    def __init__(self, descriptor: int = _STDERR) -> None:
        self._descriptor = descriptor
        self._torn = False

    def append(self, line: bytes) -> None:
        """Writes a line, which comes without its end.

        Raises:
            OSError: it couldn't be written whole. What was written is closed by a newline before the next one.
        """
        data = (b"\n" if self._torn else b"") + line + b"\n"
        written = os.write(self._descriptor, data)
        self._torn = not data[:written].endswith(b"\n")
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def ready(self) -> bool:
        """Whether a line could be written now, as far as can be known without writing one."""
        return True

    def close(self) -> None:
        """Leaves stderr open."""


class LogFile(LineStream):
    """Appends lines to the file at a path: the one that is there when a line is written.

    Raises:
        OSError: it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        super().__init__(_open(path))

    @override
    def append(self, line: bytes) -> None:
        self._follow()
        with _alone(self._descriptor):
            self._torn = _is_torn(self._descriptor)
            super().append(line)

    @override
    def ready(self) -> bool:
        with suppress(OSError):
            self._follow()
            return shutil.disk_usage(self._path).free > 0
        return False

    @override
    def close(self) -> None:
        os.close(self._descriptor)

    def _follow(self) -> None:
        """Goes over to the file that has taken the place of ours, or makes one where there is none."""
        with suppress(OSError):
            if os.path.samestat(self._path.stat(), os.fstat(self._descriptor)):
                return
        descriptor = _open(self._path)
        os.close(self._descriptor)
        self._descriptor = descriptor


def _open(path: Path) -> int:
    descriptor = _open_to_look_into(path)
    if os.path.samestat(os.fstat(descriptor), os.fstat(_STDOUT)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "stdout carries the protocol, and results")
    return descriptor


def _open_to_look_into(path: Path) -> int:
    """Opened for reading too, unless it is a pipe, which would count as a reader, or may only be written."""
    if not path.is_fifo():
        with suppress(PermissionError):
            return os.open(path, os.O_RDWR | _FLAGS, _MODE)
    return os.open(path, os.O_WRONLY | _FLAGS, _MODE)


@contextmanager
def _alone(descriptor: int) -> Iterator[None]:
    """Keeps our other processes from writing meanwhile: within a write, a file looks torn."""
    with suppress(OSError):  # some file systems know no locks
        flock(descriptor, LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            flock(descriptor, LOCK_UN)


def _is_torn(descriptor: int) -> bool:
    """Whether the last line has no end, whoever wrote it: another process, too, may have met a full disk."""
    with suppress(OSError):
        if size := os.lseek(descriptor, 0, os.SEEK_END):
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            return os.read(descriptor, 1) not in {b"", b"\n"}
    return False
