import pytest

from juspay_mcp.callers import Caller
from juspay_mcp.customers import parse_customer_id
from juspay_mcp.errors import RateLimited
from juspay_mcp.service import open_service
from juspay_mcp.settings import load_settings
from juspay_mcp.simulator import Simulator

CUSTOMER = parse_customer_id("cth_all_linked")
JANE, JOE = Caller("jane", "http"), Caller("joe", "http")


async def test_a_call_counts_against_its_callers_limit_and_nobody_elses(
    environ: dict[str, str], simulator: Simulator
) -> None:
    async with open_service(load_settings(environ | {"JUSPAY_MCP_RATE_LIMIT": "1/hour"})) as service:
        await service.refresh(CUSTOMER, JANE)
        await service.refresh(CUSTOMER, JOE)
        with pytest.raises(RateLimited):
            await service.refresh(CUSTOMER, JANE)
    assert len(simulator.requests) == 2


async def test_an_error_comes_out_of_a_service_as_it_is(environ: dict[str, str]) -> None:
    async def call_twice() -> None:
        async with open_service(load_settings(environ | {"JUSPAY_MCP_RATE_LIMIT": "1/hour"})) as service:
            for _ in range(2):
                await service.refresh(CUSTOMER, JANE)

    with pytest.raises(RateLimited):
        await call_twice()
