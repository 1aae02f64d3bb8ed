"""A file that is read again when it changes."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from juspay_mcp.variables import broken_rule

T = TypeVar("T")

_MAX_BYTES = 4_096
_logger = logging.getLogger(__name__)


class WatchedFile(Generic[T]):
    """What a file holds, read again when the file's identity, size or time changes.

    `parse` makes a value of its bytes, or None where they hold none; `variable` is the one that names the file. A
    file that is gone or half-written during a rotation doesn't cost a call: the last good value stays in force, and
    the log says so once for each bad state.
    """

    def __init__(
        self, path: Path, parse: Callable[[bytes], T | None], variable: str, max_bytes: int = _MAX_BYTES
    ) -> None:
        self._path = path
        self._parse = parse
        self._variable = variable
        self._max_bytes = max_bytes
        self._seen = self._state()
        value = self._read()
        if value is None:
            raise broken_rule(variable)
        self._value = value

    def __call__(self) -> T:
        """The value in force."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            value = self._read()
            self._value = self._kept() if value is None else value
        return self._value

    def _kept(self) -> T:
        _logger.warning("file_unreadable: %s, what it held last stays in force", self._variable)
        return self._value

    def _state(self) -> tuple[int, ...] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)

    def _read(self) -> T | None:
        try:
            with self._path.open("rb") as file:
                content = file.read(self._max_bytes + 1)
        except OSError:
            return None
        return self._parse(content) if len(content) <= self._max_bytes else None
