"""How certificates are verified, wherever this program connects to."""

import ssl

import httpx2

from juspay_mcp.errors import ConfigurationError


def system_authorities() -> ssl.SSLContext:
    """Verifies against the authorities this system trusts; loading them takes some 25 ms.

    Raises:
        ConfigurationError: SSL_CERT_FILE or SSL_CERT_DIR, which OpenSSL and httpx2 follow, names no such thing.
    """
    try:
        return httpx2.create_ssl_context()
    except OSError:
        raise ConfigurationError(
            "SSL_CERT_FILE and SSL_CERT_DIR must be a readable file or folder of certificates, or not set."
        ) from None
