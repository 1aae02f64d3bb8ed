"""JSON from bytes nobody vouches for: exact numbers, no duplicate keys, no surprises."""

import json
from contextlib import suppress
from decimal import Decimal, InvalidOperation


class MalformedJson(ValueError):
    """Not a JSON text in UTF-8, or nested too deep to read."""


def decode_json(body: bytes) -> object:
    """The value in `body`.

    Numbers are `Decimal`. What JSON can't mean with certainty becomes None: NaN, the infinities, a number too large
    for a decimal, and an object with a key twice (which of the two was meant?).

    Raises:
        MalformedJson: `body` is no JSON.
    """
    with suppress(ValueError, RecursionError):
        return json.loads(
            body.decode("utf-8-sig"),
            parse_float=_number,
            parse_int=_number,
            parse_constant=lambda _: None,
            object_pairs_hook=_object,
        )
    raise MalformedJson  # not from json's own errors: those hold the body


def _number(token: str) -> Decimal | None:
    try:
        return Decimal(token)
    except InvalidOperation:
        return None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | None:
    members = dict(pairs)
    return members if len(members) == len(pairs) else None
