r"""Customer ids: which ones may be sent to Juspay.

An id is Juspay's own (`cth_…`, `cst_…`) or the merchant's, often an e-mail, a phone number or base64, so `/`, `+`,
`=` and `@` are allowed. It becomes one percent-encoded path segment; what a server or proxy on the way might still
read as structure after decoding it (a `.` or `..` segment, an empty one, `\`, `?`, `#`, `%`) is rejected. Some
servers first remove what follows a `;` in a segment (RFC 3986, section 3.3): to them `..;x` is `..`, so here too.
"""

import re
from typing import NewType
from urllib.parse import quote

from juspay_mcp.errors import InvalidCustomerId

CustomerId = NewType("CustomerId", str)
"""A string that has passed `parse_customer_id`."""

MAX_LENGTH = 128
PATTERN = r'^[!"$&->@-\[\]-~]+$'
r"""Printable ASCII without space, `#`, `%`, `?` and `\`.

Short and without lookahead, as hosts compile it for constrained decoding; segments are checked only here.
"""
_CHARACTERS = re.compile(PATTERN)
_STRUCTURE = frozenset({"", ".", ".."})


def parse_customer_id(value: object) -> CustomerId:
    """`value` as a customer id.

    Raises:
        InvalidCustomerId: it breaks the rule.
    """
    if type(value) in {int, float}:
        raise InvalidCustomerId(number=True)
    if not isinstance(value, str) or len(value) > MAX_LENGTH or not _CHARACTERS.fullmatch(value):
        raise InvalidCustomerId
    if _STRUCTURE.intersection(segment.partition(";")[0] for segment in value.split("/")):
        raise InvalidCustomerId
    return CustomerId(value)


def path_segment(customer_id: CustomerId) -> str:
    """The id as one percent-encoded path segment: `a/b` becomes `a%2Fb`."""
    return quote(customer_id, safe="")
