"""The mask: identifiers of people and wallets are cut to their last four characters."""

import re

_MASK = "XXXXXX"
_MIN_WHOLE = 8  # the shortest text whose tail is shown
_TAIL = 4
# No control character, which could redraw a terminal's line, and no structure of Markdown or HTML: two ids that end
# in `x![` and `](b)` would make an image of the words between them.
_SHOWN = re.compile(rf"[A-Za-z0-9._+/=-]{{{_TAIL}}}")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_HIDDEN = re.compile(r"[*xX•#]")  # what Juspay and providers write in place of hidden characters


def mask(whole: str) -> str:
    """`XXXXXX` and the last four characters; `XXXXXX` alone if the whole is shorter than eight.

    Of an e-mail address only the part before the `@` counts: `asha.rao@example.com` becomes `XXXXXX.rao@`. The domain
    isn't shown, as all customers of one domain would look alike. Nor is a tail with other characters than letters,
    digits and `._+/=-`.
    """
    name, at, _domain = whole.partition("@")
    tail = name[-_TAIL:]
    return f"{_MASK}{tail}{at}" if len(name) >= _MIN_WHOLE and _SHOWN.fullmatch(tail) else _MASK


def mask_mobile(mobile: str) -> str:
    """Masks a mobile by its digits; of one that is masked already (`77****78`) only the trailing digits are shown."""
    hidden = [found.end() for found in _HIDDEN.finditer(mobile)]
    if not hidden:
        return mask(_NOT_DIGIT.sub("", mobile))
    tail = _NOT_DIGIT.sub("", mobile[hidden[-1] :])
    return _MASK + tail[-_TAIL:]
