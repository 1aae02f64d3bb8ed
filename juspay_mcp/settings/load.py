"""Settings: what the environment variables say, each value checked against its rule in `variables`."""

import os
import re
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

from pydantic import SecretBytes, SecretStr

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.settings.addresses import has_loopback_host, normalize_host, normalize_origin
from juspay_mcp.settings.plain_text import is_placeholder, plain
from juspay_mcp.settings.variables import BY_NAME, broken_rule, no_authorities, unfilled
from juspay_mcp.settings.watched_file import NamedFile, read_file

Environment = Literal["production", "sandbox", "simulator"]

BASE_URLS: Final[Mapping[str, str]] = {
    "production": "https://api.juspay.in",
    "sandbox": "https://sandbox.juspay.in",
}
"""Juspay's hosts for India, where most merchants are; the simulator's address is known when it listens."""

EITHER_KEY: Final = "JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE)"
PLACEHOLDER: Final = "a placeholder that the MCP host did not replace"
ASSIGNMENT: Final = "NAME=value instead of the value alone"

_USUAL_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
_CREDENTIALS: Final = frozenset({"JUSPAY_API_KEY", "JUSPAY_API_KEY_FILE", "JUSPAY_MERCHANT_ID"})
_MAX_PIPE = 1_048_576  # bytes
_PIPE_SECONDS = 3.0  # for a command whose output a variable names, as in JUSPAY_API_KEY_FILE=<(pass show juspay)


@dataclass(frozen=True, slots=True, kw_only=True)
class JuspayAccount:
    """Where Juspay is asked, and with which credentials; a missing one is None, and named in `missing`."""

    base_url: str
    """Without a slash at the end."""
    api_key: SecretStr | None
    api_key_file: NamedFile | None
    merchant_id: str | None
    proxy: SecretStr | None = None
    ignored_proxy: str | None = None
    """The name of one of the usual proxy variables, if one is set in vain: there is no other proxy."""
    unfilled: tuple[tuple[str, str], ...] = ()
    """The variables that hold something else than the value, and what."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The variables without which Juspay can't be asked."""
        no_key = self.api_key is None and self.api_key_file is None
        return ((EITHER_KEY,) if no_key else ()) + (() if self.merchant_id else ("JUSPAY_MERCHANT_ID",))

    @property
    def why_missing(self) -> str:
        """Why what is set doesn't count, in one sentence; empty if nothing is missing, or simply isn't set."""
        reasons = [f"{name} holds {what}" for name, what in self.unfilled if name in " ".join(self.missing)]
        return f"{'; '.join(reasons)}." if reasons else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthSettings:
    """Whose access tokens are accepted over HTTP, and what they must say.

    `issuer` and `resource`, this server's public URL, are as they were set: clients compare them literally. Without
    `audiences` a token must be meant for the resource.
    """

    issuer: str
    resource: str
    audiences: tuple[str, ...]
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Who may call over HTTP, and under which names; hosts and origins are as clients send them."""

    tokens_file: NamedFile | None
    oauth: OAuthSettings | None
    public_url: str | None
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says, validated. `account` is None for the built-in simulator, which brings its own."""

    environment: Environment
    account: JuspayAccount | None
    api_version: str
    max_connections: int
    currency: str
    timeout_seconds: float
    rate_limit: str | None
    rate_limit_storage: SecretStr | None
    access: AccessSettings
    audit_log: str | None
    audit_key: SecretStr | None
    audit_key_file: NamedFile | None
    log_level: str
    log_format: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The variables without which Juspay can't be asked; none for the built-in simulator."""
        return self.account.missing if self.account else ()

    @property
    def why_missing(self) -> str:
        """Why what is set doesn't count, in one sentence, or nothing."""
        return self.account.why_missing if self.account else ""


