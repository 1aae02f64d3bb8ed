"""Everything a host sees, taken through a client and compared with reviewed files in tests/contract/golden."""

import platform
import re
from datetime import datetime
from functools import partial
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from juspay_mcp import VERSION
from juspay_mcp.answer import text
from juspay_mcp.answer.model import Answer
from juspay_mcp.errors import InternalError, InvalidCustomerId
from juspay_mcp.juspay.retries import Retries
from juspay_mcp.observability.logs import SafeFormatter
from juspay_mcp.server.mcp_server import build_server
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.load import load_settings
from juspay_mcp.simulator.api import CUSTOMERS, FAILING_CUSTOMERS, MERCHANT_ID
from tests.support.common import Host
from tests.support.golden import HOSTILE_IDS, Golden, pretty, text_of
from tests.support.simulator import Behaviour, Simulator

TOOL = "refresh_customer_wallets"


@pytest.fixture(params=["in memory", "over HTTP"])
def either_host(request: pytest.FixtureRequest, host: Host, web_host: Host) -> Host:
    """What a host sees doesn't depend on the way it came."""
    return host if request.param == "in memory" else web_host


async def test_the_server_introduces_itself(either_host: Host, golden: Golden) -> None:
    async with either_host() as client:
        assert client.server_info is not None
        introduction = {
            "name": client.server_info.name,
            "title": client.server_info.title,
            "instructions": client.instructions,
            "capabilities": client.server_capabilities.model_dump(mode="json", exclude_none=True),
            "icons": [icon.model_dump(exclude_none=True) for icon in client.server_info.icons or []],
        }
    golden("introduction.json", pretty(introduction))


async def test_it_lists_one_tool_with_its_schemas_and_all_four_annotations(either_host: Host, golden: Golden) -> None:
    async with either_host() as client:
        tools = (await client.list_tools()).tools
    golden("tools.json", pretty([tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]))


ANSWERED = [customer for customer in CUSTOMERS if customer not in {*FAILING_CUSTOMERS}]


async def test_each_kind_of_customer_is_answered(
    either_host: Host, golden: Golden, subtests: pytest.Subtests
) -> None:
    async with either_host() as client:
        for customer in ANSWERED:
            with subtests.test(customer):
                result = await client.call_tool(TOOL, {"customer_id": customer})
                assert result.is_error is False
                answer = Answer.model_validate(result.structured_content, strict=True)
                assert text_of(result) == text.text_of(answer)
                name = re.sub(r"[^A-Za-z0-9_]", "-", customer)
                told = {customer: result.structured_content, "text": text_of(result).splitlines()}
                golden(f"answers/{name}.json", pretty(told))


BROKEN = "a?b"
ANYONE = "cth_all_linked"
HTML = b"<html>503</html>"
# What goes wrong, and how: the customer asked about, what Juspay does, the server's settings.
FAILURES: dict[str, tuple[str, Behaviour | None, dict[str, str]]] = {
    "an id that breaks the rule": (BROKEN, None, {}),
    "no credentials": (ANYONE, None, {"JUSPAY_API_KEY": "", "JUSPAY_MERCHANT_ID": ""}),
    "no merchant id": (ANYONE, None, {"JUSPAY_MERCHANT_ID": ""}),
    "unknown customer, 400": ("nobody", None, {}),
    "unknown customer, 404": ("cth_not_found_404", None, {}),
    "wrong key, older shape": (ANYONE, None, {"JUSPAY_API_KEY": "wrong"}),
    "wrong key, newer shape": (ANYONE, None, {"JUSPAY_API_KEY": "wrong", "JUSPAY_API_VERSION": "2024-05-01"}),
    "IP address not on the allow-list": ("cth_ip_blocked", None, {}),
    "another 4xx": (ANYONE, Behaviour(status=422), {}),
    "a redirect": (ANYONE, Behaviour(status=302, headers={"Location": "https://elsewhere.invalid/"}), {}),
    "429 without Retry-After": (ANYONE, Behaviour(status=429), {}),
    "429 with Retry-After": (ANYONE, Behaviour(status=429, headers={"Retry-After": "120"}), {}),
    "500": ("cth_server_error", None, {}),
    "503 in HTML": (ANYONE, Behaviour(status=503, body=HTML), {}),
    "refused": (ANYONE, None, {"JUSPAY_BASE_URL": "http://127.0.0.1:1"}),
    "no such host": (ANYONE, None, {"JUSPAY_BASE_URL": "https://juspay.invalid"}),
    "not JSON": (ANYONE, Behaviour(status=200, body=HTML), {}),
    "another shape": (ANYONE, Behaviour(status=200, body=b"{}"), {}),
    "an error told with 200": ("cth_error_in_200", None, {}),
    "408": (ANYONE, Behaviour(status=408), {}),
    "over 1 MiB": (ANYONE, Behaviour(status=200, body=b" " * 1_048_577), {}),
    "204": (ANYONE, Behaviour(status=204, body=b""), {}),
    "slower than the budget": (ANYONE, Behaviour(latency=5), {"JUSPAY_TIMEOUT_SECONDS": "1"}),
}


async def test_each_failure_has_its_text(either_host: Host, simulator: Simulator, golden: Golden) -> None:
    texts = {}
    for variables in {str(failure[2]): failure[2] for failure in FAILURES.values()}.values():
        async with either_host(**variables) as client:
            for name, (customer, behaviour, needed) in FAILURES.items():
                if needed == variables:
                    simulator.behave_always(behaviour)
                    result = await client.call_tool(TOOL, {"customer_id": customer})
                    assert result.is_error is True
                    assert result.structured_content is None
                    texts[name] = re.sub(r"id: [0-9a-f-]{36}", "id: (a UUID)", text_of(result))
    golden("errors.json", pretty({name: texts[name] for name in FAILURES}))


