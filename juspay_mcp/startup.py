"""How a process that serves imports what it needs for good, and how seldom it looks for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG_OBJECTS, _YOUNG_ROUNDS = 5_000, 50
"""How many new objects are looked through at a time, and how often before older ones are too.

Calls in flight are thousands of objects, and next to nothing of what a call leaves needs the collector. By Python's
defaults (700 and 10) it took an eighth of the processor time of a call, and now and then 30 ms in the middle of one.
"""


@contextmanager
def imports_to_keep() -> Iterator[None]:
    """Imports without the garbage collector, for modules that stay until the process ends.

    The SDK's modules are 80,000 objects, hardly any of them garbage. Looking through them takes a start 40 ms, later
    60 ms in the middle of some calls, and 180 ms at the end; so the collector is told that they stay.
    """
    gc.disable()
    try:
        yield
    finally:
        keep_imported()
        gc.enable()


def keep_imported() -> None:
    """Tells the garbage collector that all there is so far stays, and to look less often from now on."""
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _YOUNG_ROUNDS)