def load_settings(environ: Mapping[str, str], pipes: MutableMapping[str, SecretBytes] | None = None) -> Settings:
    """The settings in `environ`; an empty variable counts as not set, as hosts pass on empty fields.

    A credential that is a placeholder counts as missing: the server starts, and says why it can't ask Juspay. A pipe
    can be read only once: `pipes` keeps what the variables' pipes held, for somebody who loads the settings again.

    Raises:
        ConfigurationError: one line that names the variable, the rule and an example, never the value.
    """
    values = _Values(environ, {} if pipes is None else pipes)
    authorities = environ.get("SSL_CERT_FILE") or "."
    # `os.path`, because Path's methods fail at a name that is too long.
    if os.path.exists(authorities) and not (os.path.isfile(authorities) or os.path.isdir(authorities)):  # noqa: PTH110, PTH112, PTH113
        # OpenSSL might read for ever.
        raise no_authorities()
    environment = cast("Environment", values.text("JUSPAY_ENV"))  # by its rule
    audit_key, audit_key_file = values.secret("JUSPAY_MCP_AUDIT_KEY")
    audit_log, rate_limit = values.path("JUSPAY_MCP_AUDIT_LOG"), values.text("JUSPAY_MCP_RATE_LIMIT")
    if audit_log and not (audit_key or audit_key_file):
        raise ConfigurationError(
            "JUSPAY_MCP_AUDIT_LOG needs JUSPAY_MCP_AUDIT_KEY or JUSPAY_MCP_AUDIT_KEY_FILE, because a hash without a "
            "key reveals a phone number; for example: what openssl rand -hex 32 prints.",
            "JUSPAY_MCP_AUDIT_LOG",
        )
    return Settings(
        environment=environment,
        account=_account(values, environment),
        api_version=values.text("JUSPAY_API_VERSION"),
        max_connections=int(values.text("JUSPAY_MAX_CONNECTIONS")),
        currency=values.text("JUSPAY_CURRENCY"),
        timeout_seconds=float(values.text("JUSPAY_TIMEOUT_SECONDS")),
        rate_limit=None if rate_limit == "off" else rate_limit,
        rate_limit_storage=_secret(values.optional("JUSPAY_MCP_RATE_LIMIT_STORAGE")),
        access=_access(values),
        audit_log=audit_log,
        audit_key=audit_key,
        audit_key_file=audit_key_file,
        log_level=values.text("JUSPAY_MCP_LOG_LEVEL"),
        log_format=values.text("JUSPAY_MCP_LOG_FORMAT"),
    )


def _account(values: "_Values", environment: Environment) -> JuspayAccount | None:
    base_url, merchant_id = values.optional("JUSPAY_BASE_URL"), values.optional("JUSPAY_MERCHANT_ID")
    api_key, api_key_file = values.secret("JUSPAY_API_KEY")
    proxy = _secret(values.optional("JUSPAY_PROXY"))
    if proxy:
        has_loopback_host("JUSPAY_PROXY", proxy.get_secret_value())  # for its check of the address
    if base_url is None and environment == "simulator":
        return None
    valid = (base_url or BASE_URLS[environment]).rstrip("/")
    direct = has_loopback_host("JUSPAY_BASE_URL", valid)
    if not (direct or (valid.startswith("https:") and environment != "simulator")):
        raise broken_rule("JUSPAY_BASE_URL")
    usual = next((name for name in _USUAL_PROXIES if values.is_set(name)), None)
    return JuspayAccount(
        base_url=valid,
        proxy=None if direct else proxy,
        ignored_proxy=None if direct or proxy else usual,
        api_key=api_key,
        api_key_file=api_key_file,
        merchant_id=merchant_id,
        unfilled=tuple(sorted(values.unfilled.items())),
    )


