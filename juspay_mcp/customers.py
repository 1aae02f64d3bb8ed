r"""Customer ids: the rule for what may travel to Juspay, as one pattern.

An id is Juspay's own (`cth_…`, `cst_…`) or the merchant's, often an e-mail, a phone number or base64, so `/`, `+`,
`=` and `@` are allowed. It becomes one percent-encoded path segment; what a server or proxy on the way might still
read as structure after decoding it (a `.` or `..` segment, an empty one, `\`, `?`, `#`, `%`) is refused.
"""

import re
from typing import NewType
from urllib.parse import quote

from juspay_mcp.errors import InvalidCustomerId

CustomerId = NewType("CustomerId", str)
"""A string that has passed `parse_customer_id`."""

MAX_LENGTH = 128
_ANY = r"[!\"$&-.0->@-\[\]-~]"  # printable ASCII but space # % / ? \
_NOT_A_DOT = r"[!\"$&-\-0->@-\[\]-~]"
_SEGMENT = rf"(\.{{0,2}}{_NOT_A_DOT}{_ANY}*|\.{{3,}}{_ANY}*)"
# `$` would let a trailing line break pass in Python, so the rule is always applied with `fullmatch`.
PATTERN = f"^{_SEGMENT}(/{_SEGMENT})*$"
_RULE = re.compile(PATTERN)


def parse_customer_id(value: object) -> CustomerId:
    """`value` as a customer id.

    Raises:
        InvalidCustomerId: it breaks the rule.
    """
    if not isinstance(value, str) or len(value) > MAX_LENGTH or not _RULE.fullmatch(value):
        raise InvalidCustomerId
    return CustomerId(value)


def path_segment(customer_id: CustomerId) -> str:
    """The id as one percent-encoded path segment: `a/b` becomes `a%2Fb`."""
    return quote(customer_id, safe="")
