"""What is counted and timed, by OpenTelemetry's metrics.

Only its API is used, as for spans: without its SDK a record costs less than a microsecond and goes nowhere. No
attribute can be a caller, a customer or anybody's text: each is a word of this program, a number, or Juspay's host.
The two durations are named as OpenTelemetry's semantic conventions have them, for MCP and for HTTP clients.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry.metrics import get_meter

from juspay_mcp import VERSION

Attributes = dict[str, str | int]

_meter = get_meter("juspay_mcp", VERSION)
# As the conventions advise, in seconds.
_BOUNDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)

operation_duration: Final = _meter.create_histogram(
    "mcp.server.operation.duration",
    unit="s",
    description="How long a message of a client took.",
    explicit_bucket_boundaries_advisory=_BOUNDS,
)
request_duration: Final = _meter.create_histogram(
    "http.client.request.duration",
    unit="s",
    description="How long a request to Juspay took.",
    explicit_bucket_boundaries_advisory=_BOUNDS,
)
calls: Final = _meter.create_counter(
    "juspay_mcp.calls", unit="{call}", description="Questions about a customer, by outcome, source and transport."
)
refused_sign_ins: Final = _meter.create_counter(
    "juspay_mcp.sign_ins.refused", unit="{request}", description="Requests whose token was refused, by reason."
)
shared_lookups: Final = _meter.create_counter(
    "juspay_mcp.lookups.shared", unit="{call}", description="Calls that were answered by another call's lookup."
)
audit_failures: Final = _meter.create_counter(
    "juspay_mcp.audit.failures", unit="{line}", description="Lines that couldn't be written to the audit log."
)
jwks_age: Final = _meter.create_gauge(
    "juspay_mcp.jwks.age", unit="s", description="Age of the issuer's keys when a token was last verified."
)
_waiting: Final = _meter.create_up_down_counter(
    "juspay_mcp.calls.waiting", unit="{call}", description="Calls that wait for a connection to Juspay."
)


@contextmanager
def waiting_call() -> Iterator[None]:
    """Counts a call as one that waits for a connection."""
    _waiting.add(1)
    try:
        yield
    finally:
        _waiting.add(-1)
