"""Connections that failed, told apart: what to say of each, and whether the next try may well succeed."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from juspay_mcp.errors import UpstreamUnavailable, first_reason

_BROKE = "the connection broke before the reply was whole"

# The first that fits any of the causes; `passing` where the next try may well succeed.
_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], tuple[str, bool]], ...] = (
    (socket.gaierror, ("its host name could not be resolved (DNS)", False)),
    (ssl.SSLCertVerificationError, ("its TLS certificate could not be verified", False)),
    (ConnectionRefusedError, ("the connection was refused", True)),
    ((ConnectionError, TimeoutError, ssl.SSLEOFError), (_BROKE, True)),
    (ssl.SSLError, ("no TLS connection could be agreed on", False)),
    (httpx2.ConnectError, ("it could not be connected to", True)),
    (Exception, (_BROKE, True)),
)


@contextmanager
def connection_failures() -> Iterator[None]:
    """Turns what a connection raises into our error.

    Raises:
        UpstreamUnavailable: there was no connection, or it broke.
    """
    try:
        yield
    # anyio lets an SSLError on an open connection pass as it is.
    except (httpx2.TransportError, ssl.SSLError) as error:
        reason, passing = first_reason(error, _REASONS)
        raise UpstreamUnavailable(reason, passing=passing) from None
