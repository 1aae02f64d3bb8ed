"""A real Chromium, the gallery as its host, and a record of everything the two say to each other."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from juspay_mcp.cli.card_preview import run_gallery
from tests.browser.stage import Stage

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; without one they are skipped, but in CI they fail."""
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM or "chromium", args=FLAGS)


@pytest.fixture(scope="session")
def gallery() -> Iterator[str]:
    """The gallery's address; its server is a process of its own."""
    with run_gallery() as url:
        yield url


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser's window without a past, and with little patience."""
    with chromium.new_context(viewport={"width": 900, "height": 2600}, reduced_motion="reduce") as context:
        context.set_default_timeout(20_000)
        yield context


@pytest.fixture
def stage(context: BrowserContext, gallery: str) -> Iterator[Stage]:
    """The gallery in a fresh window. When a test has ended, nothing must have gone wrong that it didn't look at."""
    stage = Stage(context, gallery)
    yield stage
    stage.check()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where pictures are kept."""
    folder = Path(__file__).parents[2] / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder
