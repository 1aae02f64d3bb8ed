"""What a server begins its log with: what it is, how it is set up, and what is missing; and never a secret."""

import logging

from juspay_mcp import VERSION
from juspay_mcp.settings.load import Settings

_logger = logging.getLogger(__name__)


def log_start(settings: Settings, transport: str) -> None:
    """Says at INFO which version starts, and how: no key, no path, no address; and as a warning what it lacks.

    Hosts and registries start servers without credentials, to list their tools.
    """
    access, account = settings.access, settings.account
    over_http = [name for name, used in (("tokens file", access.tokens_file), ("OAuth", access.oauth)) if used]
    sign_in = " and ".join(over_http) or "none"
    limit = settings.rate_limit or "off"
    audit = "none" if settings.audit_log is None else "stderr" if settings.audit_log == "stderr" else "file"
    _logger.info(
        "started: version %s, environment %s, transport %s, sign-in %s, limit %s, audit log %s, proxy %s",
        VERSION,
        settings.environment,
        transport,
        sign_in if transport == "http" else "not needed",
        f"{limit} for all replicas" if settings.rate_limit and settings.rate_limit_storage else limit,
        audit,
        "set" if account and account.proxy else "none",
    )
    if settings.missing:
        missing = " and ".join(settings.missing)
        why = f" ({settings.why_missing.removesuffix('.')})" if settings.why_missing else ""
        _logger.warning("not set up yet, the tool will answer not_configured: set %s%s", missing, why)
