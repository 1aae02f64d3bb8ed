"""Serving one MCP client over stdin and stdout, without losing an answer at the end.

The SDK's `stdio_server` would lose some. When stdin ends it cancels the calls in flight (`JSONRPCDispatcher.run` in
mcp/shared/jsonrpc_dispatcher.py), and nothing can interrupt the thread it reads with, so a signal would wait for the
client's next line. So the lines are read here, and the SDK's server is ended only once every request is answered.
"""

import logging
import os
import select
import signal
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, nullcontext, suppress
from threading import Thread, Timer
from typing import Any, Final, Self, cast

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio.lowlevel import EventLoopToken, current_token
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.types import JSONRPCError, JSONRPCRequest, JSONRPCResponse

from juspay_mcp.errors import EX_OK, NO_READER
from juspay_mcp.observability.start_line import log_start
from juspay_mcp.server.json_rpc import MalformedMessage, parse_message
from juspay_mcp.server.mcp_server import build_server
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.load import Settings

_STDIN, _STDOUT, _STDERR = range(3)
_CHUNK = 65_536
_WRITE_SECONDS = 1.0
"""What a call that used up its budget still has to be written."""
_POLL_SECONDS = 0.2
_EXIT_SECONDS = 1.5
_AT_ONCE: Final = getattr(select, "PIPE_BUF", 0)
"""Bytes that a pipe which `poll` calls writable takes without blocking (POSIX).

Most answers are shorter. Written at once instead of in a thread, as the SDK does, a message takes a third of the
processor time (0.3 for 0.8 ms, where a whole call takes 3): a call about a fifth less.
"""
_logger = logging.getLogger(__name__)


async def serve_stdio(settings: Settings) -> None:
    """Serves one MCP client over stdin and stdout, in the protocol era it opens with.

    At the end of stdin, or at SIGTERM or SIGINT, the requests read so far are still answered, within the budget of a
    call. A signal after that ends them, as does a client that no longer reads.

    Raises:
        ConfigurationError: the key's file, or a file of certificate authorities, can't be read.
    """
    async with open_service(settings) as service:
        log_start(settings, "stdio")
        server = build_server(lambda: nullcontext(service))
        with _claimed_stdout() as wire:
            client = StdioClient(wire)

            async def close_when_finished() -> None:
                await client.finished(settings.timeout_seconds + _WRITE_SECONDS)
                # A client that has stopped reading, and a name server that doesn't answer, each hold a thread that
                # can't be interrupted, and for which Python would wait.
                last_resort = Timer(_EXIT_SECONDS, os._exit, [EX_OK])
                last_resort.daemon = True
                last_resort.start()
                client.closed.set()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_end_on_signal, client)
                tasks.start_soon(close_when_finished)
                options = server.create_initialization_options()
                for messages in Opening(client.messages()).parts():
                    await server.run(cast("Any", messages), client, options)
                tasks.cancel_scope.cancel()


