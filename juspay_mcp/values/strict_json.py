"""Decodes untrusted JSON: exact numbers, no ambiguous keys, no surprises."""

import json
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from functools import partial


class MalformedJson(ValueError):
    """Not a JSON text in UTF-8, or nested too deep to read."""


def decode_json(body: bytes, *, repeated_keys: bool = False) -> object:
    """The value in `body`.

    Numbers are `Decimal`. Whatever is ambiguous becomes None: NaN, the infinities, a number too large for a decimal,
    and an object with a repeated key. With `repeated_keys` such an object is read, and only the value of a key that
    has different values is None.

    Raises:
        MalformedJson: `body` isn't JSON.
    """
    with suppress(ValueError, RecursionError):
        return json.loads(
            body.decode("utf-8-sig"),
            parse_float=_number,
            parse_int=_number,
            parse_constant=lambda _: None,
            object_pairs_hook=partial(_unambiguous, repeated_keys=repeated_keys),
        )
    raise MalformedJson  # outside the block, as json's own errors hold the body


def _number(token: str) -> Decimal | None:
    try:
        return Decimal(token)
    except InvalidOperation:
        return None


def _unambiguous(pairs: list[tuple[str, object]], *, repeated_keys: bool) -> dict[str, object] | None:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    if not repeated_keys:
        return None
    members, ambiguous = {}, set()
    for key, value in pairs:
        # 100 is 100.00, but Python's `True == 1` doesn't count.
        if key in members and (type(members[key]) is not type(value) or members[key] != value):
            ambiguous.add(key)
        members[key] = value
    return members | dict.fromkeys(ambiguous)
