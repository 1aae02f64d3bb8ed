"""Whether a host can be reached: its address, a connection, its certificate; if not, what is wrong and what to do.

Every sentence is this package's own. What fills them in is the host, the port and a duration, never a word of a
server, a certificate or a resolver.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus
from threading import Thread
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import anyio
import httpcore2
from pydantic import SecretStr

from juspay_mcp.errors import EX_UNAVAILABLE, causes, first_reason
from juspay_mcp.juspay import sockets
from juspay_mcp.juspay.outgoing import Wire, proxy_url

Resolver = Callable[[bytes, int], object]
"""Looks up a host's addresses, as `socket.getaddrinfo` does; raises OSError if there are none."""


class Template(NamedTuple):
    """A problem; `{host}`, `{port}` and `{seconds:g}` stand for the target's."""

    finding: str
    advice: str


class Problem(Exception):
    """Why a check failed, and what to do, one step a line."""

    def __init__(self, finding: str, advice: str, exit_status: int = EX_UNAVAILABLE) -> None:
        super().__init__(finding)
        self.finding = finding
        self.advice = advice
        self.exit_status = exit_status


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be reached; `seconds` is how long each step may take."""

    host: str
    port: int
    encrypted: bool
    seconds: float

    @classmethod
    def of(cls, url: str, seconds: float) -> "Target":
        """The host of a valid http or https URL."""
        parts = urlsplit(url)
        encrypted = parts.scheme == "https"
        port = parts.port or (443 if encrypted else 80)
        return cls(host=str(parts.hostname), port=port, encrypted=encrypted, seconds=seconds)

    def problem(self, template: Template) -> Problem:
        """The problem whose finding and advice name this host."""
        finding, advice = (text.format_map(asdict(self)) for text in template)
        return Problem(finding, advice)


DIRECT: Final = "This program connects directly; if this network needs a proxy, set JUSPAY_PROXY."
"""The last step if there was no connection, and no proxy."""
_FIREWALL: Final = f"Allow outgoing connections from this machine to {{host}} on port {{port}}.\n{DIRECT}"
_DNS: Final = (
    "Check the host's spelling if you set JUSPAY_BASE_URL; then this machine's network and DNS (VPN, container, "
    f"firewall).\n{DIRECT}"
)
_LOOK_UP_TIMED_OUT: Final = Template("Looking up the address of {host} (DNS) timed out after {seconds:g} s.", _DNS)
_CONNECTING_TIMED_OUT: Final = Template(
    "Connecting to {host} on port {port} timed out after {seconds:g} s.",
    f"Usually a firewall silently drops the connection.\n{_FIREWALL}",
)
_BY_CAUSE: Final[tuple[tuple[type[OSError], Template], ...]] = (
    (socket.gaierror, Template("{host} could not be resolved to an address (DNS).", _DNS)),
    (
        ConnectionRefusedError,
        Template(
            "{host} refused the connection on port {port}.",
            "Nothing listens there, or a firewall rejects the connection: check host and port in JUSPAY_BASE_URL, "
            f"and that the server there is running.\n{DIRECT}",
        ),
    ),
    (
        OSError,
        Template(
            "This machine could not connect to {host} on port {port}.",
            f"Check this machine's network.\n{_FIREWALL}",
        ),
    ),
)

_NOT_SENT: Final = "No credentials were sent."
_CLOCK: Final = (
    f"Check this machine's date and time; if they are right, only the operator of {{host}} can fix it. {_NOT_SENT}"
)
_EXPIRED: Final = Template("The certificate of {host} has expired.", _CLOCK)
_NOT_YET_VALID: Final = Template("The certificate of {host} is not valid yet.", _CLOCK)
_OTHER_HOST: Final = Template(
    "{host} presents a certificate for another host.",
    "Check the host in JUSPAY_BASE_URL; if it is right, a proxy or a wrong DNS entry answers in its place. "
    + _NOT_SENT,
)
_UNKNOWN_AUTHORITY: Final = Template(
    "The certificate of {host} is from an authority that this machine does not trust.",
    "If your network inspects TLS, add its certificate authority to this machine's, or set SSL_CERT_FILE (here and "
    "for the server) to a file of all authorities to trust. If it does not, trust nothing that answers there. "
    + _NOT_SENT,
)
_UNVERIFIED: Final = Template(
    "The certificate of {host} could not be verified.",
    "Ask your network's administrators whether they inspect TLS; if they don't, ask the operator of {host}. "
    + _NOT_SENT,
)
# Python's `verify_code` is OpenSSL's (x509_vfy.h) if SSL_CERT_FILE or SSL_CERT_DIR is set, and always on Linux;
# else it is that of macOS (SecBase.h, negative) or Windows (winerror.h, 0x800B…), through truststore.
_BY_VERIFY_CODE: Final[Mapping[int, Template]] = {
    code: problem
    for problem, codes in (
        (_EXPIRED, (10, -67818, 0x800B0101)),
        (_NOT_YET_VALID, (9, -67819)),
        (_OTHER_HOST, (62, 64, -67602, 0x800B010F)),
        (_UNKNOWN_AUTHORITY, (2, 18, 19, 20, 21, -67843, 0x800B0109)),
    )
    for code in codes
}
_NOT_TLS: Final = Template(
    "{host} does not speak TLS on port {port}, or only a version before 1.2.",
    "Check host and port in JUSPAY_BASE_URL; if they are right, a proxy or firewall breaks the connection off.\n"
    + DIRECT,
)
_HANDSHAKE_TIMED_OUT: Final = Template(
    "The TLS handshake with {host} on port {port} timed out after {seconds:g} s.",
    f"Usually a proxy or firewall holds it up.\n{_FIREWALL}",
)


_PROXY_UNREACHABLE: Final = Template(
    "The proxy could not be connected to.", "Check the host and the port in JUSPAY_PROXY, and that the proxy runs."
)
_PROXY_REJECTED: Final = Template(
    "The proxy rejected the connection to {host} on port {port}.",
    "Check the user and the password in JUSPAY_PROXY, and that the proxy allows connections to {host}.",
)
_PROXY_TIMED_OUT: Final = Template(
    "The proxy did not connect to {host} on port {port} within {seconds:g} s.",
    "Check the host and the port in JUSPAY_PROXY, and that the proxy allows connections to {host}.",
)


@asynccontextmanager
async def tunnel(target: Target, proxy: SecretStr) -> AsyncIterator[httpcore2.AsyncNetworkStream]:
    """A connection to the target through an HTTP proxy (CONNECT), closed at the end of the block.

    Raises:
        Problem: the proxy can't be connected to, or doesn't connect.
    """
    address, signs_in = proxy_url(proxy)
    authority = (f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}").encode()
    url = httpcore2.URL(scheme=address.scheme, host=address.host, port=address.port, target=authority)
    request = httpcore2.Request(b"CONNECT", url, headers=[(b"Host", authority), (b"Accept", b"*/*"), *signs_in])
    async with aclosing(Wire()) as wire:
        response: httpcore2.Response | None = None
        with anyio.move_on_after(target.seconds):
            try:
                connection = httpcore2.AsyncHTTPConnection(url.origin, network_backend=wire)
                response = await connection.handle_async_request(request)
            except (httpcore2.NetworkError, httpcore2.ProtocolError):
                raise target.problem(_PROXY_UNREACHABLE) from None
        if response is None:
            raise target.problem(_PROXY_TIMED_OUT)
        if not HTTPStatus(200) <= response.status < HTTPStatus(300):
            problem = target.problem(_PROXY_REJECTED)
            raise Problem(f"{problem.finding.removesuffix('.')} (HTTP {response.status}).", problem.advice)
        yield response.extensions["network_stream"]


async def connect(target: Target, resolve: Resolver) -> None:
    """Connects and closes.

    Raises:
        Problem: the host has no address, or doesn't accept the connection.
    """
    late = _LOOK_UP_TIMED_OUT
    with anyio.move_on_after(target.seconds):
        try:
            await _look_up(target, resolve)
            late = _CONNECTING_TIMED_OUT
            await (await sockets.connect(target.host, target.port)).aclose()
        except OSError as error:
            raise target.problem(first_reason(error, _BY_CAUSE)) from None
        return
    raise target.problem(late)


async def shake_hands(target: Target, context: ssl.SSLContext, proxy: SecretStr | None) -> None:
    """Makes a TLS connection, through the proxy if there is one, and closes it.

    Raises:
        Problem: the certificate can't be verified, or there is no TLS.
    """
    async with AsyncExitStack() as stack:
        stream = await stack.enter_async_context(tunnel(target, proxy)) if proxy else None
        with anyio.move_on_after(target.seconds):
            try:
                if stream is None:
                    wire = await stack.enter_async_context(aclosing(Wire()))
                    stream = await wire.connect_tcp(target.host, target.port)
                await (await stream.start_tls(context, target.host)).aclose()
            except httpcore2.NetworkError as error:
                found = [cause for cause in causes(error) if isinstance(cause, ssl.SSLCertVerificationError)]
                template = _BY_VERIFY_CODE.get(found[0].verify_code, _UNVERIFIED) if found else _NOT_TLS
                raise target.problem(template) from None
            return
    raise target.problem(_HANDSHAKE_TIMED_OUT)


async def _look_up(target: Target, resolve: Resolver) -> None:
    """Returns if the host has an address.

    A resolver may take a minute to give up, and can't be interrupted. It gets a daemon thread, since that is the only
    kind that neither the event loop nor the interpreter waits for at its end.

    Raises:
        OSError: it has none.
    """
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()  # now asyncio can't cancel it while the thread sets it

    def settle(look_up: Callable[[], object]) -> None:
        try:
            look_up()
        except OSError as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    look_up = partial(resolve, target.host.encode(), target.port)
    Thread(target=settle, args=(look_up,), daemon=True).start()
    await asyncio.wrap_future(done)
