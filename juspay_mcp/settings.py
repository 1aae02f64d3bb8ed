"""Settings: the environment variables, their rules, and what a wrong one is told.

`VARIABLES` is the only place that knows a variable's name, default, rule and meaning; `--help`, the README and
`server.json` are checked against it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from juspay_mcp.errors import ConfigurationError
from juspay_mcp.snapshot import Environment

BASE_URLS: Final[Mapping[str, str]] = {
    "production": "https://api.juspay.in",
    "sandbox": "https://sandbox.juspay.in",
}
"""Juspay's hosts for India, where most merchants are; the simulator's address is known when it listens."""

API_KEY_RULE: Final = r"[!-9;-~]{1,256}"
"""Printable ASCII, no space, no colon: what fits Basic auth and a header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable: `rule` is a pattern for its whole value, said in words by `says`."""

    name: str
    meaning: str
    says: str
    example: str
    rule: str
    default: str | None = None
    secret: bool = False


VARIABLES: Final = (
    Variable(
        name="JUSPAY_API_KEY",
        meaning="API key from Juspay's dashboard.",
        says="1 to 256 printable ASCII characters without spaces or colons",
        example="the key as the dashboard shows it",
        rule=API_KEY_RULE,
        secret=True,
    ),
    Variable(
        name="JUSPAY_API_KEY_FILE",
        meaning="File that holds the API key, instead of JUSPAY_API_KEY; read again when it changes.",
        says="the path of a readable file that holds the key and nothing else",
        example="/run/secrets/juspay_api_key",
        rule=r"[^\0]+",
    ),
    Variable(
        name="JUSPAY_MERCHANT_ID",
        meaning="Merchant id from Juspay's dashboard.",
        says="1 to 256 printable ASCII characters without spaces or colons",
        example="acme",
        rule=API_KEY_RULE,
    ),
    Variable(
        name="JUSPAY_ENV",
        meaning="Which Juspay to ask; simulator is a built-in stand-in that needs no keys and no network.",
        says="one of production, sandbox, simulator",
        example="sandbox",
        rule="production|sandbox|simulator",
        default="sandbox",
    ),
    Variable(
        name="JUSPAY_BASE_URL",
        meaning="Address of Juspay's API in other regions and for other tenants; by JUSPAY_ENV if not set.",
        says="an https address without query, fragment or credentials (http and the simulator: loopback only)",
        example="https://api.juspay.io",
        # Plain enough for every reader of URLs to agree on where the host ends: a key goes there.
        rule=r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[!-\"$->@-~]*)?",
    ),
    Variable(
        name="JUSPAY_API_VERSION",
        meaning="Version of Juspay's API, sent as the version header.",
        says="a date, YYYY-MM-DD",
        example="2023-06-30",
        rule=r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])",
        default="2023-06-30",
    ),
    Variable(
        name="JUSPAY_CURRENCY",
        meaning="Currency of the balances; Juspay's reply carries none.",
        says="an ISO 4217 code, three capital letters",
        example="INR",
        rule="[A-Z]{3}",
        default="INR",
    ),
    Variable(
        name="JUSPAY_TIMEOUT_SECONDS",
        meaning="Budget of one whole tool call, retries and fallback included.",
        says="a number of seconds from 1 to 300",
        example="25",
        rule=r"([1-9]|[1-9]\d|[12]\d\d)(\.\d{1,3})?|300",
        default="25",
    ),
    Variable(
        name="JUSPAY_MAX_CONNECTIONS",
        meaning="Connections to Juspay at one time.",
        says="a whole number from 1 to 1000",
        example="16",
        rule=r"[1-9]\d{0,2}|1000",
        default="16",
    ),
    Variable(
        name="JUSPAY_MCP_RATE_LIMIT",
        meaning="Tool calls per caller.",
        says="a whole number per second, minute or hour, or off",
        example="60/minute",
        rule=r"[1-9]\d{0,6}/(second|minute|hour)|off",
        default="60/minute",
    ),
    Variable(
        name="JUSPAY_MCP_LOG_LEVEL",
        meaning="What is logged to stderr.",
        says="one of DEBUG, INFO, WARNING, ERROR",
        example="WARNING",
        rule="DEBUG|INFO|WARNING|ERROR",
        default="WARNING",
    ),
)
_BY_NAME: Final = {variable.name: variable for variable in VARIABLES}
_ENVIRONMENTS: Final[Mapping[str, Environment]] = {
    "production": "production",
    "sandbox": "sandbox",
    "simulator": "simulator",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says, validated. `base_url` is None for the built-in simulator."""

    environment: Environment
    base_url: str | None
    api_key: SecretStr | None
    api_key_file: Path | None
    merchant_id: str | None
    api_version: str
    currency: str
    timeout_seconds: float
    max_connections: int
    rate_limit: str | None
    log_level: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The variables without which Juspay can't be asked; none for the built-in simulator."""
        if self.environment == "simulator" and self.base_url is None:
            return ()
        key = "JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE)"
        no_key = self.api_key is None and self.api_key_file is None
        return ((key,) if no_key else ()) + (() if self.merchant_id else ("JUSPAY_MERCHANT_ID",))


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`; an empty variable counts as not set, as hosts pass empty fields on.

    Raises:
        ConfigurationError: one line that names the variable, the rule and an example, never the value.
    """
    values = _Values(environ)
    environment = _ENVIRONMENTS[values.text("JUSPAY_ENV")]
    api_key, api_key_file = values.optional("JUSPAY_API_KEY"), values.optional("JUSPAY_API_KEY_FILE")
    if api_key and api_key_file:
        raise ConfigurationError("JUSPAY_API_KEY and JUSPAY_API_KEY_FILE are both set; set only one of them.")
    rate_limit = values.text("JUSPAY_MCP_RATE_LIMIT")
    return Settings(
        environment=environment,
        base_url=_base_url(values.optional("JUSPAY_BASE_URL"), environment),
        api_key=SecretStr(api_key) if api_key else None,
        api_key_file=Path(api_key_file) if api_key_file else None,
        merchant_id=values.optional("JUSPAY_MERCHANT_ID"),
        api_version=values.text("JUSPAY_API_VERSION"),
        currency=values.text("JUSPAY_CURRENCY"),
        timeout_seconds=float(values.text("JUSPAY_TIMEOUT_SECONDS")),
        max_connections=int(values.text("JUSPAY_MAX_CONNECTIONS")),
        rate_limit=None if rate_limit == "off" else rate_limit,
        log_level=values.text("JUSPAY_MCP_LOG_LEVEL"),
    )


def broken_rule(name: str) -> ConfigurationError:
    """The error for a variable whose value breaks its rule: names it, the rule and an example."""
    variable = _BY_NAME[name]
    return ConfigurationError(f"{name} must be {variable.says}; for example: {variable.example}.")


class _Values:
    """The variables' values, each checked against its rule as it is read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def optional(self, name: str) -> str | None:
        value = self._environ.get(name, "").strip() or _BY_NAME[name].default
        if value is not None and not re.fullmatch(_BY_NAME[name].rule, value, re.ASCII):
            raise broken_rule(name)
        return value

    def text(self, name: str) -> str:
        return self.optional(name) or ""


def _base_url(given: str | None, environment: Environment) -> str | None:
    if given is None:
        return BASE_URLS.get(environment)
    try:
        url = urlsplit(given)
        known = url.port is None or url.port > 0  # raises where it is no port
        loopback = _is_loopback(url.hostname or "")
    except ValueError:
        raise broken_rule("JUSPAY_BASE_URL") from None
    if not known or not (loopback or (url.scheme == "https" and environment != "simulator")):
        raise broken_rule("JUSPAY_BASE_URL")
    return given.rstrip("/")


def _is_loopback(host: str) -> bool:
    """Raises ValueError for what has the form of an IP address and is none."""
    is_address = ":" in host or host.replace(".", "").isdigit()
    return ip_address(host).is_loopback if is_address else host.lower() == "localhost"
