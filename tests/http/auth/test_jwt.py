"""Which access tokens let somebody in, and that the log alone says why the others don't."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.server.auth.provider import AccessToken

from juspay_mcp.http.auth.jwt import LEEWAY, OAuthVerifier, _name
from tests.support.authorization_server import AUDIENCE, Issuer, Key, make_key, sign

RS256: dict[str, object] = {"alg": "RS256", "kid": "key-1"}
FOREIGN = make_key("key-1", "RS256", 2049)
"""Somebody else's key under a name that is known."""


@pytest.fixture
def verifier(issuer: Issuer) -> OAuthVerifier:
    return OAuthVerifier(issuer.url, AUDIENCE)


def grant(name: str = "oauth:asha", scopes: Sequence[str] = ("wallets:read",)) -> AccessToken:
    return AccessToken(token="", client_id=name, scopes=list(scopes))


Make = Callable[[Issuer], str]
"""Makes a token; the times in it are relative to when the test runs."""


def changed(**changes: Any) -> Make:
    return lambda issuer: issuer.token(**changes)


def timed(**seconds: float) -> Make:
    """With these times, in seconds from now."""

    def make(issuer: Issuer) -> str:
        times: dict[str, Any] = {claim: int(time.time()) + offset for claim, offset in seconds.items()}
        return issuer.token(**times)

    return make


def signed(header: dict[str, object], claims: bytes = b"{}") -> Make:
    """With exactly these parts, signed with the issuer's key."""
    return lambda issuer: sign(header, claims, issuer.keys[-1])


async def test_a_token_of_the_issuer_for_this_server_lets_its_bearer_in(
    issuer: Issuer, verifier: OAuthVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert await verifier.verify_token(issuer.token()) == grant()
    assert caplog.messages == []


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
async def test_three_algorithms_are_known(issuer: Issuer, verifier: OAuthVerifier, alg: str) -> None:
    issuer.rotate(alg)
    assert await verifier.verify_token(issuer.token()) == grant()


ACCEPTED: dict[str, Make] = {
    "a slash after the audience": changed(aud=f"{AUDIENCE}/"),
    "a list of the audience": changed(aud=[AUDIENCE]),
    "the audience among others": changed(aud=["https://other.example.com", f"{AUDIENCE}/"]),
    "expired within the leeway": timed(exp=10 - LEEWAY),
    "fractions of a second": timed(exp=300.5),
    "valid from within the leeway on": timed(nbf=LEEWAY),
    "valid from now on": timed(nbf=0),
    "no time of issue": changed(iat=None),
    "a type in capital letters": changed(headers={"typ": "application/AT+JWT"}),
    "a plain JWT": changed(headers={"typ": "JWT"}),
    "no type": changed(headers={"typ": None}),
    "no key id if there is one key": changed(headers={"kid": None}),
    "foreign keys": changed(headers={"jwk": FOREIGN.jwk, "jku": "http://127.0.0.1:1/", "x5u": "x"}),
}


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED)
async def test_tokens_that_differ_in_what_makes_no_difference_are_accepted(
    issuer: Issuer, verifier: OAuthVerifier, make: Make
) -> None:
    assert await verifier.verify_token(make(issuer)) == grant()


async def test_a_slash_after_the_public_address_makes_no_difference_either(issuer: Issuer) -> None:
    verifier = OAuthVerifier(issuer.url, f"{AUDIENCE}/")
    assert await verifier.verify_token(issuer.token()) == grant()


