"""The server over Streamable HTTP: real sockets, both protocol eras, and what doesn't get in."""

import json
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from juspay_mcp.http.app import create_app
from juspay_mcp.http.endpoint import MAX_BODY
from juspay_mcp.settings.load import load_settings
from tests.support.golden import text_of
from tests.support.http_calls import HEADERS, TOOL, body, total_of
from tests.support.processes import MODERN
from tests.support.serving import connected, served, until
from tests.support.simulator import Behaviour, Simulator

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"], ids=["2026-07-28", "2025-11-25"])


@pytest.fixture
async def url(environ: dict[str, str]) -> AsyncIterator[str]:
    """The address of a server that anyone may call."""
    async with served(create_app(load_settings(environ), allow_unauthenticated=True)) as url:
        yield url


@ERAS
async def test_it_answers_in_both_eras_and_tells_what_is_happening(url: str, mode: str) -> None:
    told = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - the SDK's
        told.append(message)

    async with connected(url, mode=mode) as client:
        result = await client.call_tool(TOOL, {"customer_id": "cth_all_linked"}, progress_callback=tell)
        tools = (await client.list_tools()).tools
    assert total_of(result) == "1770.49"
    assert [tool.name for tool in tools] == [TOOL]
    assert told == ["asking Juspay"]


async def test_without_credentials_it_starts_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(
        load_settings({"JUSPAY_API_KEY": "${KEY}", "JUSPAY_MERCHANT_ID": "acme"}), allow_unauthenticated=True
    )
    async with served(app) as url, connected(url) as client:
        result = await client.call_tool(TOOL, {"customer_id": "cth_all_linked"})
    assert text_of(result).endswith("[not_configured]")
    [said] = caplog.messages
    assert said.startswith("not set up yet, the tool will answer not_configured: set JUSPAY_API_KEY (or ")
    assert said.endswith("(JUSPAY_API_KEY holds a placeholder that the MCP host did not replace)")


async def test_health_and_readiness_are_plain_words_for_anyone(url: str) -> None:
    async with httpx2.AsyncClient(headers={"Host": "10.1.2.3"}) as http:
        answers = [await http.get(f"{url}{path}") for path in ("/healthz", "/readyz")]
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "ok"), (200, "ready")]


