"""Says at once, in any Python, what a venv or pip would only say by failing."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "This needs Python 3.11 or newer; this is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2]
    )
try:
    import ensurepip  # noqa: F401 - Debian keeps it in a package of its own
except ImportError:
    sys.exit("This Python has no venv module whole (on Debian and Ubuntu: apt install python3-venv).")
