"""An issuer's keys: where they are looked for, which are taken, and how long they are used."""

import gzip
import json
import logging
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from anyio.to_thread import run_sync
from hypothesis import given, settings
from hypothesis import strategies as st

from juspay_mcp.http.auth.jwks import (
    FRESH,
    JWKS,
    KEPT,
    PAUSE,
    Unfetchable,
    metadata_urls,
    read_keys,
    read_metadata,
)
from tests.support.authorization_server import Answer, Issuer, Key, make_key
from tests.support.common import Clock

ISSUER = "https://login.example.com/tenant"
DOWN = "the last good keys are used"
NO_KEYS = "so no token can be verified"


@pytest.fixture
def moment() -> Clock:
    return Clock()


@pytest.fixture
def keys(issuer: Issuer, moment: Clock) -> JWKS:
    return JWKS(issuer.url, monotonic=moment)


async def ids(keys: JWKS, key_id: str | None = "key-1") -> list[str | None]:
    return [key.key_id for key in await keys.find(key_id)]


# Where they are looked for


@pytest.mark.parametrize(
    ("issuer", "oauth", "oidc"),
    [
        ("https://a.example", "https://a.example/.well-known/{}", "https://a.example/.well-known/{}"),
        ("https://a.example/", "https://a.example/.well-known/{}", "https://a.example/.well-known/{}"),
        ("https://a.example:8443/t", "https://a.example:8443/.well-known/{}/t", "https://a.example:8443/t/.well-known/{}"),
        ("https://a.example/t/v2/", "https://a.example/.well-known/{}/t/v2", "https://a.example/t/v2/.well-known/{}"),
    ],
)  # fmt: skip
def test_metadata_are_where_the_standards_say(issuer: str, oauth: str, oidc: str) -> None:
    assert metadata_urls(issuer) == {
        "oauth-authorization-server": oauth.format("oauth-authorization-server"),
        "openid-configuration": oidc.format("openid-configuration"),
    }


@pytest.mark.parametrize("tenant", ["", "/", "/tenant", "/tenant/"])
async def test_an_issuers_keys_are_found_by_rfc_8414(tenant: str) -> None:
    with Issuer(tenant) as issuer:
        assert await ids(JWKS(issuer.url)) == ["key-1"]
    assert issuer.paths == [issuer.metadata_path, issuer.jwks_path]


@pytest.mark.parametrize("tenant", ["", "/tenant/"])
async def test_or_by_openid_connect_discovery(tenant: str, caplog: pytest.LogCaptureFixture) -> None:
    with Issuer(tenant, oidc=True) as issuer:
        assert await ids(JWKS(issuer.url)) == ["key-1"]
    assert issuer.paths[1:] == [issuer.metadata_path, issuer.jwks_path]
    assert caplog.messages == []


