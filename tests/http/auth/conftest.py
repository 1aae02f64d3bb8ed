from collections.abc import Iterator

import pytest

from tests.support.authorization_server import Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running
