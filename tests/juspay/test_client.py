import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import httpx2
import pytest
import trustme
from typing_extensions import override

from juspay_mcp.errors import (
    ConfigurationError,
    NotConfigured,
    UpstreamError,
    UpstreamInvalid,
    UpstreamUnavailable,
    WalletsError,
)
from juspay_mcp.juspay.client import Endpoint, JuspayClient, open_client
from juspay_mcp.juspay.retries import is_transient
from juspay_mcp.juspay.wallets import WalletList
from juspay_mcp.settings.load import Settings, load_settings
from juspay_mcp.values.customer_id import parse_customer_id
from tests.support.builders import CUSTOMER, account_of, make_settings
from tests.support.common import NOW
from tests.support.faulty_upstream import reset_connection
from tests.support.programs import free_port

Handler = Callable[[httpx2.Request], httpx2.Response]

MEBIBYTE = 1_048_576
LIST = b'{"list":[],"total":0}'
NO_WALLETS = WalletList(wallets=(), unreadable=0, incomplete=False)
# Loopback over plain HTTP: nothing is sent there in these tests, and no certificates are loaded for it.
LOOPBACK = "http://127.0.0.1:8790"
NOT_JSON = "it is not JSON"
TOO_LARGE = "it is over 1 MiB"
COMPRESSED = "it is compressed, which was not asked for"


class Body(httpx2.AsyncByteStream):
    """Chunks that arrive one by one; an error among them is raised. `served` counts how many were asked for."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.served = 0
        self.closed = False
        self._chunks = chunks

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.served += 1
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    @override
    async def aclose(self) -> None:
        self.closed = True


class Endless(Body):
    """A body that never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_for = anyio.Event()

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.asked_for.set()
        await anyio.sleep_forever()
        yield b""


class Transport(httpx2.MockTransport):
    """Keeps the requests it gets, and whether it was closed."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler)
        self.requests: list[httpx2.Request] = []
        self.closed = False

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return await super().handle_async_request(request)

    @override
    async def aclose(self) -> None:
        self.closed = True


def answering(*chunks: bytes | Exception, status: int = 200, **headers: str) -> Transport:
    """A transport that answers every request so; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Transport(lambda _: httpx2.Response(status, headers=named, stream=Body(*chunks)))


def opened(
    settings: Settings, transport: httpx2.AsyncBaseTransport | None = None
) -> AbstractAsyncContextManager[JuspayClient]:
    return open_client(settings, account_of(settings), lambda: NOW, transport)


def client_on(transport: Transport | None, **variables: str) -> AbstractAsyncContextManager[JuspayClient]:
    return opened(make_settings(**{"JUSPAY_BASE_URL": LOOPBACK} | variables), transport)


async def ask(transport: Transport | None, **variables: str) -> WalletList:
    async with client_on(transport, **variables) as client:
        return await client.wallets("wallets/refresh-balances", CUSTOMER)


async def failure(transport: Transport | None, **variables: str) -> WalletsError:
    with pytest.raises(WalletsError) as caught:
        await ask(transport, **variables)
    return caught.value


def invalid(reason: str) -> str:
    return str(UpstreamInvalid(reason))


def pieces(body: bytes, size: int) -> Iterable[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


async def test_juspay_is_given_no_deadline_of_the_library_s() -> None:
    transport = answering(LIST)
    await ask(transport)
    assert [request.extensions.get("timeout") for request in transport.requests] == [None]


@pytest.mark.parametrize(
    ("base_url", "customer_id", "endpoint", "url"),
    [
        (LOOPBACK, "a/b=@example.com", "wallets", f"{LOOPBACK}/customers/a%2Fb%3D%40example.com/wallets"),
        (
            "https://gateway.example:8443/juspay/v1/",
            "cth_1",
            "wallets/refresh-balances",
            "https://gateway.example:8443/juspay/v1/customers/cth_1/wallets/refresh-balances",
        ),
    ],
)
async def test_the_customer_is_one_segment_of_the_address_and_whole_in_the_routing_id(
    base_url: str, customer_id: str, endpoint: Endpoint, url: str
) -> None:
    transport = answering(LIST)
    async with client_on(transport, JUSPAY_BASE_URL=base_url) as client:
        await client.wallets(endpoint, parse_customer_id(customer_id))
    sent = [(str(request.url), request.headers["x-routing-id"]) for request in transport.requests]
    assert sent == [(url, customer_id)]


async def test_settings_are_sent_as_headers() -> None:
    transport = answering(LIST)
    await ask(transport, JUSPAY_API_VERSION="2025-01-10", JUSPAY_API_KEY="!~other", JUSPAY_MERCHANT_ID="Other-1")
    changed = {"version": "2025-01-10", "authorization": "Basic IX5vdGhlcjo=", "x-merchantid": "Other-1"}
    assert changed.items() <= dict(transport.requests[0].headers).items()


async def test_a_key_that_was_rotated_is_sent_from_the_next_request_on(tmp_path: Path) -> None:
    path, transport = tmp_path / "key", answering(LIST)
    path.write_text("made-up-key", encoding="ascii")
    async with client_on(transport, JUSPAY_API_KEY="", JUSPAY_API_KEY_FILE=str(path)) as client:
        await client.wallets("wallets", CUSTOMER)
        path.write_text("!~other", encoding="ascii")
        await client.wallets("wallets", CUSTOMER)
    keys = [request.headers["authorization"] for request in transport.requests]
    assert keys == ["Basic bWFkZS11cC1rZXk6", "Basic IX5vdGhlcjo="]


async def test_a_cookie_of_one_reply_is_not_sent_with_the_next_request() -> None:
    transport = answering(LIST, set_cookie="session=jane; Path=/")
    async with client_on(transport) as client:
        await client.wallets("wallets", CUSTOMER)
        await client.wallets("wallets", CUSTOMER)
    first, second = (dict(request.headers) for request in transport.requests)
    assert second == first


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"JUSPAY_API_KEY": ""}, ("JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE)",)),
        ({"JUSPAY_MERCHANT_ID": ""}, ("JUSPAY_MERCHANT_ID",)),
    ],
)
async def test_without_a_credential_nothing_is_sent(variables: dict[str, str], missing: tuple[str, ...]) -> None:
    transport = answering(LIST)
    error = await failure(transport, **variables)
    assert (str(error), transport.requests) == (str(NotConfigured(missing)), [])