async def test_the_servers_own_limit_says_how_long_to_wait(host: Host) -> None:
    async with host(JUSPAY_MCP_RATE_LIMIT="1/hour") as client:
        await client.call_tool(TOOL, {"customer_id": ANYONE})
        result = await client.call_tool(TOOL, {"customer_id": ANYONE})
    assert result.is_error is True
    assert re.fullmatch(
        r"Too many calls to this server, so no request was sent to Juspay. Try again in 3(600|599) seconds. "
        r"\[rate_limited\]",
        text_of(result),
    )


async def test_a_bug_here_is_an_internal_error_without_its_words(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_clock() -> datetime:
        raise ValueError("9812345678")

    async with host(clock=broken_clock) as client:
        result = await client.call_tool(TOOL, {"customer_id": ANYONE})
    assert text_of(result) == str(InternalError())
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert re.fullmatch(
        r".{20} ERROR juspay_mcp.errors internal_error ValueError at (\w+.py:\d+ )+test_contract.py:\d+",
        SafeFormatter().format(record),
    )


@pytest.mark.parametrize(
    "arguments",
    [
        None,
        {},
        {"customer_id": None},
        {"customer_id": True},
        {"customer_id": ["a"]},
        {"customer_id": "a", "extra": 1},
    ],
)
async def test_anything_but_the_one_argument_is_refused(
    arguments: dict[str, Any] | None, host: Host, simulator: Simulator
) -> None:
    async with host() as client:
        result = await client.call_tool(TOOL, arguments)
    assert result.is_error is True
    assert text_of(result) == str(InvalidCustomerId())
    assert simulator.requests == []


@pytest.mark.parametrize("number", [9876543210, 9876543210.5, 0])
async def test_an_id_sent_as_a_number_is_refused_with_the_advice_to_quote_it(
    number: float, host: Host, simulator: Simulator
) -> None:
    async with host() as client:
        result = await client.call_tool(TOOL, {"customer_id": number})
    assert result.is_error is True
    assert "as a string, in quotes" in text_of(result)
    assert "9876543210" not in text_of(result)
    assert simulator.requests == []


@pytest.mark.parametrize("customer", HOSTILE_IDS)
async def test_a_hostile_id_is_refused_in_one_text_and_nothing_is_sent(
    customer: str, host: Host, simulator: Simulator
) -> None:
    async with host() as client:
        result = await client.call_tool(TOOL, {"customer_id": customer})
    assert result.is_error is True
    assert text_of(result) == str(InvalidCustomerId())
    assert simulator.requests == []


HONEST_IDS = [
    "cth_eN4e4kR12CJV", "guest_user", "1234", "asha.rao+wallets@example.co.in", "o'brien/x=y@example.com",
    "+919812345678", "0b6a1f9e-9d6c-4b52-a1a1-3f1f6c1f0c11", "aGVsbG8/d29ybGQ+Zm9v/YmFy==", "...", "..a",
    "a..b", '{x}|~`^<>"$&*()[];:,', "a" * 128,
]  # fmt: skip


@pytest.mark.parametrize("customer", HONEST_IDS)
async def test_an_honest_id_travels_as_one_segment_and_as_the_routing_id(
    customer: str, host: Host, simulator: Simulator
) -> None:
    async with host() as client:
        await client.call_tool(TOOL, {"customer_id": customer})
    [request] = simulator.requests
    assert request.segments == ("customers", customer, "wallets", "refresh-balances")
    assert request.headers["x-routing-id"] == customer


async def test_juspay_gets_the_documented_headers_and_no_others(host: Host, simulator: Simulator) -> None:
    async with host() as client:
        await client.call_tool(TOOL, {"customer_id": ANYONE})
    [request] = simulator.requests
    assert (request.method, request.authorized) == ("GET", True)
    assert request.headers == {
        "host": simulator.url.removeprefix("http://"),
        "accept": "application/json",
        "connection": "close",
        "accept-encoding": "identity",
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": f"juspay-wallets-mcp/{VERSION} Python/{platform.python_version()}",
        "version": "2023-06-30",
        "x-merchantid": MERCHANT_ID,
        "x-routing-id": ANYONE,
    }


async def test_another_tool_is_a_protocol_error_that_names_the_one_there_is(host: Host) -> None:
    async with host() as client:
        with pytest.raises(MCPError, match="Unknown tool; the only one here is refresh_customer_wallets"):
            await client.call_tool("list_wallets", {"customer_id": ANYONE})


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_asks_is_told_what_is_happening_before_the_answer(
    mode: str, environ: dict[str, str]
) -> None:
    told: list[tuple[float, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        told.append((progress, message))

    service = partial(open_service, load_settings(environ), retries=Retries(sleep=anyio.sleep, draw=lambda: 0.05))
    async with Client(build_server(service), mode=mode) as client:
        result = await client.call_tool(TOOL, {"customer_id": "cth_refresh_down"}, progress_callback=note)
        before_the_answer = list(told)
        await client.call_tool(TOOL, {"customer_id": ANYONE})
    assert result.structured_content is not None
    assert result.structured_content["source"] == "last_known"
    assert before_the_answer == told
    assert told == [
        (1, "asking Juspay"),
        (2, "waiting 0.0 s, attempt 2 of 3"),
        (3, "waiting 0.1 s, attempt 3 of 3"),
        (4, "using stored balances"),
    ]
