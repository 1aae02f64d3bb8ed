"""Outgoing HTTP: each request has a connection of its own, and no more is read than a response may have.

A connection that is used again can hand a response that comes late, or is left over, to the next request. Nothing can
tell the two apart: it would be somebody else's balances.
"""

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from typing import Final, Self

import httpcore2
import httpx2
from anyio import BrokenResourceError, EndOfStream
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint
from anyio.streams.tls import TLSStream
from pydantic import SecretStr
from typing_extensions import override

from juspay_mcp.juspay.sockets import connect
from juspay_mcp.settings.variables import no_authorities

MAX_BODY: Final = 1_048_576
"""The most bytes of a body, unless `read_body` is told otherwise."""
MAX_REST: Final = 65_536
"""The most bytes besides: heads, interim (1xx) responses, chunk sizes, trailers."""
PIECE: Final = 4_096
"""The most bytes that are parsed before others have their turn."""

_COMPRESSIONS: Final = frozenset({"br", "compress", "deflate", "gzip", "x-compress", "x-gzip", "zstd"})


class Unreadable(httpx2.RemoteProtocolError):
    """Why no more of a response is read, in our own words."""


class OneRequestTransport(httpx2.AsyncBaseTransport):
    """Opens a connection for each request, and closes it after the response, however that ends.

    `tls` verifies certificates. `proxy` is the address of an HTTP proxy, which makes a tunnel (CONNECT) to the host;
    TLS is with the host, through it. What httpx2's own transport adds to httpcore2 is a pool.
    """

    def __init__(self, tls: ssl.SSLContext, proxy: SecretStr | None = None) -> None:
        self._tls = tls
        self._proxy = proxy

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response, whose body comes by its stream.

        Raises:
            httpx2.TransportError: there was no connection, it broke, or the headers are too long.
        """
        request.headers["Connection"] = "close"
        url = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        wire = Wire()
        if self._proxy:
            proxy, headers = proxy_url(self._proxy)
            tunnels = httpcore2.AsyncHTTPProxy(
                proxy, proxy_headers=headers, ssl_context=self._tls, network_backend=wire
            )
            connection = tunnels.create_connection(url.origin)  # which its pool doesn't know
        else:
            connection = httpcore2.AsyncHTTPConnection(url.origin, self._tls, network_backend=wire)
        try:
            with _httpx2_errors():
                response = await connection.handle_async_request(
                    httpcore2.Request(request.method, url, headers=request.headers.raw)
                )
        except BaseException:
            await wire.aclose()
            raise
        return httpx2.Response(response.status, headers=response.headers, stream=_Body(response, wire))


def system_authorities() -> ssl.SSLContext:
    """Verifies certificates against the authorities this system trusts; loading them takes some 25 ms.

    Raises:
        ConfigurationError: SSL_CERT_FILE or SSL_CERT_DIR names no such thing.
    """
    try:
        return httpx2.create_ssl_context()
    except OSError:
        raise no_authorities() from None


def proxy_url(proxy: SecretStr) -> tuple[httpcore2.URL, list[tuple[bytes, bytes]]]:
    """Where an HTTP proxy is, and the headers that sign in to it, if its address has a user."""
    made = httpx2.Proxy(proxy.get_secret_value())
    url = httpcore2.URL(scheme=made.url.raw_scheme, host=made.url.raw_host, port=made.url.port, target=b"/")
    signs_in = made.raw_auth and b"Basic " + b64encode(b":".join(made.raw_auth))
    return url, [(b"Proxy-Authorization", signs_in)] if signs_in else []


async def read_body(response: httpx2.Response, max_bytes: int = MAX_BODY) -> bytes:
    """The whole body.

    Raises:
        Unreadable: it is longer, comes in too small chunks, or is compressed: no request asks for that, and a few
            bytes could grow to many.
        httpx2.TransportError: the connection broke.
    """
    encoding = response.headers.get("content-encoding", "")
    if not _COMPRESSIONS.isdisjoint(label.strip().lower() for label in encoding.split(",")):
        raise Unreadable("it is compressed, which was not asked for")
    body = bytearray()
    async for chunk in response.aiter_raw():
        await checkpoint()  # one piece can hold hundreds of chunks
        body += chunk
        if len(body) > max_bytes:
            raise Unreadable(f"it is over {max_bytes / MAX_BODY:g} MiB")
    return bytes(body)


class _Body(httpx2.AsyncByteStream):
    """A body as it comes, and the connection to be closed after it."""

    def __init__(self, response: httpcore2.Response, wire: "Wire") -> None:
        self._response = response
        self._wire = wire

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx2_errors():
            async with aclosing(self._response.aiter_stream()) as chunks:
                async for chunk in chunks:
                    self._wire.allow(len(chunk))
                    yield chunk

    @override
    async def aclose(self) -> None:
        await self._wire.aclose()


@contextmanager
def _httpx2_errors() -> Iterator[None]:
    """Raises httpcore2's errors as httpx2's of the same names, as a transport of httpx2 must."""
    try:
        yield
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError) as error:
        named_alike: type[httpx2.TransportError] = getattr(httpx2, type(error).__name__)
        raise named_alike(str(error)) from error


class Wire(httpcore2.AsyncNetworkBackend, httpcore2.AsyncNetworkStream):
    """One connection, which gives out no more bytes than it is allowed to, in small pieces.

    Its maker closes it, even in a cancelled TLS handshake, in which httpcore2 would leave it open.
    """

    _stream: ByteStream

    def __init__(self) -> None:
        self._connected = False
        self._left = MAX_REST

    def allow(self, more: int) -> None:
        """Allows so many bytes more: those that came were of the body, which has a limit of its own."""
        self._left += more

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> Self:
        try:
            self._stream = await connect(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        self._connected = True
        return self

    @override
    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Self:
        try:
            self._stream = await TLSStream.wrap(
                self._stream, ssl_context=ssl_context, hostname=server_hostname, standard_compatible=False
            )
        except (BrokenResourceError, EndOfStream, ssl.SSLError) as error:
            raise httpcore2.ConnectError(str(error)) from error
        return self

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._left <= 0:
            raise Unreadable("its headers and chunk sizes are over 64 KiB")
        await checkpoint()
        try:
            data = await self._stream.receive(min(max_bytes, PIECE, self._left))
        except EndOfStream:
            return b""
        except (BrokenResourceError, ssl.SSLError) as error:
            raise httpcore2.ReadError(str(error)) from error
        self._left -= len(data)
        return data

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:  # as httpcore2 writes the end of a message without a body
            return
        try:
            await self._stream.send(buffer)
        except (BrokenResourceError, ssl.SSLError) as error:
            raise httpcore2.WriteError(str(error)) from error

    @override
    async def aclose(self) -> None:
        if self._connected:
            await self._stream.aclose()

    @override
    def get_extra_info(self, info: str) -> None:
        """Nothing. httpcore2 asks whether HTTP/2 was agreed on, which isn't offered."""
