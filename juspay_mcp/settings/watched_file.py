"""Files that variables name: read without waiting for them, and again when they change."""

import logging
import os
import select
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from stat import S_ISFIFO, S_ISREG
from typing import Generic, TypeVar

from pydantic import SecretBytes

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.settings.plain_text import without_mark
from juspay_mcp.settings.variables import broken_rule

T = TypeVar("T")

NamedFile = Path | SecretBytes
"""A file, or what was in a pipe when this process started: a pipe can be read only once, and each worker needs it."""

_MAX_BYTES = 4_096
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)  # Windows has neither
_logger = logging.getLogger(__name__)


def read_file(path: Path, max_bytes: int, seconds: float = 0) -> bytes | None:
    """What a file or a pipe holds, of more than `max_bytes` one byte more; None if it can't be read.

    Opening or reading a pipe that nobody writes to would otherwise block for ever, and a device might never end. For
    the end of a pipe this waits `seconds`, by default not at all. A pipe with nothing in it can't be read.
    """
    try:
        with FileIO(path, opener=lambda name, flags: os.open(name, flags | _NO_WAIT)) as file:
            mode = os.fstat(file.fileno()).st_mode
            if S_ISFIFO(mode):
                content, deadline = b"", time.monotonic() + seconds
                while len(content) <= max_bytes:
                    readable, _, _ = select.select([file], [], [], max(0, deadline - time.monotonic()))
                    if not readable or not (chunk := file.read(max_bytes + 1 - len(content))):
                        break
                    content += chunk
                return content or None
            return file.read(max_bytes + 1) if S_ISREG(mode) else None
    except OSError:
        return None


def read_source(source: NamedFile, max_bytes: int) -> bytes | None:
    """What it holds; None if it can't be read, or is longer."""
    content = source.get_secret_value() if isinstance(source, SecretBytes) else read_file(source, max_bytes)
    return None if content is None or len(content) > max_bytes else content


class WatchedFile(Generic[T]):
    """What a file holds, read again when the file's identity, size or time changes; what a pipe held stays.

    `parse` makes a value of its bytes, which come without a byte-order mark; if they hold none, it returns None, or
    raises a ConfigurationError that says why. `variable` is the one that names the file. A file that is gone or
    half-written during a rotation doesn't cost a call: the last good value is still used, and the log says so once
    for each bad state.
    """

    def __init__(
        self, source: NamedFile, parse: Callable[[bytes], T | None], variable: str, max_bytes: int = _MAX_BYTES
    ) -> None:
        self._source = source
        self._parse = parse
        self._variable = variable
        self._max_bytes = max_bytes
        self._seen = self._state()
        value = self._read()
        if value is None:
            raise broken_rule(variable)
        self._value = value

    def __call__(self) -> T:
        """The current value."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                value = self._read()
            except ConfigurationError:
                value = None
            if value is None:
                _logger.warning("file_unreadable: %s, what it held last is still used", self._variable)
            else:
                self._value = value
        return self._value

    def _state(self) -> tuple[int, ...] | None:
        if isinstance(self._source, SecretBytes):
            return None
        try:
            stat = self._source.stat()
        except OSError:
            return None
        return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)

    def _read(self) -> T | None:
        content = read_source(self._source, self._max_bytes)
        return None if content is None else self._parse(without_mark(content, self._variable))
