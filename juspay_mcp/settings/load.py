"""Settings: what the environment variables say, each value checked against its rule in `variables`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import SecretBytes, SecretStr

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.settings.variables import BY_NAME, broken_rule, no_authorities
from juspay_mcp.settings.watched_file import NamedFile, read_file

Environment = Literal["production", "sandbox", "simulator"]

BASE_URLS: Final[Mapping[str, str]] = {
    "production": "https://api.juspay.in",
    "sandbox": "https://sandbox.juspay.in",
}
"""Juspay's hosts for India, where most merchants are; the simulator's address is known when it listens."""

_ENVIRONMENTS: Final[Mapping[str, Environment]] = {
    "production": "production",
    "sandbox": "sandbox",
    "simulator": "simulator",
}

_MAX_PIPE = 1_048_576  # bytes
_PIPE_SECONDS = 3.0  # for a command whose output a variable names, as in JUSPAY_API_KEY_FILE=<(pass show juspay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says, validated. `base_url` is None for the built-in simulator."""

    environment: Environment
    base_url: str | None
    api_key: SecretStr | None
    api_key_file: NamedFile | None
    merchant_id: str | None
    api_version: str
    currency: str
    timeout_seconds: float
    max_connections: int
    rate_limit: str | None
    rate_limit_storage: SecretStr | None
    access: "AccessSettings"
    audit_log: str | None
    audit_key: SecretStr | None
    audit_key_file: NamedFile | None
    log_level: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The variables without which Juspay can't be asked; none for the built-in simulator."""
        if self.environment == "simulator" and self.base_url is None:
            return ()
        key = "JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE)"
        no_key = self.api_key is None and self.api_key_file is None
        return ((key,) if no_key else ()) + (() if self.merchant_id else ("JUSPAY_MERCHANT_ID",))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Who may call over HTTP. An `oauth_issuer` never comes without a `public_url`.

    The URLs are as they were set: clients compare them literally. Hosts and origins are as clients send them. An
    empty `oauth_audience` means the public URL.
    """

    tokens_file: NamedFile | None
    oauth_issuer: str | None
    oauth_audience: tuple[str, ...]
    oauth_scope: str
    public_url: str | None
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`; an empty variable counts as not set, as hosts pass empty fields on.

    Raises:
        ConfigurationError: one line that names the variable, the rule and an example, never the value.
    """
    values = _Values(environ)
    authorities = Path(environ.get("SSL_CERT_FILE") or ".")
    if authorities.exists() and not (authorities.is_file() or authorities.is_dir()):  # OpenSSL might read for ever
        raise no_authorities()
    environment = _ENVIRONMENTS[values.text("JUSPAY_ENV")]
    api_key, api_key_file = values.secret("JUSPAY_API_KEY")
    audit_key, audit_key_file = values.secret("JUSPAY_MCP_AUDIT_KEY")
    audit_log, rate_limit = values.optional("JUSPAY_MCP_AUDIT_LOG"), values.text("JUSPAY_MCP_RATE_LIMIT")
    if audit_log and not (audit_key or audit_key_file):
        raise ConfigurationError(
            "JUSPAY_MCP_AUDIT_LOG needs JUSPAY_MCP_AUDIT_KEY or JUSPAY_MCP_AUDIT_KEY_FILE, as a hash without a key "
            "gives a phone number away; for example: what openssl rand -hex 32 prints."
        )
    return Settings(
        environment=environment,
        base_url=_base_url(values.optional("JUSPAY_BASE_URL"), environment),
        api_key=api_key,
        api_key_file=api_key_file,
        merchant_id=values.optional("JUSPAY_MERCHANT_ID"),
        api_version=values.text("JUSPAY_API_VERSION"),
        currency=values.text("JUSPAY_CURRENCY"),
        timeout_seconds=float(values.text("JUSPAY_TIMEOUT_SECONDS")),
        max_connections=int(values.text("JUSPAY_MAX_CONNECTIONS")),
        rate_limit=None if rate_limit == "off" else rate_limit,
        rate_limit_storage=_secret(values.optional("JUSPAY_MCP_RATE_LIMIT_STORAGE")),
        access=_access(values),
        audit_log=audit_log,
        audit_key=audit_key,
        audit_key_file=audit_key_file,
        log_level=values.text("JUSPAY_MCP_LOG_LEVEL"),
    )


