"""A tool call over HTTP: its headers, its body, and the total in its answer."""

import json
from typing import Any

from mcp.types import CallToolResult

from tests.support.processes import CALL, MODERN

TOOL = "refresh_customer_wallets"


HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": TOOL,
}


def body(**changed: Any) -> bytes:
    """One tool call of the 2026 era."""
    params = {"_meta": MODERN, **CALL, **changed}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


def total_of(result: CallToolResult) -> str:
    return str((result.structured_content or {})["total_balance"])
