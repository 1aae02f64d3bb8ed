"""Settings as people and hosts really write them: with quotes or a byte-order mark, or not filled in at all."""

import codecs
import re
from typing import Final

from juspay_mcp.errors import ConfigurationError

_MARK: Final = "\ufeff"
_QUOTES: Final = frozenset({'""', "''", "\u201c\u201d", "\u2018\u2019"})
# As hosts, shells, templates and instructions write them. Only a whole value is one: a key may contain any of these.
_PLACEHOLDER: Final = re.compile(
    r"\$\{([^{}]|\$\{[^{}]*\})*\}"  # ${X}, ${X:-${Y}}, ${env:X}, ${input:x}, ${user_config.x}
    r"|\$?\{\{[^{}]*\}\}"  # {{X}}, ${{ secrets.X }}
    r"|\$\([^()]*\)"  # $(X), as Kubernetes leaves a name it doesn't know
    r"|\$(env:)?[A-Za-z_]\w*"  # $X, $env:X
    r"|%[A-Za-z_][\w.]*%"  # %X%
    r"|<[^<>]+>"  # <your key>
)
# The value must be more than the padding of base64, whose last character may be a "=" too.
_ASSIGNMENT: Final = re.compile(r"(export\s+)?[A-Za-z_]\w*\s*=\s*[^=\s].*", re.DOTALL)
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def plain(text: str) -> str:
    """The value without space, a byte-order mark and one pair of matching quotes around it."""
    bare = text.strip().removeprefix(_MARK).strip()
    return bare[1:-1].strip() if bare[:1] + bare[1:][-1:] in _QUOTES else bare


def is_placeholder(value: str) -> bool:
    """Whether a value is wholly a placeholder that nobody filled in, and doesn't merely contain one."""
    return bool(_PLACEHOLDER.fullmatch(value))


def is_assignment(value: str) -> bool:
    """Whether a value is `NAME=value`: a line of an env file where the value alone belongs."""
    return bool(_ASSIGNMENT.fullmatch(value))


def without_mark(content: bytes, variable: str) -> bytes:
    """A file's content without a UTF-8 byte-order mark; `variable` names the file.

    Raises:
        ConfigurationError: it is UTF-16, as PowerShell's `>` writes.
    """
    if content.startswith(_UTF_16) or b"\0" in content[:2]:
        raise ConfigurationError(f"The file of {variable} is saved as UTF-16; save it as UTF-8.", variable)
    return content.removeprefix(codecs.BOM_UTF8)
