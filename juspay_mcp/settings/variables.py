"""The environment variables: their names, defaults, rules and meanings, said only here.

`--help`, the README and `server.json` are checked against `VARIABLES`.
"""

from dataclasses import dataclass
from typing import Final

from juspay_mcp.errors import ConfigurationError

API_KEY_RULE: Final = r"[!-9;-~]{1,256}"
"""Printable ASCII, no space, no colon: what fits Basic auth and a header."""
AUDIT_KEY_RULE: Final = r"[!-~]{32,256}"
"""As hexadecimal, 32 characters are 128 bits: more than anyone can try."""

_PATH = r"[^\0]+"
# Plain enough for every reader of URLs to agree on where the host ends: a key goes there.
_URL = r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[A-Za-z0-9/._~!$&'()*+,;=:@%-]*)?"  # RFC 3986
_USER = r"[!-.0-9;-?A-~]+(:[!-.0-9:-?A-~]*)?@"  # whatever isn't a slash or an at sign, which can be percent-encoded
_NAME = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
_PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
_HOST = rf"{_NAME}(:({_PORT}|\*))?"
# Any scheme: those of extensions and web views are their own (chrome-extension, app, tauri).
_ORIGIN = rf"[A-Za-z][A-Za-z0-9+.-]*://{_NAME}(:{_PORT})?"
_COMMA = " *, *"
_AUDIENCE = r"[!-+\--~]{1,256}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable: `rule` is a pattern for its whole value, said in words by `says`.

    With `any_case`, the value may be in any case; the rule is about capitals.
    """

    name: str
    meaning: str
    says: str
    example: str
    rule: str
    default: str | None = None
    secret: bool = False
    any_case: bool = False


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
        rule=_PATH,
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
        rule=_URL,
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
        meaning="Connections to Juspay at one time; one caller gets at most half of them while others wait.",
        says="a whole number from 1 to 1000",
        example="16",
        rule=r"[1-9]\d{0,2}|1000",
        default="16",
    ),
    Variable(
        name="JUSPAY_PROXY",
        meaning="HTTP proxy (CONNECT) to reach Juspay through, and nothing else; never used for loopback.",
        says="an http address of a host and port, with user:password@ if the proxy needs them",
        example="http://proxy.example.com:3128",
        rule=rf"http://({_USER})?{_NAME}(:\d{{1,5}})?/?",
        secret=True,
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
        name="JUSPAY_MCP_RATE_LIMIT_STORAGE",
        meaning="Redis that counts the calls for all replicas; each process counts its own if not set.",
        says="a redis:// or rediss:// address (it needs the extra redis)",
        example="redis://127.0.0.1:6379/0",
        rule=r"rediss?://[!-~]{1,500}",
        secret=True,
    ),
    Variable(
        name="JUSPAY_MCP_TOKENS_FILE",
        meaning="File of name:sha256 lines that says who may call over HTTP; read again when it changes.",
        says="the path of a readable file of name:sha256 lines, as the token command prints them",
        example="/etc/juspay-wallets-mcp/tokens",
        rule=_PATH,
    ),
    Variable(
        name="JUSPAY_MCP_OAUTH_ISSUER",
        meaning="OAuth authorization server whose access tokens are accepted over HTTP.",
        says="an https address without query or fragment (http: loopback only)",
        example="https://login.example.com",
        rule=_URL,
    ),
    Variable(
        name="JUSPAY_MCP_PUBLIC_URL",
        meaning="Address of the HTTP endpoint as its callers know it; the audience of their OAuth tokens.",
        says="an https address without query or fragment (http: loopback only)",
        example="https://wallets.example.com/mcp",
        rule=_URL,
    ),
    Variable(
        name="JUSPAY_MCP_OAUTH_AUDIENCE",
        meaning="Audiences (aud) of OAuth tokens for this server, instead of JUSPAY_MCP_PUBLIC_URL.",
        says="one or more values of aud, printable ASCII without spaces, separated by commas",
        example="api://wallets,0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        rule=rf"{_AUDIENCE}({_COMMA}{_AUDIENCE})*",
    ),
    Variable(
        name="JUSPAY_MCP_OAUTH_SCOPE",
        meaning="Scope (or role) that an OAuth token must have, by its name at the issuer.",
        says="one scope: printable ASCII without spaces, quotes and backslashes",
        example="juspay/wallets:read",
        rule=r"[!#-\[\]-~]{1,256}",
        default="wallets:read",
    ),
    Variable(
        name="JUSPAY_MCP_ALLOWED_HOSTS",
        meaning="Host headers answered over HTTP, beside loopback's and JUSPAY_MCP_PUBLIC_URL's.",
        says="host names, with a port if it isn't the scheme's own (:* for any), separated by commas",
        example="wallets.example.com,10.0.0.5:8000",
        rule=rf"{_HOST}({_COMMA}{_HOST})*",
    ),
    Variable(
        name="JUSPAY_MCP_ALLOWED_ORIGINS",
        meaning="Origins of web pages and extensions that may call over HTTP; only these get CORS headers.",
        says="origins (scheme, host and port, such as chrome-extension://id), separated by commas",
        example="https://console.example.com",
        rule=rf"{_ORIGIN}({_COMMA}{_ORIGIN})*",
    ),
    Variable(
        name="JUSPAY_MCP_AUDIT_LOG",
        meaning="Where each tool call leaves a line that says who asked about whom: a file, or stderr.",
        says="the path of a file that can be written, or stderr",
        example="/var/log/juspay-wallets-mcp/audit.jsonl",
        rule=_PATH,
    ),
    Variable(
        name="JUSPAY_MCP_AUDIT_KEY",
        meaning="Key of the hash that identifies a customer in the audit log.",
        says="32 to 256 printable ASCII characters without spaces",
        example="what openssl rand -hex 32 prints",
        rule=AUDIT_KEY_RULE,
        secret=True,
    ),
    Variable(
        name="JUSPAY_MCP_AUDIT_KEY_FILE",
        meaning="File that holds that key, instead of JUSPAY_MCP_AUDIT_KEY; read again when it changes.",
        says="the path of a readable file that holds the key and nothing else",
        example="/run/secrets/juspay_mcp_audit_key",
        rule=_PATH,
    ),
    Variable(
        name="JUSPAY_MCP_LOG_LEVEL",
        meaning="What is logged to stderr.",
        says="one of DEBUG, INFO, WARNING, ERROR, in any case",
        example="WARNING",
        rule="DEBUG|INFO|WARNING|ERROR",
        default="WARNING",
        any_case=True,
    ),
    Variable(
        name="JUSPAY_MCP_LOG_FORMAT",
        meaning="How it is logged: text, or json with one object a line.",
        says="text or json",
        example="json",
        rule="text|json",
        default="text",
    ),
)
BY_NAME: Final = {variable.name: variable for variable in VARIABLES}


def broken_rule(name: str) -> ConfigurationError:
    """The error for a variable whose value breaks its rule: names it, the rule and an example."""
    variable = BY_NAME[name]
    return ConfigurationError(f"{name} must be {variable.says}; for example: {variable.example}.", name)


def unfilled(name: str) -> ConfigurationError:
    """The error for a variable whose value nobody filled in: a placeholder, or the whole line of an env file."""
    variable = BY_NAME[name]
    return ConfigurationError(
        f"{name} holds a placeholder or {name}= instead of a value; it must be {variable.says}, or not set; "
        f"for example: {variable.example}.",
        name,
    )


def no_authorities() -> ConfigurationError:
    """The error for SSL_CERT_FILE or SSL_CERT_DIR, which OpenSSL and httpx2 follow, if they name no such thing."""
    return ConfigurationError(
        "SSL_CERT_FILE and SSL_CERT_DIR must be a readable file or folder of certificates, or not set.",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    )
