"""The mask: identifiers of people and wallets are cut to their last four characters."""

import re

_MASK = "XXXXXX"
_MIN_WHOLE = 8  # the shortest text whose tail is shown
_TAIL = 4
_NOT_DIGIT = re.compile(r"[^0-9]+")
_HIDDEN = re.compile(r"[*xX•#]")  # what Juspay and providers write in place of hidden characters


def mask(whole: str) -> str:
    """`XXXXXX` and the last four characters; `XXXXXX` alone if the whole is shorter than eight.

    Of an e-mail address only the part before the `@` counts: `asha.rao@example.com` becomes `XXXXXX.rao@`. The domain
    isn't shown, as all customers of one domain would look alike. A tail that isn't printable ASCII isn't shown
    either: it could redraw the terminal line it is printed in.
    """
    name, at, _domain = whole.partition("@")
    tail = name[-_TAIL:]
    shown = len(name) >= _MIN_WHOLE and tail.isascii() and tail.isprintable()
    return f"{_MASK}{tail}{at}" if shown else _MASK


def mask_mobile(mobile: str) -> str:
    """Masks a mobile by its digits; of one that is masked already (`77****78`) only the trailing digits are shown."""
    hidden = [found.end() for found in _HIDDEN.finditer(mobile)]
    if not hidden:
        return mask(_NOT_DIGIT.sub("", mobile))
    tail = _NOT_DIGIT.sub("", mobile[hidden[-1] :])
    return _MASK + tail[-_TAIL:]
