"""The API key: given once, or read from a file whenever the file changes."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from juspay_mcp.settings import Settings
from juspay_mcp.variables import API_KEY_RULE, broken_rule

ApiKey = Callable[[], SecretStr | None]
"""Gives the key in force at this moment; None where there is none."""

_MAX_BYTES = 4_096
_logger = logging.getLogger(__name__)


def api_key(settings: Settings) -> ApiKey:
    """The key the settings name.

    Raises:
        ConfigurationError: the key's file can't be read, or holds something else.
    """
    if settings.api_key_file is not None:
        return KeyFile(settings.api_key_file)
    return lambda: settings.api_key


class KeyFile:
    """A key in a file, read again when the file's identity, size or time changes.

    A file that is gone or half-written during a rotation doesn't cost a call: the last good key stays in force,
    and the log says so once for each bad state.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._state()
        self._key = self._read()
        if self._key is None:
            raise broken_rule("JUSPAY_API_KEY_FILE")

    def __call__(self) -> SecretStr | None:
        """The key in force."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            self._key = self._read() or self._kept()
        return self._key

    def _kept(self) -> SecretStr | None:
        _logger.warning("api_key_file_unreadable, the last good key stays in force")
        return self._key

    def _state(self) -> tuple[int, ...] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)

    def _read(self) -> SecretStr | None:
        try:
            with self._path.open("rb") as file:
                key = file.read(_MAX_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return SecretStr(key) if re.fullmatch(API_KEY_RULE, key) else None
