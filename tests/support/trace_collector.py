"""A collector of traces and metrics on loopback: it speaks OTLP over HTTP, and keeps what it is sent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from typing_extensions import override


class Collector:
    """Keeps all exports, whole and decoded."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        """Of traces."""
        self.metric_bodies: list[bytes] = []
        self.paths: set[str] = set()
        self.held = 0
        """Exports that were kept waiting."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._free = Event()
        self._free.set()
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._free.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Takes connections and answers nothing until the end."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.held += not collector._free.is_set()
                collector._free.wait()
                collector.paths.add(self.path)
                bodies = collector.metric_bodies if self.path == "/v1/metrics" else collector.bodies
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        return Handler

    @property
    def exports(self) -> list[Any]:
        return [resource for body in self.bodies for resource in _decoded(body).resource_spans]

    @property
    def resources(self) -> list[dict[str, Any]]:
        return [_attributes(export.resource.attributes) for export in self.exports]

    @property
    def spans(self) -> list[dict[str, Any]]:
        """All that is in each span but ids and times, in the order in which they began."""
        spans = [(scope, span) for export in self.exports for scope in export.scope_spans for span in scope.spans]
        names = {span.span_id: span.name for _, span in spans}
        spans.sort(key=lambda pair: pair[1].start_time_unix_nano)
        return [_span(span, names) | {"scope": scope.scope.name} for scope, span in spans]

    @property
    def points(self) -> list[tuple[str, dict[str, Any], float]]:
        """Name, attributes and count or value of each point in the last export of each process."""
        last = {}
        for body in self.metric_bodies:
            request = ExportMetricsServiceRequest()
            request.ParseFromString(body)
            for export in request.resource_metrics:
                last[_attributes(export.resource.attributes).get("service.instance.id")] = export
        return [
            (metric.name, _attributes(point.attributes), _value(point))
            for export in last.values()
            for scope in export.scope_metrics
            if scope.scope.name == "juspay_mcp"
            for metric in scope.metrics
            for point in getattr(metric, metric.WhichOneof("data") or "").data_points
        ]

    @property
    def traces(self) -> set[str]:
        return {
            span.trace_id.hex() for export in self.exports for scope in export.scope_spans for span in scope.spans
        }


def _value(point: Any) -> float:
    return float(point.count if hasattr(point, "count") else point.as_int or point.as_double)


def _decoded(body: bytes) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return request


def _span(span: Span, names: dict[bytes, str]) -> dict[str, Any]:
    parent = names.get(span.parent_span_id, span.parent_span_id.hex())
    kept = {
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        "parent": parent,
        "attributes": _attributes(span.attributes),
        "status": Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"),
        "message": span.status.message,
        "trace_state": span.trace_state,
        "events": len(span.events),
        "links": len(span.links),
    }
    return {key: value for key, value in kept.items() if value not in ("", 0, "UNSET")}


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in pairs}
