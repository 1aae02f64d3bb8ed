"""Takes the README's picture: the card of one of the simulator's customers, light and dark, from the gallery."""

import shutil
import sys
from base64 import b64encode
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from juspay_mcp.cli.card_preview import run_gallery

CUSTOMER = "cth_all_linked"
FRAME = """<body style="margin:0;padding:28px;display:inline-flex;gap:28px;align-items:start;background:#e6eaf1">
{}"""


def main(target: str) -> None:
    """Writes a PNG."""
    with run_gallery() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        cards = "".join(
            f'<img width=482 style="border-radius:14px" src="data:image/png;base64,{b64encode(card).decode()}">'
            for card in (take(browser, url, theme) for theme in ("light", "dark"))
        )
        page = browser.new_page(viewport={"width": 1200, "height": 900}, device_scale_factor=1.5)
        page.set_content(FRAME.format(cards))
        picture = Image.open(BytesIO(page.locator("body").screenshot()))
        browser.close()
    # A card has few colours: with a palette the file is a quarter of its size.
    picture.convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE).save(target, optimize=True)
    print(target, Path(target).stat().st_size, "bytes")


def take(browser: Browser, url: str, theme: str) -> bytes:
    """The card in a theme."""
    page = browser.new_page(viewport={"width": 900, "height": 1200}, device_scale_factor=1.5)
    page.goto(url)
    page.locator("#theme").select_option(theme)
    page.locator("#customer").select_option(CUSTOMER)
    card = page.frame_locator("iframe")
    card.locator("#refresh:text-is('Refresh')").wait_for()
    card.get_by_text("PhonePe", exact=True).wait_for()
    page.wait_for_timeout(300)  # the host sets the frame's height when the card has told it
    picture = page.locator("#frame").screenshot()
    page.close()
    return picture


if __name__ == "__main__":
    main(sys.argv[1])