async def test_it_is_not_ready_while_the_audit_log_can_t_be_written(environ: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    audited = {"JUSPAY_MCP_AUDIT_LOG": str(folder / "audit.jsonl"), "JUSPAY_MCP_AUDIT_KEY": "k" * 32}
    app = create_app(load_settings(environ | audited), allow_unauthenticated=True)
    async with served(app) as url, httpx2.AsyncClient() as http:
        shutil.rmtree(folder)
        answer = await http.get(f"{url}/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_without_sessions_there_is_nothing_but_post(url: str, method: str) -> None:
    async with httpx2.AsyncClient(headers=HEADERS) as http:
        answer = await http.request(method, f"{url}/mcp")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/mcp//", "//mcp", "/MCP", "/mcp%2fx", "/"])
async def test_there_is_one_endpoint_and_nothing_is_sent_on(url: str, path: str) -> None:
    async with httpx2.AsyncClient(headers=HEADERS) as http:
        answer = await http.post(f"{url}{path}", content=body())
    assert answer.status_code == 404


LEGACY: dict[str, str | None] = {"MCP-Protocol-Version": "2025-11-25"}
# What other clients send, and the kind of answer to it.
ACCEPTED: dict[str, tuple[str, dict[str, str | None], str]] = {
    "a final slash": ("/mcp/", {}, "application/json"),
    "the older era, a final slash": ("/mcp/", LEGACY, "text/event-stream"),
    "capitals in the content type": ("/mcp", {"Content-Type": "Application/JSON; Charset=UTF-8"}, "application/json"),
    "the older era, capitals in it": ("/mcp", LEGACY | {"Content-Type": "Application/JSON"}, "text/event-stream"),
    "JSON alone": ("/mcp", {"Accept": "application/json"}, "application/json"),
    "the older era, JSON alone": ("/mcp", LEGACY | {"Accept": "application/json"}, "application/json"),
    "the older era, any application": ("/mcp", LEGACY | {"Accept": "Application/*;q=0.5"}, "application/json"),
    "the older era, anything": ("/mcp", LEGACY | {"Accept": "*/*"}, "text/event-stream"),
    "the older era, no preference": ("/mcp", LEGACY | {"Accept": None}, "application/json"),
    "capitals in the host": ("/mcp", {"Host": "LocalHost"}, "application/json"),
    "a default port": ("/mcp", {"Host": "127.0.0.1:443"}, "application/json"),
}


@pytest.mark.parametrize(("path", "headers", "kind"), ACCEPTED.values(), ids=ACCEPTED)
async def test_what_other_clients_send_is_answered(
    url: str, path: str, headers: dict[str, str | None], kind: str
) -> None:
    async with httpx2.AsyncClient() as http:
        request = http.build_request("POST", f"{url}{path}", headers=HEADERS, content=body())
        for name, value in headers.items():
            del request.headers[name]
            request.headers.update({name: value} if value else {})
        answer = await http.send(request)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert '"total_balance":"1770.49"' in answer.text.replace(" ", "")


WRONG = "canary 9812345678"
# What is posted, the code of the error, and the id it is for; more forms are in test_json_rpc.
MALFORMED: dict[str, tuple[bytes, int, object]] = {
    "no JSON": (b'{"canary": "9812345678', -32700, None),
    "a lone surrogate": (b'{"jsonrpc": "2.0", "id": 7, "method": "\\ud800 9812345678"}', -32700, 7),
    "no method": (json.dumps({"jsonrpc": "2.0", "id": "a", "method": [WRONG]}).encode(), -32600, "a"),
    "a batch": (json.dumps([{WRONG: WRONG}]).encode(), -32600, None),
    "a text": (json.dumps(WRONG).encode(), -32600, None),
    "a null id": (b'{"jsonrpc": "2.0", "id": null, "method": "tools/list"}', -32600, None),
    "a fraction as id": (b'{"jsonrpc": "2.0", "id": 1.5, "method": "tools/list"}', -32600, None),
    "a malformed notification": (b'{"jsonrpc": "2.0", "method": "notifications/x", "params": []}', -32600, None),
}


@pytest.mark.parametrize("version", ["2026-07-28", "2025-11-25", None])
@pytest.mark.parametrize(("content", "code", "request_id"), MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_message_gets_its_error_and_one_line_in_the_log(  # noqa: PLR0913 - three make a case
    url: str,
    caplog: pytest.LogCaptureFixture,
    *,
    content: bytes,
    code: int,
    request_id: object,
    version: str | None,
) -> None:
    """The SDK's older era quotes it. That is JSON, to the client that sent it, and it isn't logged."""
    caplog.set_level(logging.DEBUG, "juspay_mcp")
    headers = {name: value for name, value in {**HEADERS, "MCP-Protocol-Version": version}.items() if value}
    async with httpx2.AsyncClient(headers=headers) as http:
        answer = await http.post(f"{url}/mcp", content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert (answer.json()["error"]["code"], answer.json()["id"]) == (code, request_id)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert "9812345678" not in answer.text + warned[0]


@pytest.mark.parametrize("version", ["2026-07-28", "2025-11-25"])
@pytest.mark.parametrize(
    "params",
    [
        {"name": TOOL, "arguments": '{"customer_id": "cth_all_linked"}'},
        {"name": TOOL, "arguments": ["cth_all_linked"]},
        {"arguments": {"customer_id": "cth_all_linked"}},
    ],
    ids=["arguments as a text", "arguments as an array", "no name"],
)
async def test_a_malformed_call_is_told_what_to_send(url: str, params: dict[str, Any], version: str) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"_meta": MODERN, **params}}
    headers = HEADERS | {"MCP-Protocol-Version": version}
    async with httpx2.AsyncClient(headers=headers) as http:
        answer = await http.post(f"{url}/mcp", json=call)
    assert '"code":-32602' in answer.text
    assert r"\"arguments\": {\"customer_id\": \"...\"}" in answer.text


SERVED = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
OLDER_LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HANDSHAKE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
Headers = list[tuple[str, str]]


@pytest.mark.parametrize("message", [OLDER_LIST, HANDSHAKE], ids=["a request", "the handshake"])
@pytest.mark.parametrize(
    "versions",
    [
        ["2025-11-25, 2025-06-18"],
        ["2025-11-25,2025-11-25"],
        ["2099-01-01, 2025-06-18"],
        ["2026-07-28, 2025-11-25"],
        ["2025-11-25", "2025-06-18"],
        ["2026-07-28", "2025-11-25"],
    ],
)
async def test_the_served_one_of_several_protocol_versions_is_taken(
    url: str, versions: list[str], message: dict[str, Any]
) -> None:
    headers: Headers = [item for item in HEADERS.items() if item[0] != "MCP-Protocol-Version"]
    headers += [("MCP-Protocol-Version", version) for version in versions]
    async with httpx2.AsyncClient() as http:
        answer = await http.post(f"{url}/mcp", json=message, headers=headers)
    assert answer.status_code == 200
    assert '"result"' in answer.text


@pytest.mark.parametrize(
    ("versions", "message", "code", "reason"),
    [
        (["2099-01-01"], OLDER_LIST, -32022, "Unsupported protocol version"),
        (["2099-01-01"], HANDSHAKE, -32022, "Unsupported protocol version"),
        (["2099-01-01"], json.loads(body()), -32022, "Unsupported protocol version"),
        (["2099-01-01, 2098-01-01"], OLDER_LIST, -32022, "Unsupported protocol version"),
        ([""], OLDER_LIST, -32022, "Unsupported protocol version"),
        (["canary"], OLDER_LIST, -32022, "Unsupported protocol version"),
        (["2026-07-28"], HANDSHAKE, -32601, "has no initialize"),
        (["2026-07-28", "2026-07-28"], json.loads(body()), -32020, "more than one version"),
        (["2026-07-28, 2026-07-28"], json.loads(body()), -32020, "more than one version"),
        (["2025-11-25, 2026-07-28"], json.loads(body()), -32020, "more than one version"),
        (["2099-01-01"], {"jsonrpc": "2.0", "method": "notifications/x"}, -32022, "Unsupported protocol version"),
    ],
)
async def test_a_protocol_version_that_cant_be_served_is_refused_with_those_that_are(
    url: str, versions: list[str], message: dict[str, Any], code: int, reason: str
) -> None:
    headers: Headers = [item for item in HEADERS.items() if item[0] != "MCP-Protocol-Version"]
    headers += [("MCP-Protocol-Version", version) for version in versions]
    async with httpx2.AsyncClient() as http:
        answer = await http.post(f"{url}/mcp", json=message, headers=headers)
    error = answer.json()["error"]
    status = 404 if code == -32601 else 400
    assert (answer.status_code, answer.json()["id"], error["code"]) == (status, message.get("id"), code)
    assert reason in error["message"]
    assert all(version in error["message"] for version in SERVED)
    enveloped = "_meta" in message.get("params", {})
    assert error["data"]["supported"] == (["2026-07-28"] if enveloped else SERVED)
    assert "canary" not in answer.text


# What must not get in: the headers changed, the body, the status that says so.
REFUSED: dict[str, tuple[dict[str, str], bytes, int]] = {
    "a foreign Host": ({"Host": "wallets.evil.example"}, body(), 421),
    "a Host that begins as ours": ({"Host": "127.0.0.1.evil.example"}, body(), 421),
    "a foreign Origin": ({"Origin": "https://evil.example"}, body(), 403),
    "an Origin on this machine": ({"Origin": "http://localhost:3000"}, body(), 403),
    "an Origin of no page": ({"Origin": "null"}, body(), 403),
    "a body over the bound": ({}, body() + b" " * MAX_BODY, 413),
    "another content type": ({"Content-Type": "text/plain"}, body(), 400),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, body(), 400),
    "the older era, text": ({"Content-Type": "text/plain", "MCP-Protocol-Version": "2025-11-25"}, body(), 400),
    "a header that names another method": ({"Mcp-Method": "tools/list"}, body(), 400),
    "a header that names another tool": ({"Mcp-Name": "another"}, body(), 400),
    "a header that names another version": ({"MCP-Protocol-Version": "2026-07-29"}, body(), 400),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "content", "status"), REFUSED.values(), ids=REFUSED)
