"""Serving one MCP client over stdin and stdout, to an end that loses no answer.

The SDK's own reader of stdin can't be interrupted, so a signal would wait for the client's next line; and when stdin
ends, the SDK ends the calls in flight. So the lines are read here, and a signal first holds back later lines, then
waits for the answers, and only then lets stdin end. Both ends are pipes mostly, and the event loop itself looks after
them: without a thread for each line and each answer, as the SDK has it, a call takes much less of the processor.
"""

import logging
import os
import select
import signal
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, nullcontext, suppress
from threading import Thread, Timer
from typing import Any, Self, cast

import anyio
import anyio.from_thread
from anyio.lowlevel import EventLoopToken, current_token
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId

from juspay_mcp.errors import EX_OK
from juspay_mcp.server import build_server, warn_about_missing
from juspay_mcp.service import WalletService, open_service
from juspay_mcp.settings import Settings

_STDIN, _STDOUT, _STDERR = range(3)
_CHUNK = 65_536
_LEAVING_SECONDS = 1.5
_logger = logging.getLogger(__name__)


async def serve_stdio(settings: Settings) -> None:
    """Serves one MCP client over stdin and stdout, in the protocol era it opens with, until stdin closes.

    SIGTERM and SIGINT let the calls in flight finish within their budget; a second one ends them.

    Raises:
        ConfigurationError: the key's file, or a file of certificate authorities, can't be read.
    """
    lines, calls = Lines(), Calls()
    async with open_service(settings) as service:
        warn_about_missing(settings)
        server = build_server(lambda: nullcontext(service))
        server.middleware.append(calls.track)
        with _client_may_vanish():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_end_on_signal, lines, calls, settings.timeout_seconds)
                tasks.start_soon(lines.read)
                # Where there is no `poll`, on Windows, the SDK sees to it.
                with _own_stdout() if hasattr(select, "poll") else nullcontext() as stdout:
                    await _serve(server, lines, stdout, calls)
                tasks.cancel_scope.cancel()


async def _serve(server: Server[WalletService], lines: "Lines", stdout: "Stdout | None", calls: "Calls") -> None:
    # Iterated over, written to and flushed: that is all of an AsyncFile that the SDK uses.
    stdin = cast("anyio.AsyncFile[str]", lines)
    async with stdio_server(stdin, cast("anyio.AsyncFile[str] | None", stdout)) as (from_client, out), out:
        answers, options = Answers(out, calls), server.create_initialization_options()
        for messages in Opening(from_client).parts():
            await server.run(cast("Any", messages), answers, options)


