"""The card as hosts get it: its address, its policy, and what stands in its bytes."""

import re
from inspect import getsource

import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID, Apps
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, TextResourceContents

from juspay_mcp.answer.model import Answer, PartAnswer, WalletAnswer
from juspay_mcp.answer.summary import notices
from juspay_mcp.server.card import EXTENSION, ICON, MIME_TYPE, TOOL_META, URI, card_html
from juspay_mcp.server.tool import NAME
from tests.support.common import Host

META = {"ui": {"csp": {}, "prefersBorder": True}}


async def test_a_host_finds_the_card_by_the_tool_and_reads_it(host: Host) -> None:
    async with host() as client:
        [tool] = (await client.list_tools()).tools
        [resource] = (await client.list_resources()).resources
        [content] = (await client.read_resource(resource.uri)).contents
    assert tool.meta == TOOL_META == {"ui": {"resourceUri": resource.uri}, "ui/resourceUri": resource.uri}
    assert isinstance(content, TextResourceContents)
    assert content.text == card_html()
    assert content.uri == resource.uri == URI
    assert URI.startswith("ui://")
    assert content.mime_type == resource.mime_type == MIME_TYPE
    assert content.meta == resource.meta == META


async def test_a_host_that_asks_for_templates_of_resources_is_told_there_are_none(host: Host) -> None:
    async with host() as client:
        assert (await client.list_resource_templates()).resource_templates == []


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_extension_is_advertised_as_the_sdk_s_own_would(mode: str, host: Host) -> None:
    assert (EXTENSION, MIME_TYPE) == (EXTENSION_ID, APP_MIME_TYPE)
    sdk_s = MCPServer("another", extensions=[Apps()])
    async with host(mode=mode) as client, Client(sdk_s, mode=mode) as other:
        assert client.server_capabilities.extensions == other.server_capabilities.extensions
        # Before 2026-07-28 the protocol has no place for it; there hosts go by the tool's _meta.
        assert (client.server_capabilities.extensions == {EXTENSION: {}}) is (mode == "auto")


async def test_another_resource_is_a_protocol_error_that_does_not_repeat_its_address(host: Host) -> None:
    async with host() as client:
        with pytest.raises(
            MCPError, match="Unknown resource; the only one here is ui://juspay-wallets/card"
        ) as caught:
            await client.read_resource("ui://another/card")
    assert caught.value.error.code == INVALID_PARAMS


def test_the_card_is_smaller_than_24_kilobytes() -> None:
    assert len(card_html().encode()) < 24_576


def test_the_card_loads_nothing_and_makes_no_markup_or_code_of_text() -> None:
    html = card_html()
    assert re.findall(r"(?i)https?:|\bsrc=|\bhref=|@import|url\(|data:|<link|<img|<iframe|<form", html) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|\beval\b|Function\(", html) == []
    assert re.findall(r"fetch\(|XMLHttp|WebSocket|localStorage|sessionStorage|cookie|import\(", html) == []
    assert re.findall(r"\son\w+=", html) == []


def test_the_card_forbids_itself_what_it_does_not_need() -> None:
    assert "content: \"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'\"" in card_html()


def test_the_card_asks_for_the_tool_by_its_name() -> None:
    assert f'name: "{NAME}"' in card_html()


def test_the_card_knows_every_key_of_an_answer_that_it_needs_and_no_other() -> None:
    script = card_html().partition("// What a result may be")[2].partition("const isResult")[0]
    named = set(re.findall(r"\b(\w+): (?:text|count|amount|moment|flag|list|maybe|oneOf|like)\b", script))
    keys = {*Answer.model_fields, *WalletAnswer.model_fields, *PartAnswer.model_fields}
    assert named == keys


def test_the_notices_that_the_card_says_in_its_own_words_are_notices() -> None:
    script = card_html()
    starts = re.findall(r'"(Pay-later is|Reward points|A balance with|A balance that)([^"]*)"', script)
    assert len(starts) == 4
    source = getsource(notices)
    assert [start + rest for start, rest in starts if f'"{start}{rest}' not in source] == []


def test_no_line_of_the_card_is_too_long_to_read() -> None:
    assert [line for line in card_html().splitlines() if len(line) > 118] == []


async def test_server_and_tool_have_one_small_icon_that_is_no_request(host: Host) -> None:
    async with host() as client:
        [tool] = (await client.list_tools()).tools
        assert client.server_info is not None
        assert client.server_info.icons == tool.icons == [ICON]
    assert re.fullmatch(r"data:image/svg\+xml,[!$&'()*+,;=:@/\w.~%-]+", ICON.src)
    assert len(ICON.src) < 200