async def test_a_malformed_request_is_refused_and_nothing_is_sent(
    url: str, simulator: Simulator, headers: dict[str, str], content: bytes, status: int
) -> None:
    async with httpx2.AsyncClient(headers=HEADERS | headers) as http:
        answer = await http.post(f"{url}/mcp", content=content)
    assert answer.status_code == status
    assert simulator.requests == []


@pytest.mark.parametrize("version", [None, "2025-11-25", "2026-07-28"])
async def test_a_request_needs_a_content_type(url: str, version: str | None) -> None:
    headers = {"Accept": "application/json"} | ({"MCP-Protocol-Version": version} if version else {})
    async with httpx2.AsyncClient(headers=headers) as http:
        answer = await http.post(f"{url}/mcp", content=body())
    assert answer.status_code == 400


async def test_a_body_that_doesnt_tell_its_length_ends_at_the_bound(url: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * (MAX_BODY // 8)

    async with httpx2.AsyncClient(headers=HEADERS) as http:
        answer = await http.post(f"{url}/mcp", content=pieces())
    assert answer.status_code == 413


async def test_a_client_that_hangs_up_in_the_middle_of_its_request_is_no_error(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with httpx2.AsyncClient(headers=HEADERS) as http:
        async with await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2])) as connection:
            head = [
                b"POST /mcp HTTP/1.1",
                b"Host: localhost",
                b"Content-Type: application/json",
                b"Content-Length: 100",
            ]
            await connection.send(b"\r\n".join([*head, b"", b"{"]))
            await anyio.sleep(0.2)
        answer = await http.post(f"{url}/mcp", content=body())
    assert answer.status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


