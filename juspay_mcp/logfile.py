"""Lines that must not get lost: each is in the file before the call that wrote it returns, or that call fails.

The file may be renamed or truncated while it is written to, as logrotate does, and several processes may append to
it: the system puts each write at the end, and a line is one write.
"""

import errno
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from typing_extensions import override

_STDOUT, _STDERR = 1, 2
# Only named pipes heed O_NONBLOCK: one that nobody reads is an error then, not a start that never ends.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MODE = 0o600
_WITHIN_A_LINE = 0.05


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
        self._torn = _was_left_torn(path)

    @override
    def append(self, line: bytes) -> None:
        self._follow()
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
        self._descriptor, self._torn = descriptor, False


def _open(path: Path) -> int:
    descriptor = os.open(path, _FLAGS, _MODE)
    if os.path.samestat(os.fstat(descriptor), os.fstat(_STDOUT)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "stdout carries the protocol, and results")
    return descriptor


def _was_left_torn(path: Path) -> bool:
    """Whether a process that is gone didn't come to the end of its last line; others may be within theirs."""
    size, last = _tail(path)
    if last in {b"", b"\n"}:
        return False
    time.sleep(_WITHIN_A_LINE)
    return _tail(path) == (size, last)


def _tail(path: Path) -> tuple[int, bytes]:
    """A file's size and its last byte, if it has one and may be read."""
    with suppress(OSError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return size, file.read(1)
    return 0, b""
