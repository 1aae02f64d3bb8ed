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


def test_calls_older_than_the_window_are_forgotten_soon_after_the_next_one() -> None:
    limit, window = moving_window("1/second")
    storage = window.storage
    assert isinstance(storage, PatientStorage)
    window.hit(limit, "jane")
    deadline = time.monotonic() + 10 * SWEEP_SECONDS
    while any(calls for caller, calls in storage.events.items() if "jane" in caller):
        assert time.monotonic() < deadline
        time.sleep(0.1)
        window.hit(limit, "joe")
