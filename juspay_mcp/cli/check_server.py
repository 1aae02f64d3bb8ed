"""Checks of what is set beyond Juspay's account: who may call, the audit log, Redis, traces, and the start itself.

Each returns what it found in one sentence, or raises ConfigurationError or Problem.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Final

from anyio.to_thread import run_sync
from pydantic import SecretStr

from juspay_mcp.audit.log import open_audit
from juspay_mcp.cli.check_connection import Problem
from juspay_mcp.cli.check_report import Check
from juspay_mcp.errors import EX_CONFIG, ConfigurationError, causes
from juspay_mcp.http.auth.jwks import JWKS
from juspay_mcp.http.auth.tokens_file import MAX_FILE, TokensFile, read_entries
from juspay_mcp.http.serve import Address, check_start
from juspay_mcp.observability.export import SIGNALS, Signal, Unexportable, make_provider
from juspay_mcp.settings.load import OAuthSettings, Settings
from juspay_mcp.settings.plain_text import without_mark
from juspay_mcp.settings.secrets import audit_key
from juspay_mcp.settings.variables import broken_rule
from juspay_mcp.settings.watched_file import NamedFile, read_source
from juspay_mcp.values.timestamps import utc_now

Step = Callable[[], Awaitable[str | Check]]
"""Returns what it found; raises ConfigurationError, WalletsError or Problem if the check failed."""

AUTHORITIES: Final = "Correct these variables, or remove them to trust the authorities that this system trusts."
"""What to do if the certificate authorities can't be read."""

_READABLE: Final = "Make the file readable for the user that the server runs as."
_WRITABLE: Final = (
    "Make the file writable for the user that the server runs as, and free some disk space if it is full."
)
_TOKENS: Final = f"Make a token with: juspay-wallets-mcp token NAME, and put its line into the file.\n{_READABLE}"


def extra_checks(settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[str, Step, str]]:
    """A check of each thing that is set: its name, the step, and what to do about a ConfigurationError."""
    access = settings.access

    async def count_host_names() -> str:
        count = len(access.allowed_hosts) + bool(access.public_url)
        return f"{count} {'name is' if count == 1 else 'names are'} answered over HTTP, in addition to loopback's."

    if settings.audit_key or settings.audit_key_file:
        yield "audit key", partial(_audit_key, settings), _READABLE
    if settings.audit_log:
        yield "audit log", partial(_audit_log, settings), _WRITABLE
    if access.tokens_file:
        yield "tokens file", partial(_tokens_file, access.tokens_file), _TOKENS
    if access.oauth:
        yield "issuer", partial(_issuer, access.oauth), AUTHORITIES
    if settings.rate_limit and settings.rate_limit_storage:
        redis = partial(_redis, settings.rate_limit, settings.rate_limit_storage)
        yield "redis", redis, "Install the extra, or correct the address."
    if access.allowed_hosts or access.public_url:
        yield "host names", count_host_names, ""
    if any(name.startswith("OTEL_") for name in environ):
        for signal in SIGNALS:
            yield signal.name, partial(_exported, signal, environ), ""


async def _audit_key(settings: Settings) -> str:
    audit_key(settings)
    return "It can be read, and is long enough."


async def _audit_log(settings: Settings) -> str:
    async with open_audit(settings) as log:
        ready = log is not None and await log.ready()
    if not ready:
        raise broken_rule("JUSPAY_MCP_AUDIT_LOG")
    return "A line can be written."


async def _tokens_file(source: NamedFile) -> str | Check:
    TokensFile(source)
    entries, malformed = read_entries(without_mark(read_source(source, MAX_FILE) or b"", "JUSPAY_MCP_TOKENS_FILE"))
    if malformed:
        raise Problem(
            f"Malformed, so ignored: line {', '.join(malformed)}.",
            "Correct the line or remove it: it must be as juspay-wallets-mcp token prints it.",
            EX_CONFIG,
        )
    today = utc_now().date()
    expired = sum(entry.last_day is not None and entry.last_day < today for entry in entries)
    counted = f"It has {len(entries)} {'token' if len(entries) == 1 else 'tokens'}"
    if expired:
        advice = "Replace them by new ones (juspay-wallets-mcp token NAME), and remove their lines."
        finding = f"{counted}, of which {expired} expired."
        return Check(name="tokens file", outcome="warning", finding=finding, advice=advice)
    return f"{counted}."


async def _issuer(oauth: OAuthSettings) -> str:
    keys = JWKS(oauth.issuer)
    found = await keys.find(None)
    if not found:
        raise Problem(
            f"It has no keys that can be used ({keys.failure or 'none for RS256, ES256 or EdDSA'}).",
            "Check JUSPAY_MCP_OAUTH_ISSUER: it must be exactly what the issuer calls itself in its metadata.\n"
            "Allow outgoing connections from this machine to it.",
        )
    return f"It publishes {len(found)} {'key' if len(found) == 1 else 'keys'} that can be used."


async def _redis(limit: str, address: SecretStr) -> str:
    from juspay_mcp.service.redis_rate_limit import PATIENCE, open_shared_limiter  # noqa: PLC0415 - an extra

    async with open_shared_limiter(limit, address) as limiter:
        try:
            await limiter.probe()
        except Exception as error:  # noqa: BLE001 - what answers may be no Redis: its client raises all kinds
            kinds = {kind.__name__ for cause in causes(error) for kind in type(cause).__mro__}
            reason = next(why for kind, why in _REDIS_REASONS if kind in kinds)
            raise Problem(
                f"The calls can't be counted in it: {reason.format(PATIENCE)}.",
                "Check JUSPAY_MCP_RATE_LIMIT_STORAGE and that Redis runs. Until then each process counts by itself.",
            ) from None
    return "Calls are counted in it."


# By the name of a class, as redis is an extra; the first that fits any of the causes.
_REDIS_REASONS: Final = (
    ("gaierror", "its host name could not be resolved (DNS)"),
    ("ConnectionRefusedError", "it refused the connection"),
    ("AuthenticationError", "it rejected the user or the password"),
    ("NoPermissionError", "its user may not run the commands needed"),
    ("TimeoutError", "it did not answer within {:g} s"),
    ("Exception", "the connection broke, or what answers rejected the command"),
)


async def _exported(signal: Signal, environ: Mapping[str, str]) -> str | Check:
    if not signal.exporters(environ):
        return f"The OTEL_ variables don't ask for {signal.name}."
    try:
        make_provider(signal, environ).shutdown()
    except Unexportable as why:
        finding = f"The server starts, but {signal.name} can't be exported: {why}."
        advice = "Correct the OTEL_ variables, as OpenTelemetry specifies them, or remove them."
        return Check(name=signal.name, outcome="warning", finding=finding, advice=advice)
    return f"{signal.name.capitalize()} can be exported as the OTEL_ variables say."


async def start(settings: Settings) -> str | Check:
    """Starts as `serve --http` does, up to listening; on other addresses than loopback only if callers are known."""

    def start_on(host: str) -> None:
        check_start(settings, Address(host, 0, 1, allow_unauthenticated=False))

    await run_sync(start_on, "127.0.0.1")
    if not (settings.access.tokens_file or settings.access.oauth):
        return "The server starts, over stdio and with serve --http on loopback."
    try:
        await run_sync(start_on, "0.0.0.0")  # noqa: S104 - nothing listens
    except ConfigurationError as error:
        finding = "The server starts, but with serve --http on loopback only."
        return Check(name="start", outcome="warning", finding=finding, advice=str(error))
    return "The server starts, over stdio and with serve --http on any address."
