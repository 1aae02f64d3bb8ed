"""Who gets in over HTTP, and what is said to those who don't: the same to all of them."""

import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from juspay_mcp.http.app import create_app
from juspay_mcp.settings.load import load_settings
from tests.support.authorization_server import Issuer, make_key
from tests.support.golden import text_of
from tests.support.http_calls import HEADERS, TOOL, body, total_of
from tests.support.serving import connected, served
from tests.support.simulator import Simulator

PUBLIC_URL = "https://wallets.example.com/mcp"
METADATA = "/.well-known/oauth-protected-resource/mcp"
CHALLENGE = (
    'Bearer error="invalid_token", scope="wallets:read", '
    'resource_metadata="https://wallets.example.com/.well-known/oauth-protected-resource/mcp"'
)
CHALLENGE_WITHOUT_ERROR = CHALLENGE.replace('error="invalid_token", ', "")
ASHAS_TOKEN = "jwm_made-up-token-of-asha"
MIB = 1_048_576


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text(f"asha:{hashlib.sha256(ASHAS_TOKEN.encode()).hexdigest()}\n")
    return file


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer("/tenant", audience=PUBLIC_URL) as running:
        yield running


@pytest.fixture
def secured(environ: dict[str, str], tokens_file: Path, issuer: Issuer) -> dict[str, str]:
    """The variables of a server that takes both kinds of tokens."""
    return environ | {
        "JUSPAY_MCP_TOKENS_FILE": str(tokens_file),
        "JUSPAY_MCP_OAUTH_ISSUER": issuer.url,
        "JUSPAY_MCP_PUBLIC_URL": PUBLIC_URL,
    }


@pytest.fixture
async def url(secured: dict[str, str]) -> AsyncIterator[str]:
    """The address of that server."""
    async with served(create_app(load_settings(secured))) as url:
        yield url


async def test_a_token_of_the_file_and_one_of_the_issuer_both_get_in(url: str, issuer: Issuer) -> None:
    for token in (ASHAS_TOKEN, issuer.token(), issuer.token(scope=None, scp=["other", "wallets:read"])):
        async with connected(url, token) as client:
            assert total_of(await client.call_tool(TOOL, {"customer_id": "cth_all_linked"})) == "1770.49"


async def test_any_valid_token_may_ask_about_any_customer(url: str, issuer: Issuer) -> None:
    customers = ["cth_all_linked", "asha.rao@example.com", "+919812345678"]
    for token in (ASHAS_TOKEN, issuer.token(sub="ravi"), issuer.token(sub=None)):
        async with connected(url, token) as client:
            results = [await client.call_tool(TOOL, {"customer_id": customer}) for customer in customers]
            assert [result.is_error for result in results] == [False] * 3


