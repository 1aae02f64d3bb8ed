import tracemalloc
from math import ceil

import pytest

from juspay_mcp.errors import RateLimited
from juspay_mcp.service.rate_limit import CallLimiter
from tests.support.common import Clock


async def admitted(limiter: CallLimiter, *callers: str) -> list[bool]:
    """For each call in turn, whether it was let through."""
    outcomes = []
    for caller in callers:
        try:
            await limiter.admit(caller)
        except RateLimited:
            outcomes.append(False)
        else:
            outcomes.append(True)
    return outcomes


async def test_calls_up_to_the_limit_are_admitted() -> None:
    assert await admitted(CallLimiter("3/hour"), *["stdio"] * 5) == [True] * 3 + [False] * 2


async def test_each_caller_has_a_limit_of_its_own() -> None:
    assert await admitted(CallLimiter("1/hour"), "jane", "joe", "jane", "joe") == [True, True, False, False]


async def test_each_limiter_counts_for_itself() -> None:
    assert await admitted(CallLimiter("1/hour"), "jane") + await admitted(CallLimiter("1/hour"), "jane") == [
        True,
        True,
    ]


async def test_without_a_limit_everything_is_admitted() -> None:
    assert await admitted(CallLimiter(None), *["stdio"] * 500) == [True] * 500


async def seconds_to_wait(limiter: CallLimiter, caller: str = "stdio") -> int:
    with pytest.raises(RateLimited) as caught:
        await limiter.admit(caller)
    return caught.value.seconds


@pytest.mark.parametrize(("limit", "window"), [("3/second", 1), ("3/minute", 60), ("3/hour", 3_600)])
@pytest.mark.parametrize("waited", [0, 0.25, 0.5])
async def test_a_caller_gets_in_again_after_the_seconds_it_was_told_however_often_it_tries(
    limit: str, window: int, waited: float
) -> None:
    clock = Clock()
    limiter = CallLimiter(limit, clock)
    assert await admitted(limiter, *["stdio"] * 3) == [True] * 3
    clock.seconds += waited * window
    told = await seconds_to_wait(limiter)
    assert told == ceil(window - waited * window)
    for _ in range(100):
        assert await seconds_to_wait(limiter) == told
    clock.seconds += told
    assert await admitted(limiter, *["stdio"] * 4) == [True] * 3 + [False]


async def test_the_window_moves_with_each_call() -> None:
    clock = Clock()
    limiter = CallLimiter("2/minute", clock)
    for _ in range(2):
        await limiter.admit("stdio")
        clock.seconds += 40
    assert await admitted(limiter, "stdio", "stdio") == [True, False]
    assert await seconds_to_wait(limiter) == 20


def test_retry_advice_is_never_zero_seconds() -> None:
    assert "Try again in 1 second." in str(RateLimited(0))


async def test_callers_whose_window_has_passed_take_no_memory() -> None:
    clock = Clock()
    limiter = CallLimiter("2/minute", clock)
    await limiter.admit("jane")
    tracemalloc.start()
    for number in range(100_000):
        clock.seconds += 1
        await limiter.admit(f"caller {number}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000  # those of one minute: 60 take some 60 KB
