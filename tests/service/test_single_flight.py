"""Overlapping questions share one lookup, which belongs to none of those who ask."""

from collections.abc import Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from juspay_mcp.errors import InternalError, UpstreamTimeout, WalletsError
from juspay_mcp.service.single_flight import SingleFlight


class Lookup:
    """A lookup that takes as long as the test wants, and counts how often it begins and is given up."""

    def __init__(self) -> None:
        self.begun = 0
        self.given_up = 0
        self.may_end = anyio.Event()
        self.stages: list[str] = []
        self.failure: Exception | None = None

    async def __call__(self, tell: Callable[[str], None]) -> str:
        self.begun += 1
        for stage in self.stages:
            tell(stage)
        try:
            await self.may_end.wait()
        except anyio.get_cancelled_exc_class():
            self.given_up += 1
            raise
        if self.failure:
            raise self.failure
        return f"answer {self.begun}"


class Caller:
    """Somebody who asks, and what came back."""

    def __init__(self, single_flight: SingleFlight[str, str], lookup: Lookup, key: str = "asha") -> None:
        self._single_flight, self._lookup, self._key = single_flight, lookup, key
        self.scope = anyio.CancelScope()
        self.told: list[tuple[int, str]] = []
        self.answer: str | WalletsError | None = None

    async def ask(self) -> None:
        with self.scope:
            try:
                self.answer = await self._single_flight.join(self._key, self._lookup, self._report)
            except WalletsError as error:
                self.answer = error

    async def _report(self, number: int, stage: str) -> None:
        await checkpoint()
        self.told.append((number, stage))


async def settled() -> None:
    """Lets every task go as far as it can."""
    for _ in range(20):
        await checkpoint()


async def test_64_at_once_make_one_lookup_and_get_its_answer() -> None:
    lookup = Lookup()
    async with SingleFlight[str, str]() as single_flight, anyio.create_task_group() as tasks:
        callers = [Caller(single_flight, lookup) for _ in range(64)]
        for caller in callers:
            tasks.start_soon(caller.ask)
        await settled()
        lookup.may_end.set()
    assert ([caller.answer for caller in callers], lookup.begun) == (["answer 1"] * 64, 1)


async def test_different_customers_have_lookups_of_their_own() -> None:
    lookup = Lookup()
    lookup.may_end.set()
    async with SingleFlight[str, str]() as single_flight, anyio.create_task_group() as tasks:
        for key in ("asha", "ravi"):
            tasks.start_soon(Caller(single_flight, lookup, key).ask)
    assert lookup.begun == 2


async def test_a_later_call_begins_another_lookup() -> None:
    lookup = Lookup()
    lookup.may_end.set()
    async with SingleFlight[str, str]() as single_flight:
        first, second = Caller(single_flight, lookup), Caller(single_flight, lookup)
        await first.ask()
        await second.ask()
    assert (first.answer, second.answer) == ("answer 1", "answer 2")


async def test_one_callers_leaving_reaches_nobody_else() -> None:
    lookup = Lookup()
    async with SingleFlight[str, str]() as single_flight, anyio.create_task_group() as tasks:
        first, second = Caller(single_flight, lookup), Caller(single_flight, lookup)
        tasks.start_soon(first.ask)
        tasks.start_soon(second.ask)
        await settled()
        first.scope.cancel()
        await settled()
        assert lookup.given_up == 0
        lookup.may_end.set()
    assert (first.answer, second.answer, lookup.begun) == (None, "answer 1", 1)


async def test_when_the_last_caller_leaves_the_lookup_ends_and_the_next_call_begins_another() -> None:
    lookup = Lookup()
    async with SingleFlight[str, str]() as single_flight, anyio.create_task_group() as tasks:
        first, second, third = (Caller(single_flight, lookup) for _ in range(3))
        for caller in (first, second):
            tasks.start_soon(caller.ask)
        await settled()
        first.scope.cancel()
        second.scope.cancel()
        # Asked before the given-up lookup has had its turn to end: it must not be joined.
        tasks.start_soon(third.ask)
        await settled()
        assert (lookup.begun, lookup.given_up) == (2, 1)
        lookup.may_end.set()
    assert (first.answer, second.answer, third.answer) == (None, None, "answer 2")


async def test_everyone_gets_the_error_of_a_failed_lookup() -> None:
    lookup = Lookup()
    lookup.failure = UpstreamTimeout(25)
    lookup.may_end.set()
    async with SingleFlight[str, str]() as single_flight, anyio.create_task_group() as tasks:
        callers = [Caller(single_flight, lookup) for _ in range(3)]
        for caller in callers:
            tasks.start_soon(caller.ask)
    assert [caller.answer for caller in callers] == [lookup.failure] * 3


async def test_a_bug_in_a_lookup_ends_that_lookup_alone(caplog: pytest.LogCaptureFixture) -> None:
    lookup, sound = Lookup(), Lookup()
    lookup.failure = ZeroDivisionError("9812345678")
    lookup.may_end.set()
    sound.may_end.set()
    async with SingleFlight[str, str]() as single_flight:
        caller, other = Caller(single_flight, lookup), Caller(single_flight, sound, "ravi")
        await caller.ask()
        await other.ask()
    assert isinstance(caller.answer, InternalError)
    assert other.answer == "answer 1"
    assert [record.getMessage() for record in caplog.records] == ["internal_error"]


async def test_each_caller_is_told_every_stage_in_order_even_one_who_joins_late() -> None:
    lookup = Lookup()
    lookup.stages = ["asking Juspay", "waiting 0.3 s, attempt 2 of 3", "using stored balances"]
    async with SingleFlight[str, str]() as single_flight, anyio.create_task_group() as tasks:
        first, late = Caller(single_flight, lookup), Caller(single_flight, lookup)
        tasks.start_soon(first.ask)
        await settled()
        tasks.start_soon(late.ask)
        await settled()
        lookup.may_end.set()
    assert first.told == late.told == list(enumerate(lookup.stages, start=1))


async def test_the_end_of_all_ends_the_lookups_and_passes_an_error_on_as_it_is() -> None:
    """Not in a group: `except WalletsError` around a service must go on to work."""
    lookup = Lookup()
    async with anyio.create_task_group() as tasks:

        async def fail() -> None:
            async with SingleFlight[str, str]() as single_flight:
                tasks.start_soon(Caller(single_flight, lookup).ask)
                await settled()
                raise UpstreamTimeout(1)

        with pytest.raises(UpstreamTimeout):
            await fail()
        tasks.cancel_scope.cancel()
    assert lookup.given_up == 1


async def test_cancelling_the_owner_of_the_single_flight_ends_the_lookups_too() -> None:
    lookup = Lookup()
    holder = anyio.CancelScope()

    async def hold() -> None:
        with holder:
            async with SingleFlight[str, str]() as single_flight:
                await Caller(single_flight, lookup).ask()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
        await settled()
        holder.cancel()
    assert (lookup.begun, lookup.given_up, holder.cancelled_caught) == (1, 1, True)