ORIGIN_REFUSED = "origin_refused: if it was right, name the origin in JUSPAY_MCP_ALLOWED_ORIGINS"
PREFLIGHT = {
    "Origin": "https://console.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,mcp-protocol-version",
}


@pytest.mark.parametrize(
    ("named", "origin"),
    [
        ("https://Console.Example:443", "https://console.example"),
        ("https://other.example, chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ("app://obsidian.md", "app://obsidian.md"),
        ("tauri://localhost", "tauri://localhost"),
    ],
)
async def test_a_web_page_may_call_if_its_origin_is_named(environ: dict[str, str], named: str, origin: str) -> None:
    settings = load_settings(environ | {"JUSPAY_MCP_ALLOWED_ORIGINS": named})
    async with (
        served(create_app(settings, allow_unauthenticated=True)) as url,
        httpx2.AsyncClient() as http,
    ):
        preflight = await http.options(f"{url}/mcp", headers=PREFLIGHT | {"Origin": origin})
        foreign = await http.options(f"{url}/mcp", headers=PREFLIGHT | {"Origin": "https://evil.example"})
        called = await http.post(f"{url}/mcp", headers=HEADERS | {"Origin": origin}, content=body())
    assert called.headers["access-control-expose-headers"] == "WWW-Authenticate"
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, origin)
    assert (foreign.status_code, cors_headers(foreign)) == (403, [])
    assert (called.status_code, called.headers["access-control-allow-origin"]) == (200, origin)


