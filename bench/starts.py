"""From spawning a server to its first tool answer: no client library between, no handshake."""

import resource
import subprocess
import time
from collections.abc import Mapping
from typing import NamedTuple

from bench.caller import MODERN, checked, tool_call


class Start(NamedTuple):
    """What one start took to its first answer, in milliseconds."""

    elapsed: float
    processor: float


def start_to_answer(command: list[str], environ: Mapping[str, str], customer: str) -> Start:
    """Starts a server, and ends it at its first tool answer.

    Raises:
        Refused: that was an error.
    """
    before, started = _processor_time(), time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ
    ) as process:
        answer = _answer(process, tool_call(1, customer, MODERN))
        elapsed = time.perf_counter() - started
        process.kill()
    checked(answer)
    return Start(elapsed * 1_000, (_processor_time() - before) * 1_000)


def _answer(process: "subprocess.Popen[bytes]", line: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise TypeError
    process.stdin.write(line + b"\n")
    process.stdin.flush()
    return process.stdout.readline()


def processor_time(command: list[str], environ: Mapping[str, str]) -> float:
    """What a command takes of the processor, in milliseconds, until it ends."""
    before = _processor_time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    return (_processor_time() - before) * 1_000


def _processor_time() -> float:
    """Seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
