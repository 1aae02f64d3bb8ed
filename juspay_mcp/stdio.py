"""Serving one MCP client over stdin and stdout, to an end that loses no answer.

The SDK's own reader of stdin can't be interrupted, so a signal would wait for the client's next line; and when stdin
ends, the SDK ends the calls in flight. So the lines come from a thread here, and a signal first holds back later
lines, then waits for the answers, and only then lets stdin end.
"""

import logging
import os
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
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId

from juspay_mcp.errors import EX_OK
from juspay_mcp.server import build_server, warn_about_missing
from juspay_mcp.service import open_service
from juspay_mcp.settings import Settings

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
                # Only iterated over, which is all of an AsyncFile that the SDK uses.
                async with stdio_server(stdin=cast("anyio.AsyncFile[str]", lines)) as (from_client, out), out:
                    lines.start()
                    answers, options = Answers(out, calls), server.create_initialization_options()
                    for messages in Opening(from_client).parts():
                        await server.run(cast("Any", messages), answers, options)
                tasks.cancel_scope.cancel()


class Lines:
    """The lines of stdin, as an async iterator; `hold` keeps back those that come later, `end` ends it."""

    def __init__(self) -> None:
        self._send, self._receive = anyio.create_memory_object_stream[str](0)
        self._ended = anyio.Event()
        self.held = False

    def start(self) -> None:
        """Starts reading, in a daemon thread: the only kind that no exit waits for."""
        Thread(target=self._pump, args=(current_token(),), daemon=True).start()

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

    def _pump(self, token: EventLoopToken) -> None:
        # What is raised when the loop has stopped listening, or has stopped altogether.
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.RunFinishedError, CancelledError):
            for lines in _read_lines():
                anyio.from_thread.run(self._send_all, lines, token=token)
            anyio.from_thread.run_sync(self._send.close, token=token)

    async def _send_all(self, lines: list[bytes]) -> None:
        for line in lines:
            await self._send.send(line.decode(errors="replace"))


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
def _client_may_vanish() -> Iterator[None]:
    """A client that closed its end of stdout has no use for the rest; that is an end like any other."""
    try:
        yield
    except* (BrokenPipeError, ConnectionResetError):
        _logger.info("the client closed its end before the last answer")


def _read_lines() -> Iterator[list[bytes]]:
    """The lines of stdin, as many at a time as there are; past Python's own buffer, whose lock would outlive us."""
    rest = b""
    with suppress(OSError):
        while chunk := os.read(0, _CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            if lines:
                yield lines
    if rest:
        yield [rest]
