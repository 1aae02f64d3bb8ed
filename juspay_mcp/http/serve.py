"""Running the HTTP server: one address, one or more worker processes, and an end that loses no answer."""

import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import ceil
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from typing import cast

import anyio
import uvicorn
from starlette.applications import Starlette
from typing_extensions import override
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from juspay_mcp.errors import EX_CONFIG, EX_OK, ConfigurationError
from juspay_mcp.http.app import create_app
from juspay_mcp.http.auth.middleware import open_verifier
from juspay_mcp.http.header_timeout import TimeoutProtocol
from juspay_mcp.observability.logs import configure_logging
from juspay_mcp.server.gc_tuning import freeze_imports
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.addresses import is_loopback
from juspay_mcp.settings.load import Settings

_logger = logging.getLogger(__name__)

_GRACE_SECONDS = 5
"""On top of a call's budget: for what is in flight at the end."""
_MAX_CONNECTIONS = 1_024
"""Of one worker."""
_OWN_FILES = 64
"""That a worker keeps free for itself, beside those for its connections to Juspay."""
_FREE_SECONDS = 3.0
"""For a port to come free: the workers of a supervisor that was killed need a moment to end."""
_RESTART_SECONDS = 5.0
"""Between two workers that replace dead ones: what kills them may last, such as a file that can't be read."""
_TIMEOUTS = TimeoutProtocol.timeouts
_HEALTHCHECK_SECONDS = 30
"""How long a worker may take to import on a busy machine, and at most until one that hangs is replaced."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, in how many processes, and whether anyone may call."""

    host: str
    port: int
    workers: int
    allow_unauthenticated: bool

    @property
    def is_open(self) -> bool:
        """Whether anyone who can connect may call without a token."""
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
    held: socket.socket,
    traces: Mapping[str, str],
    announce: Callable[[], None],
) -> int:
    """Serves until SIGTERM or SIGINT, which let the calls in flight finish; returns the exit status.

    `held` is `bind`'s. `traces` holds the OTEL_ variables: each worker sends its own spans. `announce` is called once
    connections are accepted and signals are handled.
    """
    files = _raise_open_files_limit() - _OWN_FILES - settings.max_connections
    config = uvicorn.Config(
        partial(_worker_app, settings, address, traces),
        factory=True,
        http=TimeoutProtocol,
        workers=address.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # X-Forwarded-For could come from anybody
        ws="none",
        lifespan="on",
        limit_concurrency=min(_MAX_CONNECTIONS, max(1, files)),
        timeout_keep_alive=ceil(_TIMEOUTS.header),  # clients drop an idle connection after 5 s, and must be the first
        timeout_graceful_shutdown=ceil(settings.timeout_seconds) + _GRACE_SECONDS,
        timeout_worker_healthcheck=_HEALTHCHECK_SECONDS,
    )
    if address.workers > 1:
        supervisor = _Supervisor(config, held, announce)
        supervisor.run()
        return supervisor.exit_status
    server = uvicorn.Server(config)
    # uvicorn handles signals from a little later on, and raises the one that ended it once more at the very end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    announce()
    server.run([held])
    return EX_OK


def _raise_open_files_limit() -> int:
    """Raises the soft limit to the hard one, and returns it: a connection is a file, and a common limit is 1,024."""
    if sys.platform == "win32":  # pragma: no cover - where there is no such limit
        return sys.maxsize
    import resource  # noqa: PLC0415 - not on Windows

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    # macOS calls its hard limit infinite and refuses more than OPEN_MAX.
    raised = 10_240 if hard == resource.RLIM_INFINITY else hard
    with suppress(ValueError, OSError):  # forbidden here, so it stays as it is
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit < _MAX_CONNECTIONS:
        _logger.warning(
            "at most %d files can be open, fewer than the %d connections of a worker: raise the limit (LimitNOFILE=, "
            "ulimit -n)",
            limit,
            _MAX_CONNECTIONS,
        )
    return limit


