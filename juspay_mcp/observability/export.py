"""Where spans and metrics go: wherever the OTEL_ variables say, by OpenTelemetry's SDK, which is imported only then.

The SDK has no public function that follows the variables (its configurator is private and made for
`opentelemetry-instrument`, under which this steps aside), but each of its parts does by itself: a provider reads the
sampler and the limits, a processor or a reader its delays, an exporter its address and headers. What is left to do
here is to choose the exporters, and to name the service.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import get_meter_provider, set_meter_provider
from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider, set_tracer_provider

from juspay_mcp import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

_SERVICE = "juspay-wallets-mcp"
_OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_LEAVING_SECONDS = 5.0
_NO_EXPORTER = "an exporter isn't installed; the extra otel brings otlp over http/protobuf, and console"
_logger = logging.getLogger(__name__)


class Unexportable(Exception):
    """Why the spans or metrics that the variables ask for can't be exported, in our own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What can be exported; its OTEL_ variables and entry points are named after it."""

    name: str
    make_provider: "Callable[[list[Any], Resource], TracerProvider | MeterProvider]"
    """A provider for exporters and a resource."""
    is_set_up: Callable[[], bool]
    """Whether this process has a provider already, as under `opentelemetry-instrument`."""
    set_provider: Callable[[Any], None]

    def exporters(self, environ: Mapping[str, str]) -> list[str]:
        """The names under which the exporters that are asked for are installed."""
        if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return []
        own = self.name.upper()
        endpoints = (f"OTEL_EXPORTER_OTLP_{own}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
        protocols = (f"OTEL_EXPORTER_OTLP_{own}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
        default = "otlp" if any(environ.get(name) for name in endpoints) else ""
        given = (environ.get(f"OTEL_{own}_EXPORTER") or default).split(",")
        names = [name for name in map(str.strip, given) if name not in {"", "none"}]
        protocol = next((environ[name].strip() for name in protocols if environ.get(name)), "http/protobuf")
        return [_OTLP.get(protocol, protocol) if name == "otlp" else name for name in names]


def _tracer_provider(exporters: list[Any], resource: "Resource") -> "TracerProvider":
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the extra, which takes 0.1 s to import
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _meter_provider(exporters: list[Any], resource: "Resource") -> "MeterProvider":
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - the extra, which takes 0.1 s to import
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415 - the same

    readers = [PeriodicExportingMetricReader(exporter) for exporter in exporters]
    return MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)


TRACES: Final = Signal(
    name="traces",
    make_provider=_tracer_provider,
    is_set_up=lambda: not isinstance(get_tracer_provider(), ProxyTracerProvider),
    set_provider=set_tracer_provider,
)
METRICS: Final = Signal(
    name="metrics",
    make_provider=_meter_provider,
    # The API has no public name for the provider that stands in for none.
    is_set_up=lambda: type(get_meter_provider()).__name__ != "_ProxyMeterProvider",
    set_provider=set_meter_provider,
)
SIGNALS: Final = (TRACES, METRICS)


@contextmanager
def exported_telemetry(environ: Mapping[str, str]) -> Iterator[None]:
    """Exports what is measured in the block, as the OTEL_ variables say; without them nothing is done or imported.

    The variables may be set for a whole machine: if they can't be followed, that is warned about. At the end the last
    spans and metrics get a moment to leave: a collector that doesn't answer delays no exit.
    """
    providers = []
    for signal in SIGNALS:
        if not signal.exporters(environ) or signal.is_set_up():
            continue
        try:
            provider = make_provider(signal, environ)
        except Unexportable as why:
            _logger.warning("the OTEL_ variables ask for %s that can't be exported: %s", signal.name, why)
            continue
        signal.set_provider(provider)
        providers.append(provider)
    try:
        yield
    finally:
        last = [Thread(target=provider.shutdown, daemon=True) for provider in providers]
        for thread in last:
            thread.start()
        for thread in last:
            thread.join(_LEAVING_SECONDS)


def make_provider(signal: Signal, environ: Mapping[str, str]) -> "TracerProvider | MeterProvider":
    """Exports a signal as the variables say.

    Raises:
        Unexportable: they can't be followed.
    """
    try:
        return _exporting(signal, signal.exporters(environ))
    except ImportError:
        raise Unexportable("that needs the extra otel; from a clone: uv tool install '.[otel]'") from None
    except Unexportable:
        raise
    except Exception as error:  # noqa: BLE001 - exporters are anybody's, and must not stop a start
        # Some are read, and rejected, as the SDK is imported. Its words could hold a header with a secret.
        raise Unexportable(f"OpenTelemetry's SDK rejects one of the variables ({type(error).__name__})") from None


def _exporting(signal: Signal, names: list[str]) -> "TracerProvider | MeterProvider":
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - the extra

    group = f"opentelemetry_{signal.name}_exporter"
    installed = {name: next(iter(entry_points(group=group, name=name)), None) for name in names}
    options = {"console": {"out": sys.stderr}}  # stdout is the protocol's
    exporters = [found.load()(**options.get(name, {})) for name, found in installed.items() if found]
    if not exporters:
        raise Unexportable(_NO_EXPORTER)
    if len(exporters) < len(names):
        _logger.warning("the OTEL_ variables ask for %s that can't be exported: %s", signal.name, _NO_EXPORTER)
    # What says whose these are; the variables have the last word.
    ours = {"service.name": _SERVICE, "service.version": VERSION}
    resource = Resource.create({**ours, **OTELResourceDetector().detect().attributes})
    return signal.make_provider(exporters, resource)
