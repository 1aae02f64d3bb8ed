"""What is measured, and where: the upstream, the subjects' commands, and what the system tells of their processes."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from compileall import compile_dir
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import httpx2
import trustme

from bench.caller import MODERN, Era, HttpCaller, RawGetter, StdioCaller, open_stdio

ROOT: Final = Path(__file__).resolve().parents[1]
FASTMCP_PYTHON: Final = ROOT / ".venv" / "fastmcp" / "bin" / "python"
"""An environment of its own: FastMCP brings fifty packages along. `make bench` makes it."""
UVLOOP: Final = ROOT / ".venv" / "uvloop"
"""A folder with uvloop and httptools, which uvicorn takes where it can import them. `make bench` makes it."""
FLOOR, PLAIN, FASTMCP, OURS = "floor", "plain", "FastMCP", "this server"
"""The subjects, as the table names them."""
_TICKS = os.sysconf("SC_CLK_TCK")


def commands() -> dict[str, list[str]]:
    """How each subject that is there is started over stdio."""
    found = {
        FLOOR: [sys.executable, "-P", str(ROOT / "bench" / "floor.py")],
        PLAIN: [sys.executable, "-P", str(ROOT / "bench" / "plain.py")],
        OURS: [sys.executable, "-m", "juspay_mcp"],
    }
    if FASTMCP_PYTHON.exists():
        found[FASTMCP] = [str(FASTMCP_PYTHON), "-P", str(ROOT / "bench" / "plain_fastmcp.py")]
    return found


def http_command(subject: str, port: int, workers: int = 1) -> list[str]:
    """How a subject is started over HTTP; only ours can have more workers than one."""
    start = commands()[subject]
    if subject != OURS:
        return [*start, str(port)]
    return [*start, "serve", "--http", "--port", str(port), "--workers", str(workers)]


@dataclass(frozen=True)
class Rig:
    """An upstream under way, and the environment in which a server asks it."""

    environ: Mapping[str, str]
    stack: AsyncExitStack = field(repr=False)

    @property
    def url(self) -> str:
        """The upstream's."""
        return self.environ["JUSPAY_BASE_URL"]

    async def asked(self) -> int:
        """How many requests the upstream has had."""
        async with httpx2.AsyncClient() as http:
            return int((await http.get(f"{self.url}/requests")).text)

    async def stdio(self, subject: str, era: Era = MODERN, max_connections: int | None = None) -> StdioCaller:
        """A client of a subject, started for it; ended with the rig."""
        more = {"JUSPAY_MAX_CONNECTIONS": str(max_connections)} if max_connections else {}
        caller = await open_stdio(commands()[subject], {**self.environ, **more}, era)
        self.stack.push_async_callback(caller.end)
        return caller

    async def http(
        self, subject: str, workers: int = 1, more: Mapping[str, str] | None = None
    ) -> tuple[int, asyncio.subprocess.Process]:
        """The port of a subject, started to serve over HTTP, and its process; ended with the rig.

        `more` is what its environment has beside the rig's.
        """
        port = free_port()
        environ = {**self.environ, **(more or {})}
        process = await _start(self.stack, http_command(subject, port, workers), environ)
        await _listening(port)
        return port, process

    async def program(self, command: list[str], port: int) -> asyncio.subprocess.Process:
        """Somebody else's server, once it listens; ended with the rig."""
        process = await _start(self.stack, command, self.environ)
        await _listening(port)
        return process

    async def over_tls(self, folder: Path) -> "Rig":
        """The same with an upstream that speaks TLS; its certificate goes to `folder`."""
        authority, pair, trusted = trustme.CA(), folder / "upstream.pem", folder / "authority.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pair)
        authority.cert_pem.write_to_path(trusted)
        port = await _start_upstream(self.stack, str(pair))
        more = {"JUSPAY_BASE_URL": f"https://127.0.0.1:{port}", "SSL_CERT_FILE": str(trusted)}
        return replace(self, environ={**self.environ, **more})

    async def loop(self) -> "Loop":
        """A bare loop of GETs, ended with the rig."""
        command = [sys.executable, "-P", str(ROOT / "bench" / "loop.py")]
        return Loop(await _start(self.stack, command, self.environ))

    @asynccontextmanager
    async def getters(self, number: int) -> AsyncIterator[list[RawGetter]]:
        """So many connections to the upstream itself."""
        port = httpx2.URL(self.url).port
        assert port is not None
        with ExitStack() as stack:
            yield [stack.enter_context(closing(RawGetter(port))) for _ in range(number)]

    @asynccontextmanager
    async def connections(
        self, port: int, number: int, era: Era = MODERN, token: str | None = None
    ) -> AsyncIterator[list[HttpCaller]]:
        """So many clients of what serves at a port."""
        with ExitStack() as stack:
            yield [stack.enter_context(closing(HttpCaller(port, era, token))) for _ in range(number)]


