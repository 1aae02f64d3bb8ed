"""What is told of a refused token: one line in the log, and one more in the count of its reason."""

import logging

from juspay_mcp.observability.metrics import refused_sign_ins

_logger = logging.getLogger(__name__)


def log_refusal(reason: str) -> None:
    """Says in our own words why a token was refused; its sender is never told.

    At the level that is logged unless asked otherwise: it is what an operator looks for when somebody can't get in.
    """
    _logger.warning("token_refused: %s", reason)
    refused_sign_ins.add(1, {"reason": reason})
