"""Bearer tokens of callers over HTTP: what any of them must be, and how one for a file of them is made."""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import date
from typing import Final

SCOPE: Final = "wallets:read"
"""What a token must allow for the tool to be called."""
NAME_RULE: Final = r"[A-Za-z0-9._@-]{1,64}"
"""Names of callers in the tokens file: plain enough to be read in a log."""

_MAX_TOKEN = 8_192
_RANDOM_BYTES = 32


def new_token(
    name: str, last_day: date | None = None, draw: Callable[[int], str] = secrets.token_urlsafe
) -> tuple[str, str]:
    """A new token, and the line of the tokens file that accepts it as `name`, for good or through `last_day` (UTC).

    The prefix lets scanners of repositories and logs recognize a token. Of 256 random bits a plain hash is enough:
    there is nothing to try.

    Raises:
        ValueError: `name` breaks NAME_RULE.
    """
    if not re.fullmatch(NAME_RULE, name):
        raise ValueError("not a name")
    token = f"jwm_{draw(_RANDOM_BYTES)}"
    expiry = f":{last_day.isoformat()}" if last_day else ""
    return token, f"{name}:{hashlib.sha256(token.encode()).hexdigest()}{expiry}"


def is_plausible(token: str) -> bool:
    """Whether it is worth hashing or parsing: ASCII, as RFC 6750 (section 2.1) has it, and of at most 8 KiB."""
    return len(token) <= _MAX_TOKEN and token.isascii()