class Loop:
    """A process that makes GETs and nothing else."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def get(self, customers: str, in_flight: int, calls: int) -> tuple[float, list[float]]:
        """Seconds that so many GETs took together, and each of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{customers} {in_flight} {calls}\n".encode())
        answer = json.loads(await self._process.stdout.readline())
        return answer["seconds"], answer["took"]


def compile_package() -> None:
    """Writes the bytecode, as an installation would: without it every start compiles the package anew."""
    compile_dir(ROOT / "juspay_mcp", quiet=1)


@asynccontextmanager
async def open_rig(folder: Path) -> AsyncIterator[Rig]:
    """A rig whose upstream has been started; everything started with it is ended. The audit log goes to `folder`."""
    async with AsyncExitStack() as stack:
        yield Rig(_environ(await _start_upstream(stack), folder), stack)


async def _start_upstream(stack: AsyncExitStack, *arguments: str) -> int:
    command = [sys.executable, "-P", str(ROOT / "bench" / "upstream.py"), *arguments]
    upstream = await _start(stack, command, os.environ)
    assert upstream.stdout is not None
    return int(await upstream.stdout.readline())


def _environ(port: int, folder: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("JUSPAY_", "OTEL_"))}
    return {
        **own,
        "JUSPAY_BASE_URL": f"http://127.0.0.1:{port}",
        "JUSPAY_API_KEY": "bench_0123456789",
        "JUSPAY_MERCHANT_ID": "bench",
        "JUSPAY_MCP_RATE_LIMIT": "10000/second",
        "JUSPAY_MCP_AUDIT_LOG": str(folder / "audit.jsonl"),
        "JUSPAY_MCP_AUDIT_KEY": "bench" * 8,
    }


async def _start(stack: AsyncExitStack, command: list[str], environ: Mapping[str, str]) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environ)
    stack.push_async_callback(_end, process)
    return process


async def _end(process: asyncio.subprocess.Process) -> None:
    # Not by force: a supervisor would leave its workers behind.
    with suppress(ProcessLookupError):
        process.terminate()
    await process.communicate()


def free_port() -> int:
    """A port of loopback that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


async def _listening(port: int, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor; 0 where there is no /proc."""
    with suppress(OSError):
        values = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(values[11]) + int(values[12])) / _TICKS
    return 0.0


def peak_memory(pid: int) -> float:
    """The most memory a process has had, in MiB; 0 where there is no /proc."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").split()
        return int(status[status.index("VmHWM:") + 1]) / 1_024
    return 0.0


def memory_now(pid: int) -> float:
    """The memory a process has, in MiB; 0 where there is no /proc."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").split()
        return int(status[status.index("VmRSS:") + 1]) / 1_024
    return 0.0


def turns(names: list[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Each round's number with each name in turn; the first one is another in each round."""
    for number in range(rounds):
        at = number % len(names)
        for name in names[at:] + names[:at]:
            yield number, name
