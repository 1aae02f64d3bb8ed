import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.values.strict_json import MalformedJson, decode_json

scalars = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def with_decimals(value: object) -> object:
    """The same value, its numbers as the decimals that their JSON spells."""
    match value:
        case dict():
            return {key: with_decimals(member) for key, member in value.items()}
        case list():
            return [with_decimals(item) for item in value]
        case int() | float() if not isinstance(value, bool):
            return Decimal(json.dumps(value))
    return value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b'{"list": []}', {"list": []}, id="an object"),
        pytest.param(b'\xef\xbb\xbf{"a": null}', {"a": None}, id="after a byte order mark"),
        pytest.param(b"NaN", None, id="not a number"),
        pytest.param(b"[Infinity, -Infinity]", [None, None], id="the infinities"),
        pytest.param(b"1e9999999999999999999", None, id="a number too large for a decimal"),
        pytest.param(b'{"a": 1, "a": 2}', None, id="a key twice: which was meant?"),
        pytest.param(b'[{"a": 1, "a": 1}, {"b": true}]', [None, {"b": True}], id="a key twice costs its object only"),
    ],
)
def test_a_body_is_read_and_what_is_ambiguous_in_it_is_none(body: bytes, value: object) -> None:
    assert decode_json(body) == value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b'{"a": 1, "a": 2, "b": 3}', {"a": None, "b": Decimal(3)}, id="a key twice: which was meant?"),
        pytest.param(b'{"a": 1, "a": 1.00}', {"a": Decimal(1)}, id="a key twice with one value"),
        pytest.param(b'{"a": {"b": [1]}, "a": {"b": [1]}}', {"a": {"b": [Decimal(1)]}}, id="twice an object"),
        pytest.param(b'{"a": true, "a": 1}', {"a": None}, id="true and 1, which are equal in Python"),
        pytest.param(b'{"a": null, "a": null}', {"a": None}, id="twice null"),
    ],
)
def test_if_keys_may_repeat_only_ambiguous_values_are_none(body: bytes, value: object) -> None:
    assert decode_json(body, repeated_keys=True) == value


@pytest.mark.parametrize("number", ["109.55", "1.10", "0.1", "100", "-0", "1E+5", "12345678901234567890.123456789"])
def test_a_number_keeps_the_digits_it_is_written_with(number: str) -> None:
    assert str(decode_json(number.encode())) == number


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>503</html>", id="HTML"),
        pytest.param(b'{"list": [', id="cut off"),
        pytest.param(b'"\xff"', id="not UTF-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"[" * 1_000_000, id="nested a million deep"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="nested deep and closed"),
    ],
)
def test_a_body_that_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJson) as caught:
        decode_json(body)
    assert (str(caught.value), caught.value.__cause__, caught.value.__context__) == ("", None, None)


@given(st.dictionaries(st.text(), scalars, min_size=1), st.data())
def test_only_repeated_keys_with_two_values_are_lost(members: dict[str, object], data: st.DataObject) -> None:
    again = {key: data.draw(st.just(value) | scalars) for key, value in members.items()}
    body = f"{json.dumps(members)[:-1]}, {json.dumps(again)[1:]}"
    one, other = with_decimals(members), with_decimals(again)
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    same = {key: type(value) is type(other[key]) and value == other[key] for key, value in one.items()}
    assert decode_json(body.encode(), repeated_keys=True) == {
        key: value if same[key] else None for key, value in one.items()
    }


@given(documents)
def test_any_document_is_read_as_it_was_written(document: object) -> None:
    body = json.dumps(document).encode()
    assert decode_json(body) == decode_json(body, repeated_keys=True) == with_decimals(document)


@given(st.binary() | st.text(st.sampled_from('{}[]",:0123456789.eE+-truefalsnN')).map(str.encode))
def test_any_bytes_are_a_value_or_malformed(body: bytes) -> None:
    try:
        value = decode_json(body)
    except MalformedJson:
        return
    assert value is None or isinstance(value, dict | list | str | bool | Decimal)
