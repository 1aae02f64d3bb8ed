"""Which access tokens let somebody in, and that the log alone says why the others don't."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.server.auth.provider import AccessToken

from juspay_mcp.oauth import LEEWAY, OAuthVerifier, _name
from tests.conftest import NOW
from tests.issuer import AUDIENCE, Issuer, Key, make_key, sign

SECONDS = int(NOW.timestamp())
FOREIGN = make_key("key-1", "RS256", 2049)
"""Somebody else's key under a name that is known."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(now=NOW.timestamp) as running:
        yield running


@pytest.fixture
def verifier(issuer: Issuer) -> OAuthVerifier:
    return OAuthVerifier(issuer.url, AUDIENCE, clock=lambda: NOW)


def grant(issuer: Issuer, **changes: Any) -> AccessToken:
    usual = {
        "token": "",
        "client_id": "oauth:asha",
        "scopes": ["wallets:read"],
        "expires_at": SECONDS + 300 + LEEWAY,
        "resource": AUDIENCE,
        "claims": {"iss": issuer.url},
    }
    return AccessToken(**{**usual, **changes})


async def test_a_token_of_the_issuer_for_this_server_lets_its_bearer_in(
    issuer: Issuer, verifier: OAuthVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert await verifier.verify_token(issuer.token()) == grant(issuer)
    assert caplog.messages == []


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
async def test_three_algorithms_are_known(issuer: Issuer, verifier: OAuthVerifier, alg: str) -> None:
    issuer.rotate(alg)
    assert await verifier.verify_token(issuer.token()) == grant(issuer)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": f"{AUDIENCE}/"}, id="a slash after the audience"),
        pytest.param({"aud": [AUDIENCE]}, id="a list of the audience"),
        pytest.param({"aud": ["https://other.example.com", 1, f"{AUDIENCE}/"]}, id="the audience among others"),
        pytest.param({"exp": SECONDS - LEEWAY + 1}, id="expired within the leeway"),
        pytest.param({"exp": SECONDS + 0.5}, id="fractions of a second"),
        pytest.param({"nbf": SECONDS + LEEWAY}, id="valid from within the leeway on"),
        pytest.param({"nbf": SECONDS}, id="valid from now on"),
        pytest.param({"headers": {"typ": "application/AT+JWT"}}, id="a type in capital letters"),
        pytest.param({"headers": {"typ": "JWT"}}, id="a plain JWT"),
        pytest.param({"headers": {"typ": None}}, id="no type"),
        pytest.param({"headers": {"kid": None}}, id="no key id where there is one key"),
        pytest.param({"headers": {"jwk": FOREIGN.jwk, "jku": "http://127.0.0.1:1/", "x5u": "x"}}, id="foreign keys"),
    ],
)
async def test_what_makes_no_difference(issuer: Issuer, verifier: OAuthVerifier, changes: dict[str, Any]) -> None:
    assert (found := await verifier.verify_token(issuer.token(**changes))) is not None
    assert found.client_id == "oauth:asha"


async def test_a_slash_after_the_public_address_makes_no_difference_either(issuer: Issuer) -> None:
    verifier = OAuthVerifier(issuer.url, f"{AUDIENCE}/", clock=lambda: NOW)
    assert await verifier.verify_token(issuer.token()) == grant(issuer, resource=f"{AUDIENCE}/")


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        pytest.param({"scope": "openid wallets:read  x"}, ["openid", "wallets:read", "x"], id="words"),
        pytest.param({"scope": None, "scp": "a wallets:read"}, ["a", "wallets:read"], id="scp"),
        pytest.param({"scope": None, "scp": ["a", 1, "b"]}, ["a", "b"], id="a list"),
        pytest.param({"scope": "a", "scp": "wallets:read"}, ["a"], id="both"),
        pytest.param({"scope": None}, [], id="none"),
        pytest.param({"scope": 7}, [], id="a number"),
    ],
)
async def test_scopes_are_told_and_not_judged(
    issuer: Issuer, verifier: OAuthVerifier, changes: dict[str, Any], scopes: list[str]
) -> None:
    assert await verifier.verify_token(issuer.token(**changes)) == grant(issuer, scopes=scopes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({"sub": "auth0|42"}, "oauth:auth0|42", id="the subject"),
        pytest.param({"sub": "Asha K"}, "oauth:Asha K", id="with a space"),
        pytest.param({"sub": "s" * 194}, f"oauth:{'s' * 194}", id="194 characters"),
        pytest.param({"sub": None}, "oauth-client:desk", id="the client"),
        pytest.param({"sub": None, "client_id": None, "azp": "party"}, "oauth-client:party", id="the party"),
    ],
)
async def test_a_caller_is_named_by_the_first_claim_that_names_one(
    issuer: Issuer, verifier: OAuthVerifier, changes: dict[str, Any], name: str
) -> None:
    assert await verifier.verify_token(issuer.token(**changes)) == grant(issuer, client_id=name)


