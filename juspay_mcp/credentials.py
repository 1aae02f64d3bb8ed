"""The API key: given once, or read from a file whenever the file changes."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from juspay_mcp.settings import Settings
from juspay_mcp.variables import BY_NAME
from juspay_mcp.watched import WatchedFile

ApiKey = Callable[[], SecretStr | None]
"""Gives the key in force at this moment; None where there is none."""


def api_key(settings: Settings) -> ApiKey:
    """The key the settings name.

    Raises:
        ConfigurationError: the key's file can't be read, or holds something else.
    """
    if settings.api_key_file is not None:
        return KeyFile(settings.api_key_file)
    return lambda: settings.api_key


class KeyFile(WatchedFile[SecretStr]):
    """A key in a file, by the rule of the variable `name` that could hold the key itself."""

    def __init__(self, path: Path, name: str = "JUSPAY_API_KEY") -> None:
        super().__init__(path, partial(_parse, BY_NAME[name].rule.encode()), f"{name}_FILE")


def _parse(rule: bytes, content: bytes) -> SecretStr | None:
    key = re.fullmatch(rule, content.strip())
    return SecretStr(key[0].decode()) if key else None
