"""The same on FastMCP, the other usual choice."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2
from fastmcp import Context, FastMCP


@asynccontextmanager
async def connected(_server: object) -> AsyncIterator[dict[str, httpx2.AsyncClient]]:
    """One client for all calls."""
    auth = (os.environ["JUSPAY_API_KEY"], "")
    headers = {"x-merchantid": os.environ["JUSPAY_MERCHANT_ID"], "version": "2023-06-30"}
    limits = httpx2.Limits(
        max_connections=int(os.environ.get("JUSPAY_MAX_CONNECTIONS", "100")), max_keepalive_connections=20
    )
    url = os.environ["JUSPAY_BASE_URL"]
    async with httpx2.AsyncClient(base_url=url, auth=auth, headers=headers, limits=limits, timeout=30) as http:
        yield {"http": http}


mcp: FastMCP[Any] = FastMCP("plain on FastMCP", lifespan=connected)


async def refresh_customer_wallets(customer_id: str, ctx: Context) -> dict[str, Any]:
    """A customer's wallets, refreshed."""
    path = f"/customers/{quote(customer_id, safe='')}/wallets/refresh-balances"
    http: httpx2.AsyncClient = ctx.lifespan_context["http"]
    response = await http.get(path, headers={"x-routing-id": customer_id})
    response.raise_for_status()
    wallets: dict[str, Any] = response.json()
    return wallets


mcp.tool(refresh_customer_wallets)

if __name__ == "__main__":
    if sys.argv[1:]:
        mcp.run(
            "http",
            show_banner=False,
            port=int(sys.argv[1]),
            stateless_http=True,
            uvicorn_config={"log_level": "warning"},
        )
    else:
        mcp.run("stdio", show_banner=False)
