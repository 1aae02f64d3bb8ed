"""Two replicas of two workers behind nginx, and a Redis between them: real processes on loopback.

The stand-in for Juspay lives in the test's process, so that a test can slow it down and count what it was asked; like
the real one it is reached over HTTP. Which worker asked it is read from the kernel's table of connections.
The caller gives the stand-in, and may set more variables or start the replicas by another command.
"""

import os
import re
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import anyio
import httpx2
import trustme
from anyio.streams.tls import TLSStream
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from typing_extensions import override

from juspay_mcp.http.auth.tokens import new_token
from juspay_mcp.simulator.api import API_KEY, MERCHANT_ID
from tests.support.nginx import NAME, write_conf
from tests.support.processes import COMMAND, MEASURING
from tests.support.programs import Redis, free_port, require

WORKERS: Final = 2
URL: Final = f"https://{NAME}/mcp"
CALLERS: Final = ("jane", "joe")
VERSIONS: Final = ("2023-06-30", "2023-07-01")
"""Of Juspay's API, as the replicas ask for it: by its header the stand-in knows who asks."""
_ESTABLISHED: Final = "01"


class Juspay(Protocol):
    """A stand-in for Juspay."""

    @property
    def url(self) -> str:
        """Its base URL."""


J = TypeVar("J", bound=Juspay)


