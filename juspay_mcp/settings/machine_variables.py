"""Variables that are set for a whole machine, and that a library reads and would fail at: they must not stop a start.

OpenTelemetry's API, which the SDK of MCP imports, fails if they name something that isn't installed, even if nobody
asks for traces. Python's `ssl` opens the file of SSLKEYLOGFILE for every connection.
"""

import logging
import os
from collections.abc import Mapping, MutableMapping
from importlib.metadata import entry_points
from typing import Final

GROUPS: Final[Mapping[str, str]] = {
    "OTEL_PROPAGATORS": "opentelemetry_propagator",
    "OTEL_PYTHON_CONTEXT": "opentelemetry_context",
    "OTEL_PYTHON_LOGGER_PROVIDER": "opentelemetry_logger_provider",
    "OTEL_PYTHON_METER_PROVIDER": "opentelemetry_meter_provider",
    "OTEL_PYTHON_TRACER_PROVIDER": "opentelemetry_tracer_provider",
}
"""The group of entry points in which OpenTelemetry's API looks up each variable's value."""
KEY_LOG: Final = "SSLKEYLOGFILE"

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)  # a pipe without a reader is an error
_logger = logging.getLogger(__name__)


def ignore_unusable(environ: MutableMapping[str, str]) -> list[str]:
    """Removes the variables that would fail, with a warning for each; the names of those."""
    ignored = []
    for name in (*GROUPS, KEY_LOG):
        # Removed while it is tried: what is loaded reads it too.
        if not (value := environ.pop(name, "")).strip():
            continue
        try:
            if name == KEY_LOG:
                os.close(os.open(value, _FLAGS, 0o600))
            else:
                # Makes what the value names, as OpenTelemetry's API does.
                names = [each.strip() for each in value.split(",")] if name == "OTEL_PROPAGATORS" else [value]
                for each in [] if "none" in map(str.lower, names) else names:
                    next(iter(entry_points(group=GROUPS[name], name=each))).load()()
            environ[name] = value
        except Exception:  # noqa: BLE001 - whatever a package of somebody else's raises
            _logger.warning("machine_variable_ignored: %s can't be used", name)
            ignored.append(name)
    return ignored
