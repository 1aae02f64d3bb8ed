import gc
from collections.abc import Iterator

import pytest

from juspay_mcp.server.gc_tuning import freeze_imports, frozen_imports


@pytest.fixture(autouse=True)
def collector_restored() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_the_collector_is_off_during_imports_and_on_again_after() -> None:
    with frozen_imports():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_imported_is_never_collected_again() -> None:
    with frozen_imports():
        module = [object()]
    assert not any(module is tracked for tracked in gc.get_objects())


def test_a_failed_import_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), frozen_imports():
        raise ImportError
    assert gc.isenabled()


def test_a_worker_that_inherits_its_imports_excludes_them_too() -> None:
    module = [object()]
    freeze_imports()
    assert not any(module is tracked for tracked in gc.get_objects())


def test_collections_become_rarer() -> None:
    before = gc.get_threshold()
    freeze_imports()
    assert all(now > then for now, then in zip(gc.get_threshold()[:2], before, strict=False))