@given(st.text("desk:-", min_size=1), st.text("desk:-", min_size=1))
def test_no_subject_and_no_token_of_the_file_shares_its_name_with_a_client(subject: str, client: str) -> None:
    names = {_name({"sub": subject}), _name({"client_id": client}), _name({"azp": client}), "token:desk", "anonymous"}
    assert len(names) == 4


def signed(header: dict[str, object], claims: bytes = b"{}") -> Callable[[Issuer], str]:
    """A token with exactly these parts, signed with the issuer's key."""
    return lambda issuer: sign(header, claims, issuer.keys[-1])


def changed(**changes: Any) -> Callable[[Issuer], str]:
    return lambda issuer: issuer.token(**changes)


def tampered(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return f"{header}.{issuer.token(sub='ravi').split('.')[1]}.{signature}"


def signed_with_the_public_key(issuer: Issuer) -> str:
    """The classic: a verifier that takes the algorithm from the token takes the public key for a secret."""
    return issuer.token(key=Key("key-1", "HS256", issuer.keys[-1].pem))


def of_another_tenant(issuer: Issuer) -> str:
    """The same host, the same keys, as clouds have it, but another issuer."""
    return issuer.token(iss=f"{issuer.url}/other-tenant")


RS256: dict[str, object] = {"alg": "RS256", "kid": "key-1"}
REFUSED: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "expired": (changed(exp=SECONDS - LEEWAY), "expired"),
    "long expired": (changed(exp=0), "expired"),
    "not yet valid": (changed(nbf=SECONDS + LEEWAY + 1), "not_yet_valid"),
    "no expiry": (changed(exp=None), "no_expiry"),
    "an expiry that is null": (
        lambda issuer: sign(
            RS256, json.dumps({"iss": issuer.url, "aud": AUDIENCE, "exp": None}).encode(), issuer.keys[-1]
        ),
        "malformed",
    ),
    "an expiry in milliseconds": (changed(exp=SECONDS * 1000), "malformed"),
    "an expiry that is endless": (changed(exp=float("inf")), "malformed"),
    "an expiry before 1970": (changed(exp=-1), "malformed"),
    "an expiry in words": (changed(exp="tomorrow"), "malformed"),
    "an expiry that is true": (changed(exp=True), "malformed"),
    "a beginning in words": (changed(nbf="tomorrow"), "malformed"),
    "another issuer": (changed(iss="https://login.example.com"), "wrong_issuer"),
    "no issuer": (changed(iss=None), "wrong_issuer"),
    "a slash after the issuer": (lambda issuer: issuer.token(iss=f"{issuer.url}/"), "wrong_issuer"),
    "a list of issuers": (lambda issuer: issuer.token(iss=[issuer.url]), "wrong_issuer"),
    "another tenant": (of_another_tenant, "wrong_issuer"),
    "another audience": (changed(aud="https://other.example.com/mcp"), "wrong_audience"),
    "the audience's host": (changed(aud="https://wallets.example.com"), "wrong_audience"),
    "two slashes after the audience": (changed(aud=f"{AUDIENCE}//"), "wrong_audience"),
    "no audience": (changed(aud=None), "wrong_audience"),
    "an empty list of audiences": (changed(aud=[]), "wrong_audience"),
    "an audience that is an object": (changed(aud={AUDIENCE: 1}), "wrong_audience"),
    "nobody": (changed(sub=None, client_id=None), "no_name"),
    "an empty name": (changed(sub=""), "no_name"),
    "a name that is a number": (changed(sub=7), "no_name"),
    "a name of two lines": (changed(sub="asha\nravi"), "no_name"),
    "a name that ends a line": (changed(sub="asha\n"), "no_name"),
    "a name in another script": (changed(sub="आशा"), "no_name"),
    "a long name": (changed(sub="s" * 195), "no_name"),
    "alg none": (changed(alg="none"), "wrong_algorithm"),
    "alg None": (changed(alg="None"), "wrong_algorithm"),
    "no alg": (signed({"kid": "key-1"}), "wrong_algorithm"),
    "a list of algs": (signed({"alg": ["RS256"], "kid": "key-1"}), "wrong_algorithm"),
    "HS256 with the public key": (signed_with_the_public_key, "wrong_algorithm"),
    "HS256 with nothing": (changed(key=Key("key-1", "HS256", b"")), "wrong_algorithm"),
    "PS256": (changed(alg="PS256"), "wrong_algorithm"),
    "RS512": (changed(alg="RS512"), "wrong_algorithm"),
    "ES384": (changed(key=make_key("key-1", "ES384")), "wrong_algorithm"),
    "an RSA key for ES256": (changed(alg="ES256"), "wrong_key_type"),
    "an EC key under an RSA key's name": (changed(key=make_key("key-1", "ES256")), "wrong_key_type"),
    "an unknown key": (changed(key=make_key("key-x")), "unknown_key"),
    "somebody else's key": (changed(key=FOREIGN), "bad_signature"),
    "somebody else's key, sent along": (changed(key=FOREIGN, headers={"jwk": FOREIGN.jwk}), "bad_signature"),
    "somebody else's key, without a name": (changed(key=FOREIGN, headers={"kid": None}), "bad_signature"),
    "other claims under the signature": (tampered, "bad_signature"),
    "no signature": (lambda issuer: issuer.token().rpartition(".")[0] + ".", "bad_signature"),
    "a key id that is a number": (signed({"alg": "RS256", "kid": 1}), "malformed"),
    "a key id that is null": (signed({"alg": "RS256", "kid": None}), "malformed"),
    "crit": (changed(headers={"crit": ["exp"]}), "critical_header"),
    "crit b64, which PyJWT knows": (changed(headers={"crit": ["b64"], "b64": True}), "critical_header"),
    "an empty crit": (changed(headers={"crit": []}), "critical_header"),
    "a payload that isn't encoded": (changed(headers={"b64": False}), "malformed"),
    "another type": (changed(headers={"typ": "logout+jwt"}), "wrong_type"),
    "a type that is a number": (changed(headers={"typ": 1}), "wrong_type"),
    "claims that are no JSON": (signed(RS256, b"{"), "malformed"),
    "claims that are a list": (signed(RS256, b"[]"), "malformed"),
    "a claim made twice": (signed(RS256, b'{"iss": "a", "iss": "b"}'), "malformed"),
    "claims nested too deep": (signed(RS256, b"[" * 5000), "malformed"),
    "claims in no UTF-8": (signed(RS256, b'{"iss": "\xff"}'), "malformed"),
    "nothing": (lambda _: "", "malformed"),
    "dots": (lambda _: "..", "malformed"),
    "garbage": (lambda _: "garbage", "malformed"),
    "garbage in three parts": (lambda _: "gar.ba.ge", "malformed"),
    "a header that can't be decoded": (lambda _: "a.b.c", "malformed"),
    "a header that isn't the one verified": (lambda issuer: issuer.token().replace(".", "!.", 1), "malformed"),
    "padding in the middle": (lambda issuer: issuer.token().replace(".", "===.", 1), "malformed"),
    "an encrypted token's five parts": (lambda issuer: issuer.token() + ".a.b", "malformed"),
    "a team's token": (lambda _: "jwm_0123456789", "malformed"),
    "a letter with an accent": (lambda issuer: issuer.token() + "é", "implausible"),
    "over 8 KiB": (changed(pad="x" * 8192), "implausible"),
    "1 MiB": (changed(pad="x" * (1 << 20)), "implausible"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_no_other_token_lets_anybody_in(
    issuer: Issuer, verifier: OAuthVerifier, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """With the reason in the log, and neither the token nor a claim nor a library's words, at any level."""
    make, reason = REFUSED[name]
    token = make(issuer)
    caplog.set_level(logging.DEBUG)
    assert await verifier.verify_token(token) is None
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("juspay_mcp")]
    assert ours == [f"token_refused: {reason}"]
    parts = [part for part in {token, *token.split(".")} if len(part) > 8]
    assert [part for part in (*parts, "asha", "ravi") if part in f"{caplog.text} {verifier!r}"] == []


async def test_a_token_without_a_key_id_is_refused_where_it_could_mean_several(
    issuer: Issuer, verifier: OAuthVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.rotate(keep=True)
    issuer.rotate("ES256", keep=True)
    only_one_of_its_kind = issuer.token(headers={"kid": None})
    one_of_two = issuer.token(key=issuer.keys[0], headers={"kid": None})
    found = [await verifier.verify_token(token) for token in (only_one_of_its_kind, one_of_two)]
    assert (found, caplog.messages) == ([grant(issuer), None], ["token_refused: no_key_id"])


async def test_nobody_is_let_in_while_there_are_no_keys(
    issuer: Issuer, verifier: OAuthVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    token = issuer.token()
    issuer.stop()
    assert await verifier.verify_token(token) is None
    assert caplog.messages[-1] == "token_refused: no_keys_in_force"


async def test_what_is_no_token_costs_the_issuer_nothing(issuer: Issuer, verifier: OAuthVerifier) -> None:
    for token in ("", "garbage", issuer.token(alg="none"), issuer.token(pad="x" * 8192)):
        assert await verifier.verify_token(token) is None
    assert issuer.requests == []


async def test_a_verifier_tells_the_time_itself() -> None:
    with Issuer() as issuer:
        verifier = OAuthVerifier(issuer.url, AUDIENCE)
        found = [await verifier.verify_token(issuer.token(exp=exp)) for exp in (1, 9_999_999_999)]
    assert found == [None, grant(issuer, expires_at=9_999_999_999 + LEEWAY)]


async def test_no_token_is_in_what_it_becomes(issuer: Issuer, verifier: OAuthVerifier) -> None:
    token = issuer.token(email="asha@example.com")
    texts = repr(await verifier.verify_token(token))
    assert [part for part in (*token.split("."), "asha@example.com") if part in texts] == []


def test_a_start_over_stdio_or_with_a_tokens_file_doesn_t_import_what_reads_jwts() -> None:
    script = (
        "import sys, juspay_mcp.stdio, juspay_mcp.tokens_file; print({'jwt', 'juspay_mcp.oauth'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
