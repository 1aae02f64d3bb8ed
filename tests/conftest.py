"""What all tests share: a stand-in for Juspay, a clock that stands still, and a host's way in."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from mcp import Client

from juspay_mcp.http.app import create_app
from juspay_mcp.juspay.retries import Retries
from juspay_mcp.server.mcp_server import build_server
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.load import load_settings
from juspay_mcp.simulator.api import API_KEY, MERCHANT_ID
from tests.support.common import NOW, Host, no_wait
from tests.support.programs import Redis
from tests.support.serving import connected, served
from tests.support.simulator import Simulator

# The same examples on every machine: a failure in CI is a failure here.
hypothesis_settings.register_profile("project", derandomize=True, deadline=None)
hypothesis_settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three workers for two cores: tests wait for a third of the time, and each worker imports all of them."""
    return (3 * (os.cpu_count() or 1) + 1) // 2


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A stand-in for Juspay whose present is NOW."""
    with Simulator(now=lambda: NOW, sleep=lambda seconds: time.sleep(min(seconds, 1.2))) as running:
        yield running


@pytest.fixture
def environ(simulator: Simulator) -> dict[str, str]:
    """The variables that lead to the stand-in."""
    return {
        "JUSPAY_ENV": "sandbox",
        "JUSPAY_BASE_URL": simulator.url,
        "JUSPAY_API_KEY": API_KEY,
        "JUSPAY_MERCHANT_ID": MERCHANT_ID,
    }


@pytest.fixture
def host(environ: dict[str, str]) -> Host:
    """A way to connect to a server in this process, with other variables if need be."""

    @asynccontextmanager
    async def connect(
        *, clock: Callable[[], datetime] = lambda: NOW, mode: str = "auto", **variables: str
    ) -> AsyncIterator[Client]:
        settings = load_settings(environ | variables)
        service = partial(open_service, settings, clock=clock, retries=Retries(sleep=no_wait, draw=lambda: 0.5))
        async with Client(build_server(service), mode=mode) as client:
            yield client

    return connect


@pytest.fixture
def web_host(environ: dict[str, str]) -> Host:
    """The same over HTTP, by a real socket."""

    @asynccontextmanager
    async def connect(*, clock: Callable[[], datetime] = lambda: NOW, **variables: str) -> AsyncIterator[Client]:
        service = partial(open_service, clock=clock, retries=Retries(sleep=no_wait, draw=lambda: 0.5))
        app = create_app(load_settings(environ | variables), allow_unauthenticated=True, open_service=service)
        async with served(app) as url, connected(url) as client:
            yield client

    return connect


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of the test's own."""
    running = Redis(tmp_path)
    yield running
    running.kill()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a reviewed file of tests/contract/golden; `pytest --update-golden` writes the file."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "contract" / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{name} changed: review it, then pytest --update-golden"

    return compare
