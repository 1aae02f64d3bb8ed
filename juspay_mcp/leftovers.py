"""A reply that was left on a connection by the call before is nobody's answer.

A proxy that counts a body's length wrong, or gives a body to a 204, leaves bytes on a connection that is kept alive.
If they look like a reply, the HTTP library takes them for the answer to the next request: somebody else's balances.
"""

import asyncio
from collections.abc import Mapping

import httpx2


class LeftoverGuard:
    """Follows one request, as httpcore2's `trace` extension, and refuses a reply that came before it was asked for.

    Whatever comes over the connection makes the event loop turn at least once; what its parser held already doesn't.
    """

    def __init__(self) -> None:
        self._turned = False

    async def __call__(self, event: str, _info: Mapping[str, object]) -> None:
        """Takes note of an event.

        Raises:
            httpx2.RemoteProtocolError: the reply was there all along; the connection is given up.
        """
        if event == "http11.receive_response_headers.started":
            asyncio.get_running_loop().call_soon(self._turn)
        elif event == "http11.receive_response_headers.complete" and not self._turned:
            raise httpx2.RemoteProtocolError("a reply was left from the request before")

    def _turn(self) -> None:
        self._turned = True
