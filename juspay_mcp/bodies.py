"""Bodies of replies, read no further than they may be long, and decompressed no further than they may grow."""

import zlib

import httpx2
from anyio.lowlevel import checkpoint

from juspay_mcp.replies import Reply

MAX_BYTES = 1_048_576
"""The largest body that is read, both before and after decompression."""

MAX_CHUNKS = 4_096
"""The most pieces a body may come in; an honest mebibyte comes in some hundred."""

_GZIP_OR_ZLIB = 47  # zlib's largest window, and 32 for "find out which"


_CHUNKS_A_TURN = 64
_COMPRESSED = "it came in a compression that was not asked for, or broken"


class _Unreadable(Exception):
    """Why a body can't be read."""


class _Plain:
    """Passes on what comes."""

    eof = True

    def decompress(self, chunk: bytes, _max_length: int) -> bytes:
        return chunk


async def read_reply(response: httpx2.Response) -> Reply:
    """The reply with its body whole; with a `defect` and no body where it is too long or can't be decompressed."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        body, defect = await _read(response, headers.get("content-encoding", "")), None
    except _Unreadable as why:
        body, defect = b"", str(why)
    return Reply(status=response.status_code, headers=headers, body=body, defect=defect)


async def _read(response: httpx2.Response, encoding: str) -> bytes:
    inflater = _inflater(encoding.strip().lower())
    body, received, chunks = bytearray(), 0, 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        chunks += 1
        if chunks % _CHUNKS_A_TURN == 0:
            await checkpoint()  # ten thousand chunks of a byte come in one read: others have their turn meanwhile
        if chunks > MAX_CHUNKS:
            raise _Unreadable("it came in more than 4,096 pieces")
        body += _inflate(inflater, chunk, MAX_BYTES + 1 - len(body))
        if max(received, len(body)) > MAX_BYTES:
            raise _Unreadable("it is over 1 MiB")
    if not inflater.eof:
        raise _Unreadable(_COMPRESSED)
    return bytes(body)


def _inflater(encoding: str) -> "_Plain | zlib._Decompress":
    """Servers may compress even what asks for none."""
    if encoding in {"", "identity"}:
        return _Plain()
    if encoding in {"gzip", "x-gzip", "deflate"}:
        return zlib.decompressobj(_GZIP_OR_ZLIB)
    raise _Unreadable(_COMPRESSED)


def _inflate(inflater: "_Plain | zlib._Decompress", chunk: bytes, max_length: int) -> bytes:
    try:
        return inflater.decompress(chunk, max_length)
    except zlib.error:
        raise _Unreadable(_COMPRESSED) from None
