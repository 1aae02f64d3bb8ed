"""The log on stderr: one line a record, and nothing in it that this package didn't write itself.

Some hosts keep a server's stderr for good, and libraries log what they handle: httpx2 the whole URL with the
customer's id, the SDK whatever a handler raised. So of a record from elsewhere only its origin is shown, and of an
exception only its types and the places it passed: what a message isn't taken from, it can't leak.
"""

import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import TextIO

from typing_extensions import override

from juspay_mcp.failures import causes
from juspay_mcp.times import format_timestamp

_OURS = __name__.partition(".")[0]


class SafeFormatter(logging.Formatter):
    """`2026-11-23T03:44:00Z WARNING juspay_mcp.server what happened`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = format_timestamp(datetime.fromtimestamp(record.created, UTC))
        line = f"{moment} {record.levelname} {record.name} {_text(record)}"
        error = record.exc_info[1] if record.exc_info else None
        return f"{line} {describe(error)}" if error else line


def configure_logging(level: str, stream: TextIO) -> None:
    """Sends every record of this process at `level` or above to `stream`, and Python's warnings with them."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logger = logging.getLogger(_OURS)
    sys.unraisablehook = lambda lost: logger.error("an exception could not be raised", exc_info=lost.exc_value)
    threading.excepthook = lambda lost: logger.error("a thread ended", exc_info=lost.exc_value)


def describe(error: BaseException) -> str:
    """An exception's types and places, never its words: `ValueError at answer.py:42 < KeyError at wallets.py:7`."""
    return " < ".join(
        f"{type(cause).__name__} at {' '.join(_places(cause)) or 'no place'}" for cause in causes(error)
    )


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.replace(chr(92), '/').rpartition('/')[2]}:{frame.lineno}" for frame in frames[-6:]]


def _text(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] == _OURS:
        return record.getMessage()
    return f"(text withheld) at {record.filename}:{record.lineno}"