@pytest.mark.parametrize(
    ("changes", "has_it"),
    [
        pytest.param({"scope": "openid wallets:read  x"}, True, id="words"),
        pytest.param({"scope": None, "scp": "a wallets:read"}, True, id="scp"),
        pytest.param({"scope": None, "scp": ["a", 1, "wallets:read"]}, True, id="a list"),
        pytest.param({"scope": None, "roles": ["wallets:read"]}, True, id="a role"),
        pytest.param({"scope": "a", "scp": ["b"], "roles": ["wallets:read"]}, True, id="all three"),
        pytest.param({"scope": "wallets:read.all WALLETS:READ wallets"}, False, id="others"),
        pytest.param({"scope": None, "scp": [["wallets:read"], {"wallets:read": 1}]}, False, id="deeper"),
        pytest.param({"scope": {"wallets:read": 1}, "roles": 7}, False, id="no text and no list"),
        pytest.param({"scope": None}, False, id="none"),
        pytest.param({"scope": None, "token_use": "id", "cognito:groups": ["wallets:read"]}, False, id="groups"),
    ],
)
async def test_the_scope_is_looked_for_in_three_claims(
    issuer: Issuer, verifier: OAuthVerifier, changes: dict[str, Any], *, has_it: bool
) -> None:
    assert await verifier.verify_token(issuer.token(**changes)) == grant(scopes=["wallets:read"] if has_it else [])


async def test_the_scope_may_have_another_name_at_the_issuer(issuer: Issuer) -> None:
    verifier = OAuthVerifier(issuer.url, AUDIENCE, scope="juspay/wallets:read")
    found = [
        await verifier.verify_token(issuer.token(scope=scope)) for scope in ("juspay/wallets:read", "wallets:read")
    ]
    assert found == [grant(), grant(scopes=[])]


APP_ID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
NULL_AUDIENCE = b'{"iss": "%b", "exp": 9999999999, "aud": null, "client_id": "%b"}'
AUDIENCES_SET: dict[str, tuple[Make, str | None]] = {
    "the application": (changed(aud=APP_ID), None),
    "the application among others": (changed(aud=["other", APP_ID]), None),
    "another one that is set": (changed(aud="api://wallets"), None),
    "no audience, issued to the application": (changed(aud=None, client_id=APP_ID), None),
    "no audience, issued to another one": (changed(aud=None, client_id="desk"), "no_aud"),
    "no audience, issued to several": (changed(aud=None, client_id=[APP_ID]), "no_aud"),
    "no audience, issued to nobody": (changed(aud=None, client_id=None), "no_aud"),
    "no audience, by another claim": (changed(aud=None, client_id=None, azp=APP_ID), "no_aud"),
    "no audience and no expiry": (changed(aud=None, client_id=APP_ID, exp=None), "no_exp"),
    "no audience, expired": (lambda issuer: issuer.token(aud=None, client_id=APP_ID, exp=1), "expired"),
    "no audience, another issuer": (changed(aud=None, client_id=APP_ID, iss="https://other"), "wrong_issuer"),
    "a wrong audience, issued to the application": (changed(aud="https://other", client_id=APP_ID), "wrong_audience"),
    "an empty audience, issued to the application": (changed(aud="", client_id=APP_ID), "no_aud"),
    "an empty list, issued to the application": (changed(aud=[], client_id=APP_ID), "no_aud"),
    "null, issued to the application": (
        lambda issuer: signed(RS256, NULL_AUDIENCE % (issuer.url.encode(), APP_ID.encode()))(issuer),
        "no_aud",
    ),
    "the public address, which isn't set": (changed(aud=AUDIENCE), "wrong_audience"),
    "a slash after the application": (changed(aud=f"{APP_ID}/"), "wrong_audience"),
    "two applications in one text": (changed(aud=f"{APP_ID},api://wallets"), "wrong_audience"),
    "capital letters": (changed(aud=APP_ID.upper()), "wrong_audience"),
}


@pytest.mark.parametrize(("make", "reason"), AUDIENCES_SET.values(), ids=AUDIENCES_SET)
async def test_audiences_that_are_set_take_the_place_of_the_public_address(
    issuer: Issuer, caplog: pytest.LogCaptureFixture, make: Make, reason: str | None
) -> None:
    verifier = OAuthVerifier(issuer.url, AUDIENCE, (APP_ID, "api://wallets"))
    found = await verifier.verify_token(make(issuer))
    assert (found, caplog.messages) == ((None, [f"token_refused: {reason}"]) if reason else (grant(), []))


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
    assert await verifier.verify_token(issuer.token(**changes)) == grant(name)