class StdioClient:
    """The client at the other end of stdin and stdout: its messages, and the stream that answers go to."""

    def __init__(self, wire: int) -> None:
        self._wire = wire
        self._chunks_in, self._chunks = anyio.create_memory_object_stream[bytes](0)
        self._writing = anyio.CapacityLimiter(1)
        self._unfinished = 1  # reading is one thing to finish, and every request another
        self._changed = anyio.Event()
        self._ended = anyio.Event()
        self._abandoned = False
        self.closed = anyio.Event()

    async def messages(self) -> AsyncIterator[SessionMessage]:
        """Yields the messages, and answers the malformed ones. It ends once `closed` is set, and with it the SDK."""
        # No exit waits for a daemon thread. It serves any kind of stdin: no event loop can wait for a file, on macOS
        # not even for the end of one, and Windows' can't wait for a pipe.
        Thread(target=self._read_in_thread, args=(current_token(),), daemon=True).start()
        async for line in self._lines():
            try:
                message = parse_message(line)
            except MalformedMessage as error:
                _logger.warning("refused a malformed message: %s", error)
                if error.expects_answer:
                    self._unfinished += 1
                    with suppress(anyio.BrokenResourceError):
                        await self.send(SessionMessage(error.answer))
                continue
            if isinstance(message, JSONRPCRequest):
                self._unfinished += 1
            yield SessionMessage(message, ServerMessageMetadata(on_request_unanswered=self._finish_one))
        await self._finish_one()
        await self.closed.wait()

    async def send(self, item: SessionMessage, /) -> None:
        """Writes a message.

        Raises:
            BrokenResourceError: nobody reads any more.
        """
        data = (item.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n").encode()
        try:
            if len(data) <= _AT_ONCE and not self._writing.borrowed_tokens and _poll(self._wire) == select.POLLOUT:
                self._write(data)
            else:
                await anyio.to_thread.run_sync(self._write, data, limiter=self._writing)
        except OSError as error:
            if error.errno not in NO_READER:
                raise
            _logger.info("the client closed its end before the last answer")
            self.abandon()
            raise anyio.BrokenResourceError from None
        finally:
            await self._finish_one(isinstance(item.message, JSONRPCResponse | JSONRPCError))

    def end(self) -> None:
        """Takes no further lines; what was read is answered. The second time, nothing is waited for any more."""
        if self._ended.is_set():
            self.abandon()
        self._stop_reading()

    def abandon(self) -> None:
        """Ends without waiting for an answer."""
        self._abandoned = True
        self._stop_reading()

    async def finished(self, seconds: float) -> None:
        """Returns when there is no more to read and all is answered, or in vain: `seconds` later, or abandoned."""
        await self._ended.wait()
        with anyio.move_on_after(seconds):
            while self._unfinished and not self._abandoned and not _nobody_reads(self._wire):
                with anyio.move_on_after(_POLL_SECONDS):
                    await self._changed.wait()

    async def aclose(self) -> None:
        """Leaves the stream open: a second part of the conversation may follow."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _lines(self) -> AsyncIterator[bytes]:
        begun = bytearray()  # a line may come in a thousand chunks, which must not be copied a thousand times
        async for chunk in self._chunks:
            ended, newline, rest = chunk.rpartition(b"\n")
            if newline:
                for line in bytes(begun + ended).split(b"\n"):
                    if line.strip():
                        yield line
                begun.clear()
            begun += rest

    def _read_in_thread(self, token: EventLoopToken) -> None:
        chunk = _read()
        if not chunk:
            _logger.warning(
                "stdin ended before a message arrived; an MCP client keeps it open, and in a container it takes: "
                "docker run -i"
            )
        # Raised once the loop has stopped listening, or has stopped altogether.
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.RunFinishedError, CancelledError):
            while chunk:
                anyio.from_thread.run(self._chunks_in.send, chunk, token=token)
                chunk = _read()
            anyio.from_thread.run(self._chunks_in.send, b"\n", token=token)  # the last line may lack it
            anyio.from_thread.run_sync(self._stop_reading, token=token)

    def _stop_reading(self) -> None:
        self._ended.set()
        self._chunks_in.close()
        self._wake()

    async def _finish_one(self, one: bool = True) -> None:  # noqa: FBT001, FBT002 - a count of one or none
        self._unfinished -= one
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._wire, data) :]
            except BlockingIOError:  # another process that shares the pipe made it non-blocking
                select.select([], [self._wire], [])


class Opening:
    """A client's messages, cut before a handshake that follows nothing but `server/discover`.

    The SDK takes that question as a decision for the 2026 era, and refuses the handshake from then on. A client that
    waits for the answer no longer than this process takes to start (the AI SDK waits a second) shakes hands instead,
    on the same connection: to the SDK, the part that begins there is a connection of its own.
    """

    def __init__(self, messages: AsyncIterable[SessionMessage]) -> None:
        self._messages = messages
        self._handshake: SessionMessage | None = None

    def parts(self) -> Iterator[AsyncIterator[SessionMessage]]:
        """The two parts, the second to be read after the first has ended; one of them is as a rule empty."""
        yield self._until_handshake()
        yield self._from_handshake()

    async def _until_handshake(self) -> AsyncIterator[SessionMessage]:
        undecided = True
        async for item in self._messages:
            if undecided and isinstance(item.message, JSONRPCRequest):
                if item.message.method == "initialize":
                    self._handshake = item
                    return
                undecided = item.message.method == "server/discover"
            yield item

    async def _from_handshake(self) -> AsyncIterator[SessionMessage]:
        if self._handshake:
            yield self._handshake
            async for item in self._messages:
                yield item


async def _end_on_signal(client: StdioClient) -> None:
    # Windows has no such signals to wait for; there a host ends a server by closing stdin or by force.
    with suppress(NotImplementedError), anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _signal in signals:
            client.end()


@contextmanager
def _claimed_stdout() -> Iterator[int]:
    """A descriptor of the client's end; what others print meanwhile goes to stderr."""
    wire = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    try:
        yield wire
    finally:
        os.dup2(wire, _STDOUT)
        os.close(wire)


def _read() -> bytes:
    """What there is on stdin, or nothing at its end; past Python's own buffer, whose lock would outlive us."""
    while True:
        try:
            return os.read(_STDIN, _CHUNK)
        except BlockingIOError:  # another process that shares the pipe made it non-blocking
            select.select([_STDIN], [], [])
        except OSError:
            return b""


def _nobody_reads(wire: int) -> bool:
    """Whether the other end is closed. Without `poll`, on Windows, only writing to it tells."""
    return hasattr(select, "poll") and bool(_poll(wire) & (select.POLLERR | select.POLLHUP))


def _poll(wire: int) -> int:
    poll = select.poll()
    poll.register(wire, select.POLLOUT)
    return sum(event for _, event in poll.poll(0))
