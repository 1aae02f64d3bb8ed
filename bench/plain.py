"""What a user would write instead: the SDK's MCPServer and httpx2, and nothing more."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2
from mcp.server import MCPServer
from mcp.server.mcpserver import Context


@asynccontextmanager
async def connected(_server: object) -> AsyncIterator[httpx2.AsyncClient]:
    """One client for all calls."""
    auth = (os.environ["JUSPAY_API_KEY"], "")
    headers = {"x-merchantid": os.environ["JUSPAY_MERCHANT_ID"], "version": "2023-06-30"}
    limits = httpx2.Limits(
        max_connections=int(os.environ.get("JUSPAY_MAX_CONNECTIONS", "100")), max_keepalive_connections=20
    )
    url = os.environ["JUSPAY_BASE_URL"]
    async with httpx2.AsyncClient(base_url=url, auth=auth, headers=headers, limits=limits, timeout=30) as http:
        yield http


mcp = MCPServer("plain", lifespan=connected, log_level="WARNING")


@mcp.tool()
async def refresh_customer_wallets(customer_id: str, ctx: Context[httpx2.AsyncClient]) -> dict[str, Any]:
    """A customer's wallets, refreshed."""
    path = f"/customers/{quote(customer_id, safe='')}/wallets/refresh-balances"
    http = ctx.request_context.lifespan_context
    response = await http.get(path, headers={"x-routing-id": customer_id})
    response.raise_for_status()
    wallets: dict[str, Any] = response.json()
    return wallets


if __name__ == "__main__":
    if sys.argv[1:]:
        mcp.run("streamable-http", port=int(sys.argv[1]), stateless_http=True)
    else:
        mcp.run()
