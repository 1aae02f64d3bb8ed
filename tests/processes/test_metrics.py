"""Metrics as a collector gets them from real processes: what is counted, and that no attribute can name anybody."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from juspay_mcp import errors
from juspay_mcp.errors import WalletsError
from juspay_mcp.http.auth.tokens import new_token
from tests.support.http_calls import HEADERS
from tests.support.processes import CALL, MODERN, Pipes
from tests.support.serving import started, until, until_healthy
from tests.support.simulator import Simulator
from tests.support.trace_collector import Collector

CODES = {leaf.code for leaf in vars(errors).values() if isinstance(leaf, type) and issubclass(leaf, WalletsError)
         and hasattr(leaf, "code")}  # fmt: skip
WORD = re.compile(r"[a-z_]{1,40}")
ALLOWED: dict[str, dict[str, Any]] = {
    "mcp.server.operation.duration": {
        "mcp.method.name": re.compile(r"[a-z/]{1,40}|_OTHER"),
        "mcp.protocol.version": re.compile(r"\d{4}-\d\d-\d\d|_OTHER"),
        "network.transport": re.compile("pipe|tcp"),
        "gen_ai.operation.name": re.compile("execute_tool"),
        "gen_ai.tool.name": re.compile("refresh_customer_wallets|_OTHER"),
        "error.type": re.compile(r"-?\d+|[a-z_]+"),
        "rpc.response.status_code": re.compile(r"-?\d+"),
    },
    "http.client.request.duration": {
        "http.request.method": re.compile("GET"),
        "server.address": re.compile(re.escape("127.0.0.1")),
        "server.port": re.compile(r"\d+"),
        "http.response.status_code": re.compile(r"\d{3}"),
        "error.type": WORD,
    },
    "juspay_mcp.calls": {
        "outcome": re.compile("|".join(["ok", "cancelled", *CODES])),
        "source": re.compile("refresh|last_known"),
        "transport": re.compile("stdio|http|cli"),
    },
    "juspay_mcp.sign_ins.refused": {"reason": WORD},
    "juspay_mcp.lookups.shared": {},
    "juspay_mcp.audit.failures": {},
    "juspay_mcp.calls.waiting": {},
    "juspay_mcp.jwks.age": {},
}
"""Each metric, each of its attributes, and all that it may be."""
CANARY = "cth_canary_9876543210"


@pytest.fixture
def measured(environ: dict[str, str], collector: Collector) -> dict[str, str]:
    return {**environ, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{collector.url}/v1/metrics"}


def total(collector: Collector, name: str, **attributes: Any) -> float:
    """The sum of a metric's points that have these attributes."""
    return sum(value for each, has, value in collector.points if each == name and attributes.items() <= has.items())


def test_calls_over_stdio_are_counted_as_they_ended(
    measured: dict[str, str], collector: Collector, simulator: Simulator
) -> None:
    pipes = Pipes(measured)
    ended: Counter[str] = Counter()
    for number, customer in enumerate(
        ["cth_all_linked", "cth_all_linked", CANARY, "not an id", "cth_stale"], start=1
    ):
        result = pipes.ask(
            number, "tools/call", {"_meta": MODERN, "name": CALL["name"], "arguments": {"customer_id": customer}}
        )
        text = result["content"][0]["text"]
        ended[text.rpartition("[")[2].removesuffix("]") if result.get("isError") else "ok"] += 1
    assert pipes.close()[2] == 0
    assert ended == {"ok": 3, "customer_not_found": 1, "invalid_customer_id": 1}
    for outcome, number in ended.items():
        assert total(collector, "juspay_mcp.calls", outcome=outcome, transport="stdio") == number
    assert total(collector, "juspay_mcp.calls", source="refresh") == 3
    assert total(collector, "http.client.request.duration") == len(simulator.requests) == 4
    tool_calls = {"mcp.method.name": "tools/call", "network.transport": "pipe"}
    assert total(collector, "mcp.server.operation.duration", **tool_calls) == 5
    assert total(collector, "mcp.server.operation.duration", **tool_calls, **{"error.type": "tool_error"}) == 2


async def test_no_attribute_of_any_metric_can_be_a_caller_a_customer_or_free_text(
    measured: dict[str, str], collector: Collector, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    token, line = new_token("canary-caller")
    tokens.write_text(f"{line}\n")
    variables = {
        **measured,
        "JUSPAY_MCP_TOKENS_FILE": str(tokens),
        "JUSPAY_MAX_CONNECTIONS": "1",
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=one",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",  # Windows ends a server by force, without a last export
    }
    names = {"juspay_mcp.calls", "juspay_mcp.sign_ins.refused"}
    with started(variables) as server, httpx2.Client(base_url=server.url, timeout=30) as http:
        await until_healthy(server.url)
        for method, name, bearer, customer in [
            ("tools/call", CALL["name"], token, "cth_all_linked"),
            ("tools/call", CALL["name"], token, CANARY),
            ("tools/call", "canary_tool", token, CANARY),
            ("canary/method", CALL["name"], token, CANARY),
            ("tools/call", CALL["name"], "canary-token", CANARY),
        ]:
            http.post(
                "/mcp",
                headers=HEADERS | {"Authorization": f"Bearer {bearer}", "Mcp-Method": method, "Mcp-Name": str(name)},
                json={
                    "jsonrpc": "2.0",
                    "id": 1,
                    "method": method,
                    "params": {"_meta": MODERN, "name": name, "arguments": {"customer_id": customer}},
                },
            )
        await until(lambda: names <= {name for name, _, _ in collector.points})
    points = collector.points
    for name, attributes, _ in points:
        assert attributes.keys() <= ALLOWED[name].keys()
        for key, value in attributes.items():
            assert ALLOWED[name][key].fullmatch(str(value)), (name, key)
    assert b"canary" not in b"".join(collector.metric_bodies)
    assert total(collector, "juspay_mcp.sign_ins.refused") == 1
    assert total(collector, "juspay_mcp.calls", transport="http", outcome="ok") == 1


@pytest.mark.parametrize("audited", [False, True])
def test_audit_failures_begin_at_zero_so_that_an_alert_sees_the_first(
    measured: dict[str, str], collector: Collector, tmp_path: Path, *, audited: bool
) -> None:
    """To Prometheus, a counter that begins with its first failure has never increased."""
    log = {"JUSPAY_MCP_AUDIT_LOG": str(tmp_path / "audit.jsonl"), "JUSPAY_MCP_AUDIT_KEY": "k" * 32}
    pipes = Pipes(measured | log if audited else measured)
    pipes.ask(1, "tools/list", {"_meta": MODERN})
    assert pipes.close()[2] == 0
    failures = [value for name, _, value in collector.points if name == "juspay_mcp.audit.failures"]
    assert failures == ([0.0] if audited else [])


def test_metrics_go_to_stderr_if_the_console_is_asked_for(environ: dict[str, str]) -> None:
    pipes = Pipes({**environ, "OTEL_METRICS_EXPORTER": "console"})
    pipes.ask(1, "tools/call", {"_meta": MODERN, **CALL})
    rest, errors_, status = pipes.close()
    assert (rest, status) == (b"", 0)
    assert b'"juspay_mcp.calls"' in errors_
