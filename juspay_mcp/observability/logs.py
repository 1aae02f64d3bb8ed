"""The log on stderr: one line a record, and nothing in it that this package didn't write itself.

Some hosts keep a server's stderr for good, and libraries log what they handle: httpx2 the whole URL with the
customer's id, the SDK whatever a handler raised. So of a record from elsewhere only its origin is shown, and of an
exception only its types and the places it passed: a text that isn't read can't leak.

No call waits for the log: a thread writes the lines, and those that can't be written are dropped and counted.
"""

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Final, TextIO

from typing_extensions import override

from juspay_mcp.errors import causes
from juspay_mcp.values.timestamps import format_timestamp

MINUTE = 60.0
PER_MINUTE = 10
MAX_WAITING: Final = 1_000
"""Lines that wait to be written; at some 100 bytes a line, 100 kB."""
CLOSE_SECONDS: Final = 0.5
"""How long the end of the process waits for the last lines to be written."""

_OURS = __name__.partition(".")[0]


class FloodGate(logging.Filter):
    """Passes equal warnings and errors ten times a minute; the next line tells how many were held back.

    During an outage every call would log the same line. `clock` gives seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._begun: dict[str, float] = {}
        self._said: Counter[str] = Counter()

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        what = f"{record.name} {_text(record)} {_error(record)}"
        if self._clock() - self._begun.get(what, -MINUTE) >= MINUTE:
            record.withheld = max(0, self._said[what] - PER_MINUTE)
            self._begun[what], self._said[what] = self._clock(), 0
        self._said[what] += 1
        return self._said[what] <= PER_MINUTE


class SafeFormatter(logging.Formatter):
    """`2026-11-23T03:44:00Z WARNING juspay_mcp.server.mcp_server what happened`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record)
        if suppressed := facts.pop("suppressed", 0):
            facts["suppressed"] = f"(and {suppressed} times more)"
        return " ".join(map(str, facts.values()))


class JsonFormatter(logging.Formatter):
    """`{"time": "2026-11-23T03:44:00Z", "level": "WARNING", "logger": ..., "message": ...}`, in ASCII.

    `error` has an exception's types and places; `suppressed` says how often the same was not logged before.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_facts(record))


class BackgroundHandler(logging.Handler):
    """Writes each record's line to a file descriptor, in a thread, so that nobody who logs waits for its reader.

    A pipe that is full blocks its writer until somebody reads. A line that finds MAX_WAITING others before it, or
    can't be written, is dropped; how many were comes with the next line that can be written.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        # Unlike Queue's, its `put` may interrupt itself: the garbage collector may run something that logs.
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._dropped = self._unwritten = self._reported = 0
        self._torn = False
        self._writer = threading.Thread(target=self._write_lines, name="log", daemon=True)
        self._writer.start()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - the standard answer is a traceback on stderr, arguments and all
            self._dropped += 1
            return
        if self._lines.qsize() < MAX_WAITING:
            self._lines.put(line)
        else:
            self._dropped += 1

    @override
    def close(self) -> None:
        """Waits until all lines are written, for at most CLOSE_SECONDS."""
        self._lines.put(None)
        self._writer.join(CLOSE_SECONDS)
        super().close()

    def _write_lines(self) -> None:
        while (line := self._lines.get()) is not None:
            self._write(f"{line}\n")
        self._write("")

    def _write(self, line: str) -> None:
        """Writes a line, after the count of those dropped if there are any."""
        dropped = self._dropped + self._unwritten
        if new := dropped - self._reported:
            about = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING"}
            report = logging.makeLogRecord({**about, "msg": f"log_lines_dropped: {new}"})
            line = f"{self.format(report)}\n{line}"
        data = memoryview(("\n" * self._torn + line).encode(errors="backslashreplace"))
        begun = len(data)
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self._unwritten += 1
            self._torn = self._torn or len(data) < begun
        else:
            self._reported = dropped
            self._torn = False


def configure_logging(level: str, stream: TextIO | None, log_format: str = "text") -> None:
    """Sends every record of this process at `level` or above to `stream`, and Python's warnings with them.

    Below WARNING, libraries' records are left out unless the level is DEBUG: without their text, all that they say is
    where they come from. `log_format` is `text` or `json`.
    """
    try:
        handler: logging.Handler = BackgroundHandler(stream.fileno())  # type: ignore[union-attr] # None, if it was closed
    except (AttributeError, OSError):
        handler = logging.StreamHandler(stream)  # None, or in memory: neither can block
    handler.setFormatter(JsonFormatter() if log_format == "json" else SafeFormatter())
    if level != "DEBUG":
        handler.addFilter(lambda record: record.levelno >= logging.WARNING or _is_ours(record))
    handler.addFilter(FloodGate())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logger = logging.getLogger(_OURS)
    sys.unraisablehook = lambda lost: logger.error("an exception could not be raised", exc_info=lost.exc_value)
    threading.excepthook = lambda lost: logger.error("a thread ended", exc_info=lost.exc_value)


def describe(error: BaseException) -> str:
    """An exception's types and places, never its words: `ValueError at answer.py:42 < KeyError at wallets.py:7`."""
    said = []
    for cause in causes(error):
        frames = traceback.extract_tb(cause.__traceback__)[-6:]
        places = [f"{each.filename.replace(chr(92), '/').rpartition('/')[2]}:{each.lineno}" for each in frames]
        said.append(f"{type(cause).__name__} at {' '.join(places) or 'no place'}")
    return " < ".join(said)


def _facts(record: logging.LogRecord) -> dict[str, str | int]:
    """What a line says, in the order in which it does."""
    moment = format_timestamp(datetime.fromtimestamp(record.created, UTC))
    facts = {"time": moment, "level": record.levelname, "logger": record.name, "message": _text(record)}
    more = {"error": _error(record), "suppressed": getattr(record, "withheld", 0)}
    return facts | {name: fact for name, fact in more.items() if fact}


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == _OURS


def _error(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return describe(error) if error else ""


def _text(record: logging.LogRecord) -> str:
    if _is_ours(record):
        return record.getMessage()
    return f"(text withheld) at {record.filename}:{record.lineno}"