async def test_an_issuer_is_asked_without_cookies_credentials_or_a_way_to_track(issuer: Issuer, keys: JWKS) -> None:
    document = json.dumps({"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}).encode()
    issuer.answers[issuer.metadata_path] = Answer(body=document, headers={"Set-Cookie": "a=b"})
    await ids(keys)
    assert [sorted(request.headers) for request in issuer.requests] == [
        ["accept", "accept-encoding", "connection", "host", "user-agent"]
    ] * 2


# What is believed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"issuer": "https://evil.example"}, "names_another_issuer"),
        ({"issuer": None}, "names_another_issuer"),
        ({"issuer": [ISSUER]}, "names_another_issuer"),
        ({"issuer": ISSUER.upper()}, "names_another_issuer"),
        ({"issuer": f"{ISSUER}/"}, "names_the_issuer_with_another_final_slash"),
        ({"jwks_uri": None}, "names_no_https_jwks_uri"),
        ({"jwks_uri": ["https://login.example.com/keys"]}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "http://login.example.com/keys"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "http://127.0.0.1/keys"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "ftp://login.example.com/keys"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "https://[::1/keys"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "https://:443/keys"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "/keys"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "https://login.example.com:99999/keys"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "https://login.example.com:0/keys"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "https://login.example.com/ keys"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": "https://login.example.com/\ud800"}, "names_no_https_jwks_uri"),
        ({"jwks_uri": f"https://login.example.com/{'k' * 2048}"}, "names_no_https_jwks_uri"),
    ],
)
def test_metadata_that_are_not_followed(changes: dict[str, object], reason: str) -> None:
    metadata = {"issuer": ISSUER, "jwks_uri": "https://login.example.com/keys", **changes}
    with pytest.raises(Unfetchable, match=f"^{reason}$"):
        read_metadata(metadata, ISSUER)


@pytest.mark.parametrize(
    ("issuer", "address"),
    [
        (ISSUER, "https://keys.example.net/jwks?policy=1"),
        ("http://127.0.0.1:8080", "http://localhost:8081/keys"),
        ("http://[::1]:8080", "https://keys.example.net/jwks"),
    ],
)
def test_metadata_that_are_followed(issuer: str, address: str) -> None:
    assert read_metadata({"issuer": issuer, "jwks_uri": address}, issuer) == address


def test_an_issuer_on_loopback_can_t_have_its_keys_fetched_elsewhere_without_tls() -> None:
    metadata: dict[str, object] = {"issuer": "http://localhost", "jwks_uri": "http://keys.example.net"}
    with pytest.raises(Unfetchable):
        read_metadata(metadata, "http://localhost")


def taken(*keys: object) -> list[str]:
    return [key.algorithm_name for key in read_keys({"keys": list(keys)})]


def test_keys_for_the_three_algorithms_are_taken() -> None:
    assert taken(*(make_key("key-1", alg).jwk for alg in ("RS256", "ES256", "EdDSA"))) == ["RS256", "ES256", "EdDSA"]


RSA = make_key().jwk
EC = make_key("key-1", "ES256").jwk
ED = make_key("key-1", "EdDSA").jwk


@pytest.mark.parametrize("members", [{"use": None}, {"alg": None}, {"kid": None}, {"key_ops": ["verify", "sign"]}])
def test_a_key_need_not_say_what_it_is_for(members: dict[str, object]) -> None:
    key = {name: value for name, value in {**RSA, **members}.items() if value is not None}
    assert taken(key) == ["RS256"]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("key", id="a text"),
        pytest.param({}, id="nothing"),
        pytest.param({**RSA, "kty": None}, id="no type"),
        pytest.param({**RSA, "kty": ["RSA"]}, id="a list of types"),
        pytest.param({**RSA, "use": "enc"}, id="for encryption"),
        pytest.param({**RSA, "key_ops": ["encrypt"]}, id="to encrypt"),
        pytest.param({**RSA, "key_ops": 5}, id="operations that are no list"),
        pytest.param({**RSA, "alg": "RS512"}, id="RS512"),
        pytest.param({**RSA, "alg": "PS256"}, id="PS256"),
        pytest.param({**RSA, "alg": "ES256"}, id="RSA for ES256"),
        pytest.param({**RSA, "d": "AQAB"}, id="private RSA"),
        pytest.param({**EC, "d": "AQAB"}, id="private EC"),
        pytest.param({**ED, "d": "AQAB"}, id="private Ed25519"),
        pytest.param(Key("key-1", "HS256", b"secret").jwk, id="a shared secret"),
        pytest.param({**Key("key-1", "HS256", b"secret").jwk, "alg": "RS256"}, id="a shared secret for RS256"),
        pytest.param({**RSA, "n": 5}, id="a number that isn't encoded"),
        pytest.param({**RSA, "n": "a"}, id="a number that can't be decoded"),
        pytest.param({**RSA, "n": ""}, id="an empty number"),
        pytest.param({**RSA, "e": "AQ"}, id="an exponent of 1"),
        pytest.param({"kty": "RSA", "kid": "key-1"}, id="RSA without numbers"),
        pytest.param(make_key("key-1", "RS256", 1024).jwk, id="a weak RSA key"),
        pytest.param(make_key("key-1", "ES384").jwk, id="P-384"),
        pytest.param({**EC, "alg": None, "crv": "P-384"}, id="another curve"),
        pytest.param({**EC, "crv": 256}, id="a curve that is a number"),
        pytest.param({**EC, "x": EC["y"]}, id="a point that isn't on its curve"),
        pytest.param({**EC, "x": "AQAB"}, id="half a point"),
        pytest.param({**ED, "crv": "X25519"}, id="a key for something else"),
        pytest.param({**ED, "crv": "Ed448"}, id="Ed448"),
        pytest.param({**ED, "x": "AQAB"}, id="half a key"),
    ],
)
def test_any_other_key_is_passed_over(key: object) -> None:
    assert taken(RSA, key, ED) == ["RS256", "EdDSA"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=50)
