"""The one mask: what identifies a person or a wallet is cut to its last four characters."""

import re

_MASK = "XXXXXX"
_MIN_WHOLE = 8  # the shortest whole whose tail may be shown
_TAIL = 4
_NOT_DIGIT = re.compile(r"[^0-9]+")
_HIDDEN = re.compile(r"[*xX•#]")  # how those who mask before us write what they hide


def mask(whole: str) -> str:
    """`XXXXXX` and the last four characters; `XXXXXX` alone if the whole is shorter than eight.

    Of an e-mail the part before the `@` is the whole: `asha.rao@example.com` becomes `XXXXXX.rao@`. The domain isn't
    shown: it would make all customers of one domain look alike. A tail that isn't printable ASCII isn't shown either:
    it tells nothing, and could redraw the line it stands in.
    """
    name, at, _domain = whole.partition("@")
    tail = name[-_TAIL:]
    shown = len(name) >= _MIN_WHOLE and tail.isascii() and tail.isprintable()
    return f"{_MASK}{tail}{at}" if shown else _MASK


def mask_mobile(mobile: str) -> str:
    """The mask over a mobile's digits; one that came masked (`77****78`) shows only its trailing digits."""
    hidden = [found.end() for found in _HIDDEN.finditer(mobile)]
    if not hidden:
        return mask(_NOT_DIGIT.sub("", mobile))
    tail = _NOT_DIGIT.sub("", mobile[hidden[-1] :])
    return _MASK + tail[-_TAIL:]
