"""The card in a host made of the MCP Apps SDK's own host side: its AppBridge, its transport and its client."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Frame, Locator, Page, Request, expect
from typing_extensions import override

from tests.browser.stage import NODE_MODULES
from tests.support.serving import started

PAGE = Path(__file__).with_name("app_bridge.html")
DARK = {"theme": "dark", "styles": {"variables": {"--color-text-primary": "rgb(250, 240, 230)"}}}


class Packages(SimpleHTTPRequestHandler):
    """The page, and the packages that it imports."""

    @override
    def translate_path(self, path: str) -> str:
        return str(PAGE) if path == "/" else super().translate_path(path)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the page is. On loopback, as Chromium keeps pages from elsewhere from asking a server there."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Packages, directory=str(NODE_MODULES))) as listening:
        Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


@pytest.fixture(scope="module")
def server(origin: str) -> Iterator[str]:
    """The real server, which lets pages of this origin ask."""
    with started({"JUSPAY_ENV": "simulator", "JUSPAY_MCP_ALLOWED_ORIGINS": origin}) as running:
        yield f"{running.url}/mcp"


class Host:
    """The page in a browser; what its console says, and whatever is asked for."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.asked: set[str] = set()
        self.calls: list[dict[str, Any]] = []
        self.said: list[str] = []
        self._url = url
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type != "debug":  # with which the transport tells of each message
            self.said.append(message.text)

    def _note(self, request: Request) -> None:
        self.asked.add(request.url)
        message = request.post_data_json or {}
        if message.get("method") == "tools/call":
            self.calls.append(message["params"])

    def show(self, customer: str) -> Locator:
        """The card, once the tool has been called and the card shows what came of it."""
        self.page.goto(f"{self._url}&customer={customer}")
        main = self.page.frame_locator("iframe").locator("main[aria-busy=false]")
        main.wait_for()
        return main

    @property
    def frame(self) -> Frame:
        """The card, to run scripts in."""
        [frame] = self.page.main_frame.child_frames
        return frame


@pytest.fixture
def host(context: BrowserContext, origin: str, server: str) -> Iterator[Host]:
    """A host whose console stays silent, and from which nothing is asked for but its own files and the server."""
    host = Host(context.new_page(), f"{origin}/#server={server}")
    yield host
    assert host.said == []
    assert {url for url in host.asked if not url.startswith(f"{origin}/")} == {server}


def test_app_bridge_shows_what_a_user_asked_for(host: Host) -> None:
    card = host.show("cth_all_linked")
    for words in ("Simulator", "Customer ••••nked", "₹1,770.49", "3 of 3 wallets linked", "just refreshed"):
        expect(card).to_contain_text(words)
    expect(card.locator("li.wallet")).to_contain_text(["Paytm", "MobiKwik", "PhonePe"])
    expect(card.locator("li .amount")).to_have_text(["₹1,250.50", "₹89.99", "₹430.00"])


def test_the_tool_s_error_arrives_in_words(host: Host) -> None:
    expect(host.show("cth_server_error").get_by_role("alert")).to_contain_text("Couldn't get the balances")


def test_the_button_has_the_server_asked_again_about_the_same_customer(host: Host) -> None:
    card = host.show("cth_all_linked")
    with host.page.expect_response("**/mcp"):
        card.get_by_role("button", name="Refresh", exact=True).click()
    expect(host.frame.get_by_role("status")).to_contain_text("3 wallets hold INR 1,770.49, just refreshed")
    first, second = host.calls
    assert (second["name"], second["arguments"]) == (first["name"], first["arguments"])
    expect(card.locator(".total")).to_have_text("₹1,770.49")


def test_it_follows_the_host_s_theme_and_colours(host: Host) -> None:
    host.show("cth_all_linked")
    looks = "[getComputedStyle(document.body).color, document.documentElement.style.colorScheme]"
    assert host.frame.evaluate(looks) == ["rgb(16, 22, 42)", "light"]
    host.page.evaluate("(context) => bridge.setHostContext(context)", DARK)
    host.frame.wait_for_function(f"() => {looks}.join() === 'rgb(250, 240, 230),dark'")


@pytest.mark.parametrize("customer", ["cth_all_linked", "cth_thirty"])
def test_it_tells_its_height_which_is_never_over_500_pixels(customer: str, host: Host) -> None:
    host.show(customer)
    for width in (480, 320, 760):
        host.page.evaluate("(width) => { document.querySelector('iframe').width = width; }", width)
        host.page.wait_for_function("(wide) => document.querySelector('iframe').clientWidth === wide", arg=width)
        host.frame.wait_for_function("() => innerHeight === Math.ceil(document.body.getBoundingClientRect().height)")
        assert host.frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = host.page.evaluate("sizes")
    assert min(size["height"] for size in sizes) > 200
    assert max(size["height"] for size in sizes) <= 500


def test_its_own_policy_holds_in_a_host_that_has_none(host: Host) -> None:
    host.show("cth_all_linked")
    assert host.frame.evaluate("fetch('https://elsewhere.invalid').catch(String)") == "TypeError: Failed to fetch"
    assert "default-src 'none'" in host.said[0]
    host.said.clear()


def test_it_lets_itself_be_taken_down(host: Host) -> None:
    host.show("cth_all_linked")
    assert host.page.evaluate("bridge.teardownResource({})") == {}
