"""The file of names and hashes that says who may call over HTTP."""

import hashlib
import hmac
import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from mcp.server.auth.provider import AccessToken, TokenVerifier

from juspay_mcp.http.auth.bearer import SCOPE, is_plausible, log_refusal
from juspay_mcp.http.auth.tokens import NAME_RULE
from juspay_mcp.settings.variables import broken_rule
from juspay_mcp.settings.watched_file import NamedFile, WatchedFile
from juspay_mcp.values.timestamps import Clock, utc_now

MAX_FILE: Final = 1_048_576
"""The most bytes that a tokens file may have."""
NOTICE: Final = timedelta(days=14)
"""How long before a token's last day the log begins to warn of it."""

_VARIABLE = "JUSPAY_MCP_TOKENS_FILE"
_LINE = re.compile(rf"({NAME_RULE}):([0-9A-Fa-f]{{64}})(?::(\d{{4}}-\d\d-\d\d))?", re.ASCII)
_SHOWN = 10
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the file; it accepts its token through `last_day` (UTC), or for good."""

    line: int
    name: str
    digest: bytes
    last_day: date | None


class TokensFile:
    """The SDK's `TokenVerifier` for a file of `name:sha256` or `name:sha256:2027-01-31` lines, read when it changes.

    Several lines may have one name, so that a token can be replaced without a gap. A file that can be read says who
    may call, even if that is nobody: a removed line locks its bearer out. Only if the file can't be read is its last
    content still used. A token that isn't in the file is passed to `otherwise`.
    """

    def __init__(self, source: NamedFile, otherwise: TokenVerifier | None = None, clock: Clock = utc_now) -> None:
        self._entries = WatchedFile(source, _parse, _VARIABLE, MAX_FILE)
        self._otherwise = otherwise
        self._clock = clock
        self._warned: tuple[date, tuple[Entry, ...]] | None = None
        if not self._current(clock().date()):
            raise broken_rule(_VARIABLE)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who bears the token; None, with the reason in the log, if it is refused."""
        today = self._clock().date()
        given = hashlib.sha256(token.encode()).digest() if is_plausible(token) else b""
        # Compares with every entry, so that the time it takes tells nothing.
        found = [entry for entry in self._current(today) if hmac.compare_digest(entry.digest, given)]
        for entry in found:
            if entry.last_day is None or today <= entry.last_day:
                # The SDK reads an AccessToken's `token` only in authorization servers: what isn't there can't leak.
                return AccessToken(token="", client_id=f"token:{entry.name}", scopes=[SCOPE])
        if self._otherwise and not found:
            return await self._otherwise.verify_token(token)
        log_refusal("expired" if found else "not_in_the_file" if given else "implausible")
        return None

    def _current(self, today: date) -> tuple[Entry, ...]:
        """The entries; once a day, and when they change, the log says which expire soon."""
        entries = self._entries()
        if self._warned != (today, entries):
            self._warned = (today, entries)
            soon = [entry for entry in entries if entry.last_day and entry.last_day <= today + NOTICE]
            _warn("expired or about to expire: line", [f"{entry.line} ({entry.last_day})" for entry in soon])
        return entries


def read_entries(content: bytes) -> tuple[tuple[Entry, ...], list[str]]:
    """The entries in a tokens file, and the numbers of the lines that are malformed."""
    entries, malformed = [], []
    for number, line in enumerate(content.decode("ascii", "replace").split("\n"), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        with suppress(ValueError):  # 2027-02-30
            if match := _LINE.fullmatch(text):
                last_day = date.fromisoformat(match[3]) if match[3] else None
                entries.append(Entry(number, match[1], bytes.fromhex(match[2]), last_day))
                continue
        malformed.append(str(number))
    return tuple(entries), malformed


def _parse(content: bytes) -> tuple[Entry, ...]:
    entries, malformed = read_entries(content)
    _warn("ignored malformed line", malformed)
    if not entries:
        _logger.warning("tokens_file: no line has a token")
    return entries


def _warn(what: str, lines: list[str]) -> None:
    if lines:
        more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        _logger.warning("tokens_file: %s %s%s", what, ", ".join(lines[:_SHOWN]), more)