@given(st.text("desk:-", min_size=1), st.text("desk:-", min_size=1))
def test_no_subject_and_no_token_of_the_file_shares_its_name_with_a_client(subject: str, client: str) -> None:
    names = {_name({"sub": subject}), _name({"client_id": client}), _name({"azp": client}), "token:desk", "anonymous"}
    assert len(names) == 4


def tampered(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return f"{header}.{issuer.token(sub='ravi').split('.')[1]}.{signature}"


def signed_with_the_public_key(issuer: Issuer) -> str:
    """The classic: a verifier that takes the algorithm from the token takes the public key for a secret."""
    return issuer.token(key=Key("key-1", "HS256", issuer.keys[-1].pem))


def of_another_tenant(issuer: Issuer) -> str:
    """The same host, the same keys, as clouds have it, but another issuer."""
    return issuer.token(iss=f"{issuer.url}/other-tenant")


# Those that PyJWT would accept come first.
REFUSED: dict[str, tuple[Make, str]] = {
    "an expiry in milliseconds": (lambda issuer: issuer.token(exp=int(time.time()) * 1000), "malformed"),
    "an expiry in digits": (changed(exp="9999999999"), "malformed"),
    "crit b64": (changed(headers={"crit": ["b64"], "b64": True}), "critical_header"),
    "another type": (changed(headers={"typ": "logout+jwt"}), "wrong_type"),
    "a type that is a number": (changed(headers={"typ": 1}), "wrong_type"),
    "nobody": (changed(sub=None, client_id=None), "no_name"),
    "an empty name": (changed(sub=""), "no_name"),
    "a client that is a number": (changed(sub=None, client_id=7), "no_name"),
    "a name of two lines": (changed(sub="asha\nravi"), "no_name"),
    "a name that ends a line": (changed(sub="asha\n"), "no_name"),
    "a name in another script": (changed(sub="आशा"), "no_name"),
    "a long name": (changed(sub="s" * 195), "no_name"),
    "over 8 KiB": (changed(pad="x" * 8192), "implausible"),
    "1 MiB": (changed(pad="x" * (1 << 20)), "implausible"),
    "expired": (timed(exp=-LEEWAY), "expired"),
    "long expired": (changed(exp=0), "expired"),
    "an expiry before 1970": (changed(exp=-1), "expired"),
    "an expiry that is true": (changed(exp=True), "expired"),
    "not yet valid": (timed(nbf=LEEWAY + 10), "not_yet_valid"),
    "issued in the future": (timed(iat=LEEWAY + 10), "not_yet_valid"),
    "no expiry": (changed(exp=None), "no_exp"),
    "an expiry that is null": (signed(RS256, b'{"exp": null}'), "no_exp"),
    "an expiry that is endless": (changed(exp=float("inf")), "malformed"),
    "an expiry in words": (changed(exp="tomorrow"), "malformed"),
    "a beginning in words": (changed(nbf="tomorrow"), "malformed"),
    "another issuer": (changed(iss="https://login.example.com"), "wrong_issuer"),
    "no issuer": (changed(iss=None), "no_iss"),
    "a slash after the issuer": (lambda issuer: issuer.token(iss=f"{issuer.url}/"), "wrong_issuer"),
    "a list of issuers": (lambda issuer: issuer.token(iss=[issuer.url]), "wrong_issuer"),
    "another tenant": (of_another_tenant, "wrong_issuer"),
    "another audience": (changed(aud="https://other.example.com/mcp"), "wrong_audience"),
    "the audience's host": (changed(aud="https://wallets.example.com"), "wrong_audience"),
    "two slashes after the audience": (changed(aud=f"{AUDIENCE}//"), "wrong_audience"),
    "no audience": (changed(aud=None), "no_aud"),
    "no audience, issued to a client of the public address's name": (changed(aud=None, client_id=AUDIENCE), "no_aud"),
    "an empty list of audiences": (changed(aud=[]), "no_aud"),
    "an audience that is an object": (changed(aud={AUDIENCE: 1}), "wrong_audience"),
    "a list with what is no audience": (changed(aud=[1, AUDIENCE]), "wrong_audience"),
    "a name that is a number": (changed(sub=7), "malformed"),
    "alg none": (changed(alg="none"), "wrong_algorithm"),
    "alg None": (changed(alg="None"), "wrong_algorithm"),
    "no alg": (signed({"kid": "key-1"}), "wrong_algorithm"),
    "a list of algs": (signed({"alg": ["RS256"], "kid": "key-1"}), "wrong_algorithm"),
    "HS256 with the public key": (signed_with_the_public_key, "wrong_algorithm"),
    "HS256 with nothing": (changed(key=Key("key-1", "HS256", b"")), "wrong_algorithm"),
    "PS256": (changed(alg="PS256"), "wrong_algorithm"),
    "RS512": (changed(alg="RS512"), "wrong_algorithm"),
    "ES384": (changed(key=make_key("key-1", "ES384")), "wrong_algorithm"),
    "an RSA key for ES256": (changed(alg="ES256"), "unknown_key"),
    "an EC key under an RSA key's name": (changed(key=make_key("key-1", "ES256")), "unknown_key"),
    "an unknown key": (changed(key=make_key("key-x")), "unknown_key"),
    "somebody else's key": (changed(key=FOREIGN), "bad_signature"),
    "somebody else's key, sent along": (changed(key=FOREIGN, headers={"jwk": FOREIGN.jwk}), "bad_signature"),
    "somebody else's key, without a name": (changed(key=FOREIGN, headers={"kid": None}), "bad_signature"),
    "other claims under the signature": (tampered, "bad_signature"),
    "no signature": (lambda issuer: issuer.token().rpartition(".")[0] + ".", "bad_signature"),
    "a key id that is a number": (signed({"alg": "RS256", "kid": 1}), "malformed"),
    "a key id that is null": (signed({"alg": "RS256", "kid": None}), "malformed"),
    "crit": (changed(headers={"crit": ["exp"]}), "malformed"),
    "an empty crit": (changed(headers={"crit": []}), "malformed"),
    "a payload that isn't encoded": (changed(headers={"b64": False}), "malformed"),
    "claims that are no JSON": (signed(RS256, b"{"), "malformed"),
    "claims that are a list": (signed(RS256, b"[]"), "malformed"),
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
}


@pytest.mark.parametrize("name", REFUSED)
async def test_any_other_token_is_rejected_with_the_reason_in_the_log_alone(
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
    assert (found, caplog.messages) == ([grant(), None], ["token_refused: no_key_id"])


async def test_every_token_is_rejected_while_there_are_no_keys(
    issuer: Issuer, verifier: OAuthVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    token = issuer.token()
    issuer.stop()
    assert await verifier.verify_token(token) is None
    assert caplog.messages[-1] == "token_refused: no_keys"


async def test_a_malformed_token_causes_no_request_to_the_issuer(issuer: Issuer, verifier: OAuthVerifier) -> None:
    for token in ("", "garbage", issuer.token(alg="none"), issuer.token(pad="x" * 8192)):
        assert await verifier.verify_token(token) is None
    assert issuer.requests == []


async def test_no_token_is_in_what_it_becomes(issuer: Issuer, verifier: OAuthVerifier) -> None:
    token = issuer.token(email="asha@example.com")
    texts = repr(await verifier.verify_token(token))
    assert [part for part in (*token.split("."), "asha@example.com") if part in texts] == []


def test_a_start_over_stdio_or_with_a_tokens_file_doesn_t_import_what_reads_jwts() -> None:
    script = (
        "import sys, juspay_mcp.server.stdio, juspay_mcp.http.auth.tokens_file; "
        "print({'jwt', 'juspay_mcp.http.auth.jwt'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
