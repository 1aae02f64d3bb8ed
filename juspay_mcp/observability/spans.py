"""What a trace shows of the requests to Juspay: one span each, by OpenTelemetry's conventions for HTTP clients.

Two things those conventions ask for are left out. `url.full`, because the customer's id is part of it. And the trace
context isn't sent along: its receiver would learn the ids of this company's traces, and nothing of Juspay's comes
back in them.

Only OpenTelemetry's API is used, as `mcp` uses it: without its SDK a span costs some microseconds and goes nowhere.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id, get_current_span, get_tracer

from juspay_mcp import VERSION
from juspay_mcp.errors import WalletsError, outcome_of
from juspay_mcp.observability.metrics import Attributes, request_duration

_DEFAULT_PORTS = {"http": 80, "https": 443}
_tracer = get_tracer("juspay_mcp", VERSION)


def trace_id() -> str | None:
    """The id of the trace this is part of, as 32 hexadecimal digits; None if there is no trace."""
    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None


class UpstreamSpan:
    """The span of one request to Juspay. What it can be told is all it can show."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.outcome: Attributes = {}
        """The status and the error, as far as there were any."""

    def answered(self, status: int) -> None:
        """Takes note of the reply's HTTP status."""
        self._span.set_attribute("http.response.status_code", status)
        self.outcome["http.response.status_code"] = status

    def identify(self, request_id: str | None) -> None:
        """Takes note of Juspay's id of the request, if the reply had one of a trace id's form."""
        if request_id is not None:
            self._span.set_attribute("juspay.request_id", request_id)

    def fail(self, error: BaseException) -> None:
        """Takes note of an error's code; a request ended by its deadline counts as `cancelled`."""
        if isinstance(error, WalletsError):
            self.identify(error.request_id)
        self._span.set_attribute("error.type", outcome_of(error))
        self.outcome["error.type"] = outcome_of(error)
        self._span.set_status(StatusCode.ERROR)


class UpstreamSpans:
    """Makes the spans of requests to one address, and times them."""

    def __init__(self, base_url: str) -> None:
        url = urlsplit(base_url)
        self._attributes: Attributes = {
            "http.request.method": "GET",
            "server.address": url.hostname or "",
            "server.port": url.port or _DEFAULT_PORTS.get(url.scheme, 0),
        }

    @contextmanager
    def request(self, resends: int) -> Iterator[UpstreamSpan]:
        """The span of one request, which was sent `resends` times before."""
        resent = {"http.request.resend_count": resends} if resends else {}
        with _tracer.start_as_current_span(
            "GET",
            kind=SpanKind.CLIENT,
            attributes={**self._attributes, **resent},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            upstream, begun = UpstreamSpan(span), time.perf_counter()
            try:
                yield upstream
            except BaseException as error:
                upstream.fail(error)
                raise
            finally:
                request_duration.record(time.perf_counter() - begun, {**self._attributes, **upstream.outcome})
