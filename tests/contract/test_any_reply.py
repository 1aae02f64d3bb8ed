"""Whatever Juspay sends, the tool returns a result that is as documented, or an error with a documented code."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from juspay_mcp.juspay.retries import Retries
from juspay_mcp.server.tool import call_tool, describe_tool
from juspay_mcp.service.wallet_service import open_service, report_nothing
from juspay_mcp.settings.load import load_settings
from juspay_mcp.values.caller import CLI
from tests.support.common import NOW, no_wait

SETTINGS = load_settings(
    {
        "JUSPAY_API_KEY": "key",
        "JUSPAY_MERCHANT_ID": "acme",
        "JUSPAY_BASE_URL": "http://127.0.0.1:1",  # no certificate authorities to load for each example
        "JUSPAY_MCP_RATE_LIMIT": "off",
    }
)
VALIDATOR = jsonschema.Draft202012Validator(describe_tool().output_schema or False)
FAILURE = re.compile(
    r"(?s)[A-Z].*\[(customer_not_found|authentication_failed|access_denied|request_rejected|rate_limited|"
    r"upstream_unavailable|upstream_timeout|upstream_invalid)\]"
)
MONEY = r"-?\d+\.\d(\d|\d{1,29}[1-9])"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
FORMS = {
    "balance": MONEY,
    "total_balance": MONEY,
    "as_of": TIME,
    "last_refreshed": TIME,
    "customer": "XXXXXX2CJV",
    "ref": "XXXXXX([A-Za-z0-9._+/=-]{4}@?)?",
    "mobile": r"XXXXXX\d{0,4}",
    "code": "[A-Z0-9_]{1,40}",
}

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
WALLETS = st.fixed_dictionaries(
    {"wallet": st.sampled_from(["PAYTM", "SIMPL", "TWID", "NEW_1", "paytm", "A9876543210", ""]) | JSON},
    optional={
        "id": st.text() | JSON,
        "linked": st.sampled_from([True, False, "true", "FALSE"]) | JSON,
        "current_balance": st.floats() | st.integers() | st.sampled_from(["1e9999", "-0", "12.340", "NaN"]) | JSON,
        "last_refreshed": st.sampled_from(["2026-11-23T09:29:00Z", "0001-01-01T00:00:00+23:59"]) | JSON,
        "metadata": st.fixed_dictionaries({"mobile_number": st.text() | st.integers() | JSON}) | JSON,
        "sub_details": st.lists(st.fixed_dictionaries({"payment_method": st.just("PAYTM") | JSON})) | JSON,
    },
)
LISTS = st.fixed_dictionaries(
    {"list": st.lists(WALLETS | JSON)}, optional={"total": JSON, "error": JSON, "success": st.booleans()}
)
BODIES = st.binary() | st.one_of(JSON, LISTS, LISTS, LISTS).map(lambda value: json.dumps(value).encode())
STATUSES = st.sampled_from([200, 200, 200, 200]) | st.integers(100, 599)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-request-id", "content-encoding", "content-type", "location"]),
    st.sampled_from(["0", "gzip", "identity", "br"]) | st.text(st.characters(min_codepoint=32, max_codepoint=126)),
)


async def ask(status: int, headers: dict[str, str], body: bytes) -> None:
    def reply(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers=headers, stream=Body(body))

    retries = Retries(sleep=no_wait)
    transport = httpx2.MockTransport(reply)
    async with open_service(SETTINGS, clock=lambda: NOW, transport=transport, retries=retries) as service:
        result = await call_tool({"customer_id": "cth_eN4e4kR12CJV"}, service, CLI, report_nothing)
    [block] = result.content
    assert block.type == "text"
    assert result.structured_content is None or not result.is_error
    if result.structured_content is None:
        assert FAILURE.fullmatch(block.text)
    else:
        VALIDATOR.validate(result.structured_content)
        assert_has_the_documented_forms(result.structured_content)
        assert block.text.startswith(f"{result.structured_content['summary']}\nCustomer XXXXXX2CJV, as of ")
        assert block.text.encode().decode() == block.text


def assert_has_the_documented_forms(value: dict[str, Any]) -> None:
    """Every value has the form of its key, and none is null or empty."""
    for key, member in value.items():
        assert member not in (None, "", [])
        assert re.fullmatch(FORMS.get(key, "(?s).*"), str(member)), key
    for nested in (*value.get("wallets", []), *value.get("parts", [])):
        assert_has_the_documented_forms(nested)


class Body(httpx2.AsyncByteStream):
    """A body as it comes over a connection: not read yet."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


@settings(max_examples=200)
@given(status=STATUSES, headers=HEADERS, body=BODIES)
def test_any_response_becomes_a_valid_answer_or_a_documented_error(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    anyio.run(ask, status, headers, body)
