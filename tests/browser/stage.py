"""The gallery in a browser, as a test sees it: what it shows, what it is told, and what must never happen on it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
from mcp.types import CallToolRequest, CallToolResult
from playwright.sync_api import BrowserContext, Frame, FrameLocator, Page, Request, Route

NODE_MODULES = Path(__file__).parents[2] / ".venv" / "browser" / "node_modules"
EXT_APPS = NODE_MODULES / "@modelcontextprotocol" / "ext-apps" / "dist" / "src" / "generated" / "schema.json"
AXE = NODE_MODULES / "axe-core" / "axe.min.js"

# Each message is noted where it arrives: the card's at the host, the host's at the card.
LISTEN = """
addEventListener("message", ({ data }) => noteMessage(top === self ? "host" : "card", JSON.stringify(data)), true);
"""
REQUESTS = {
    "ui/initialize": "McpUiInitializeRequest",
    "ui/resource-teardown": "McpUiResourceTeardownRequest",
}
RESULTS = {
    "ui/initialize": "McpUiInitializeResult",
    "ui/resource-teardown": "McpUiResourceTeardownResult",
}
NOTIFICATIONS = {
    "ui/notifications/initialized": "McpUiInitializedNotification",
    "ui/notifications/size-changed": "McpUiSizeChangedNotification",
    "ui/notifications/tool-input": "McpUiToolInputNotification",
    "ui/notifications/tool-result": "McpUiToolResultNotification",
    "ui/notifications/tool-cancelled": "McpUiToolCancelledNotification",
    "ui/notifications/host-context-changed": "McpUiHostContextChangedNotification",
}


class Stage:
    """The gallery, opened; `heard` has every message, with the side that it came to."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[str] = []
        self.wrong: list[str] = []
        self._told: list[dict[str, Any]] = []
        self._url = url
        self._context = context
        context.expose_function("noteMessage", lambda side, text: self.heard.append((side, json.loads(text))))
        context.add_init_script(LISTEN)
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._note_request)

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)

    @property
    def card(self) -> FrameLocator:
        """The card, to look for things in."""
        return self.page.frame_locator("iframe")

    @property
    def frame(self) -> Frame:
        """The card, to run scripts in."""
        [frame] = self.page.main_frame.child_frames
        return frame

    def open(self) -> None:
        """Opens the gallery, with its first customer."""
        self.page.goto(self._url)
        self.page.locator("#customer option").first.wait_for(state="attached")

    def show(self, customer: str) -> None:
        """Shows a customer's card, and waits for its answer."""
        self.begin(customer)
        self.settle()

    def begin(self, customer: str) -> None:
        """Asks for a customer's card, without waiting for its answer."""
        if self.page.url == "about:blank":
            self.open()
        old = self.page.locator("iframe").get_attribute("data-shown")
        self.page.locator("#customer").select_option(customer)
        self.page.wait_for_function("(old) => document.querySelector('iframe').dataset.shown !== old", arg=old)
        self.card.locator("h1").wait_for()

    def settle(self) -> None:
        """Waits until the card waits for nothing."""
        self.card.locator("main[aria-busy=false]").wait_for()

    def dress(self, theme: str = "light", width: str = "480", locale: str = "en-IN") -> None:
        """Chooses how the host looks, and waits for the card to have taken its size."""
        self.page.locator("#theme").select_option(theme)
        self.page.locator("#width").select_option(width)
        self.page.locator("#locale").select_option(locale)
        self.page.wait_for_function(
            "([theme, width]) => document.querySelector('iframe').clientWidth === Number(width)"
            " && document.documentElement.className === (theme.endsWith('dark') ? 'dark' : '')",
            arg=[theme, width],
        )
        self.frame.wait_for_function("(scheme) => document.documentElement.style.colorScheme === scheme",
                                     arg=theme.rpartition("-")[2])  # fmt: skip
        # Its height may change meanwhile, as when an answer comes.
        self.frame.wait_for_function("() => innerHeight === Math.ceil(document.body.getBoundingClientRect().height)")

    def answer_with(self, reply: dict[str, Any]) -> None:
        """From now on, the tool's result is this one (or this error of the protocol)."""
        CallToolResult.model_validate(reply.get("result", {"content": []}))
        self.page.unroute_all()
        self.page.route(
            "**/call", lambda route: route.fulfill(body=json.dumps(reply), content_type="application/json")
        )

    def never_answer(self) -> list[Route]:
        """From now on, calls are left waiting."""
        waiting: list[Route] = []
        self.page.unroute_all()
        self.page.route("**/call", lambda route: waiting.append(route))  # noqa: PLW0108 - it gets an attribute
        return waiting

    def tell(self, message: dict[str, Any]) -> None:
        """Says something to the card that the gallery doesn't say by itself, and that needn't be valid."""
        self._told.append({"jsonrpc": "2.0", **message})
        self.page.evaluate(
            "(message) => document.querySelector('iframe').contentWindow.postMessage(message, '*')", self._told[-1]
        )

    def said(self, to: str, method: str) -> list[dict[str, Any]]:
        """The messages of a method that came to a side."""
        return [message for side, message in self.heard if side == to and message.get("method") == method]

    def text(self) -> str:
        """What the card shows."""
        text: str = self.card.locator("main").inner_text()
        return text

    def overflow(self) -> list[str]:
        """The elements that stick out of the card, or that hide a part of their text."""
        found: list[str] = self.frame.evaluate(
            """() => [...document.querySelectorAll("main, main *")].filter((element) => {
                 const { left, right, bottom, width } = element.getBoundingClientRect();
                 const out = left < -0.5 || right > innerWidth + 0.5 || bottom > innerHeight + 1;
                 const cut = element.clientWidth && element.scrollWidth > element.clientWidth + 1;
                 return width && element.checkVisibility() && (out || cut);
               }).map((element) => `${element.tagName}.${element.className}: ${element.textContent.slice(0, 60)}`)"""
        )
        return found

    def axe(self, frame: Frame | None = None) -> list[str]:
        """What axe finds, best practices included."""
        # The card is transparent: what is behind it is the page's, which axe can't see from inside.
        ground = self.page.locator("#frame").evaluate("(frame) => getComputedStyle(frame).backgroundColor")
        frame = frame or self.frame
        frame.evaluate("(ground) => { document.documentElement.style.backgroundColor = ground; }", ground)
        frame.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[str] = frame.evaluate(
            """async () => (await axe.run(document, { iframes: false })).violations
                 .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`))"""
        )
        frame.evaluate("document.documentElement.style.backgroundColor = ''")
        return found

    def check(self) -> None:
        """Nothing on the console but what a test expects, no request but the gallery's own, every message valid."""
        assert not self.wrong, self.wrong
        origin = self._url.partition("/#")[0]
        paths = {url.removeprefix(origin).partition("#")[0] for url in self.requests}
        assert paths <= {"/", "/card", "/start", "/call"}, paths
        check_messages([(side, message) for side, message in self.heard if message not in self._told])


