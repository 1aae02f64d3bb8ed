"""Running the HTTP server: one socket, one or more worker processes, and an end that loses no answer."""

import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil

import anyio
import uvicorn
from starlette.applications import Starlette
from typing_extensions import override
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from juspay_mcp.access import open_verifier
from juspay_mcp.connections import PromptProtocol
from juspay_mcp.errors import EX_CONFIG, EX_OK, ConfigurationError
from juspay_mcp.logs import configure_logging
from juspay_mcp.service import open_service
from juspay_mcp.settings import Settings, is_loopback
from juspay_mcp.startup import keep_imported
from juspay_mcp.telemetry import check_variables
from juspay_mcp.web import create_app

_logger = logging.getLogger(__name__)

_GRACE_SECONDS = 5
"""On top of a call's budget: for what is in flight at the end."""
_MAX_CONNECTIONS = 1_024
_BACKLOG = 2_048
_RESTART_SECONDS = 5.0
"""Between two workers that replace dead ones: what kills them may last, such as a file that can't be read."""
_HEALTHCHECK_SECONDS = 10
"""How long a worker may take to import on a busy machine, and at most until a dead one is noticed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, in how many processes, and whether anyone may call."""

    host: str
    port: int
    workers: int
    allow_unauthenticated: bool

    @property
    def is_open(self) -> bool:
        """Whether whoever reaches it may call without a token."""
        return self.allow_unauthenticated or not self.is_public

    @property
    def is_public(self) -> bool:
        """Whether other machines can reach it."""
        try:
            return not is_loopback(self.host)
        except ValueError:
            return True


def serve_http(
    settings: Settings,
    address: Address,
    listening: socket.socket,
    traces: Mapping[str, str],
    announce: Callable[[], None],
) -> int:
    """Serves until SIGTERM or SIGINT, which let the calls in flight finish; returns the exit status.

    `traces` holds the OTEL_ variables: each worker sends its own spans. `announce` is called when a signal will be
    heeded: whoever it tells may send one at once.
    """
    config = uvicorn.Config(
        partial(_worker_app, settings, address, traces),
        factory=True,
        http=PromptProtocol,
        workers=address.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody is believed about where a call comes from
        ws="none",
        lifespan="on",
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=ceil(settings.timeout_seconds) + _GRACE_SECONDS,
        timeout_worker_healthcheck=_HEALTHCHECK_SECONDS,
    )
    return (
        _serve_here(config, listening, announce)
        if address.workers == 1
        else _serve_in_workers(config, listening, announce)
    )


def _serve_here(config: uvicorn.Config, listening: socket.socket, announce: Callable[[], None]) -> int:
    server = uvicorn.Server(config)
    # uvicorn heeds signals from a little later on, and raises the one that ended it once more at the very end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    announce()
    server.run([listening])
    return EX_OK


def _serve_in_workers(config: uvicorn.Config, listening: socket.socket, announce: Callable[[], None]) -> int:
    supervisor = _Supervisor(config, listening, announce)
    supervisor.run()
    failed = any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes)
    return EX_CONFIG if failed else EX_OK


class Places:
    """Gives each worker a socket at the address of one that listens, which it takes over.

    On Linux the system spreads connections over them. Elsewhere it doesn't, and they are all the same.
    """

    def __init__(self, listening: socket.socket, *, spreads: bool = sys.platform == "linux") -> None:
        self._listening = listening
        self._address = listening.getsockname()
        self._spreads = spreads
        if spreads:
            listening.close()

    def another(self) -> socket.socket:
        """One more, which the caller closes."""
        if not self._spreads:
            return self._listening.dup()
        return socket.create_server(self._address, family=self._listening.family, backlog=_BACKLOG, reuse_port=True)

    def close(self) -> None:
        """Gives up the address."""
        self._listening.close()


class _Supervisor(Multiprocess):
    """Runs the workers: replaces those that die, and at the end lets the last calls finish.

    uvicorn's own ends everything when a worker fails to start, even if it replaces one that had served for days; and
    its workers share a socket: of connections that come together, the first to wake takes all.
    """

    _served = False
    _next_start = 0.0

    def __init__(self, config: uvicorn.Config, listening: socket.socket, announce: Callable[[], None]) -> None:
        super().__init__(config, [])
        self._places = Places(listening)
        self._announce = announce

    @override
    def init_processes(self) -> None:
        self.processes = [self._begin() for _ in range(self.processes_num)]
        self._announce()

    @override
    def restart_all(self) -> None:
        for index, old in enumerate(self.processes):
            new = self._begin()
            if not new.wait_until_ready(self.config.timeout_worker_healthcheck, self.should_exit):
                new.kill()
                new.join()
                return
            old.terminate()
            old.join()
            self.processes[index] = new

    def _begin(self) -> Process:
        """Starts a worker, which alone has its socket: those that wait for a dead one don't wait for ever."""
        with self._places.another() as listening:
            process = Process(self.config, [listening])
            process.start()
        return process

    @override
    def keep_subprocess_alive(self) -> None:
        self._served = self._served or any(process.is_ready() for process in self.processes)
        for index, process in enumerate(self.processes):
            if self.should_exit.is_set() or process.is_alive(self.config.timeout_worker_healthcheck):
                continue
            process.kill()
            process.join()
            if not self._served and process.exitcode == STARTUP_FAILURE:
                self.should_exit.set()
            elif time.monotonic() >= self._next_start:
                self._next_start = time.monotonic() + _RESTART_SECONDS
                self.processes[index] = self._begin()

    @override
    def terminate_all(self) -> None:
        self._places.close()
        super().terminate_all()


def check_start(settings: Settings, address: Address, traces: Mapping[str, str]) -> None:
    """Finds what would keep a worker from starting, where one line can still say so.

    Raises:
        ConfigurationError: nothing says who may call, no host name is answered to, a file can't be read, or
            OpenTelemetry's SDK refuses a variable.
    """
    create_app(settings, allow_unauthenticated=address.is_open)
    access = settings.access
    if address.is_public and not (access.allowed_hosts or access.public_url):
        raise ConfigurationError(
            "From elsewhere this server is called by a name it must know: set JUSPAY_MCP_ALLOWED_HOSTS or "
            "JUSPAY_MCP_PUBLIC_URL; for example: JUSPAY_MCP_ALLOWED_HOSTS=wallets.example.com."
        )

    async def open_and_close() -> None:
        async with open_service(settings):
            pass

    anyio.run(open_and_close)
    check_variables(traces)
    if address.allow_unauthenticated and open_verifier(access) is None:
        _logger.warning("anyone who reaches this address can ask about any customer: a gateway must sign callers in")


def listen(address: Address) -> socket.socket:
    """A socket that listens.

    Raises:
        OSError: the address can't be had.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)


def _worker_app(settings: Settings, address: Address, traces: Mapping[str, str]) -> Starlette:
    """Runs in each worker, whose process begins with no logging of ours; what fails says so in one line of it."""
    keep_imported()
    configure_logging(settings.log_level, sys.stderr)
    try:
        return create_app(settings, allow_unauthenticated=address.is_open, traces=traces)
    except ConfigurationError as error:
        _logger.error("a worker can't start: %s", error)  # noqa: TRY400 - where it was raised is no news
        sys.exit(STARTUP_FAILURE)