@given(st.sampled_from([RSA, EC, ED]), st.dictionaries(st.sampled_from(sorted({*RSA, *EC})), JSON, max_size=3))
def test_no_key_is_so_strange_that_it_breaks_the_set(key: dict[str, Any], changes: dict[str, Any]) -> None:
    assert taken({**key, **changes}, RSA)[-1] == "RS256"


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": None}])
def test_a_set_needs_a_list_of_keys(document: dict[str, object]) -> None:
    with pytest.raises(Unfetchable, match=r"^is_no_key_set$"):
        read_keys(document)


# How long they are used


async def test_keys_are_fetched_once_in_a_quarter_of_an_hour(issuer: Issuer, keys: JWKS, moment: Clock) -> None:
    asked = []
    for seconds in (0, FRESH - 1, 1, FRESH - 1, 1):
        moment.seconds += seconds
        assert await ids(keys) == ["key-1"]
        asked.append(len(issuer.requests))
    assert asked == [2, 2, 4, 4, 6]


async def test_a_new_key_is_found_at_its_first_token_and_the_old_one_is_gone(
    issuer: Issuer, keys: JWKS, moment: Clock
) -> None:
    before = await ids(keys)
    issuer.rotate()
    moment.seconds += 1
    assert (before, await ids(keys, "key-2"), await ids(keys)) == (["key-1"], ["key-2"], ["key-2"])


async def test_each_of_two_rotations_within_a_second_is_found_at_its_first_token(
    issuer: Issuer, keys: JWKS, moment: Clock
) -> None:
    assert await ids(keys, "key-1") == ["key-1"]
    for number in (2, 3):
        issuer.rotate()
        moment.seconds += 0.4
        assert await ids(keys, f"key-{number}") == [f"key-{number}"]


async def test_unknown_keys_ask_the_issuer_once_in_half_a_minute(issuer: Issuer, keys: JWKS, moment: Clock) -> None:
    asked = []
    for seconds in (0, PAUSE - 1, 1, 1, PAUSE - 1):
        moment.seconds += seconds
        for number in range(10):
            assert await ids(keys, f"unknown-{number}") == ["key-1"]
        asked.append(len(issuer.requests))
    assert asked == [2, 2, 4, 4, 6]


async def asked(issuer: Issuer) -> None:
    """Returns when the issuer has been asked, and everybody has got as far as they can."""
    assert await run_sync(issuer.asked.wait, 10)
    for _ in range(20):
        await checkpoint()


async def test_64_at_once_ask_once_and_all_get_the_keys(issuer: Issuer, keys: JWKS) -> None:
    found: list[list[str | None]] = []

    async def look() -> None:
        found.append(await ids(keys))

    async with anyio.create_task_group() as tasks:
        with issuer.hold():
            for _ in range(64):
                tasks.start_soon(look)
            await asked(issuer)
    assert (found, len(issuer.requests)) == ([["key-1"]] * 64, 2)


async def test_other_callers_don_t_wait_while_old_keys_are_fetched_again(
    issuer: Issuer, keys: JWKS, moment: Clock
) -> None:
    await ids(keys)
    moment.seconds += FRESH
    issuer.rotate(keep=True)
    async with anyio.create_task_group() as tasks:
        with issuer.hold():
            tasks.start_soon(ids, keys)
            await asked(issuer)
            meanwhile = await ids(keys)
    assert (meanwhile, await ids(keys)) == (["key-1"], ["key-1", "key-2"])


async def test_a_caller_that_leaves_doesn_t_stop_the_attempt(issuer: Issuer, keys: JWKS) -> None:
    async with anyio.create_task_group() as tasks:
        with issuer.hold():
            tasks.start_soon(ids, keys)
            await asked(issuer)
            tasks.cancel_scope.cancel()
    assert (await ids(keys), len(issuer.requests)) == (["key-1"], 2)


