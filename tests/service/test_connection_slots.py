"""Callers take turns, none keeps the others waiting, and no slot is ever lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import anyio
import anyio.abc
import pytest
from anyio.lowlevel import checkpoint

from juspay_mcp.errors import ServerBusy
from juspay_mcp.service.connection_slots import WAITING_PER_SLOT, ConnectionSlots
from juspay_mcp.values.caller import ANONYMOUS, CLI, STDIO, Caller

ASHA, RAVI, JANE = (Caller(f"token:{name}", "http") for name in ("asha", "ravi", "jane"))


class Calls:
    """Calls that keep their slots until they are let go, and in which order they got them."""

    def __init__(self, slots: ConnectionSlots, tasks: anyio.abc.TaskGroup) -> None:
        self.begun: list[str] = []
        self.busy: list[str] = []
        self.waited: list[str] = []
        self.under_way = 0
        self._slots = slots
        self._tasks = tasks
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._ends: dict[str, anyio.Event] = {}

    async def begin(self, caller: Caller, *names: str, seconds: float = 60) -> None:
        """Begins calls of one caller; each has a slot, waits or was refused when this returns."""
        for name in names:
            self._ends[name], self._scopes[name] = anyio.Event(), anyio.CancelScope()
            self._tasks.start_soon(self._call, caller, name, seconds)
            await settled()

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
            await settled()

    def end_without_waiting(self, name: str) -> None:
        self._ends[name].set()

    async def give_up(self, *names: str) -> None:
        for name in names:
            self._scopes[name].cancel()
        await settled()

    async def _call(self, caller: Caller, name: str, seconds: float) -> None:
        with self._scopes[name]:
            try:
                async with self._slots.slot(caller, seconds, lambda: self.waited.append(name)):
                    self.begun.append(name)
                    self.under_way += 1
                    try:
                        await self._ends[name].wait()
                    finally:
                        self.under_way -= 1
            except ServerBusy:
                self.busy.append(name)


async def settled() -> None:
    """Lets every task go as far as it can."""
    for _ in range(5):
        await checkpoint()


@asynccontextmanager
async def calls(slots: int) -> AsyncIterator[Calls]:
    """Calls for so many slots; what is left of them is given up at the end, and then every slot is free."""
    shared = ConnectionSlots(slots)
    async with anyio.create_task_group() as tasks:
        yield Calls(shared, tasks)
        tasks.cancel_scope.cancel()
    async with anyio.create_task_group() as tasks:
        after = Calls(shared, tasks)
        await after.begin(STDIO, *map(str, range(slots)))
        assert len(after.begun) == slots
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("caller", [STDIO, CLI, ANONYMOUS], ids=lambda caller: caller.name)
async def test_a_caller_that_can_have_no_others_beside_it_gets_all_slots(caller: Caller) -> None:
    async with calls(4) as made:
        await made.begin(caller, "1", "2", "3", "4", "5")
        assert (made.begun, made.waited) == (["1", "2", "3", "4"], ["5"])
        await made.end("2")
        assert made.begun == ["1", "2", "3", "4", "5"]


async def test_one_of_several_callers_leaves_a_slot_for_the_next_however_many_calls_it_makes() -> None:
    async with calls(4) as made:
        await made.begin(ASHA, "a1", "a2", "a3", "a4")
        await made.begin(RAVI, "r1")
        assert (made.begun, made.waited) == (["a1", "a2", "a3", "r1"], ["a4"])
        await made.end("r1")
        await made.begin(RAVI, "r2")
        assert made.begun[-1] == "r2"


async def test_a_caller_with_half_of_the_slots_gets_no_more_while_others_wait() -> None:
    async with calls(4) as made:
        await made.begin(ASHA, "a1", "a2", "a3", "a4", "a5")
        await made.begin(RAVI, "r1", "r2", "r3")
        await made.end("a1")
        assert made.begun == ["a1", "a2", "a3", "r1", "r2"]
        await made.end("a2", "r1")
        assert made.begun[5:] == ["a4", "r3"]


async def test_slots_that_come_free_go_round_by_caller() -> None:
    async with calls(6) as made:
        await made.begin(STDIO, *"123456")
        await made.begin(ASHA, "a1", "a2", "a3")
        await made.begin(RAVI, "r1", "r2")
        await made.begin(JANE, "j1")
        await made.end(*"123456")
        assert made.begun[6:] == ["a1", "r1", "j1", "a2", "r2", "a3"]


@pytest.mark.parametrize("slots", [1, 2, 3])
async def test_each_of_few_slots_is_used_and_two_callers_take_turns(slots: int) -> None:
    async with calls(slots) as made:
        await made.begin(ASHA, "a1", "a2", "a3")
        await made.begin(RAVI, "r1", "r2", "r3")
        while len(made.begun) < 6:
            await made.end(*made.begun)
        order = "".join(name[0] for name in made.begun)
    assert order.startswith({1: "aararr", 2: "arar", 3: "aar"}[slots])


async def test_a_call_that_gets_no_slot_in_its_time_is_told_that_the_server_is_busy_and_when_to_retry() -> None:
    slots = ConnectionSlots(1)
    async with slots.slot(STDIO, 1, lambda: None):
        with pytest.raises(ServerBusy) as caught:
            async with slots.slot(STDIO, 0.01, lambda: None):
                pytest.fail("there was none")
    assert str(caught.value) == (
        "This server is busy: all its connections to Juspay are in use, so no request was sent. "
        "Try again in 1 second. [rate_limited]"
    )


async def test_a_full_queue_refuses_the_last_call_of_the_caller_with_the_most_calls_in_it() -> None:
    async with calls(1) as made:
        await made.begin(ASHA, "first")
        await made.begin(ASHA, *(f"a{number}" for number in range(WAITING_PER_SLOT)))
        assert made.busy == []
        await made.begin(ASHA, "one more")
        assert made.busy == ["one more"]
        await made.begin(RAVI, "r1", "r2")
        assert made.busy == ["one more", f"a{WAITING_PER_SLOT - 1}", f"a{WAITING_PER_SLOT - 2}"]
        await made.end("first")
        assert made.begun == ["first", "a0"]
        await made.end("a0")
        assert made.begun == ["first", "a0", "r1"]


async def test_a_call_that_is_cancelled_while_it_waits_makes_room_for_those_behind_it() -> None:
    async with calls(3) as made:
        await made.begin(ASHA, "a1")
        await made.begin(RAVI, "r1")
        await made.begin(STDIO, "s1", "s2")
        await made.begin(ASHA, "a2")
        await made.end("s1")
        assert made.begun == ["a1", "r1", "s1", "s2"]
        await made.give_up("s2", "r1")
        assert made.begun[-1] == "a2"


async def test_a_slot_given_to_a_call_that_is_given_up_at_once_goes_to_the_next() -> None:
    async with calls(1) as made:
        await made.begin(STDIO, "1", "2", "3")
        made.end_without_waiting("1")
        await made.give_up("2")
        assert made.begun in (["1", "3"], ["1", "2", "3"])


@pytest.mark.parametrize("seed", range(20))
async def test_no_slot_is_ever_lost_or_given_twice(seed: int) -> None:
    draw = Random(seed)  # noqa: S311 - the same examples each time
    slots = draw.choice([1, 2, 5])
    async with calls(slots) as made:
        for number in range(200):
            await made.begin(draw.choice([ASHA, RAVI, JANE]), str(number), seconds=draw.choice([0.0001, 60]))
            await draw.choice([made.end, made.give_up])(str(draw.randint(max(0, number - 20), number)))
            assert made.under_way <= slots