async def test_no_web_page_may_where_none_is_named(url: str) -> None:
    async with httpx2.AsyncClient() as http:
        preflight = await http.options(f"{url}/mcp", headers=PREFLIGHT)
    assert (preflight.status_code, cors_headers(preflight)) == (403, [])


def cors_headers(answer: httpx2.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("named", ["", "https://other.example"])
@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("OPTIONS", PREFLIGHT),
        ("POST", HEADERS | {"Origin": "https://canary.example"}),
        ("GET", {"Origin": "https://canary.example"}),
    ],
)
async def test_a_page_whose_origin_is_not_named_is_refused_before_it_has_a_token_and_the_log_says_so(  # noqa: PLR0913 - two make a case
    environ: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    *,
    named: str,
    method: str,
    headers: dict[str, str],
) -> None:
    """Browsers ask without one, and send nothing else if they are refused."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"asha:{'0' * 64}\n")
    settings = load_settings(environ | {"JUSPAY_MCP_TOKENS_FILE": str(tokens), "JUSPAY_MCP_ALLOWED_ORIGINS": named})
    async with served(create_app(settings)) as url, httpx2.AsyncClient(headers=headers) as http:
        answer = await http.request(method, f"{url}/mcp")
    assert (answer.status_code, cors_headers(answer)) == (403, [])
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("WARNING", ORIGIN_REFUSED)]


@pytest.mark.parametrize(
    "host",
    ["wallets.example", "Wallets.Example:443", "public.example", "10.0.0.5:8000", "any.example:81", "any.example:80"],
)
async def test_the_hosts_named_are_answered(environ: dict[str, str], host: str) -> None:
    named = {
        "JUSPAY_MCP_PUBLIC_URL": "https://Public.Example:443/mcp",
        "JUSPAY_MCP_ALLOWED_HOSTS": "WALLETS.example:443,10.0.0.5:8000,any.example:*",
    }
    app = create_app(load_settings(environ | named), allow_unauthenticated=True)
    async with served(app) as url, httpx2.AsyncClient(headers=HEADERS | {"Host": host}) as http:
        answer = await http.post(f"{url}/mcp", content=body())
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Host": "canary.example"}, "host_refused: if it was right, name the host in JUSPAY_MCP_ALLOWED_HOSTS"),
        ({"Origin": "https://canary.example"}, ORIGIN_REFUSED),
    ],
)
async def test_the_log_names_the_variable_when_a_host_or_an_origin_is_refused(
    url: str, caplog: pytest.LogCaptureFixture, headers: dict[str, str], said: str
) -> None:
    async with httpx2.AsyncClient(headers=HEADERS | headers) as http:
        await http.post(f"{url}/mcp", content=body())
    ours = [(record.levelname, record.getMessage()) for record in caplog.records if record.name[:7] == "juspay_"]
    assert ours == [("WARNING", said)]


@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "application/json"])
@pytest.mark.parametrize("version", ["2026-07-28", "2025-11-25"])
async def test_a_client_that_goes_away_ends_the_request_to_juspay(
    url: str, simulator: Simulator, version: str, accept: str
) -> None:
    async def ask() -> None:
        headers = HEADERS | {"MCP-Protocol-Version": version, "Accept": accept}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            await http.post(f"{url}/mcp", content=body())

    simulator.behave_always(Behaviour(latency=30))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await until(lambda: simulator.requests)
        tasks.cancel_scope.cancel()
    await until(lambda: not simulator.open_connections, 1)


async def test_a_subscription_is_refused_as_nothing_here_changes(url: str) -> None:
    params = {"_meta": MODERN, "notifications": {}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
    async with httpx2.AsyncClient(headers=HEADERS | {"Mcp-Method": "subscriptions/listen"}) as http:
        answer = await http.post(f"{url}/mcp", json=request)
    assert answer.status_code == 404