def check_messages(heard: list[tuple[str, dict[str, Any]]]) -> None:
    """Every message, whoever sent it, is one of the protocol's and valid by its published schema."""
    assert heard
    asked: dict[tuple[str, Any], str] = {}
    for side, message in heard:
        body = {key: value for key, value in message.items() if key not in {"jsonrpc", "id"}}
        assert message["jsonrpc"] == "2.0"
        if "method" not in message:
            other = "host" if side == "card" else "card"
            check_reply(asked.get((other, message["id"])), message)
        elif "id" in message:
            asked[side, message["id"]] = message["method"]
            check_request(body)
        else:
            validate(NOTIFICATIONS[message["method"]], body)


def check_request(body: dict[str, Any]) -> None:
    if body["method"] == "tools/call":
        CallToolRequest.model_validate(body)
    else:
        validate(REQUESTS[body["method"]], body)


def check_reply(method: str | None, message: dict[str, Any]) -> None:
    if "error" in message:
        assert message.keys() == {"jsonrpc", "id", "error"}
        assert message["error"].keys() == {"code", "message"}
        return
    assert message.keys() == {"jsonrpc", "id", "result"}
    if method == "tools/call":
        validate("McpUiToolResultNotification",
                 {"method": "ui/notifications/tool-result", "params": message["result"]})  # fmt: skip
    elif method is None:  # to a question of the test's own
        assert message["result"] == {}
    else:
        validate(RESULTS[method], message["result"])


def validate(name: str, value: object) -> None:
    # Each definition is a schema of its own, with definitions of its own.
    validator = jsonschema.Draft202012Validator(json.loads(EXT_APPS.read_text(encoding="utf-8"))["$defs"][name])
    errors = [f"{name}: {error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]
    assert not errors, errors