async def test_a_key_file_that_can_t_be_read_stops_the_start() -> None:
    settings = make_settings(JUSPAY_API_KEY="", JUSPAY_API_KEY_FILE="/nowhere/key")
    with pytest.raises(ConfigurationError):
        async with opened(settings):
            pass


@pytest.mark.parametrize("content", [None, b"no certificate"], ids=["no file", "no certificates in it"])
async def test_certificate_authorities_that_can_t_be_read_stop_the_start(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "authorities.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigurationError) as caught:
        async with opened(make_settings()):
            pass
    expected = "SSL_CERT_FILE and SSL_CERT_DIR must be a readable file or folder of certificates, or not set."
    assert str(caught.value) == expected


async def test_the_client_closes_what_it_opened() -> None:
    transport = answering(LIST)
    await ask(transport)
    assert transport.closed


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (204, "upstream_invalid"),
        (301, "request_rejected"),
        (302, "request_rejected"),
        (307, "request_rejected"),
        (308, "request_rejected"),
        (401, "authentication_failed"),
        (503, "upstream_unavailable"),
    ],
)
async def test_every_other_status_is_an_error_and_no_redirect_is_followed(status: int, code: str) -> None:
    transport = answering(LIST, status=status, location="https://evil.example/")
    error = await failure(transport)
    assert (error.code, len(transport.requests)) == (code, 1)


async def test_the_body_and_the_headers_of_an_error_are_read() -> None:
    transport = answering(
        b'{"error_code": "null_error"}', status=400, X_Request_Id="9f86d081884c7d659a2feaa0c55ad015"
    )
    error = await failure(transport)
    assert (error.code, error.request_id) == ("customer_not_found", "9f86d081884c7d659a2feaa0c55ad015")


async def test_retry_after_is_relative_to_the_client_s_clock() -> None:
    error = await failure(answering(b"", status=429, retry_after="Mon, 23 Nov 2026 09:30:30 GMT"))
    assert str(error) == (
        "Juspay is limiting this merchant's requests (HTTP 429). Try again in 30 seconds. [rate_limited]"
    )


@pytest.mark.parametrize("encoding", ["", "identity", "utf-8", "none", "UTF-8, none"])
@pytest.mark.parametrize("size", [1, 7, 1_000])
async def test_a_reply_is_read_in_any_pieces_whatever_it_says_of_its_encoding_if_that_is_no_compression(
    encoding: str, size: int
) -> None:
    assert await ask(answering(*pieces(LIST, size), content_encoding=encoding)) == NO_WALLETS


@pytest.mark.parametrize(
    "encoding", ["gzip", " X-GZip ", "deflate", "br", "zstd", "compress", "gzip, gzip", "utf-8,gzip"]
)
async def test_a_compression_that_was_not_asked_for_is_refused(encoding: str) -> None:
    assert str(await failure(answering(LIST, content_encoding=encoding))) == invalid(COMPRESSED)


async def test_a_compressed_reply_that_does_not_say_so_is_not_inflated() -> None:
    assert str(await failure(answering(gzip.compress(LIST)))) == invalid(NOT_JSON)


async def test_a_reply_of_one_mebibyte_is_read_and_a_byte_more_is_not() -> None:
    largest = LIST.ljust(MEBIBYTE)
    read = await ask(answering(*pieces(largest, 65_536)))
    refused = await failure(answering(*pieces(largest + b" ", 65_536)))
    assert (read, str(refused)) == (NO_WALLETS, invalid(TOO_LARGE))


