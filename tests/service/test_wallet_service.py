import anyio
import pytest

from juspay_mcp.errors import InvalidCustomerId, NotConfigured, RateLimited, ServerBusy
from juspay_mcp.server.tool import NAME
from juspay_mcp.service.wallet_service import WalletService, open_service
from juspay_mcp.settings.load import load_settings
from juspay_mcp.values.caller import STDIO, Caller
from juspay_mcp.values.customer_id import parse_customer_id
from tests.support.faulty_upstream import ENVIRON, FINE, HELD, Upstream
from tests.support.simulator import Simulator

CUSTOMER = parse_customer_id("cth_all_linked")
JANE, JOE = Caller("jane", "http"), Caller("joe", "http")


async def test_a_call_counts_against_its_callers_limit_and_nobody_elses(
    environ: dict[str, str], simulator: Simulator
) -> None:
    async with open_service(load_settings(environ | {"JUSPAY_MCP_RATE_LIMIT": "1/hour"})) as service:
        await service.answer(CUSTOMER, JANE, NAME)
        await service.answer(CUSTOMER, JOE, NAME)
        with pytest.raises(RateLimited):
            await service.answer(CUSTOMER, JANE, NAME)
    assert len(simulator.requests) == 2


def test_there_is_one_way_to_an_answer_and_it_takes_whatever_a_caller_sends() -> None:
    """What it does on the way, no shell can leave out: check, count, account for."""
    public = {name for name in vars(WalletService) if not name.startswith("_")}
    assert public == {"answer", "ready"}


@pytest.mark.parametrize("wrong", ["a?b", "", None, 7, ["cth_all_linked"]])
async def test_calls_refused_for_their_id_count_against_the_limit(
    wrong: object, environ: dict[str, str], simulator: Simulator
) -> None:
    async with open_service(load_settings(environ | {"JUSPAY_MCP_RATE_LIMIT": "2/hour"})) as service:
        for _ in range(2):
            with pytest.raises(InvalidCustomerId):
                await service.answer(wrong, JANE, NAME)
        for customer in (wrong, CUSTOMER):
            with pytest.raises(RateLimited):
                await service.answer(customer, JANE, NAME)
    assert simulator.requests == []


async def test_calls_of_a_server_without_credentials_count_too() -> None:
    async with open_service(load_settings({"JUSPAY_MCP_RATE_LIMIT": "1/hour"})) as service:
        with pytest.raises(NotConfigured):
            await service.answer(CUSTOMER, JANE, NAME)
        with pytest.raises(RateLimited):
            await service.answer(CUSTOMER, JANE, NAME)


async def test_an_error_comes_out_of_a_service_as_it_is(environ: dict[str, str]) -> None:
    async def call_twice() -> None:
        async with open_service(load_settings(environ | {"JUSPAY_MCP_RATE_LIMIT": "1/hour"})) as service:
            for _ in range(2):
                await service.answer(CUSTOMER, JANE, NAME)

    with pytest.raises(RateLimited):
        await call_twice()


async def test_60_slow_calls_of_one_caller_keep_no_other_caller_waiting() -> None:
    async with Upstream([FINE, HELD]) as upstream:
        settings = load_settings({**ENVIRON, "JUSPAY_BASE_URL": upstream.url})
        async with open_service(settings) as service, anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(service.answer, parse_customer_id(HELD.customer(number)), JANE, NAME)
            await upstream.until(lambda: upstream.answering == 15)
            for number in range(5):
                customer = FINE.customer(number)
                with anyio.fail_after(5):
                    answer = await service.answer(parse_customer_id(customer), JOE, "wallets")
                assert answer.total_balance == FINE.total(customer)
            assert upstream.answering == 15
            tasks.cancel_scope.cancel()


async def test_a_call_that_gets_no_connection_asks_juspay_nothing_and_does_not_blame_a_provider() -> None:
    stages: list[str] = []

    async def report(_number: int, stage: str) -> None:
        stages.append(stage)

    async with Upstream([FINE, HELD]) as upstream:
        few = {"JUSPAY_MAX_CONNECTIONS": "1", "JUSPAY_TIMEOUT_SECONDS": "1"}
        settings = load_settings({**ENVIRON, "JUSPAY_BASE_URL": upstream.url, **few})
        async with open_service(settings) as service, anyio.create_task_group() as tasks:
            held = parse_customer_id(HELD.customer(1))
            tasks.start_soon(service.answer, held, STDIO, NAME)
            await upstream.until(lambda: upstream.answering == 1)
            with pytest.raises(ServerBusy) as caught:
                await service.answer(parse_customer_id(FINE.customer(2)), STDIO, "wallets", report)
            upstream.gate.set()
    assert "busy" in str(caught.value)
    assert "provider" not in str(caught.value)
    assert (caught.value.code, caught.value.upstream_requests, stages) == (
        "rate_limited",
        0,
        ["waiting for a connection"],
    )
    assert set(upstream.requests) == {(held, "refresh")}


async def test_a_shared_lookup_counts_for_the_caller_that_began_it() -> None:
    async with Upstream([FINE, HELD]) as upstream:
        settings = load_settings({**ENVIRON, "JUSPAY_BASE_URL": upstream.url, "JUSPAY_MAX_CONNECTIONS": "2"})
        async with open_service(settings) as service, anyio.create_task_group() as tasks:
            shared = parse_customer_id(HELD.customer(1))
            tasks.start_soon(service.answer, shared, JANE, NAME)
            await upstream.until(lambda: upstream.answering == 1)
            tasks.start_soon(service.answer, shared, JOE, NAME)
            with anyio.fail_after(5):
                await service.answer(parse_customer_id(FINE.customer(2)), JOE, "wallets")
            tasks.start_soon(service.answer, parse_customer_id(FINE.customer(3)), JANE, NAME)
            await anyio.wait_all_tasks_blocked()
            assert (FINE.customer(3), "refresh") not in upstream.requests
            upstream.gate.set()
        assert upstream.requests[FINE.customer(3), "refresh"] == 1


async def test_the_first_unlisted_provider_of_a_process_is_warned_of_without_its_code(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    listed, unlisted = CUSTOMER, parse_customer_id("cth_five_new_providers")
    async with open_service(load_settings(environ)) as service:
        for customer in (listed, unlisted, unlisted):
            await service.answer(customer, JANE, NAME)
    [record] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage() == (
        "an unlisted provider in Juspay's reply: its balance is shown, but isn't in the total; report the code that "
        "the answer gives, so that it gets listed"
    )
