"""The file of names and hashes that says who may call over HTTP."""

import hashlib
import hmac
import logging
import re

from mcp.server.auth.provider import AccessToken, TokenVerifier

from juspay_mcp.tokens import NAME_RULE, SCOPE, is_plausible, log_refusal
from juspay_mcp.variables import broken_rule
from juspay_mcp.watched import NamedFile, WatchedFile

_VARIABLE = "JUSPAY_MCP_TOKENS_FILE"
_LINE = re.compile(rf"({NAME_RULE}):([0-9A-Fa-f]{{64}})".encode())
_MAX_FILE = 1_048_576
_NUMBERS_SHOWN = 10
_logger = logging.getLogger(__name__)

_Entries = tuple[tuple[str, bytes], ...]


class TokensFile:
    """The SDK's `TokenVerifier` for a file of `name:sha256` lines, read again when it changes.

    Several lines may bear one name, so that a token can be replaced without a gap. A file that can be read says who
    may call, even if that is nobody: taking a line out must lock its bearer out. Only one that can't be read leaves
    those in force whom it named last. A token that isn't in the file is for `otherwise` to judge.
    """

    def __init__(self, source: NamedFile, otherwise: TokenVerifier | None = None) -> None:
        self._entries = WatchedFile(source, _parse, _VARIABLE, _MAX_FILE)
        self._otherwise = otherwise
        if not self._entries():
            raise broken_rule(_VARIABLE)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who bears the token; None, with the reason in the log, where it lets nobody in."""
        plausible = is_plausible(token)
        if plausible and (name := self._name(token)):
            # The SDK reads an AccessToken's `token` only in authorization servers: without it there is none to leak.
            return AccessToken(token="", client_id=f"token:{name}", scopes=[SCOPE])
        if self._otherwise:
            return await self._otherwise.verify_token(token)
        log_refusal("not_in_the_file" if plausible else "implausible")
        return None

    def _name(self, token: str) -> str | None:
        """Compares with every entry, so that the time it takes tells nothing."""
        given = hashlib.sha256(token.encode()).digest()
        names = [name for name, digest in self._entries() if hmac.compare_digest(digest, given)]
        return names[0] if names else None


def _parse(content: bytes) -> _Entries:
    lines = [(number, line.strip()) for number, line in enumerate(content.split(b"\n"), start=1)]
    read = [(number, _LINE.fullmatch(line)) for number, line in lines if line and not line.startswith(b"#")]
    _warn_of([number for number, match in read if not match])
    entries = tuple((match[1].decode(), bytes.fromhex(match[2].decode())) for _, match in read if match)
    if not entries:
        _logger.warning("tokens_file: no line lets anybody in")
    return entries


def _warn_of(malformed: list[int]) -> None:
    if malformed:
        shown = ", ".join(map(str, malformed[:_NUMBERS_SHOWN]))
        more = f" and {len(malformed) - _NUMBERS_SHOWN} more" if len(malformed) > _NUMBERS_SHOWN else ""
        _logger.warning("tokens_file: malformed, so letting nobody in: line %s%s", shown, more)
