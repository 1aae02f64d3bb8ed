"""The card in the Inspector's web view, a host for MCP Apps that its protocol's authors wrote."""

import json
import re
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, Request, expect

from tests.clients.rig import package_program
from tests.support.chromium import open_chromium, pictures
from tests.support.programs import free_port
from tests.support.serving import started

TOKEN = "for-this-run"
LISTEN = """
if (top === self)
  addEventListener("message", ({ data }) => {
    if (data?.method === "ui/notifications/size-changed") noteHeight(data.params.height);
  });
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the Inspector's web view, which takes no free port by itself."""
    environ = {
        "CLIENT_PORT": str(free_port()),
        "HOME": str(tmp_path_factory.mktemp("home")),
        "HOST": "127.0.0.1",
        "MCP_APP_ORIGIN_PORT": "0",
        "MCP_AUTO_OPEN_ENABLED": "false",
        "MCP_INSPECTOR_API_TOKEN": TOKEN,
        "MCP_INSPECTOR_SECRET_STORE": "memory",
        "MCP_SANDBOX_PORT": "0",
    }
    command = [*package_program("@modelcontextprotocol/inspector", "mcp-inspector"), "--web"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        try:
            said: list[str] = []
            while not said or "Auth token" not in said[-1]:
                said.append(process.stdout.readline())
                assert said[-1], said
            yield f"http://127.0.0.1:{environ['CLIENT_PORT']}"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with started({"JUSPAY_ENV": "simulator"}) as running:
        yield f"{running.url}/mcp"


class Web:
    """The web view in a browser; what its console says, what is asked for, and what the card says of its height."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.calls: list[dict[str, Any]] = []
        self.from_frames: set[str] = set()
        self.heights: list[int] = []
        self.said: list[str] = []
        page.context.expose_function("noteHeight", lambda height: self.heights.append(height))  # noqa: PLW0108 - it gets an attribute
        page.context.add_init_script(LISTEN)
        page.context.grant_permissions(["clipboard-read"])
        # The Inspector wants fonts from elsewhere.
        page.context.route(re.compile("^https:"), lambda route: route.fulfill(body="", content_type="text/css"))
        page.on("request", self._note)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def _note(self, request: Request) -> None:
        if request.frame != self.page.main_frame:
            self.from_frames.add(request.url.rpartition("/")[2])
        elif request.url.endswith("/api/mcp/send"):
            message = json.loads(request.post_data or "{}")["message"]
            if message.get("method") == "tools/call":
                self.calls.append(message["params"])

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type != "debug":
            self.said.append(message.text)

    @property
    def card(self) -> Frame:
        """The card, in a frame without an origin, in a frame of another one."""
        [proxy] = self.page.main_frame.child_frames
        [card] = proxy.child_frames
        return card


@pytest.fixture
def web(chromium: Browser, inspector: str, server: str) -> Iterator[Web]:
    """The Inspector, having called the tool; nobody complains, and from the card nothing is asked for."""
    arguments = urlsafe_b64encode(json.dumps({"customer_id": "cth_all_linked"}).encode()).decode().rstrip("=")
    link = {
        "serverUrl": server, "transport": "http", "autoConnect": TOKEN, "openApp": "refresh_customer_wallets",
        "appArgs": arguments,
    }  # fmt: skip
    with chromium.new_context(viewport={"width": 1300, "height": 1000}) as context:
        web = Web(context.new_page())
        web.page.goto(f"{inspector}/?{urlencode(link)}")
        web.page.get_by_role("button", name="Open App").click()
        inner = web.page.frame_locator("iframe").frame_locator("iframe")
        inner.locator("main[aria-busy=false]").wait_for()
        yield web
        assert web.said == []
        assert web.from_frames == {"sandbox"}


def test_the_inspector_shows_the_card_and_the_card_works_in_it(web: Web) -> None:
    card = web.card
    for words in ("Simulator", "Customer ••••nked", "₹1,770.49", "3 of 3 wallets linked", "just refreshed"):
        expect(card.locator("main")).to_contain_text(words)
    expect(card.locator("li .amount")).to_have_text(["₹1,250.50", "₹89.99", "₹430.00"])
    web.page.screenshot(path=pictures() / "inspector-light.png")

    with web.page.expect_request("**/api/mcp/send"):
        card.get_by_role("button", name="Refresh", exact=True).click()
    expect(card.get_by_role("status")).to_contain_text("3 wallets hold INR 1,770.49, just refreshed")
    first, second = web.calls
    assert (first["name"], first["arguments"]) == (second["name"], second["arguments"])

    scheme = "document.documentElement.style.colorScheme"
    assert card.evaluate(scheme) == "light"
    web.page.get_by_role("button", name="Toggle color scheme").click()
    card.wait_for_function(f"() => {scheme} === 'dark'")
    web.page.screenshot(path=pictures() / "inspector-dark.png")

    card.get_by_role("button", name="Copy summary").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    assert "3 wallets hold INR 1,770.49" in web.page.evaluate("navigator.clipboard.readText()")

    assert 200 < web.heights[-1] <= max(web.heights) <= 500
    tall = card.evaluate("Math.ceil(document.body.getBoundingClientRect().height)")
    assert web.heights[-1] == tall <= card.evaluate("innerHeight")
