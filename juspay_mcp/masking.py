"""The one mask: what identifies a person or a wallet is cut to its last four characters."""

import re

_MASK = "XXXXXX"
_MIN_WHOLE = 8  # the shortest whole whose tail may be shown
_TAIL = 4
_NOT_DIGIT = re.compile(r"[^0-9]+")
_HIDDEN = re.compile(r"[*xX•#]")  # how those who mask before us write what they hide


def mask(whole: str) -> str:
    """`XXXXXX` and the last four characters; `XXXXXX` alone where the whole is shorter than eight.

    A tail that isn't printable ASCII is kept back too: it says nothing, and could redraw the line it stands in.
    """
    tail = whole[-_TAIL:] if len(whole) >= _MIN_WHOLE else ""
    return _MASK + (tail if tail.isascii() and tail.isprintable() else "")


def mask_mobile(mobile: str) -> str:
    """The mask over a mobile's digits; one that came masked (`77****78`) shows only its trailing digits."""
    hidden = [found.end() for found in _HIDDEN.finditer(mobile)]
    if not hidden:
        return mask(_NOT_DIGIT.sub("", mobile))
    tail = _NOT_DIGIT.sub("", mobile[hidden[-1] :])
    return _MASK + tail[-_TAIL:]
