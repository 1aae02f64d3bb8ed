"""JSON from bytes nobody vouches for: exact numbers, no ambiguous keys, no surprises."""

import json
from contextlib import suppress
from decimal import Decimal, InvalidOperation


class MalformedJson(ValueError):
    """Not a JSON text in UTF-8, or nested too deep to read."""


def decode_json(body: bytes, *, repeated_keys: bool = False) -> object:
    """The value in `body`.

    Numbers are `Decimal`. What JSON can't mean with certainty becomes None: NaN, the infinities, a number too large
    for a decimal, and an object that has a key twice (which of the two was meant?). With `repeated_keys` such an
    object is read, and only the value of a key that comes with different values is None.

    Raises:
        MalformedJson: `body` isn't JSON.
    """
    with suppress(ValueError, RecursionError):
        return json.loads(
            body.decode("utf-8-sig"),
            parse_float=_number,
            parse_int=_number,
            parse_constant=lambda _: None,
            object_pairs_hook=_object_of_certain if repeated_keys else _object_of_unique,
        )
    raise MalformedJson  # not from json's own errors: those hold the body


def _number(token: str) -> Decimal | None:
    try:
        return Decimal(token)
    except InvalidOperation:
        return None


def _object_of_unique(pairs: list[tuple[str, object]]) -> dict[str, object] | None:
    members = dict(pairs)
    return members if len(members) == len(pairs) else None


def _object_of_certain(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    ambiguous = set()
    for key, value in pairs:
        if key in members and not _same(members[key], value):
            ambiguous.add(key)
        members[key] = value
    return members | dict.fromkeys(ambiguous)


def _same(one: object, other: object) -> bool:
    """Whether both mean the same: 100 is 100.00, but Python's `True == 1` doesn't count."""
    return type(one) is type(other) and one == other
