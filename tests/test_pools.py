from contextlib import AsyncExitStack

import anyio
import httpx2
import pytest
from typing_extensions import override

from juspay_mcp.pools import POOL_SIZE, Pools


class Pool(httpx2.AsyncBaseTransport):
    def __init__(self, size: int) -> None:
        self.size = size
        self.closed = False

    @override
    async def aclose(self) -> None:
        self.closed = True


class Made(list[Pool]):
    def make(self, size: int) -> Pool:
        self.append(Pool(size))
        return self[-1]


@pytest.mark.parametrize(
    ("connections", "sizes"),
    [(1, [1]), (POOL_SIZE, [POOL_SIZE]), (POOL_SIZE + 1, [POOL_SIZE, 1]), (40, [POOL_SIZE, POOL_SIZE, 8])],
)
async def test_the_connections_are_shared_out_in_small_pools_which_are_closed(
    connections: int, sizes: list[int]
) -> None:
    made = Made()
    async with Pools(made.make, connections):
        assert [pool.size for pool in made] == sizes
        assert not any(pool.closed for pool in made)
    assert all(pool.closed for pool in made)


async def test_a_request_gets_the_first_pool_with_room_so_that_others_rest() -> None:
    made = Made()
    async with Pools(made.make, POOL_SIZE + 2) as pools, AsyncExitStack() as under_way:
        async with pools.one() as first:
            lent = [await under_way.enter_async_context(pools.one()) for _ in range(POOL_SIZE)]
        assert [first, *lent] == [made[0]] * POOL_SIZE + [made[1]]
        async with pools.one() as again:
            assert again is made[0]


async def test_more_requests_than_connections_wait_for_their_turn() -> None:
    began: list[int] = []
    ends = anyio.Event()

    async def request(number: int) -> None:
        async with pools.one():
            began.append(number)
            await ends.wait()

    async with Pools(Made().make, 2) as pools, anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(request, number)
        await anyio.wait_all_tasks_blocked()
        assert began == [0, 1]
        ends.set()
    assert began == [0, 1, 2, 3]


async def test_a_request_that_is_cancelled_while_it_waits_takes_no_room() -> None:
    made = Made()
    async with Pools(made.make, 1) as pools:
        async with pools.one():
            with anyio.move_on_after(0):
                async with pools.one():
                    pytest.fail("there was no room")
        async with pools.one() as lent:
            assert lent is made[0]
