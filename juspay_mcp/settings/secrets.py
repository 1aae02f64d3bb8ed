"""The keys this server holds: each given once, or read from a file whenever the file changes."""

import re
from collections.abc import Callable
from functools import partial

from pydantic import SecretStr

from juspay_mcp.settings.load import Settings
from juspay_mcp.settings.variables import BY_NAME
from juspay_mcp.settings.watched_file import NamedFile, WatchedFile

Key = Callable[[], SecretStr | None]
"""Gives the key in force at this moment; None where there is none."""
ApiKey = Key
"""Juspay's."""


def api_key(settings: Settings) -> ApiKey:
    """The key for Juspay that the settings name.

    Raises:
        ConfigurationError: the key's file can't be read, or holds something else.
    """
    return _key("JUSPAY_API_KEY", settings.api_key, settings.api_key_file)


def audit_key(settings: Settings) -> Key:
    """The key of the audit log's hashes that the settings name.

    Raises:
        ConfigurationError: the key's file can't be read, or holds something else.
    """
    return _key("JUSPAY_MCP_AUDIT_KEY", settings.audit_key, settings.audit_key_file)


def _key(name: str, given: SecretStr | None, file: NamedFile | None) -> Key:
    return (lambda: given) if file is None else KeyFile(file, name)


class KeyFile(WatchedFile[SecretStr]):
    """A key in a file, by the rule of the variable `name` that could hold the key itself."""

    def __init__(self, source: NamedFile, name: str = "JUSPAY_API_KEY") -> None:
        super().__init__(source, partial(_parse, BY_NAME[name].rule.encode()), f"{name}_FILE")


def _parse(rule: bytes, content: bytes) -> SecretStr | None:
    key = re.fullmatch(rule, content.strip())
    return SecretStr(key[0].decode()) if key else None
