"""Spans as a collector gets them from the real process, whole; and nothing of OpenTelemetry's unless asked for."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx2
import pytest

from juspay_mcp import VERSION
from tests.support.http_calls import HEADERS, body
from tests.support.processes import CALL, MEASURING, MODERN, Pipes
from tests.support.serving import started, until_healthy
from tests.support.simulator import Behaviour, Simulator
from tests.support.trace_collector import Collector

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SERVER_SPAN: dict[str, Any] = {
    "name": "tools/call refresh_customer_wallets",
    "kind": "SERVER",
    "attributes": {
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2026-07-28",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "refresh_customer_wallets",
    },
    "scope": "juspay_mcp",
}
NOT_INSTALLED = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("opentelemetry.sdk"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
"""
RUN = """
import sys
from juspay_mcp.cli.main import run
status = run([])
print(sorted(name for name in sys.modules if name.startswith("opentelemetry.sdk"))[:1], file=sys.stderr)
sys.exit(status)
"""


CANT = "WARNING juspay_mcp.observability.export the OTEL_ variables ask for traces that can't be exported: "


@pytest.fixture
def exporting(environ: dict[str, str], collector: Collector) -> dict[str, str]:
    return {**environ, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_METRICS_EXPORTER": "none"}


def get_span(simulator: Simulator, number: int, **attributes: Any) -> dict[str, Any]:
    """The span of the simulator's reply of that number to a call."""
    usual = {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": simulator.port,
        "http.response.status_code": 200,
        "juspay.request_id": str(uuid5(NAMESPACE_URL, f"request/{number}")),
    }
    known = {name: value for name, value in {**usual, **attributes}.items() if value is not None}
    failed = {"status": "ERROR"} if "error.type" in known else {}
    return {
        "name": "GET",
        "kind": "CLIENT",
        "parent": SERVER_SPAN["name"],
        "attributes": known,
        "scope": "juspay_mcp",
        **failed,
    }


def meta(**more: str) -> dict[str, Any]:
    return {"_meta": {**MODERN, **more}}


def ended(environ: dict[str, str], *before: str) -> tuple[str, int]:
    """What a server without a client says on stderr, but for that, and its status; `before` is run before it."""
    code = "\n".join([*before, RUN])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ | MEASURING,
        input="",
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines(keepends=True) if " stdin ended before a message " not in line]
    return re.sub(r"^\S+Z ", "", "".join(said), flags=re.MULTILINE), done.returncode


def test_a_call_and_its_request_are_spans_of_the_caller_s_trace(
    exporting: dict[str, str], collector: Collector, simulator: Simulator
) -> None:
    pipes = Pipes(exporting)
    pipes.ask(1, "tools/call", {**meta(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="a=free+text"), **CALL})
    assert pipes.close() == (b"", b"", 0)
    assert collector.spans == [{**SERVER_SPAN, "parent": PARENT}, get_span(simulator, 1)]
    assert collector.traces == {TRACE}
    assert collector.paths == {"/v1/traces"}
    [resource] = collector.resources
    assert (resource["service.name"], resource["service.version"]) == ("juspay-wallets-mcp", VERSION)


