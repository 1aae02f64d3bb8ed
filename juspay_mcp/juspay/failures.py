"""Connections that failed, told apart: what to say of each, and whether the next try may well succeed."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from juspay_mcp.errors import UpstreamUnavailable, causes, first_reason
from juspay_mcp.settings.load import JuspayAccount

_BROKE = "the connection broke before the reply was whole"

_Reasons = tuple[tuple[type[Exception] | tuple[type[Exception], ...], tuple[str, bool]], ...]

# The first that fits any of the causes; `transient` where the next try may well succeed.
_REASONS: _Reasons = (
    (socket.gaierror, ("its host name could not be resolved (DNS)", False)),
    (ssl.SSLCertVerificationError, ("its TLS certificate could not be verified", False)),
    (ConnectionRefusedError, ("the connection was refused", True)),
    ((ConnectionError, TimeoutError, ssl.SSLEOFError), (_BROKE, True)),
    (ssl.SSLError, ("no TLS connection could be agreed on", False)),
    (httpx2.ConnectError, ("it could not be connected to", True)),
    (Exception, (_BROKE, True)),
)
# The same for what only a proxy can cause; whatever else fails behind it is Juspay's, or the network's.
_PROXY_REASONS: _Reasons = (
    (ssl.SSLError, ("", False)),
    (socket.gaierror, ("the proxy's host name could not be resolved (DNS)", False)),
    (ConnectionRefusedError, ("the proxy refused the connection", True)),
    (OSError, ("the proxy could not be connected to", True)),
    (Exception, ("", False)),
)
_DNS_HINT = (
    "Check this machine's network, and JUSPAY_BASE_URL if it is set; if this network needs a proxy, set JUSPAY_PROXY "
    "in this server's env block in the MCP host's settings."
)


@contextmanager
def connection_failures(account: JuspayAccount) -> Iterator[None]:
    """Turns what a connection to Juspay raises into our error.

    Raises:
        UpstreamUnavailable: there was no connection, or it broke.
    """
    try:
        yield
    # anyio lets an SSLError on an open connection pass as it is.
    except (httpx2.TransportError, ssl.SSLError) as error:
        if isinstance(error, httpx2.ProxyError):
            status = re.match(r"\d{3}", str(error))  # then come words of the proxy's
            reason = f"the proxy rejected the connection to it (HTTP {status[0] if status else 'unknown'})"
            raise UpstreamUnavailable(reason, transient=False, hint="Check JUSPAY_PROXY.") from None
        if account.proxy:
            reason, transient = first_reason(error, _PROXY_REASONS)
            if reason:
                raise UpstreamUnavailable(reason, transient=transient, hint="Check JUSPAY_PROXY.") from None
        reason, transient = first_reason(error, _REASONS)
        raise UpstreamUnavailable(reason, transient=transient, hint=_hint(error, account)) from None


def _hint(error: Exception, account: JuspayAccount) -> str:
    """What is likely wrong here, if it may be something here."""
    if account.proxy:
        return "The request went through JUSPAY_PROXY, which may be the cause."
    found = list(causes(error))
    if account.ignored_proxy and any(isinstance(cause, httpx2.ConnectError) for cause in found):
        return f"{account.ignored_proxy} is set but not used: if this network needs a proxy, set JUSPAY_PROXY."
    return _DNS_HINT if any(isinstance(cause, socket.gaierror) for cause in found) else ""
