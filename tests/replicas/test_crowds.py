"""Many callers at once: what takes longer to show than a test should."""

import hashlib
from collections import Counter
from pathlib import Path

import anyio
import httpx2

from juspay_mcp.http.app import create_app
from juspay_mcp.settings.load import load_settings
from tests.support.faulty_upstream import ENVIRON, FINE, Upstream
from tests.support.http_calls import HEADERS, body
from tests.support.serving import served

CUSTOMER = {"customer_id": "cth_all_linked"}
EIGHT = [f"caller{number}" for number in range(8)]


async def test_a_caller_never_sees_anothers_answer(tmp_path: Path) -> None:
    """1,000 interleaved calls by eight callers, about 125 customers each of their own, and every answer checked."""
    file = tmp_path / "eight"
    file.write_text("".join(f"{name}:{hashlib.sha256(name.encode()).hexdigest()}\n" for name in EIGHT))
    answered: Counter[str] = Counter()

    async def ask(http: httpx2.AsyncClient, name: str, customer: str) -> None:
        reply = await http.post("/mcp", content=body(arguments={"customer_id": customer}))
        result = reply.json()["result"]["structuredContent"]
        assert result["customer"] == f"XXXXXX{customer[-4:]}"
        assert result["total_balance"] == FINE.total(customer)
        answered[name] += 1

    async def ask_all(url: str, name: str, first: int) -> None:
        headers = HEADERS | {"Authorization": f"Bearer {name}"}
        async with (
            httpx2.AsyncClient(base_url=url, headers=headers, timeout=60) as http,
            anyio.create_task_group() as tasks,
        ):
            for number in range(first, first + 125):
                tasks.start_soon(ask, http, name, FINE.customer(number))

    async with Upstream([FINE]) as upstream:
        settings = load_settings({**ENVIRON, "JUSPAY_BASE_URL": upstream.url, "JUSPAY_MCP_TOKENS_FILE": str(file)})
        async with served(create_app(settings)) as url, anyio.create_task_group() as tasks:
            for number, name in enumerate(EIGHT):
                tasks.start_soon(ask_all, url, name, 1000 * (number + 1))
    assert answered == dict.fromkeys(EIGHT, 125)