def _access(values: "_Values") -> AccessSettings:
    issuer, public_url = (values.address(name) for name in ("JUSPAY_MCP_OAUTH_ISSUER", "JUSPAY_MCP_PUBLIC_URL"))
    if issuer and not public_url:
        raise ConfigurationError(
            "JUSPAY_MCP_OAUTH_ISSUER needs JUSPAY_MCP_PUBLIC_URL, the audience of the tokens it accepts; "
            f"for example: {BY_NAME['JUSPAY_MCP_PUBLIC_URL'].example}.",
            "JUSPAY_MCP_OAUTH_ISSUER",
        )
    audiences, scope = values.several("JUSPAY_MCP_OAUTH_AUDIENCE"), values.text("JUSPAY_MCP_OAUTH_SCOPE")
    oauth = None
    if issuer and public_url:
        oauth = OAuthSettings(issuer=issuer, resource=public_url, audiences=audiences, scope=scope)
    return AccessSettings(
        tokens_file=values.file("JUSPAY_MCP_TOKENS_FILE"),
        oauth=oauth,
        public_url=public_url,
        allowed_hosts=tuple(map(normalize_host, values.several("JUSPAY_MCP_ALLOWED_HOSTS"))),
        allowed_origins=tuple(map(normalize_origin, values.several("JUSPAY_MCP_ALLOWED_ORIGINS"))),
    )


class _Values:
    """The variables' values, each checked against its rule as it is read."""

    def __init__(self, environ: Mapping[str, str], pipes: MutableMapping[str, SecretBytes]) -> None:
        self._environ = environ
        self._pipes = pipes
        self.unfilled: dict[str, str] = {}

    def optional(self, name: str) -> str | None:
        value = plain(self._environ.get(name, ""))
        if is_placeholder(value) or value.startswith(f"{name}="):
            if name not in _CREDENTIALS:
                raise unfilled(name)
            self.unfilled[name] = PLACEHOLDER if is_placeholder(value) else ASSIGNMENT
            return None
        variable = BY_NAME[name]
        value = value.upper() if variable.any_case else value
        if value and not re.fullmatch(variable.rule, value, re.ASCII):
            raise broken_rule(name)
        return value or variable.default

    def is_set(self, name: str) -> bool:
        """Whether a variable that isn't this server's is set."""
        return bool(self._environ.get(name, "").strip())

    def text(self, name: str) -> str:
        return self.optional(name) or ""

    def address(self, name: str) -> str | None:
        """An https address, or an http one on loopback."""
        given = self.optional(name)
        if given and not (has_loopback_host(name, given) or given.startswith("https:")):
            raise broken_rule(name)
        return given

    def several(self, name: str) -> tuple[str, ...]:
        """The parts of a list."""
        given = self.optional(name)
        return tuple(part.strip() for part in given.split(",")) if given else ()

    def secret(self, name: str) -> tuple[SecretStr | None, NamedFile | None]:
        """A secret that is given itself, or as the file that holds it."""
        given, file = self.optional(name), self.file(f"{name}_FILE")
        if given and file:
            file_name = f"{name}_FILE"
            raise ConfigurationError(f"{name} and {file_name} are both set; set only one of them.", name, file_name)
        return _secret(given), file

    def path(self, name: str) -> str | None:
        """A path; `~/` is the home folder, which a shell would put there but a host's settings don't."""
        given = self.optional(name)
        home = self._environ.get("HOME") or self._environ.get("USERPROFILE")
        return f"{home}{given[1:]}" if given and home and given.startswith(("~/", f"~{os.sep}")) else given

    def file(self, name: str) -> NamedFile | None:
        """A path, or what is in the pipe at that path."""
        given = self.path(name)
        if given is None:
            return None
        is_pipe = False
        with suppress(OSError):  # a name that is too long, for instance: reading the file says so
            is_pipe = Path(given).is_fifo()
        if name in self._pipes or not is_pipe:
            return self._pipes.get(name, Path(given))
        content = read_file(Path(given), _MAX_PIPE, _PIPE_SECONDS)
        if content is None:
            raise broken_rule(name)
        self._pipes[name] = SecretBytes(content)
        return self._pipes[name]


def _secret(given: str | None) -> SecretStr | None:
    return SecretStr(given) if given else None
