import asyncio
import errno
import gzip
import platform
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import anyio
import httpcore2
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

Handler = Callable[[httpx2.Request], httpx2.Response]

MEBIBYTE = 1_048_576
LIST = b'{"list":[],"total":0}'
NO_WALLETS = WalletList(wallets=(), unreadable=0, incomplete=False)
# Loopback over plain HTTP: nothing is sent there in these tests, and no certificates are loaded for it.
LOOPBACK = "http://127.0.0.1:8790"
HEADERS = {
    "accept": "application/json",
    "accept-encoding": "identity",
    "authorization": "Basic bWFkZS11cC1rZXk6",  # made-up-key:
    "content-type": "application/x-www-form-urlencoded",
    "host": "sandbox.juspay.in",
    "user-agent": f"juspay-wallets-mcp/{version('juspay-wallets-mcp')} Python/{platform.python_version()}",
    "version": "2023-06-30",
    "x-merchantid": "acme",
    "x-routing-id": "cth_eN4e4kR12CJV",
}
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


def failing(error: Exception, *causes: BaseException) -> Transport:
    """A transport on which every request fails with the first error, which was caused by the next one, and so on."""
    for effect, cause in pairwise((error, *causes)):
        effect.__cause__ = cause

    def fail(_: httpx2.Request) -> httpx2.Response:
        raise error

    return Transport(fail)


def opened(
    settings: Settings, transport: httpx2.AsyncBaseTransport | None = None
) -> AbstractAsyncContextManager[JuspayClient]:
    return open_client(settings, account_of(settings), lambda: NOW, transport)


def client_on(transport: Transport, **variables: str) -> AbstractAsyncContextManager[JuspayClient]:
    return opened(make_settings(**{"JUSPAY_BASE_URL": LOOPBACK} | variables), transport)


async def ask(transport: Transport, **variables: str) -> WalletList:
    async with client_on(transport, **variables) as client:
        return await client.wallets("wallets/refresh-balances", CUSTOMER)


async def failure(transport: Transport, **variables: str) -> WalletsError:
    with pytest.raises(WalletsError) as caught:
        await ask(transport, **variables)
    return caught.value


def invalid(reason: str) -> str:
    return str(UpstreamInvalid(reason))


def unavailable(reason: str) -> str:
    hint = (
        "Check this machine's network, and JUSPAY_BASE_URL if it is set; if this network needs a proxy, set "
        "JUSPAY_PROXY in this server's env block in the MCP host's settings. "
        if "DNS" in reason
        else ""
    )
    return f"Juspay is unavailable: {reason}. {hint}Try again in a few minutes. [upstream_unavailable]"


