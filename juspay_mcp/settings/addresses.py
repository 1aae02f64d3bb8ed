"""Addresses in the settings: whether only this machine can reach them, and how clients write them."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from juspay_mcp.settings.variables import broken_rule


def normalize_host(host: str) -> str:
    """A host, with its port if there is one, as clients send it: in lower case, without the scheme's own port."""
    return re.sub(r":(80|443)$", "", host.lower())


def normalize_origin(origin: str) -> str:
    """A page's origin as browsers send it; those of extensions and web views have no default port."""
    scheme, _, host = origin.partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme.lower())
    return f"{scheme}://{host}".lower().removesuffix(port) if port else origin


def has_loopback_host(name: str, given: str) -> bool:
    """Whether only this machine can reach the address, which the variable `name` holds.

    Raises:
        ConfigurationError: it is invalid.
    """
    try:
        url = urlsplit(given)
        if url.port == 0:
            raise broken_rule(name)
        return is_loopback(url.hostname or "")
    except ValueError:
        raise broken_rule(name) from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it.

    Raises:
        ValueError: it looks like an IP address and isn't one.
    """
    is_address = ":" in host or host.replace(".", "").isdigit()
    return ip_address(host).is_loopback if is_address else host.lower() == "localhost"