async def test_guessing_ids_is_limited_and_visible_in_the_audit_log(secured: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    audited = {"JUSPAY_MCP_AUDIT_LOG": str(log), "JUSPAY_MCP_AUDIT_KEY": "k" * 32, "JUSPAY_MCP_RATE_LIMIT": "3/hour"}
    async with served(create_app(load_settings(secured | audited))) as url, connected(url, ASHAS_TOKEN) as client:
        results = [await client.call_tool(TOOL, {"customer_id": f"cth_tried_{number}"}) for number in range(5)]
    codes = ["customer_not_found"] * 3 + ["rate_limited"] * 2
    assert [text_of(result).rpartition("[")[2] for result in results] == [f"{code}]" for code in codes]
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    tried = [(line["caller"], line["customer"]) for line in lines if line["outcome"] == "customer_not_found"]
    assert (len(set(tried)), {caller for caller, _ in tried}) == (3, {"token:asha"})


# A few of the kinds that test_jwt.py and test_tokens.py refuse, and the reason, which only the log has.
REFUSED: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "expired": (lambda issuer: issuer.token(exp=1_700_000_000), "expired"),
    "signed by somebody else": (lambda issuer: issuer.token(key=make_key("key-1", "RS256", 2049)), "bad_signature"),
    "over the bound": (lambda _issuer: "t" * 9_000, "implausible"),
    "a wrong token of the file": (lambda _issuer: ASHAS_TOKEN + "x", "malformed"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
async def test_a_bad_token_gets_no_reason_and_the_log_has_it(
    url: str,
    issuer: Issuer,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[Issuer], str],
    reason: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    token = make(issuer)
    async with httpx2.AsyncClient(headers=HEADERS) as http:
        answer = await http.post(f"{url}/mcp", content=body(), headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, CHALLENGE)
    assert answer.json() == {"error": "invalid_token"}
    assert f"token_refused: {reason}" in caplog.messages
    assert token not in caplog.text


async def test_a_token_of_one_mebibyte_is_turned_away(url: str, simulator: Simulator) -> None:
    headers = HEADERS | {"Authorization": "Bearer " + "t" * MIB}
    async with httpx2.AsyncClient(headers=headers) as http:
        # The server may close before it has read all of it, and with that what it answered can be lost.
        with suppress(httpx2.TransportError):
            answer = await http.post(f"{url}/mcp", content=body())
            assert 400 <= answer.status_code < 500
        async with connected(url, ASHAS_TOKEN) as client:
            assert len((await client.list_tools()).tools) == 1
    assert simulator.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("Authorization", "Basic YXNoYTphc2hh")], id="Basic"),
        pytest.param([("Authorization", "Bearer")], id="empty"),
        pytest.param([("Authorization", f"Bearer{ASHAS_TOKEN}")], id="no space"),
        pytest.param([("Authorization", f"Bearer {ASHAS_TOKEN}")] * 2, id="twice"),
        pytest.param([("Authorization", f"Bearer {ASHAS_TOKEN}, Bearer {ASHAS_TOKEN}")], id="twice in one"),
    ],
)
async def test_a_request_without_exactly_one_bearer_token_is_rejected(
    url: str, headers: list[tuple[str, str]]
) -> None:
    async with httpx2.AsyncClient() as http:
        answer = await http.post(f"{url}/mcp", content=body(), headers=[*HEADERS.items(), *headers])
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, CHALLENGE)


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer  "])
async def test_the_scheme_may_have_any_case_and_spaces_after_it(url: str, scheme: str) -> None:
    headers = HEADERS | {"Authorization": scheme + ASHAS_TOKEN}
    async with httpx2.AsyncClient(headers=headers) as http:
        answer = await http.post(f"{url}/mcp", content=body())
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT"])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
async def test_any_method_needs_a_token_before_it_is_told_that_only_post_is_served(
    url: str, path: str, method: str
) -> None:
    async with httpx2.AsyncClient() as http:
        without = await http.request(method, f"{url}{path}")
        refused = await http.request(method, f"{url}{path}", headers={"Authorization": f"Bearer {ASHAS_TOKEN}"})
    assert (without.status_code, without.headers["www-authenticate"]) == (401, CHALLENGE_WITHOUT_ERROR)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def test_a_page_whose_origin_is_named_can_read_the_metadata_and_the_challenge(secured: dict[str, str]) -> None:
    origin = {"Origin": "https://console.example"}
    preflight = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "mcp-protocol-version"}
    settings = load_settings(secured | {"JUSPAY_MCP_ALLOWED_ORIGINS": "https://console.example"})
    async with served(create_app(settings)) as url, httpx2.AsyncClient(headers=origin) as http:
        asked = await http.options(f"{url}{METADATA}", headers=preflight)
        read = await http.get(f"{url}{METADATA}", headers={"MCP-Protocol-Version": "2026-07-28"})
        challenged = await http.post(f"{url}/mcp")
        foreign = await http.get(f"{url}{METADATA}", headers={"Origin": "https://evil.example"})
    assert [answer.status_code for answer in (asked, read, challenged)] == [200, 200, 401]
    assert {answer.headers["access-control-allow-origin"] for answer in (asked, read, challenged)} == {
        origin["Origin"]
    }
    assert challenged.headers["access-control-expose-headers"] == "WWW-Authenticate"
    assert "access-control-allow-origin" not in foreign.headers


async def test_a_request_without_a_token_gets_the_metadata_address_and_no_error_code(url: str) -> None:
    """RFC 6750, section 3.1: no error code for a request without any authentication information."""
    async with httpx2.AsyncClient(headers=HEADERS) as http:
        answer = await http.post(f"{url}/mcp", content=body())
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == CHALLENGE_WITHOUT_ERROR