@pytest.mark.skipif(sys.platform == "win32", reason="a server is ended by force there, before its last export")
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_over_http_a_call_is_part_of_the_gateway_s_trace_and_on_record_with_it(
    workers: str, exporting: dict[str, str], collector: Collector, tmp_path: Path
) -> None:
    log = tmp_path / "audit.jsonl"
    audited = {"JUSPAY_MCP_AUDIT_LOG": str(log), "JUSPAY_MCP_AUDIT_KEY": "0123456789abcdef" * 2}
    headers = HEADERS | {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    with started(exporting | audited, "--workers", workers) as server:
        await until_healthy(server.url)
        async with httpx2.AsyncClient(headers=headers) as http:
            assert "structuredContent" in (await http.post(f"{server.url}/mcp", content=body())).text
        assert server.end()[2] == 0
    assert [(span["name"], span["parent"]) for span in collector.spans] == [
        (SERVER_SPAN["name"], PARENT),
        ("GET", SERVER_SPAN["name"]),
    ]
    assert collector.traces == {TRACE}
    [entry] = map(json.loads, log.read_text().splitlines())
    expected = {"caller": "anonymous", "transport": "http", "outcome": "ok", "trace_id": TRACE}
    assert {name: entry[name] for name in expected} == expected


def test_each_attempt_and_the_fallback_is_a_span_with_its_error(
    exporting: dict[str, str], collector: Collector, simulator: Simulator
) -> None:
    simulator.behave(Behaviour(status=503), Behaviour(hang_up=True), Behaviour(status=500), Behaviour(status=401))
    pipes = Pipes(exporting)
    assert pipes.ask(1, "tools/call", {**meta(), **CALL})["isError"]
    pipes.close()
    server = {**SERVER_SPAN["attributes"], "error.type": "tool_error"}
    down = {"error.type": "upstream_unavailable"}
    hung_up = {**down, "http.response.status_code": None, "juspay.request_id": None}
    resend = "http.request.resend_count"
    assert collector.spans == [
        {**SERVER_SPAN, "attributes": server, "status": "ERROR"},
        get_span(simulator, 1, **down, **{"http.response.status_code": 503}),
        get_span(simulator, 2, **hung_up, **{resend: 1}),
        get_span(simulator, 3, **down, **{"http.response.status_code": 500, resend: 2}),
        get_span(simulator, 4, **{"http.response.status_code": 401, "error.type": "authentication_failed"}),
    ]


def test_a_cancelled_call_ends_its_spans_as_cancelled(
    exporting: dict[str, str], collector: Collector, simulator: Simulator
) -> None:
    simulator.behave_always(Behaviour(latency=1))
    pipes = Pipes(exporting)
    pipes.send({"id": 1, "method": "tools/call", "params": {**meta(), **CALL}})
    while not simulator.requests:
        time.sleep(0.01)
    pipes.send({"method": "notifications/cancelled", "params": {"requestId": 1}})
    pipes.ask(2, "server/discover", meta())
    pipes.close()
    cancelled = {"error.type": "cancelled"}
    spans = {span["name"]: span for span in collector.spans}
    assert spans["GET"] == get_span(
        simulator, 1, **cancelled, **{"http.response.status_code": None, "juspay.request_id": None}
    )
    server = {**SERVER_SPAN["attributes"], **cancelled}
    assert spans[SERVER_SPAN["name"]] == {**SERVER_SPAN, "attributes": server, "status": "ERROR"}


def refused(method: str, code: str, **more: str) -> dict[str, Any]:
    """The span of a message that got an error of the protocol's."""
    return {
        "name": " ".join([method, *(["_OTHER"] if more else [])]),
        "kind": "SERVER",
        "attributes": {
            "mcp.method.name": method,
            "mcp.protocol.version": "2026-07-28",
            **more,
            "error.type": code,
            "rpc.response.status_code": code,
        },
        "status": "ERROR",
        "scope": "juspay_mcp",
    }


def test_a_caller_s_words_are_in_no_span(exporting: dict[str, str], collector: Collector) -> None:
    words = meta(traceparent="canary", tracestate="canary=1", baggage="canary=1")
    pipes = Pipes(exporting)
    stdout = pipes.process.stdout
    assert stdout is not None
    for method, name in [
        ("tools/call", "canary"),
        ("tools/call", 1),
        ("prompts/get", "canary"),
        ("canary", "canary"),
    ]:
        pipes.send({"id": "canary", "method": method, "params": {**words, "name": name, "arguments": {}}})
        assert "error" in json.loads(stdout.readline())
    pipes.send({"method": "notifications/canary", "params": {"name": "canary"}})
    pipes.send(
        {
            "id": 2,
            "method": "tools/list",
            "params": meta(**{"io.modelcontextprotocol/protocolVersion": "canary"}),
        }
    )
    assert "error" in json.loads(stdout.readline())
    pipes.close()
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "_OTHER"}
    assert [span for span in collector.spans if "status" in span] == [
        refused("tools/call", "-32602", **tool),
        refused("tools/call", "-32602", **tool),
        refused("prompts/get", "-32602"),
        refused("_OTHER", "-32601"),
    ]
    assert b"canary" not in b"".join(collector.bodies).lower()


