"""The boundary between this program and whoever called it: past it, nothing unexpected is left."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from juspay_mcp.errors import InternalError, WalletsError

_logger = logging.getLogger(__name__)


@contextmanager
def bugs_as_internal_errors() -> Iterator[None]:
    """What no one expected goes to the log without its words, and on as an InternalError.

    Raises:
        WalletsError: the one that came, or InternalError for anything else.
    """
    try:
        yield
    except WalletsError:
        raise
    except Exception as bug:
        _logger.error("internal_error", exc_info=bug)  # noqa: TRY400 - `exception` is the same, said twice
        raise InternalError from None