async def test_a_token_without_the_scope_gets_403_and_the_challenge(
    url: str, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    headers = HEADERS | {"Authorization": f"Bearer {issuer.token(scope='wallets:write other')}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        answer = await http.post(f"{url}/mcp", content=body())
    assert (answer.status_code, answer.json()) == (403, {"error": "insufficient_scope"})
    assert answer.headers["www-authenticate"] == CHALLENGE.replace("invalid_token", "insufficient_scope")
    assert "token_refused: scope" in caplog.messages


async def test_a_rotated_key_gets_in_once_the_issuer_publishes_it(url: str, issuer: Issuer) -> None:
    issuer.rotate()
    async with connected(url, issuer.token()) as client:
        assert len((await client.list_tools()).tools) == 1


async def test_a_token_taken_out_of_the_file_stops_working_at_once(url: str, tokens_file: Path) -> None:
    headers = HEADERS | {"Authorization": f"Bearer {ASHAS_TOKEN}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        before = await http.post(f"{url}/mcp", content=body())
        tokens_file.write_text("# nobody any more\n")  # noqa: ASYNC240 - a few bytes
        after = await http.post(f"{url}/mcp", content=body())
    assert (before.status_code, after.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("public_url", "path"),
    [
        (PUBLIC_URL, METADATA),
        ("https://Wallets.Example.com:443/mcp", METADATA),
        ("https://wallets.example.com/mcp/", f"{METADATA}/"),
        ("https://wallets.example.com/team/mcp", "/.well-known/oauth-protected-resource/team/mcp"),
        (
            "https://wallets.example.com/%C3%A9quipe%20b/mcp",
            "/.well-known/oauth-protected-resource/%C3%A9quipe%20b/mcp",
        ),
        ("https://wallets.example.com/%7Ba%7D/%7Ba%7D", "/.well-known/oauth-protected-resource/%7Ba%7D/%7Ba%7D"),
        ("https://wallets.example.com", "/.well-known/oauth-protected-resource"),
        ("https://wallets.example.com/", "/.well-known/oauth-protected-resource"),
    ],
)
async def test_the_metadata_name_resource_and_issuer_literally_as_they_are_set(
    secured: dict[str, str], issuer: Issuer, public_url: str, path: str
) -> None:
    """Clients compare the issuer with its own metadata, character by character."""
    named = {"JUSPAY_MCP_PUBLIC_URL": public_url, "JUSPAY_MCP_OAUTH_SCOPE": "juspay/wallets:read"}
    async with served(create_app(load_settings(secured | named))) as url, httpx2.AsyncClient() as http:
        challenge = (await http.post(f"{url}/mcp")).headers["www-authenticate"]
        answer = await http.get(f"{url}{path}")
        elsewhere = await http.get(f"{url}{path}x")
        with_another_slash = await http.get(f"{url}{path[:-1] if path.endswith('/') else path + '/'}")
    origin = re.match("https://[^/]+", public_url)[0]  # type: ignore[index] # it is one
    assert challenge == f'Bearer scope="juspay/wallets:read", resource_metadata="{origin}{path}"'
    assert answer.json() == with_another_slash.json()
    assert elsewhere.status_code == 404
    assert answer.json() == {
        "resource": public_url,
        "authorization_servers": [issuer.url],
        "scopes_supported": ["juspay/wallets:read"],
        "resource_name": "Juspay wallets",
        "bearer_methods_supported": ["header"],
    }


async def test_an_issuer_without_a_path_is_named_without_a_slash(secured: dict[str, str]) -> None:
    settings = load_settings(secured | {"JUSPAY_MCP_OAUTH_ISSUER": "https://login.example.com"})
    async with served(create_app(settings)) as url, httpx2.AsyncClient() as http:
        answer = await http.get(f"{url}{METADATA}")
    assert answer.json()["authorization_servers"] == ["https://login.example.com"]


async def test_a_token_of_the_file_needs_no_scope_of_the_issuer(secured: dict[str, str], issuer: Issuer) -> None:
    named = {"JUSPAY_MCP_OAUTH_SCOPE": "juspay/wallets:read", "JUSPAY_MCP_OAUTH_AUDIENCE": "api://wallets"}
    service_account = issuer.token(aud="api://wallets", scope=None, roles=["juspay/wallets:read"])
    async with served(create_app(load_settings(secured | named))) as url:
        for token in (ASHAS_TOKEN, service_account):
            async with connected(url, token) as client:
                assert len((await client.list_tools()).tools) == 1


async def test_with_a_file_alone_there_are_no_metadata_to_point_to(secured: dict[str, str]) -> None:
    settings = load_settings(secured | {"JUSPAY_MCP_OAUTH_ISSUER": ""})
    async with served(create_app(settings)) as url, httpx2.AsyncClient(headers=HEADERS) as http:
        answer = await http.post(f"{url}/mcp", content=body())
        metadata = await http.get(f"{url}{METADATA}")
    assert answer.headers["www-authenticate"] == 'Bearer scope="wallets:read"'
    assert metadata.status_code == 404