async def test_the_rest_of_a_reply_that_is_too_long_is_not_fetched() -> None:
    stream = Body(*[bytes(65_536)] * 100)
    error = await failure(Transport(lambda _: httpx2.Response(200, stream=stream)))
    assert error.code == "upstream_invalid"
    assert stream.served < 50
    assert stream.closed


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
async def test_an_error_s_status_counts_though_its_body_can_t_be_read(encoding: str) -> None:
    body = bytes(2 * MEBIBYTE)
    assert (await failure(answering(body, status=401, content_encoding=encoding))).code == "authentication_failed"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, "upstream_unavailable"),
        (302, "request_rejected"),
        (400, "upstream_unavailable"),  # which may say that the customer is unknown, as the next try will tell
        (401, "authentication_failed"),
        (403, "access_denied"),
        (404, "upstream_unavailable"),
        (429, "rate_limited"),
        (500, "upstream_unavailable"),
    ],
)
async def test_a_status_that_needs_no_body_counts_though_the_connection_broke_after_it(
    status: int, code: str
) -> None:
    error = await failure(answering(b"{", httpx2.ReadError("broken"), status=status, retry_after="7"))
    assert isinstance(error, UpstreamError)
    assert (error.code, is_transient(error)) == (code, status in {200, 400, 404, 429})


BROKE = "the connection broke before the reply was whole"
# The scheme, what is sent, whether a reset or an end follows, the reason, and whether another try may well succeed.
BROKEN = {
    "reset before the reply": ("http", b"", True, BROKE, True),
    "closed before the reply": ("http", b"", False, BROKE, True),
    "closed within the reply": ("http", b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{", False, BROKE, True),
    "reset in the TLS handshake": ("https", b"", True, BROKE, True),
    "closed in the TLS handshake": ("https", b"", False, BROKE, True),
    "no TLS": ("https", b"HTTP/1.1 400 X\r\n\r\n", False, "no TLS connection could be agreed on", False),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_connection_that_breaks_is_unavailable_for_its_reason(name: str) -> None:
    scheme, sent, resets, reason, transient = BROKEN[name]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(sent)
        if resets:
            reset_connection(writer)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        error = await failure(None, JUSPAY_BASE_URL=f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert isinstance(error, UpstreamUnavailable)
    assert (error.problem, error.transient) == (f"Juspay is unavailable: {reason}.", transient)


@pytest.mark.parametrize(
    ("host", "reason", "transient"),
    [
        ("http://127.0.0.1", "the connection was refused", True),
        ("https://255.255.255.255", "it could not be connected to", True),
        ("https://juspay.invalid", "its host name could not be resolved (DNS)", False),
    ],
)
async def test_a_host_that_can_t_be_connected_to_is_unavailable_for_its_reason_in_our_words_alone(
    host: str,
    reason: str,
    transient: bool,  # noqa: FBT001 - an outcome
) -> None:
    error = await failure(None, JUSPAY_BASE_URL=f"{host}:{free_port()}")
    assert isinstance(error, UpstreamUnavailable)
    assert (error.problem, error.transient) == (f"Juspay is unavailable: {reason}.", transient)
    assert (error.__cause__, error.__suppress_context__) == (None, True)


async def test_a_tls_record_that_can_t_be_deciphered_is_unavailable() -> None:
    # Raised by anyio as it is, past all of httpx2's own errors.
    broken = ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad record mac")
    assert (await failure(answering(b'{"list":', broken))).code == "upstream_unavailable"


@pytest.mark.parametrize("fault", ["an authority nobody knows", "another host's name"])
async def test_nothing_is_sent_without_a_valid_certificate_for_the_host(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, unknown = trustme.CA(), trustme.CA()
    trusted.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    issued = unknown.issue_cert("localhost") if "authority" in fault else trusted.issue_cert("elsewhere.example")
    shown, received = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[bytes]()
    issued.configure_cert(shown)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1))
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0, ssl=shown) as impostor:
        port = impostor.sockets[0].getsockname()[1]
        settings = make_settings(JUSPAY_BASE_URL=f"https://localhost:{port}")
        async with opened(settings) as client:
            with pytest.raises(UpstreamError) as caught:
                await client.wallets("wallets", CUSTOMER)
    assert isinstance(caught.value, UpstreamUnavailable)
    assert (caught.value.problem, caught.value.transient) == (
        "Juspay is unavailable: its TLS certificate could not be verified.",
        False,
    )
    assert b"".join(received) == b""


async def test_juspay_is_asked_directly_whatever_proxy_the_environment_names(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{reserved.getsockname()[1]}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{reserved.getsockname()[1]}")
        async with opened(load_settings(environ)) as client:
            wallets = await client.wallets("wallets/refresh-balances", CUSTOMER)
    assert [wallet.code for wallet in wallets.wallets] == ["PAYTM"]


async def test_a_caller_that_gives_up_ends_the_request() -> None:
    body = Endless()
    transport = Transport(lambda _: httpx2.Response(200, stream=body))
    async with client_on(transport) as client, anyio.create_task_group() as group:
        group.start_soon(client.wallets, "wallets", CUSTOMER)
        await body.asked_for.wait()
        group.cancel_scope.cancel()
    assert body.closed
