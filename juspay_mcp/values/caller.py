"""The caller: whose rate limit a call counts against, and whom the audit log names."""

from dataclasses import dataclass
from typing import Final, Literal

Transport = Literal["stdio", "http", "cli"]


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller. An authenticated name has the method of authentication as prefix, so that names can't collide."""

    name: str
    transport: Transport


STDIO: Final = Caller("stdio", "stdio")
"""The one caller over stdio: the host that started the process."""
CLI: Final = Caller("cli", "cli")
"""The user of a command."""
ANONYMOUS: Final = Caller("anonymous", "http")
"""All callers over HTTP, if the server doesn't authenticate them."""
SOLE_CALLERS: Final = frozenset({STDIO, CLI, ANONYMOUS})
"""If a process has one of these callers, it has no other."""
