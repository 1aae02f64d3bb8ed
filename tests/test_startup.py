import gc
from collections.abc import Iterator

import pytest

from juspay_mcp.startup import imports_to_keep, keep_imported


@pytest.fixture(autouse=True)
def nothing_stays_as_it_is_made() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


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


def test_a_worker_which_began_with_all_imported_keeps_it_too() -> None:
    module = [object()]
    keep_imported()
    assert not any(module is tracked for tracked in gc.get_objects())


def test_new_objects_are_looked_through_by_the_thousand() -> None:
    before = gc.get_threshold()
    keep_imported()
    assert all(now > then for now, then in zip(gc.get_threshold()[:2], before, strict=False))
