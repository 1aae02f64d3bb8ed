"""How certificates are verified, wherever this program connects to."""

import ssl

import httpx2

from juspay_mcp.settings.variables import no_authorities


def system_authorities() -> ssl.SSLContext:
    """Verifies against the authorities this system trusts; loading them takes some 25 ms.

    Raises:
        ConfigurationError: SSL_CERT_FILE or SSL_CERT_DIR names no such thing.
    """
    try:
        return httpx2.create_ssl_context()
    except OSError:
        raise no_authorities() from None
