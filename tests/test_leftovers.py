import httpx2
import pytest
from anyio.lowlevel import checkpoint

from juspay_mcp.leftovers import LeftoverGuard

BEGUN, COMPLETE = "http11.receive_response_headers.started", "http11.receive_response_headers.complete"


async def test_a_reply_that_was_there_already_is_refused() -> None:
    guard = LeftoverGuard()
    await guard(BEGUN, {})
    with pytest.raises(httpx2.RemoteProtocolError):
        await guard(COMPLETE, {})


async def test_a_reply_that_had_to_be_waited_for_is_taken() -> None:
    guard = LeftoverGuard()
    await guard("http11.send_request_headers.complete", {})
    await guard(BEGUN, {})
    await checkpoint()
    await guard(COMPLETE, {})