class _Supervisor(Multiprocess):
    """Runs the workers, and replaces those that die.

    uvicorn's own ends everything if a worker can't start, even one that replaces another which has served for days.
    """

    exit_status = EX_OK
    _next_start = 0.0

    def __init__(self, config: uvicorn.Config, held: socket.socket, announce: Callable[[], None]) -> None:
        listens = held.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        super().__init__(config, [held if listens else cast("socket.socket", _OwnListener(held))])
        self._held = held
        self._announce: Callable[[], None] | None = announce

    @override
    def keep_subprocess_alive(self) -> None:
        for index, worker in enumerate(self.processes):
            worker.child_conn.close()  # the worker has its own: with this one open, its death would look like silence
            if self.should_exit.is_set() or worker.is_alive(self.config.timeout_worker_healthcheck):
                continue
            worker.kill()
            worker.join()
            if self._announce and worker.exitcode == STARTUP_FAILURE:
                self.exit_status = EX_CONFIG
                self.should_exit.set()
            elif time.monotonic() >= self._next_start:
                self._next_start = time.monotonic() + _RESTART_SECONDS
                self.processes[index] = Process(self.config, self.sockets)
                self.processes[index].start()
        if self._announce and all(worker.is_ready() for worker in self.processes):
            self._announce()
            self._announce = None

    @override
    def terminate_all(self) -> None:
        self._held.close()
        super().terminate_all()


class _OwnListener:
    """Creates one listening socket per worker: pickled here, it is unpickled in the worker as a socket of its own.

    One that they share would give most connections to the worker that wakes first. It listens once the worker has
    started: no connection waits for one that can't.
    """

    def __init__(self, held: socket.socket) -> None:
        self._held = held

    @override
    def __reduce__(self) -> tuple[Callable[..., socket.socket], tuple[object, ...]]:
        return partial(_bind, reuse_port=True), (self._held.family, self._held.getsockname())


def check_start(settings: Settings, address: Address) -> None:
    """Finds what would keep a worker from starting, where one line can still say so.

    Raises:
        ConfigurationError: nothing says who may call, no host name is answered to, or a file can't be read.
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
    if address.allow_unauthenticated and open_verifier(access) is None:
        _logger.warning("anyone who reaches this address can ask about any customer: a gateway must sign callers in")


def bind(address: Address, *, spreads: bool = sys.platform == "linux") -> socket.socket:
    """Takes the address, for as long as the socket is open.

    Linux (`spreads`) distributes connections over several sockets at one address. Then each worker listens for
    itself, and this socket only keeps other programs from the port while a worker is replaced.

    Raises:
        OSError: the address can't be taken.
        UnicodeError: the host isn't a name.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    held = _bind(family, (address.host, address.port))
    if spreads and address.workers > 1:
        # In this order: first it must be the only one at the port; then those of the workers may share it, no others.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    else:
        held.listen()
    return held


def _bind(family: int, address: tuple[object, ...], *, reuse_port: bool = False) -> socket.socket:
    """A socket at the address, which it waits for if the address is taken."""
    latest = time.monotonic() + _FREE_SECONDS
    while True:
        try:
            return _bind_once(family, address, reuse_port=reuse_port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > latest:
                raise
        time.sleep(0.2)


def _bind_once(family: int, address: tuple[object, ...], *, reuse_port: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # pragma: no branch - elsewhere it would share the port with anybody
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":  # pragma: no branch - what `send` bounds here, this bounds in the system's buffer
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(_TIMEOUTS.send * 1_000))
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:  # `::` takes IPv4 too; at any other address it makes no difference
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not socket.has_dualstack_ipv6()))
        bound.bind(address)
    except (OSError, UnicodeError):
        bound.close()
        raise
    return bound


def _worker_app(settings: Settings, address: Address, traces: Mapping[str, str]) -> Starlette:
    """The app of a worker process, which first sets up logging; a failed start is one line of the log."""
    freeze_imports()
    configure_logging(settings.log_level, sys.stderr, settings.log_format)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    try:
        return create_app(settings, allow_unauthenticated=address.is_open, traces=traces)
    except ConfigurationError as error:
        _logger.error("a worker can't start: %s", error)  # noqa: TRY400 - where it was raised is no news
        sys.exit(STARTUP_FAILURE)


def end_with(parent: BaseProcess) -> None:
    """Waits for the supervisor's end, even by SIGKILL, and then ends this worker as SIGTERM does."""
    parent.join()
    signal.raise_signal(signal.SIGTERM)