def _access(values: "_Values") -> AccessSettings:
    issuer, public_url = (
        _address(name, values.optional(name)) for name in ("JUSPAY_MCP_OAUTH_ISSUER", "JUSPAY_MCP_PUBLIC_URL")
    )
    if issuer and not public_url:
        raise ConfigurationError(
            "JUSPAY_MCP_OAUTH_ISSUER needs JUSPAY_MCP_PUBLIC_URL, the audience of the tokens it lets in; "
            f"for example: {BY_NAME['JUSPAY_MCP_PUBLIC_URL'].example}."
        )
    return AccessSettings(
        tokens_file=values.file("JUSPAY_MCP_TOKENS_FILE"),
        oauth_issuer=issuer,
        oauth_audience=values.several("JUSPAY_MCP_OAUTH_AUDIENCE"),
        oauth_scope=values.text("JUSPAY_MCP_OAUTH_SCOPE"),
        public_url=public_url,
        allowed_hosts=tuple(map(normalize_host, values.several("JUSPAY_MCP_ALLOWED_HOSTS"))),
        allowed_origins=tuple(map(_normalize_origin, values.several("JUSPAY_MCP_ALLOWED_ORIGINS"))),
    )


class _Values:
    """The variables' values, each checked against its rule as it is read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def optional(self, name: str) -> str | None:
        value = self._environ.get(name, "").strip() or BY_NAME[name].default
        if value is not None and not re.fullmatch(BY_NAME[name].rule, value, re.ASCII):
            raise broken_rule(name)
        return value

    def text(self, name: str) -> str:
        return self.optional(name) or ""

    def several(self, name: str) -> tuple[str, ...]:
        """The parts of a list."""
        given = self.optional(name)
        return tuple(part.strip() for part in given.split(",")) if given else ()

    def secret(self, name: str) -> tuple[SecretStr | None, NamedFile | None]:
        """A secret that is given itself, or as the file that holds it."""
        given, file = self.optional(name), self.file(f"{name}_FILE")
        if given and file:
            raise ConfigurationError(f"{name} and {name}_FILE are both set; set only one of them.")
        return _secret(given), file

    def file(self, name: str) -> NamedFile | None:
        """A path, or what is in the pipe at that path."""
        given = self.optional(name)
        if given is None or not Path(given).is_fifo():
            return Path(given) if given else None
        content = read_file(Path(given), _MAX_PIPE, _PIPE_SECONDS)
        if content is None:
            raise broken_rule(name)
        return SecretBytes(content)


def _secret(given: str | None) -> SecretStr | None:
    return SecretStr(given) if given else None


def normalize_host(host: str) -> str:
    """A host, with its port if there is one, as clients send it: in lower case, without the scheme's own port."""
    return re.sub(r":(80|443)$", "", host.lower())


def _normalize_origin(origin: str) -> str:
    """A page's origin as browsers send it; those of extensions and web views have no default port."""
    scheme, _, host = origin.partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme.lower())
    return f"{scheme}://{host}".lower().removesuffix(port) if port else origin


def _address(name: str, given: str | None) -> str | None:
    """An https address, or an http one on loopback."""
    if given and not (_has_loopback_host(name, given) or given.startswith("https:")):
        raise broken_rule(name)
    return given


def _base_url(given: str | None, environment: Environment) -> str | None:
    if given is None:
        return BASE_URLS.get(environment)
    loopback = _has_loopback_host("JUSPAY_BASE_URL", given)
    if not (loopback or (given.startswith("https:") and environment != "simulator")):
        raise broken_rule("JUSPAY_BASE_URL")
    return given.rstrip("/")


def _has_loopback_host(name: str, given: str) -> bool:
    """Raises ConfigurationError for an address that can't be one."""
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
        ValueError: it has the form of an IP address and is none.
    """
    is_address = ":" in host or host.replace(".", "").isdigit()
    return ip_address(host).is_loopback if is_address else host.lower() == "localhost"
