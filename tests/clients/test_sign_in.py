"""Signing in with clients that nobody here wrote, at an authorization server that nobody here wrote.

The whole way: 401, metadata, dynamic registration, PKCE, sign-in, token, call.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import pytest
from anyio.to_thread import run_sync
from mcp import Client, StdioServerParameters
from mcp.client.auth import OAuthClientProvider
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.clients.rig import NODE, NPM, Machine, package_program, running
from tests.support.http_calls import HEADERS, body
from tests.support.programs import free_port
from tests.support.serving import started, until

TOOL, CUSTOMER, TOTAL = "refresh_customer_wallets", {"customer_id": "cth_all_linked"}, "1770.49"
SCOPE = "juspay/wallets:read"
REDIRECT = "http://127.0.0.1:9/callback"


@dataclass(frozen=True)
class Place:
    """A server that demands tokens of an issuer."""

    url: str
    issuer: str


@pytest.fixture(params=["/mcp", "/mcp/"])
def place(environ: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Place]:
    port = free_port()
    url = f"http://127.0.0.1:{port}{request.param}"
    with running("authorization_server.mjs", {"resource": url, "scope": SCOPE}) as issuer:
        named = {
            "JUSPAY_MCP_OAUTH_ISSUER": issuer,
            "JUSPAY_MCP_OAUTH_SCOPE": SCOPE,
            "JUSPAY_MCP_PUBLIC_URL": url,
        }
        with started(environ | named, "--port", str(port)):
            yield Place(url, issuer)


def visit(url: str, until: str) -> str:
    """What a user's browser does: keeps cookies, follows redirects; returns the one that starts with `until`."""
    with httpx2.Client(trust_env=False) as browser:
        for _ in range(20):
            if url.startswith(until):
                return url
            answer = browser.get(url)
            assert answer.next_request, answer.text
            url = str(answer.next_request.url)
    raise AssertionError(url)


class Storage:
    """The Python SDK's `TokenStorage`, in memory."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def test_the_python_sdk_signs_in(place: Place) -> None:
    asked: list[str] = []

    async def redirect(url: str) -> None:
        asked.append(url)

    async def callback() -> AuthorizationCodeResult:
        answer = parse_qs(urlsplit(visit(asked[-1], REDIRECT)).query)
        return AuthorizationCodeResult(code=answer["code"][0], state=answer["state"][0], iss=answer["iss"][0])

    metadata = OAuthClientMetadata(
        client_name="Python SDK",
        redirect_uris=[AnyUrl(REDIRECT)],
        grant_types=["authorization_code"],
        token_endpoint_auth_method="none",
    )
    storage = Storage()
    auth = OAuthClientProvider(place.url, metadata, storage, redirect, callback)
    async with (
        httpx2.AsyncClient(auth=auth, timeout=30) as http,
        Client(streamable_http_client(place.url, http_client=http)) as client,
    ):
        result = await client.call_tool(TOOL, CUSTOMER)
    assert (result.structured_content or {})["total_balance"] == TOTAL
    [query] = (parse_qs(urlsplit(url).query) for url in asked)
    assert (query["scope"], query["resource"]) == ([SCOPE], [place.url])


@pytest.mark.parametrize("sdk", [1, 2])
def test_the_typescript_sdks_sign_in(place: Place, tmp_path: Path, sdk: int) -> None:
    said = Machine(tmp_path).do("sign_in.mjs", {"sdk": sdk, "url": place.url, **CUSTOMER})
    assert said["result"]["structuredContent"]["total_balance"] == TOTAL
    assert (said["scope"], said["resource"]) == (SCOPE, place.url)


async def test_mcp_remote_signs_in(place: Place, tmp_path: Path) -> None:
    """Its log, on stderr, has the address for the browser; the redirect goes to a server of its own."""
    program, *arguments = package_program("mcp-remote", "mcp-remote")
    server = StdioServerParameters(
        command=program,
        args=[*arguments, place.url, str(free_port()), "--transport", "http-only", "--allow-http"],
        env={"HOME": str(tmp_path), "PATH": str(Path(NODE).parent)},
        cwd=NPM,
    )
    log = tmp_path / "log"

    def address() -> list[str]:
        return re.findall(rf"{re.escape(place.issuer)}/auth\?\S+", log.read_text(encoding="utf-8"))

    async def sign_in() -> None:
        await until(address, 60)
        [redirect] = parse_qs(urlsplit(address()[0]).query)["redirect_uri"]
        httpx2.get(await run_sync(visit, address()[0], redirect), trust_env=False)

    with log.open("w", encoding="utf-8") as errors:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sign_in)
            async with Client(stdio_client(server, errors), read_timeout_seconds=90) as client:
                result = await client.call_tool(TOOL, CUSTOMER)
    assert (result.structured_content or {})["total_balance"] == TOTAL


def test_a_service_account_s_token_is_accepted(place: Place) -> None:
    """Client credentials: the provider's token, for the same audience and scope."""
    with httpx2.Client(trust_env=False) as http:
        registration = {"redirect_uris": [], "response_types": [], "grant_types": ["client_credentials"]}
        client = http.post(f"{place.issuer}/reg", json=registration).json()
        form = {"grant_type": "client_credentials", "scope": SCOPE, "resource": place.url}
        pair = (client["client_id"], client["client_secret"])
        token = http.post(f"{place.issuer}/token", data=form, auth=pair).json()["access_token"]
        answer = http.post(place.url, headers=HEADERS | {"Authorization": f"Bearer {token}"}, content=body())
    assert answer.json()["result"]["structuredContent"]["total_balance"] == TOTAL