class Lines:
    """The lines of stdin, as an async iterator; `hold` keeps back those that come later, `end` ends it."""

    def __init__(self) -> None:
        self._send, self._receive = anyio.create_memory_object_stream[str](0)
        self._ended = anyio.Event()
        self._rest = b""
        self.held = False

    async def read(self) -> None:
        """Reads until stdin ends."""
        if not await _can_be_waited_for():
            # A daemon thread is the only kind that no exit waits for.
            Thread(target=self._read_in_thread, args=(current_token(),), daemon=True).start()
            return
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            while await self._pass_on(_read()):
                await anyio.wait_readable(_STDIN)

    def hold(self) -> None:
        """Keeps back every line from now on."""
        self.held = True

    def end(self) -> None:
        """Ends the iteration, whatever may still come."""
        self.held = True
        self._ended.set()
        self._send.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        with suppress(anyio.EndOfStream):
            line = await self._receive.receive()
            if not self.held:
                return line
            await self._ended.wait()
        _leave_in_time()
        raise StopAsyncIteration

    def _read_in_thread(self, token: EventLoopToken) -> None:
        # What is raised when the loop has stopped listening, or has stopped altogether.
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.RunFinishedError, CancelledError):
            while anyio.from_thread.run(self._pass_on, _read(), token=token):
                pass

    async def _pass_on(self, chunk: bytes) -> bool:
        """Sends the lines that are whole by now; no chunk is the end, after which it returns False."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines if chunk or not self._rest else [self._rest]:
            await self._send.send(line.decode(errors="replace"))
        if not chunk:
            self._send.close()
        return bool(chunk)


class Opening:
    """A client's messages, cut before a handshake that follows nothing but `server/discover`.

    The SDK takes that question as a decision for the 2026 era, and refuses the handshake from then on. A client that
    waits for the answer no longer than this process takes to start (the AI SDK waits a second) shakes hands instead,
    on the same connection: to the SDK, the part that begins there is a connection of its own.
    """

    def __init__(self, messages: AsyncIterable[SessionMessage | Exception]) -> None:
        self._messages = messages
        self._handshake: SessionMessage | None = None

    def parts(self) -> Iterator[AsyncIterator[SessionMessage | Exception]]:
        """The two parts, the second to be read after the first has ended; one of them is as a rule empty."""
        yield self._until_handshake()
        yield self._from_handshake()

    async def _until_handshake(self) -> AsyncIterator[SessionMessage | Exception]:
        undecided = True
        async for item in self._messages:
            if undecided and isinstance(item, SessionMessage) and isinstance(item.message, JSONRPCRequest):
                if item.message.method == "initialize":
                    self._handshake = item
                    return
                undecided = item.message.method == "server/discover"
            yield item

    async def _from_handshake(self) -> AsyncIterator[SessionMessage | Exception]:
        if self._handshake:
            yield self._handshake
            async for item in self._messages:
                yield item


class Calls:
    """The requests that are not answered yet."""

    def __init__(self) -> None:
        self._open: set[RequestId | None] = set()
        self._changed = anyio.Event()

    async def track(self, ctx: ServerRequestContext[Any], call_next: CallNext) -> HandlerResult:
        """A middleware of the server: takes note of each request, and of its end without an answer."""
        if ctx.request_id is None:
            return await call_next(ctx)
        self._open.add(ctx.request_id)
        try:
            return await call_next(ctx)
        except anyio.get_cancelled_exc_class():
            self.close(ctx.request_id)
            raise

    def close(self, request_id: RequestId | None) -> None:
        """Takes note that a request is answered, or never will be."""
        self._open.discard(request_id)
        self._changed.set()
        self._changed = anyio.Event()

    async def finished(self) -> None:
        """Returns when no request is open."""
        while self._open:
            await self._changed.wait()


class Stdout:
    """What the SDK writes messages to: the event loop writes them, whenever there is room for a part."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._room = select.poll()
        self._room.register(descriptor, select.POLLOUT)

    async def write(self, text: str) -> None:
        """Writes it all."""
        data = memoryview(text.encode())
        while data:
            if not self._room.poll(0):
                await anyio.wait_writable(self._descriptor)
            # A pipe that can be written to has room for this much: it takes it at once.
            data = data[os.write(self._descriptor, data[: select.PIPE_BUF]) :]

    async def flush(self) -> None:
        """Has nothing to do."""


class Answers:
    """The stream to the client; tells `calls` of each answer that has gone out."""

    def __init__(self, stream: Any, calls: Calls) -> None:  # noqa: ANN401 - the SDK's stream type is private
        self._stream = stream
        self._calls = calls

    async def send(self, item: SessionMessage, /) -> None:
        """Sends a message."""
        await self._stream.send(item)
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            self._calls.close(item.message.id)

    async def aclose(self) -> None:
        """Leaves the stream open: a second part may follow, and whoever opened it closes it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _leave_in_time() -> None:
    """Ends the process in a moment if it can't end by itself.

    A client that has stopped reading, and a name server that doesn't answer, each hold a thread that can't be
    interrupted, and Python waits for it.
    """
    last_resort = Timer(_LEAVING_SECONDS, os._exit, [EX_OK])
    last_resort.daemon = True
    last_resort.start()


async def _end_on_signal(lines: Lines, calls: Calls, seconds: float) -> None:
    async def drain() -> None:
        lines.hold()
        with anyio.move_on_after(seconds):
            await calls.finished()
        lines.end()

    # Windows has no such signals to wait for; there a host ends a server by closing stdin or by force.
    with suppress(NotImplementedError), anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as tasks:
            async for _signal in signals:
                if lines.held:
                    lines.end()
                else:
                    tasks.start_soon(drain)


@contextmanager
def _own_stdout() -> Iterator[Stdout]:
    """The client's end; what others print meanwhile goes to stderr."""
    wire = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    try:
        yield Stdout(wire)
    finally:
        os.dup2(wire, _STDOUT)
        os.close(wire)


@contextmanager
def _client_may_vanish() -> Iterator[None]:
    """A client that closed its end of stdout has no use for the rest; that is an end like any other."""
    try:
        yield
    except* (BrokenPipeError, ConnectionResetError):
        _logger.info("the client closed its end before the last answer")


async def _can_be_waited_for() -> bool:
    """Waits for stdin, if the event loop can do that: not for a file, and not on Windows, which has no `poll`."""
    with suppress(AttributeError, OSError):
        select.poll()
        await anyio.wait_readable(_STDIN)
        return True
    return False


def _read() -> bytes:
    """What there is on stdin; past Python's own buffer, whose lock would outlive us."""
    try:
        return os.read(_STDIN, _CHUNK)
    except OSError:
        return b""