async def test_the_last_good_keys_outlast_an_outage_of_a_day_and_no_longer(
    issuer: Issuer, keys: JWKS, moment: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await ids(keys)
    issuer.always = Answer(503)
    found = []
    for seconds in (FRESH, 1, KEPT - FRESH - 2, 1):
        moment.seconds += seconds
        found.append(await ids(keys))
    assert found == [["key-1"], ["key-1"], ["key-1"], []]
    reasons = "oauth-authorization-server http_503, openid-configuration http_503"
    assert caplog.messages == [f"jwks_unavailable: {reasons}, {DOWN}"] * 2
    moment.seconds += PAUSE
    await ids(keys)
    assert caplog.messages[2:] == [f"jwks_unavailable: {reasons}, {NO_KEYS}"]
    issuer.always = None
    moment.seconds += PAUSE
    assert await ids(keys) == ["key-1"]


async def test_an_issuer_that_publishes_no_key_any_more_has_withdrawn_them(
    issuer: Issuer, keys: JWKS, moment: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await ids(keys)
    issuer.keys = []
    moment.seconds += FRESH
    assert await ids(keys) == []
    assert caplog.messages == ["jwks_unusable: it has no key for RS256, ES256 or EdDSA"]


async def test_an_issuer_that_is_too_slow_counts_as_unavailable(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    with issuer.hold():
        assert await ids(JWKS(issuer.url, timeout=0.05)) == []
    assert caplog.messages == [f"jwks_unavailable: too_slow, {NO_KEYS}"]


MEBIBYTE = Answer(body=b" " * (1 << 20))
TOO_LONG = "is_too_long_or_compressed"
KEYS_FAIL = {
    "a redirect": (Answer(302, headers={"Location": "/keys"}), "http_302"),
    "an error": (Answer(500), "http_500"),
    "nothing": (Answer(204), "http_204"),
    "1 MiB": (MEBIBYTE, TOO_LONG),
    "a little over 256 KiB": (Answer(body=b" " * 262_145), TOO_LONG),
    "256 KiB of nothing": (Answer(body=b" " * 262_144), "is_no_json_object"),
    "compressed": (Answer(body=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}), TOO_LONG),
    "a page": (Answer(body=b"<html>"), "is_no_json_object"),
    "a list": (Answer(body=b"[]"), "is_no_json_object"),
    "a member twice": (Answer(body=b'{"keys": [], "keys": []}'), "is_no_json_object"),
    "nested too deep": (Answer(body=b"[" * 10_000), "is_no_json_object"),
    "no keys": (Answer(body=b"{}"), "is_no_key_set"),
    "cut off": (Answer(body=b"{", headers={"Content-Length": "9"}), "unreachable"),
}


@pytest.mark.parametrize("name", KEYS_FAIL)
async def test_key_sets_that_can_t_be_used(
    issuer: Issuer, keys: JWKS, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    answer, reason = KEYS_FAIL[name]
    issuer.answers[issuer.jwks_path] = answer
    caplog.set_level(logging.WARNING)
    assert await ids(keys) == []
    assert caplog.messages == [f"jwks_unavailable: jwks_uri {reason}, {NO_KEYS}"]
    assert issuer.paths == [issuer.metadata_path, issuer.jwks_path], "and no redirect was followed"


async def test_an_issuer_that_calls_itself_by_another_name_has_no_keys(
    issuer: Issuer, keys: JWKS, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.changes["issuer"] = f"{issuer.url}/"
    assert await ids(keys) == []
    reasons = "oauth-authorization-server names_the_issuer_with_another_final_slash, openid-configuration http_404"
    assert caplog.messages == [f"jwks_unavailable: {reasons}, {NO_KEYS}"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1", "unreachable"),
        ("https://issuer.invalid", "no_such_host"),
        ("https://{}", "no_tls"),
    ],
)
async def test_an_issuer_that_can_t_be_reached(
    url: str, reason: str, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    assert await ids(JWKS(url.format(issuer.url.removeprefix("http://")))) == []
    assert f"oauth-authorization-server {reason}, openid-configuration {reason}" in caplog.text
