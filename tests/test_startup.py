import gc
from collections.abc import Iterator

import pytest

from juspay_mcp.startup import imports_to_keep


@pytest.fixture(autouse=True)
def nothing_stays_frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_no_garbage_is_looked_for_during_imports_and_again_after() -> None:
    with imports_to_keep():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_imported_is_not_looked_through_again() -> None:
    with imports_to_keep():
        module = [object()]
    assert not any(module is tracked for tracked in gc.get_objects())


def test_a_failed_import_leaves_the_collector_running() -> None:
    with pytest.raises(ImportError), imports_to_keep():
        raise ImportError
    assert gc.isenabled()
