import threading
import time

from juspay_mcp.window import SWEEP_SECONDS, PatientStorage, moving_window


def test_calls_share_one_thread_that_keeps_no_process_from_ending() -> None:
    before = set(threading.enumerate())
    limit, window = moving_window("60/minute")
    for _ in range(5):
        assert window.hit(limit, "jane")
        time.sleep(0.02)
    (added,) = set(threading.enumerate()) - before
    assert added.daemon


def test_who_has_not_called_for_longer_than_the_window_is_forgotten() -> None:
    limit, window = moving_window("1/second")
    storage = window.storage
    assert isinstance(storage, PatientStorage)
    window.hit(limit, "jane")
    time.sleep(SWEEP_SECONDS + 0.1)  # the first thread has begun with the storage, and is over
    window.hit(limit, "joe")
    time.sleep(SWEEP_SECONDS + 0.1)
    assert not any(storage.events.values())
