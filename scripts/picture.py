"""Takes the README's pictures of the card: a plain customer, light and dark, and small, one whose figures have gaps.

The customers are the simulator's. A server set up for the sandbox asks it, so the card wears the sandbox's band.
The customer with gaps has the wallets of two: one with a balance three days old, one with a balance unknown.
"""

import shutil
import sys
from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Route, sync_playwright

from juspay_mcp.cli.card_preview import run_gallery

PLAIN = "cth_all_linked"
OLD, UNKNOWN = "cth_stale", "cth_no_answer"
FRAME = """<body style="margin:0;padding:28px;display:inline-flex;gap:28px;align-items:start;background:#e6eaf1">
{}"""


def main(folder: Path) -> None:
    """Writes two PNGs."""
    with run_gallery("sandbox") as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        plain = [take(browser, url, theme, PLAIN, "PhonePe") for theme in ("light", "dark")]
        save(browser, plain, 480, folder / "card.png")
        save(browser, [take(browser, url, "light", OLD, "Balance unknown")], 320, folder / "card-honest.png")
        browser.close()


def take(browser: Browser, url: str, theme: str, customer: str, words: str) -> bytes:
    """The card in a theme, once it shows the words."""
    page = browser.new_page(viewport={"width": 900, "height": 1200}, device_scale_factor=1.5)
    if customer == OLD:
        page.route("**/call", with_unknown)
    page.goto(url)
    page.locator("#theme").select_option(theme)
    page.locator("#width").select_option("320" if customer == OLD else "480")
    page.locator("#customer").select_option(customer)
    card = page.frame_locator("iframe")
    card.locator("#refresh:text-is('Refresh')").wait_for()
    card.get_by_text(words, exact=True).wait_for()
    page.wait_for_timeout(300)  # the host sets the frame's height when the card has told it
    picture = page.locator("#frame").screenshot()
    page.close()
    return picture


def with_unknown(route: Route) -> None:
    """Adds to a customer's answer the wallet of another one whose balance is unknown."""
    reply, other = (route.fetch(post_data=asking(customer)).json() for customer in (OLD, UNKNOWN))
    answer: dict[str, Any] = reply["result"]["structuredContent"]
    [unknown] = [each for each in other["result"]["structuredContent"]["wallets"] if "balance" not in each]
    answer["wallets"].append(unknown)
    answer["wallet_count"] += 1
    answer["linked_count"] += 1
    route.fulfill(json=reply)


def asking(customer: str) -> Mapping[str, Any]:
    """The body of a call for a customer."""
    return {"name": "refresh_customer_wallets", "arguments": {"customer_id": customer}}


def save(browser: Browser, cards: list[bytes], width: int, target: Path) -> None:
    """Writes the cards beside each other."""
    images = "".join(
        f'<img width={width + 2} style="border-radius:14px" src="data:image/png;base64,{b64encode(card).decode()}">'
        for card in cards
    )
    page = browser.new_page(viewport={"width": 1200, "height": 900}, device_scale_factor=1.5)
    page.set_content(FRAME.format(images))
    picture = Image.open(BytesIO(page.locator("body").screenshot()))
    page.close()
    # A card has few colours: with a palette the file is a quarter of its size.
    picture.convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE).save(target, optimize=True)
    print(target, target.stat().st_size, "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
