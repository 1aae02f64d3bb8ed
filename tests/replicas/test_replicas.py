"""Two replicas of two workers behind nginx, sharing a limit in Redis."""

import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.streams.tls import TLSStream
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import TextContent

from tests.support.nginx import NAME
from tests.support.replicas import CALLERS, VERSIONS, WORKERS, Replica, Rig, open_rig
from tests.support.serving import until
from tests.support.simulator import Behaviour, Simulator

ERAS = ("auto", "legacy")
CUSTOMER, TOTAL = "cth_all_linked", "1770.49"
NOBODY = tuple(f"nobody_{number}" for number in range(16))
LIMIT = 20

Start = Callable[..., AbstractAsyncContextManager[Rig[Simulator]]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """A way to start a rig, with a limit if need be."""

    @asynccontextmanager
    async def start(limit: str = "off") -> AsyncIterator[Rig[Simulator]]:
        with Simulator() as simulator:
            async with open_rig(tmp_path, simulator, {"JUSPAY_MCP_RATE_LIMIT": limit}) as rig:
                yield rig

    return start


async def hear_nothing(progress: float, total: float | None, message: str | None) -> None:
    """For calls that ask for progress and don't care."""


async def end_of(client: Client, customer: str = CUSTOMER, *, progress: bool = False) -> str:
    """How a call ends: its total, the code of its error, or `lost`."""
    arguments, callback = {"customer_id": customer}, hear_nothing if progress else None
    try:
        result = await client.call_tool("refresh_customer_wallets", arguments, progress_callback=callback)
    except MCPError:
        return "lost"
    if result.structured_content:
        return str(result.structured_content["total_balance"])
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text.rpartition("[")[2].rstrip("]")


async def ends_of(clients: Iterable[Client]) -> Counter[str]:
    """How calls end that are made at once, one by each of the clients."""
    ends: Counter[str] = Counter()

    async def count(client: Client) -> None:
        ends[await end_of(client)] += 1

    async with anyio.create_task_group() as tasks:
        for client in clients:
            tasks.start_soon(count, client)
    return ends


async def test_a_port_and_a_final_slash_in_the_address_make_no_difference(start: Start) -> None:
    async with start() as rig, rig.client("jane", "auto", f"https://{NAME}:8443/mcp/") as client:
        assert await end_of(client) == TOTAL


async def test_calls_of_both_eras_are_spread_over_all_workers(start: Start) -> None:
    async with start() as rig, rig.client("jane", "auto") as modern, rig.client("joe", "legacy") as legacy:
        rig.simulator.behave_always(Behaviour(latency=0.05))
        for client in (modern, legacy):
            seen: set[int] = set()

            async def watch(seen: set[int] = seen) -> None:
                while True:
                    seen |= rig.connected_to(rig.simulator.port)
                    await anyio.sleep(0.01)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                for _ in range(20):
                    assert await ends_of([client] * 16) == {TOTAL: 16}
                tasks.cancel_scope.cancel()
            assert seen == rig.workers()
            assert len(seen) == 2 * WORKERS
            rig.simulator.stop()
            rig.simulator.start()


async def test_a_limit_holds_across_all_workers(start: Start) -> None:
    async with start(f"{LIMIT}/hour") as rig:
        for caller in CALLERS:
            async with rig.client(caller, "auto") as modern, rig.client(caller, "legacy") as legacy:
                assert await ends_of([modern, legacy] * LIMIT) == {TOTAL: LIMIT, "rate_limited": LIMIT}


async def test_without_redis_no_call_fails_and_when_it_is_back_the_limit_holds_again(start: Start) -> None:
    async with start(f"{LIMIT}/hour") as rig, rig.client("jane", "auto") as jane, rig.client("joe", "legacy") as joe:
        assert await ends_of([jane] * LIMIT) == {TOTAL: LIMIT}
        rig.redis.kill()
        # Each of the workers lets as many through, by itself.
        assert await ends_of([jane] * LIMIT) == {TOTAL: LIMIT}
        rig.redis.start()
        with anyio.fail_after(60):
            while rig.connected_to(rig.redis.port) != rig.workers():
                await ends_of([jane] * 64)
        assert await ends_of([joe] * 2 * LIMIT) == {TOTAL: LIMIT, "rate_limited": LIMIT}
        for replica in rig.replicas:
            assert replica.log.count("rate_limit_storage_unavailable") == WORKERS
            assert replica.log.count("rate_limit_storage_back") == WORKERS


@pytest.mark.parametrize("era", ERAS)
async def test_progress_arrives_while_the_answer_is_awaited(start: Start, era: str) -> None:
    async with start() as rig, rig.client("jane", era) as client:
        rig.simulator.behave_always(Behaviour(latency=1))
        heard: list[float] = []

        async def hear(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - the SDK's
            heard.append(time.monotonic())

        await client.call_tool("refresh_customer_wallets", {"customer_id": CUSTOMER}, progress_callback=hear)
        assert time.monotonic() - heard[0] > 0.9


@pytest.mark.parametrize(("era", "progress"), [("auto", True), ("legacy", True), ("legacy", False)])
async def test_a_replica_that_dies_loses_the_calls_it_was_answering_and_no_others(
    start: Start, era: str, *, progress: bool
) -> None:
    async with start() as rig, rig.client("jane", era) as client:
        ends = await killed_in_the_middle(rig, client, progress=progress)
        its_own = {
            request.segments[1] for request in rig.simulator.requests if request.headers["version"] == VERSIONS[0]
        }
        assert its_own
        assert ends == {each: "lost" if each in its_own else "customer_not_found" for each in NOBODY}
        assert await ends_of([client] * 16) == {TOTAL: 16}


async def test_a_replica_that_dies_before_it_has_begun_to_answer_loses_nothing(start: Start) -> None:
    async with start() as rig, rig.client("jane", "auto") as client:
        assert await killed_in_the_middle(rig, client, progress=False) == dict.fromkeys(NOBODY, "customer_not_found")
        assert len(rig.simulator.requests) > len(NOBODY)
        assert await ends_of([client] * 16) == {TOTAL: 16}


async def killed_in_the_middle(rig: Rig[Simulator], client: Client, *, progress: bool) -> Mapping[str, str]:
    """How calls about nobody end, while one of the replicas is killed."""
    ends = {}

    async def note(customer: str) -> None:
        ends[customer] = await end_of(client, customer, progress=progress)

    rig.simulator.behave_always(Behaviour(latency=3))
    async with anyio.create_task_group() as tasks:
        for customer in NOBODY:
            tasks.start_soon(note, customer)
        await until(lambda: len(rig.simulator.requests) == len(NOBODY))
        assert not ends
        rig.replicas[0].kill()
        rig.simulator.behave_always(Behaviour())
    return ends


async def test_a_rolling_restart_loses_no_call(start: Start) -> None:
    async with start() as rig, rig.client("jane", "auto") as modern, rig.client("joe", "legacy") as legacy:
        rig.simulator.behave_always(Behaviour(latency=0.1))
        ends: Counter[str] = Counter()
        restarting = anyio.Event()

        async def call_on(client: Client) -> None:
            while not restarting.is_set():
                ends[await end_of(client)] += 1

        async with anyio.create_task_group() as tasks:
            for client in [modern, legacy] * 4:
                tasks.start_soon(call_on, client)
            for replica in rig.replicas:
                await under_way(ends)
                replica.ask_to_stop()
                assert await replica.stopped() == 0
                replica.start()
                await replica.until_ready()
            restarting.set()
        assert ends == {TOTAL: ends.total()}
        assert ends.total() > 50


async def under_way(ends: Counter[str]) -> None:
    """Returns when some more calls have ended."""
    enough = ends.total() + 20
    await until(lambda: ends.total() > enough, 30)


@pytest.mark.parametrize("era", ERAS)
async def test_a_replica_that_finishes_its_last_call_keeps_no_new_one_waiting(start: Start, era: str) -> None:
    async with start() as rig, rig.client("jane", era) as client:
        rig.simulator.behave(Behaviour(latency=3))
        ends = []

        async def note() -> None:
            ends.append(await end_of(client))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(note)
            await until(lambda: rig.simulator.requests)
            replica = rig.replicas[VERSIONS.index(rig.simulator.requests[0].headers["version"])]
            replica.ask_to_stop()
            await until(lambda: refuses(replica), 30)
            assert await ends_of([client] * 16) == {TOTAL: 16}
            assert not ends
        assert ends == [TOTAL]
        assert await replica.stopped() == 0


def refuses(replica: Replica) -> bool:
    try:
        socket.create_connection(("127.0.0.1", replica.port)).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_one_address_can_t_have_all_connections_of_the_load_balancer(start: Start) -> None:
    """Each request is held back by nginx until its body is whole."""
    answers: Counter[bytes] = Counter()

    async def begin(stream: TLSStream) -> None:
        await stream.send(b"POST /mcp HTTP/1.1\r\nHost: wallets.example.com\r\nContent-Length: 10\r\n\r\nx")
        answers[(await stream.receive()).split()[1]] += 1

    async with start() as rig, AsyncExitStack() as stack, anyio.create_task_group() as tasks:
        for _ in range(110):
            stream = await rig.connect()
            stack.push_async_callback(anyio.aclose_forcefully, stream)
            tasks.start_soon(begin, stream)
        await until(lambda: answers[b"429"] == 10)
        tasks.cancel_scope.cancel()
    assert answers == {b"429": 10}