def pieces(body: bytes, size: int) -> Iterable[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


async def test_one_get_is_sent_with_exactly_the_documented_headers() -> None:
    transport = answering(LIST)
    assert await ask(transport, JUSPAY_BASE_URL="https://sandbox.juspay.in") == NO_WALLETS
    sent = [
        (request.method, str(request.url), dict(request.headers), request.content) for request in transport.requests
    ]
    url = "https://sandbox.juspay.in/customers/cth_eN4e4kR12CJV/wallets/refresh-balances"
    assert sent == [("GET", url, HEADERS, b"")]


async def test_juspay_is_given_no_deadline_of_the_library_s() -> None:
    transport = answering(LIST)
    await ask(transport)
    assert [request.extensions.get("timeout") for request in transport.requests] == [None]


@pytest.mark.parametrize(
    ("base_url", "customer_id", "endpoint", "url"),
    [
        pytest.param(
            "https://api.juspay.in",
            "cth_1",
            "wallets",
            "https://api.juspay.in/customers/cth_1/wallets",
            id="the list",
        ),
        pytest.param(
            "https://gateway.example:8443/juspay/v1/",
            "cth_1",
            "wallets/refresh-balances",
            "https://gateway.example:8443/juspay/v1/customers/cth_1/wallets/refresh-balances",
            id="behind a path",
        ),
        pytest.param(
            LOOPBACK,
            "jane+a/b=@example.com",
            "wallets",
            f"{LOOPBACK}/customers/jane%2Ba%2Fb%3D%40example.com/wallets",
            id="an id that has to be encoded",
        ),
        pytest.param(LOOPBACK, "...", "wallets", f"{LOOPBACK}/customers/.../wallets", id="an id of dots"),
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
    assert dict(transport.requests[0].headers) == HEADERS | changed | {"host": "127.0.0.1:8790"}


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
        (400, "request_rejected"),
        (401, "authentication_failed"),
        (403, "access_denied"),
        (404, "request_rejected"),
        (429, "rate_limited"),
        (500, "upstream_unavailable"),
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


async def test_retry_after_is_reckoned_from_the_client_s_clock() -> None:
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


async def test_a_reply_that_says_nothing_of_its_encoding_is_taken_as_it_is() -> None:
    assert await ask(answering(LIST)) == NO_WALLETS


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


async def test_of_a_reply_that_is_too_long_the_rest_is_not_fetched() -> None:
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


ALL_FAILED = "All connection attempts failed"


def refused() -> Exception:
    return ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 443)")


def reset() -> Exception:
    return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


def lost_in_handshake(error: Exception) -> Transport:
    """A transport that fails as httpx2 does when TLS was waiting for more; its "want read" is no failure."""
    error.__context__ = ssl.SSLWantReadError(2, "The operation did not complete (read)")
    return failing(httpx2.ConnectError(""), httpcore2.ConnectError(), anyio.BrokenResourceError(), error)


@pytest.mark.parametrize(
    ("transport", "reason", "transient"),
    [
        pytest.param(
            failing(
                httpx2.ConnectError(ALL_FAILED), httpcore2.ConnectError(ALL_FAILED), OSError(ALL_FAILED), refused()
            ),
            "the connection was refused",
            True,
            id="refused",
        ),
        pytest.param(
            failing(
                httpx2.ConnectError(ALL_FAILED),
                httpcore2.ConnectError(ALL_FAILED),
                OSError(ALL_FAILED),
                ExceptionGroup("multiple connection attempts failed", [refused(), refused()]),
            ),
            "the connection was refused",
            True,
            id="refused at both of two addresses",
        ),
        pytest.param(
            failing(
                httpx2.ConnectError("Name or service not known"),
                httpcore2.ConnectError("Name or service not known"),
                socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            ),
            "its host name could not be resolved (DNS)",
            False,
            id="no such name",
        ),
        pytest.param(
            failing(
                httpx2.ConnectError("certificate verify failed"),
                httpcore2.ConnectError("certificate verify failed"),
                ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"),
            ),
            "its TLS certificate could not be verified",
            False,
            id="a certificate nobody vouches for",
        ),
        pytest.param(
            failing(httpx2.ReadError(""), httpcore2.ReadError(), anyio.BrokenResourceError(), reset()),
            "the connection broke before the reply was whole",
            True,
            id="reset before the reply",
        ),
        pytest.param(
            failing(
                httpx2.RemoteProtocolError("Server disconnected without sending a response."),
                httpcore2.RemoteProtocolError("Server disconnected without sending a response."),
            ),
            "the connection broke before the reply was whole",
            True,
            id="closed before the reply",
        ),
        pytest.param(
            answering(b'{"list":', httpx2.RemoteProtocolError("peer closed connection (received 8 bytes)")),
            "the connection broke before the reply was whole",
            True,
            id="closed within the reply",
        ),
    ],
)
async def test_a_connection_that_fails_is_unavailable_for_its_reason(
    transport: Transport,
    reason: str,
    transient: bool,  # noqa: FBT001 - an outcome
) -> None:
    error = await failure(transport)
    assert isinstance(error, UpstreamUnavailable)
    assert (error.problem, error.transient) == (f"Juspay is unavailable: {reason}.", transient)


@pytest.mark.parametrize(
    "transport",
    [
        pytest.param(lost_in_handshake(reset()), id="reset"),
        pytest.param(lost_in_handshake(BrokenPipeError(errno.EPIPE, "Broken pipe")), id="a broken pipe"),
        pytest.param(lost_in_handshake(ConnectionAbortedError(errno.ECONNABORTED, "Aborted")), id="aborted"),
        pytest.param(lost_in_handshake(TimeoutError(errno.ETIMEDOUT, "Timed out")), id="unacknowledged"),
        pytest.param(
            failing(
                httpx2.ConnectError(""),
                httpcore2.ConnectError(),
                anyio.EndOfStream(),
                ssl.SSLEOFError(8, "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol"),
            ),
            id="closed",
        ),
    ],
)
async def test_a_connection_lost_within_the_tls_handshake_is_worth_another_try_and_no_certificate_s_fault(
    transport: Transport,
) -> None:
    error = await failure(transport)
    assert isinstance(error, UpstreamUnavailable)
    assert ("certificate" in str(error), error.transient) == (False, True)


async def test_a_host_that_doesn_t_speak_tls_is_not_said_to_have_a_wrong_certificate() -> None:
    wrong = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error = await failure(failing(httpx2.ConnectError(str(wrong)), httpcore2.ConnectError(wrong), wrong))
    assert isinstance(error, UpstreamUnavailable)
    assert ("certificate" in str(error), error.transient) == (False, False)


async def test_a_host_that_can_t_be_reached_is_not_said_to_have_refused() -> None:
    unreachable = OSError(errno.ENETUNREACH, "Network is unreachable")
    error = await failure(
        failing(httpx2.ConnectError(ALL_FAILED), httpcore2.ConnectError(), OSError(ALL_FAILED), unreachable)
    )
    assert (error.code, "refused" in str(error)) == ("upstream_unavailable", False)


async def test_a_tls_record_that_can_t_be_deciphered_is_unavailable() -> None:
    # Raised by anyio as it is, past all of httpx2's own errors.
    broken = ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad record mac")
    assert (await failure(answering(b'{"list":', broken))).code == "upstream_unavailable"


@pytest.mark.parametrize("fault", ["an authority nobody knows", "another host's name"])
async def test_nothing_is_sent_to_who_can_t_show_a_certificate_for_the_host(
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
    assert str(caught.value) == unavailable("its TLS certificate could not be verified")
    assert b"".join(received) == b""


async def test_the_library_s_error_is_not_shown_with_ours() -> None:
    error = await failure(failing(httpx2.ConnectError("https://api.juspay.in/customers/jane@example.com"), refused()))
    assert (error.__cause__, error.__suppress_context__) == (None, True)


async def test_a_port_where_nobody_listens_refuses() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        settings = make_settings(JUSPAY_BASE_URL=f"http://127.0.0.1:{reserved.getsockname()[1]}")
        async with opened(settings) as client:
            with pytest.raises(UpstreamError) as caught:
                await client.wallets("wallets", CUSTOMER)
    assert str(caught.value) == unavailable("the connection was refused")


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