class Replica:
    """One `serve --http` with two workers, in a process group of its own."""

    def __init__(self, environ: Mapping[str, str], log: Path, prefix: Sequence[str]) -> None:
        self.port = free_port()
        self._prefix = prefix
        self._environ = environ
        self._log = log

    @property
    def log(self) -> str:
        """What it has said on stderr, over all its starts."""
        return self._log.read_text(encoding="utf-8")

    def start(self) -> None:
        """Starts it, and returns at once."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, *COMMAND, "serve", "--http", "--port", str(self.port), "--workers", str(WORKERS)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                env=self._environ, start_new_session=True,
            )  # fmt: skip

    async def until_ready(self, seconds: float = 60) -> None:
        """Returns when both workers take calls."""
        async with httpx2.AsyncClient() as http:
            with anyio.fail_after(seconds):
                while len(self.workers()) < WORKERS or not await self._is_ready(http):
                    assert self._process.poll() is None, self.log
                    await anyio.sleep(0.05)

    async def _is_ready(self, http: httpx2.AsyncClient) -> bool:
        with suppress(httpx2.TransportError):
            return (await http.get(f"http://127.0.0.1:{self.port}/readyz")).is_success
        return False

    def workers(self) -> set[int]:
        """Its processes that serve: children of the first one that wait for connections to this port."""
        listening = _inodes("local", self.port)
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text(encoding="ascii")
        return {pid for pid in map(int, children.split()) if _sockets(pid, _waited_for(pid)) & listening}

    def ask_to_stop(self) -> None:
        """What a rolling restart sends."""
        self._process.send_signal(signal.SIGTERM)

    async def stopped(self) -> int:
        """The exit status, once it has ended."""
        return await anyio.to_thread.run_sync(lambda: self._process.wait(30))

    def kill(self) -> None:
        """Ends all its processes at once, as a machine that goes down does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Rig(Generic[J]):
    """What the tests of several replicas stand on."""

    def __init__(  # noqa: PLR0913, PLR0917 - all of it is one set-up
        self,
        folder: Path,
        simulator: J,
        redis: Redis,
        certificates: trustme.CA,
        variables: Mapping[str, str],
        prefix: Sequence[str],
    ) -> None:
        self.simulator = simulator
        self.redis = redis
        self.port = free_port()
        self.replicas = tuple(
            Replica(self._environ(folder, variables, version), folder / f"{version}.log", prefix)
            for version in VERSIONS
        )
        self._trust = ssl.create_default_context()
        certificates.configure_trust(self._trust)
        self._tokens = dict(self._write_tokens(folder / "tokens"))

    def _environ(self, folder: Path, variables: Mapping[str, str], version: str) -> dict[str, str]:
        return {
            "JUSPAY_BASE_URL": self.simulator.url,
            "JUSPAY_API_KEY": API_KEY,
            "JUSPAY_MERCHANT_ID": MERCHANT_ID,
            "JUSPAY_API_VERSION": version,
            "JUSPAY_MCP_ALLOWED_HOSTS": f"{NAME},{NAME}:8443",
            "JUSPAY_MCP_TOKENS_FILE": str(folder / "tokens"),
            "JUSPAY_MCP_RATE_LIMIT_STORAGE": self.redis.url,
            **{name: value.replace("%v", version) for name, value in variables.items()},
            **MEASURING,
        }

    def _write_tokens(self, file: Path) -> Iterator[tuple[str, str]]:
        lines = []
        for name in CALLERS:
            token, line = new_token(name)
            lines.append(line)
            yield name, token
        file.write_text("\n".join(lines), encoding="ascii")

    async def start(self) -> None:
        """Starts both replicas, and returns when both take calls."""
        for replica in self.replicas:
            replica.start()
        for replica in self.replicas:
            await replica.until_ready()

    def workers(self) -> set[int]:
        """The processes that serve, of both replicas."""
        return {pid for replica in self.replicas for pid in replica.workers()}

    def connected_to(self, port: int) -> set[int]:
        """Which of these have a connection to that port."""
        inodes = _inodes("remote", port)
        return {pid for pid in self.workers() if _sockets(pid) & inodes}

    async def connect(self) -> TLSStream:
        """A bare connection to nginx."""
        return await anyio.connect_tcp("127.0.0.1", self.port, tls_hostname=NAME, ssl_context=self._trust)

    def http(self, headers: Mapping[str, str], address: str = "127.0.0.1") -> httpx2.AsyncClient:
        """An HTTP client that comes through nginx, from an address of loopback."""
        return httpx2.AsyncClient(transport=_Here(self.port, self._trust, address), headers=headers, timeout=30)

    @asynccontextmanager
    async def client(self, caller: str, mode: str, url: str = URL) -> AsyncIterator[Client]:
        """An MCP client that comes through nginx; the mode `legacy` speaks the handshake era."""
        async with (
            self.http(headers={"Authorization": f"Bearer {self._tokens[caller]}"}) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            yield client


class _Here(httpx2.AsyncHTTPTransport):
    """Goes to this machine's nginx, whatever the name; the name is still what TLS and HTTP ask for."""

    def __init__(self, port: int, verify: ssl.SSLContext, address: str) -> None:
        super().__init__(verify=verify, local_address=address)
        self._port = port

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return await super().handle_async_request(request)


@contextmanager
def nginx(folder: Path, port: int, replicas: tuple[int, ...], certificates: trustme.CA) -> Iterator[None]:
    """The load balancer, with the very file of `deploy`, in the foreground; ended with the test."""
    conf = write_conf(folder, port, replicas, certificates)
    command = [require("nginx"), "-p", str(folder), "-c", str(conf), "-e", "stderr"]
    # Not a pipe that nobody reads: it logs each replica that it can't reach, and would stop when the pipe is full.
    with (folder / "nginx.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield
        finally:
            process.terminate()


def _inodes(end: str, port: int) -> set[str]:
    """The kernel's numbers of the sockets that listen on a port of this machine, or are connected to it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    column = 1 if end == "local" else 2
    wanted = f"0100007F:{port:04X}"
    return {row[9] for row in rows if row[column] == wanted and (end == "local" or row[3] == _ESTABLISHED)}


def _sockets(pid: int, among: Collection[str] | None = None) -> set[str]:
    """The kernel's numbers of a process's sockets, of all or of some descriptors."""
    found = set()
    for descriptor in _listed(f"/proc/{pid}/fd"):
        with suppress(OSError):
            if among is None or descriptor.name in among:
                found.update(re.findall(r"socket:\[(\d+)\]", str(descriptor.readlink())))
    return found


def _waited_for(pid: int) -> set[str]:
    """The descriptors on which a process's event loop waits: a worker that has only begun to start has none."""
    found = set()
    for descriptor in _listed(f"/proc/{pid}/fdinfo"):
        with suppress(OSError):
            found.update(re.findall(r"^tfd:\s+(\d+)", descriptor.read_text(encoding="ascii"), re.MULTILINE))
    return found


def _listed(folder: str) -> list[Path]:
    """What is in a folder; nothing, if its process has gone."""
    with suppress(OSError):
        return list(Path(folder).iterdir())
    return []


@asynccontextmanager
async def open_rig(
    folder: Path, simulator: J, variables: Mapping[str, str], prefix: Sequence[str] = ()
) -> AsyncIterator[Rig[J]]:
    """A rig that runs, and leaves no process behind; `%v` in a variable's value is the replica's API version."""
    certificates = trustme.CA()
    require("nginx")
    with ExitStack() as stack:
        redis = Redis(folder)
        stack.callback(redis.kill)
        rig = Rig(folder, simulator, redis, certificates, variables, prefix)
        for replica in rig.replicas:
            replica.start()
            stack.callback(replica.kill)
        ports = tuple(replica.port for replica in rig.replicas)
        stack.enter_context(nginx(folder, rig.port, ports, certificates))
        for replica in rig.replicas:
            await replica.until_ready()
        yield rig
