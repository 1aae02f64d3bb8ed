"""What a trace shows of a client's messages: one span each, in place of the SDK's own.

The SDK's have the caller's words in them: any name of a method, a tool or a prompt, any id of a request, the text of
an exception. A caller could write a customer's number there. These hold the same facts, as far as they are words
this program knows. Of the caller's trace context only the ids are taken, not `tracestate`, which is free text.
"""

import time
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
from mcp.types.methods import SPEC_CLIENT_METHODS, SPEC_CLIENT_NOTIFICATION_METHODS
from mcp.types.version import KNOWN_PROTOCOL_VERSIONS
from opentelemetry.trace import Span, SpanKind, StatusCode, get_current_span, get_tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pydantic import ValidationError

from juspay_mcp import VERSION
from juspay_mcp.errors import outcome_of
from juspay_mcp.observability.metrics import operation_duration

OTHER: Final = "_OTHER"
"""OpenTelemetry's word for a value of a known set that isn't in it."""

_METHODS = SPEC_CLIENT_METHODS | SPEC_CLIENT_NOTIFICATION_METHODS
_propagator = TraceContextTextMapPropagator()
_tracer = get_tracer("juspay_mcp", VERSION)


class MessageSpans:
    """A middleware of the server: a span and a duration for each message, with its method and the one `tool`."""

    def __init__(self, tool: str) -> None:
        self._tool = tool

    async def __call__(self, ctx: ServerRequestContext[Any], call_next: CallNext) -> HandlerResult:
        """Passes a message on, in its span."""
        attributes, begun = self._attributes(ctx), time.perf_counter()
        # The caller's span, or else the gateway's, by its ids alone.
        given = (ctx.meta or {}).get("traceparent") or (ctx.request and ctx.request.headers.get("traceparent"))
        parent = _propagator.extract({"traceparent": given} if isinstance(given, str) else {})
        name = " ".join(attributes[key] for key in ("mcp.method.name", "gen_ai.tool.name") if key in attributes)
        with _tracer.start_as_current_span(
            name,
            kind=SpanKind.SERVER,
            attributes=attributes,
            context=parent if get_current_span(parent).get_span_context().is_valid else None,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                result = await call_next(ctx)
                if ctx.method == "tools/call" and isinstance(result, dict) and result.get("isError"):
                    attributes |= _fail(span, None)
            except BaseException as error:
                attributes |= _fail(span, error)
                raise
            finally:
                transport = {"network.transport": "tcp" if ctx.request else "pipe"}
                operation_duration.record(time.perf_counter() - begun, {**attributes, **transport})
            return result

    def _attributes(self, ctx: ServerRequestContext[Any]) -> dict[str, str]:
        attributes = {
            "mcp.method.name": ctx.method if ctx.method in _METHODS else OTHER,
            "mcp.protocol.version": ctx.protocol_version
            if ctx.protocol_version in KNOWN_PROTOCOL_VERSIONS
            else OTHER,
        }
        if ctx.method == "tools/call":
            attributes["gen_ai.operation.name"] = "execute_tool"
            named = ctx.params.get("name") if ctx.params else None
            attributes["gen_ai.tool.name"] = self._tool if named == self._tool else OTHER
        return attributes


def _fail(span: Span, error: BaseException | None) -> dict[str, str]:
    """Takes note of what was raised, or with None of a tool error; the attributes that say so."""
    if isinstance(error, MCPError | ValidationError):
        code = str(error.error.code if isinstance(error, MCPError) else INVALID_PARAMS)
        known = {"error.type": code, "rpc.response.status_code": code}
    else:
        known = {"error.type": outcome_of(error) if error else "tool_error"}
    span.set_attributes({**known})
    span.set_status(StatusCode.ERROR)
    return known
