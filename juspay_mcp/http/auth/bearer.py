"""What verifiers of bearer tokens have in common: the scope, what is worth verifying, and how a refusal is told."""

import logging
from typing import Final

from juspay_mcp.observability.metrics import refused_sign_ins

SCOPE: Final = "wallets:read"
"""What a token must allow for the tool to be called."""

_MAX_TOKEN = 8_192
_logger = logging.getLogger(__name__)


def is_plausible(token: str) -> bool:
    """Whether it is worth hashing or parsing: ASCII, as RFC 6750 (section 2.1) has it, and of at most 8 KiB."""
    return len(token) <= _MAX_TOKEN and token.isascii()


def log_refusal(reason: str) -> None:
    """Says in our own words why a token was refused, and counts it; its sender is never told.

    At WARNING, which is logged by default: operators look for it when somebody can't get in.
    """
    _logger.warning("token_refused: %s", reason)
    refused_sign_ins.add(1, {"reason": reason})
