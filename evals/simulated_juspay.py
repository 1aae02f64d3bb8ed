"""The simulator with a few customers more: those that need a past, a limit or a silence."""

import json
import threading
import time
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from typing_extensions import override

from juspay_mcp.simulator.api import Simulator
from juspay_mcp.simulator.http import Request, Response

SPENDS: Final = "cth_spends"
"""A Paytm wallet that holds 50 less at each refresh, so an old answer is never right again."""
SILENT: Final = "cth_silent"
"""No answer within the budget of the server `impatient`, to the refresh or to the list."""
RATE_LIMITED: Final = "cth_rate_limited"
"""Juspay limits the merchant's requests: 429, again in 120 seconds."""
REJECTED: Final = "cth_rejected"
"""Juspay rejects the request: 422."""

_BASE: Final = "cth_no_error"  # one Paytm wallet
_STEP: Final = Decimal(50)
_FIRST: Final = Decimal("90045.50")
_SILENCE: Final = 3.0  # seconds, more than the budget of that server


class SimulatedJuspay(Simulator):
    """The built-in simulator, and the customers above."""

    def __init__(self) -> None:
        super().__init__()
        self._refreshes: Counter[str] = Counter()
        self._lock = threading.Lock()

    @override
    def answer(self, request: Request) -> Response:
        customer = request.segments[1] if len(request.segments) > 1 else ""
        if customer == SPENDS:
            return self._spent(request)
        if customer == SILENT:
            time.sleep(_SILENCE)
            return Response(503, b"")
        if customer == RATE_LIMITED:
            return Response(429, b"{}", {"retry-after": "120"})
        if customer == REJECTED:
            return Response(422, b"{}")
        return super().answer(request)

    def _spent(self, request: Request) -> Response:
        with self._lock:
            self._refreshes[SPENDS] += 1
            left = _FIRST - _STEP * self._refreshes[SPENDS]
        segments = (request.segments[0], _BASE, *request.segments[2:])
        headers = {**request.headers, "x-routing-id": _BASE}
        response = super().answer(replace(request, segments=segments, headers=headers))
        body: dict[str, Any] = json.loads(response.body)
        for wallet in body.get("list", []):
            wallet["current_balance"] = float(left)  # exact: it ends in .50
        return response._replace(body=json.dumps(body).encode())
