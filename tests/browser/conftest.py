"""A real Chromium, the gallery as its host, and a record of everything the two say to each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from juspay_mcp.cli.card_preview import run_gallery
from tests.browser.stage import Stage
from tests.support.chromium import open_chromium, pictures


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    with open_chromium() as browser:
        yield browser


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
    return pictures()
