"""New bearer tokens for the tokens file, and the rule for their callers' names."""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import date
from typing import Final

NAME_RULE: Final = r"[A-Za-z0-9._@-]{1,64}"
"""Names of callers in the tokens file: plain enough to be read in a log."""

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
