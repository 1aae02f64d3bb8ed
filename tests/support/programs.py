"""Programs that aren't Python's: where they are, and a Redis as a child process."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

PACKAGES = {
    "bwrap": "bubblewrap",
    "curl": "curl",
    "nginx": "nginx",
    "openssl": "openssl",
    "prlimit": "util-linux",
    "redis-server": "redis-server",
    "systemd-analyze": "systemd",
}
"""Which of Debian's packages brings a program."""


def require(program: str) -> str:
    """Where a program is; without it a test is skipped, but in CI it fails."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found:
        return found
    reason = f"{program} isn't installed: apt-get install {PACKAGES[program]}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Redis:
    """A Redis that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._command = [
            require("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder),
            "--save", "", "--appendonly", "no",
        ]  # fmt: skip
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Starts it, empty, and returns when it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert any(b"Ready to accept connections" in line for line in self._process.stdout)

    def kill(self) -> None:
        """Ends it, as a crash does."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()

    def pause(self) -> None:
        """From here on it takes connections, by its kernel's hand, and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answers again."""
        self._process.send_signal(signal.SIGCONT)

    def ask(self, command: str) -> str:
        """What it answers to one command, in its own protocol."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"{command}\r\nQUIT\r\n".encode())
            with connection.makefile(encoding="utf-8", newline="") as answer:
                return answer.read().removesuffix("+OK\r\n")
