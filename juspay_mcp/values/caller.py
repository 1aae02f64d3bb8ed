"""Who makes a call: whose limit it counts against, and whom the audit log names."""

from dataclasses import dataclass
from typing import Final, Literal

Transport = Literal["stdio", "http", "cli"]


@dataclass(frozen=True, slots=True)
class Caller:
    """One who calls. A name given by a sign-in has a prefix that says by which, so that no two mean the same one."""

    name: str
    transport: Transport


STDIO: Final = Caller("stdio", "stdio")
"""Over stdio there is one caller: the host that started the process."""
CLI: Final = Caller("cli", "cli")
"""Whoever typed a command."""
ANONYMOUS: Final = Caller("anonymous", "http")
"""Over HTTP without a sign-in all are one."""
SOLE_CALLERS: Final = frozenset({STDIO, CLI, ANONYMOUS})
"""Those besides whom a process has no other caller."""
