import re
from typing import Annotated
from urllib.parse import unquote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import StringConstraints, TypeAdapter, ValidationError

from juspay_mcp.errors import InvalidCustomerId
from juspay_mcp.values.customer_id import MAX_LENGTH, PATTERN, CustomerId, parse_customer_id, path_segment
from tests.support.golden import HOSTILE_IDS

SCHEMA = TypeAdapter[str](Annotated[str, StringConstraints(pattern=PATTERN, max_length=MAX_LENGTH)])
# Mostly the characters that the rule is about, to find its edges.
candidates = (
    st.text(st.sampled_from("./.../a0;;@+=\\?#% ~!\n\x7fé"), max_size=12)
    | st.text(st.characters(min_codepoint=32, max_codepoint=127), max_size=140)
    | st.text()
)


def has_the_characters(value: str) -> bool:
    """The part of the rule that a schema can say."""
    return 1 <= len(value) <= 128 and all("!" <= one <= "~" for one in value) and not set(value) & set("\\?#%")


def obeys_the_rule(value: str) -> bool:
    """The rule as the contract says it, without a pattern."""
    return has_the_characters(value) and not re.search(r"(^|/)\.{0,2}(;|/|$)", value)


ids = candidates.filter(obeys_the_rule).map(CustomerId)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("cth_eN4e4kR12CJV", id="Juspay's"),
        pytest.param("jane.doe+wallet@example.com", id="an e-mail address"),
        pytest.param("+919876543210", id="a phone number"),
        pytest.param("ZmF0Zm9v/YmFy+w==", id="base64"),
        pytest.param("x" * 128, id="128 characters"),
        pytest.param("...", id="three dots are a name"),
        pytest.param(".a/..b/a..", id="dots in segments"),
        pytest.param("a;b/c;..", id="semicolons after a name"),
    ],
)
def test_a_valid_id_is_accepted_unchanged(value: str) -> None:
    assert parse_customer_id(value) == value


@pytest.mark.parametrize(
    "value",
    [
        *HOSTILE_IDS,
        pytest.param("a\u2024\u2024b", id="dots that might be normalised"),
        pytest.param("..;", id="two dots with an empty parameter"),
        pytest.param("..;a=b/orders", id="two dots with a parameter first"),
        pytest.param("x/..;a;b", id="with two parameters last"),
        pytest.param("x/.;a", id="a dot with a parameter"),
        pytest.param("x/;a", id="a parameter of an empty segment"),
        pytest.param(";", id="a semicolon"),
        pytest.param(None, id="null"),
        pytest.param(9876543210, id="a number"),
    ],
)
def test_anything_else_is_rejected(value: object) -> None:
    with pytest.raises(InvalidCustomerId):
        parse_customer_id(value)


@given(candidates)
def test_an_id_is_accepted_if_and_only_if_it_obeys_the_rule(value: str) -> None:
    try:
        accepted = parse_customer_id(value) == value
    except InvalidCustomerId:
        accepted = False
    assert accepted == obeys_the_rule(value)


@given(candidates)
def test_the_schema_s_pattern_and_length_say_the_rule_for_characters(value: str) -> None:
    by_pattern = len(value) <= MAX_LENGTH and re.fullmatch(PATTERN, value) is not None
    try:
        by_schema = SCHEMA.validate_python(value) == value
    except ValidationError:
        by_schema = False
    assert (by_pattern, by_schema) == (has_the_characters(value),) * 2


def test_the_pattern_escapes_only_what_ecmascript_lets_a_pattern_escape() -> None:
    # ECMA-262, IdentityEscape under the u flag, which Ajv sets: a syntax character, `/`, and in a class `-`.
    assert set(re.findall(r"\\(.)", PATTERN)) <= set("^$\\.*+?()[]{}|/-")


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("cth_eN4e4kR12CJV", "cth_eN4e4kR12CJV"),
        ("jane+a@example.com", "jane%2Ba%40example.com"),
        ("a/b=", "a%2Fb%3D"),
        ("~-._", "~-._"),
    ],
)
def test_an_id_is_encoded_as_one_segment(value: str, segment: str) -> None:
    assert path_segment(parse_customer_id(value)) == segment


@pytest.mark.parametrize("base", ["https://api.juspay.in", "https://gateway.example/juspay/v1"])
@given(customer_id=ids)
def test_an_accepted_id_always_arrives_as_one_segment_equal_to_it(base: str, customer_id: CustomerId) -> None:
    with httpx2.Client(base_url=base, transport=httpx2.MockTransport(lambda _: httpx2.Response(200))) as http:
        url = http.build_request("GET", f"/customers/{path_segment(customer_id)}/wallets").url
    before = base.removeprefix("https://").split("/")[1:]
    segments = url.raw_path.decode("ascii").split("/")
    assert [unquote(segment) for segment in segments] == ["", *before, "customers", customer_id, "wallets"]
    assert (url.query, url.fragment) == (b"", "")
