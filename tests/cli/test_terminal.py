import errno
import os
import socket

import pytest

from juspay_mcp.cli.terminal import why_not_listening


class OfWindows(OSError):
    """An error as Windows' Python makes it."""

    def __init__(self, number: int, winerror: int) -> None:
        super().__init__(number, "an error of Winsock")
        self.winerror = winerror


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EADDRINUSE, ""), "another program uses it"),
        (OfWindows(10_048, 10_048), "another program uses it"),
        (OfWindows(errno.EACCES, 10_013), "another program uses it"),
        (PermissionError(errno.EACCES, ""), "this user may not use it"),
        (OSError(errno.EADDRNOTAVAIL, ""), os.strerror(errno.EADDRNOTAVAIL)),
        (socket.gaierror(socket.EAI_NONAME, ""), "no such host"),
    ],
)
def test_why_a_port_cannot_be_listened_on_has_the_same_words_everywhere(error: OSError, reason: str) -> None:
    assert why_not_listening(error) == reason
