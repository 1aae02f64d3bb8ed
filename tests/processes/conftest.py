from collections.abc import Iterator

import pytest

from tests.support.processes import Pipes
from tests.support.trace_collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture
def pipes(environ: dict[str, str]) -> Iterator[Pipes]:
    opened = Pipes(environ)
    yield opened
    opened.kill()