def test_the_variables_have_the_last_word_on_whose_spans_these_are(
    exporting: dict[str, str], collector: Collector
) -> None:
    named = {"OTEL_SERVICE_NAME": "wallets", "OTEL_RESOURCE_ATTRIBUTES": "service.version=9,team=support"}
    pipes = Pipes(exporting | named)
    pipes.ask(1, "tools/list", meta())
    pipes.close()
    [resource] = collector.resources
    assert [resource[key] for key in ("service.name", "service.version", "team")] == ["wallets", "9", "support"]


def test_the_console_s_spans_go_to_stderr(environ: dict[str, str]) -> None:
    pipes = Pipes(environ | {"OTEL_TRACES_EXPORTER": "console"})
    pipes.ask(1, "tools/list", meta())
    rest, errors, status = pipes.close()
    assert (rest, status) == (b"", 0)
    assert json.loads(errors)["name"] == "tools/list"


def test_a_collector_that_is_not_there_holds_up_neither_answers_nor_the_end(environ: dict[str, str]) -> None:
    pipes = Pipes(environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert "structuredContent" in pipes.ask(1, "tools/call", {**meta(), **CALL})
    begun = time.monotonic()
    rest, errors, status = pipes.close()
    assert (rest, status) == (b"", 0)
    assert time.monotonic() - begun < 4
    assert all(b"(text withheld)" in line for line in errors.splitlines())


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        },
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9"},
    ],
)
def test_nothing_of_the_sdk_is_imported_unless_it_is_asked_for(
    environ: dict[str, str], variables: dict[str, str]
) -> None:
    assert ended(environ | variables) == ("[]\n", 0)


def test_without_the_extra_a_warning_says_what_to_install(exporting: dict[str, str]) -> None:
    assert ended(exporting, NOT_INSTALLED) == (
        f"{CANT}that needs the extra otel; from a clone: uv tool install '.[otel]'\n[]\n",
        0,
    )


def test_an_exporter_that_is_not_installed_is_warned_about(exporting: dict[str, str]) -> None:
    said = "an exporter isn't installed; the extra otel brings otlp over http/protobuf, and console"
    expected = f"{CANT}{said}\n['opentelemetry.sdk']\n"
    assert ended(exporting | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) == (expected, 0)
    assert ended(exporting | {"OTEL_TRACES_EXPORTER": "console,jaeger"}) == (expected, 0)


def test_a_variable_the_sdk_rejects_is_warned_about(exporting: dict[str, str]) -> None:
    said = f"{CANT}OpenTelemetry's SDK rejects one of the variables (ValueError)\n['opentelemetry.sdk']\n"
    assert ended(exporting | {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "-1"}) == (said, 0)


def test_metrics_that_cant_be_exported_are_warned_about_by_their_name(environ: dict[str, str]) -> None:
    said, status = ended(environ | {"OTEL_METRICS_EXPORTER": "jaeger"})
    assert said.startswith(CANT.replace("traces", "metrics"))
    assert status == 0


def test_a_provider_that_was_set_up_before_is_left_alone(exporting: dict[str, str]) -> None:
    before = """
from opentelemetry.trace import set_tracer_provider, get_tracer_provider, NoOpTracerProvider
from opentelemetry.metrics import set_meter_provider, NoOpMeterProvider
set_tracer_provider(NoOpTracerProvider())
set_meter_provider(NoOpMeterProvider())
"""
    assert ended(exporting | {"OTEL_METRICS_EXPORTER": "otlp"}, before) == ("[]\n", 0)
