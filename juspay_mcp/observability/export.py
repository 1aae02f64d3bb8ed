"""Where spans go: wherever the OTEL_ variables say, by OpenTelemetry's SDK, which is imported only then.

The SDK has no public function that follows the variables (its configurator is private and made for
`opentelemetry-instrument`, under which this steps aside), but each of its parts does by itself: the provider reads
the sampler and the limits, the processor its delays, the exporter its address and headers. What is left to do here
is to choose the exporter, and to name the service.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from threading import Thread
from typing import TYPE_CHECKING

from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider, set_tracer_provider

from juspay_mcp import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_SERVICE = "juspay-wallets-mcp"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_LEAVING_SECONDS = 5.0
_NO_EXPORTER = "an exporter isn't installed; the extra otel brings otlp over http/protobuf, and console"
_logger = logging.getLogger(__name__)


class UnusableTraces(Exception):
    """Why the spans that the variables ask for can't be exported, in our own words."""


@contextmanager
def exported_spans(environ: Mapping[str, str]) -> Iterator[None]:
    """Exports the spans made during the block, as the OTEL_ variables say; without them nothing is done or imported.

    The variables may be set for a whole machine: if they can't be followed, that is warned about. At the end the last
    spans get a moment to leave: a collector that doesn't answer delays no exit.
    """
    provider = None
    # If tracing was already set up for this process, as opentelemetry-instrument does, there is nothing to do.
    if _exporters(environ) and isinstance(get_tracer_provider(), ProxyTracerProvider):
        try:
            provider = make_provider(environ)
        except UnusableTraces as why:
            _logger.warning("the OTEL_ variables ask for traces that can't be exported: %s", why)
    if provider is None:
        yield
        return
    set_tracer_provider(provider)
    try:
        yield
    finally:
        last = Thread(target=provider.shutdown, daemon=True)
        last.start()
        last.join(_LEAVING_SECONDS)


def make_provider(environ: Mapping[str, str]) -> "TracerProvider | None":
    """Exports spans as the variables say; None if they don't ask for it.

    Raises:
        UnusableTraces: they can't be followed.
    """
    names = _exporters(environ)
    if not names:
        return None
    try:
        return _exporting(names)
    except ImportError:
        raise UnusableTraces("that needs: pip install 'juspay-wallets-mcp[otel]'") from None
    except UnusableTraces:
        raise
    except Exception as error:  # noqa: BLE001 - exporters are anybody's, and must not stop a start
        # Some are read, and rejected, as the SDK is imported. Its words could hold a header with a secret.
        raise UnusableTraces(f"OpenTelemetry's SDK rejects one of the variables ({type(error).__name__})") from None


def _exporters(environ: Mapping[str, str]) -> list[str]:
    """The names under which the exporters that are asked for are installed."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    default = "otlp" if any(environ.get(name) for name in _ENDPOINTS) else ""
    given = (environ.get("OTEL_TRACES_EXPORTER") or default).split(",")
    names = [name for name in map(str.strip, given) if name not in {"", "none"}]
    protocol = next((environ[name].strip() for name in _PROTOCOLS if environ.get(name)), "http/protobuf")
    return [_OTLP.get(protocol, protocol) if name == "otlp" else name for name in names]


def _exporting(names: list[str]) -> "TracerProvider":
    # The extra, which takes 0.1 s to import.
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter  # noqa: PLC0415

    def exporter(name: str) -> SpanExporter | None:
        if name == "console":
            return ConsoleSpanExporter(out=sys.stderr)  # stdout is the protocol's
        for installed in entry_points(group="opentelemetry_traces_exporter", name=name):
            found: SpanExporter = installed.load()()
            return found
        return None

    exporters = [found for found in map(exporter, names) if found]
    if not exporters:
        raise UnusableTraces(_NO_EXPORTER)
    if len(exporters) < len(names):
        _logger.warning("the OTEL_ variables ask for traces that can't be exported: %s", _NO_EXPORTER)
    # What says whose spans these are; the variables have the last word.
    ours = {"service.name": _SERVICE, "service.version": VERSION}
    resource = Resource.create({**ours, **OTELResourceDetector().detect().attributes})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for each in exporters:
        provider.add_span_processor(BatchSpanProcessor(each))
    return provider
