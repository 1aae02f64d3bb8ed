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
from juspay_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_SERVICE = "juspay-wallets-mcp"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_LEAVING_SECONDS = 5.0
_logger = logging.getLogger(__name__)


@contextmanager
def exported_spans(environ: Mapping[str, str]) -> Iterator[None]:
    """Exports the spans made meanwhile, as the OTEL_ variables say; without them nothing is done or imported.

    At the end the last spans get a moment to leave: a collector that doesn't answer holds up no exit.

    Raises:
        ConfigurationError: the SDK refuses one of the variables.
    """
    names = _exporters(environ)
    # Somebody who has set up tracing for this process, as opentelemetry-instrument does, has done what is wanted.
    provider = _provider(names) if names and isinstance(get_tracer_provider(), ProxyTracerProvider) else None
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


def check_variables(environ: Mapping[str, str]) -> None:
    """Tries what `exported_spans` will do in another process, and undoes it.

    Raises:
        ConfigurationError: the SDK refuses one of the variables.
    """
    names = _exporters(environ)
    if names and (provider := _provider(names)):
        provider.shutdown()


def _exporters(environ: Mapping[str, str]) -> list[str]:
    """The names under which the exporters that are asked for are installed."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    default = "otlp" if any(environ.get(name) for name in _ENDPOINTS) else ""
    given = (environ.get("OTEL_TRACES_EXPORTER") or default).split(",")
    names = [name for name in map(str.strip, given) if name not in {"", "none"}]
    protocol = next((environ[name].strip() for name in _PROTOCOLS if environ.get(name)), "http/protobuf")
    return [_OTLP.get(protocol, protocol) if name == "otlp" else name for name in names]


def _provider(names: list[str]) -> "TracerProvider | None":
    try:
        return _exporting(names)
    except ImportError:
        _logger.warning("the OTEL_ variables ask for traces, which needs: pip install 'juspay-wallets-mcp[otel]'")
        return None
    except ValueError:  # some are read, and refused, as the SDK is imported
        raise ConfigurationError(
            "The OTEL_ variables must be as OpenTelemetry specifies them, and its SDK refuses one; "
            "for example: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318."
        ) from None


def _exporting(names: list[str]) -> "TracerProvider":
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra, and its time to import
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same

    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    for name in names:
        exporter = _exporter(name)
        if exporter:
            provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _resource() -> "Resource":
    """What says whose spans these are; the variables have the last word."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - see _exporting

    ours = {"service.name": _SERVICE, "service.version": VERSION}
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})


def _exporter(name: str) -> "SpanExporter | None":
    """The exporter of that name, or a warning; the console's writes to stderr, as stdout is the protocol's."""
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415 - see _exporting

    if name == "console":
        return ConsoleSpanExporter(out=sys.stderr)
    for installed in entry_points(group="opentelemetry_traces_exporter", name=name):
        exporter: SpanExporter = installed.load()()
        return exporter
    _logger.warning(
        "the OTEL_ variables ask for an exporter of traces that isn't installed; "
        "juspay-wallets-mcp[otel] brings otlp over http/protobuf, and console"
    )
    return None
