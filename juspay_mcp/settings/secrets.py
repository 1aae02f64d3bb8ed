"""The keys this server holds: each given once, or read from a file whenever the file changes."""

import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Final

from pydantic import SecretStr

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.settings.load import JuspayAccount, Settings
from juspay_mcp.settings.plain_text import is_assignment, is_placeholder, plain
from juspay_mcp.settings.variables import BY_NAME
from juspay_mcp.settings.watched_file import NamedFile, WatchedFile

Key = Callable[[], SecretStr | None]
"""Gives the current key; None if it isn't set."""
ApiKey = Key
"""Juspay's."""

MISFILLED: Final = "The file of JUSPAY_API_KEY_FILE holds a placeholder or NAME=value instead of the key alone."

_logger = logging.getLogger(__name__)


class MisfilledFile(ConfigurationError):
    """A key's file that nobody filled in, or that is an env file."""


def api_key(account: JuspayAccount) -> ApiKey:
    """The account's key for Juspay. A misfilled file counts as none until it is corrected.

    Raises:
        ConfigurationError: the key's file can't be read, or holds something else.
    """
    if account.api_key_file is None:
        return lambda: account.api_key
    try:
        return KeyFile(account.api_key_file)
    except MisfilledFile:
        _logger.warning("key_file_misfilled: %s", MISFILLED)
        return _MisfilledKeyFile(account.api_key_file)


def audit_key(settings: Settings) -> Key:
    """The key of the audit log's hashes.

    Raises:
        ConfigurationError: the key's file can't be read, or holds something else.
    """
    file = settings.audit_key_file
    return KeyFile(file, "JUSPAY_MCP_AUDIT_KEY") if file else lambda: settings.audit_key


class KeyFile(WatchedFile[SecretStr]):
    """A key in a file, by the rule of the variable `name` that could hold the key itself."""

    def __init__(self, source: NamedFile, name: str = "JUSPAY_API_KEY") -> None:
        super().__init__(source, partial(_parse, name), f"{name}_FILE")


class _MisfilledKeyFile:
    """A file that held no key at the start, tried again for each call."""

    def __init__(self, source: NamedFile) -> None:
        self._source = source
        self._file: KeyFile | None = None

    def __call__(self) -> SecretStr | None:
        if self._file is None:
            try:
                self._file = KeyFile(self._source)
            except ConfigurationError:
                return None
        return self._file()


def _parse(name: str, content: bytes) -> SecretStr | None:
    text = plain(content.decode("ascii", "replace"))
    if is_placeholder(text) or is_assignment(text):
        raise MisfilledFile(
            f"The file of {name}_FILE holds a placeholder or NAME=value instead of the key.", f"{name}_FILE"
        )
    return SecretStr(text) if re.fullmatch(BY_NAME[name].rule, text, re.ASCII) else None
