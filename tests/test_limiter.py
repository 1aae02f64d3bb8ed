import anyio
import pytest

from juspay_mcp.errors import RateLimited
from juspay_mcp.limiter import CallLimiter


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


@pytest.mark.parametrize(
    ("limit", "waits"),
    [("1/second", range(1, 2)), ("1/minute", range(50, 61)), ("1/hour", range(3590, 3601))],
)
async def test_a_refused_caller_is_told_how_long_to_wait(limit: str, waits: range) -> None:
    limiter = CallLimiter(limit)
    await limiter.admit("stdio")
    with pytest.raises(RateLimited) as caught:
        await limiter.admit("stdio")
    assert caught.value.seconds in waits


def test_nobody_is_told_to_try_again_in_no_time() -> None:
    assert "Try again in 1 second." in str(RateLimited(0))


async def test_a_refused_call_counts_for_nothing() -> None:
    limiter = CallLimiter("1/hour")
    await limiter.admit("stdio")
    waits = set()
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            await limiter.admit("stdio")
        waits.add(caught.value.seconds)
    assert waits <= {3599, 3600}


async def test_a_first_call_is_counted_when_it_comes_and_not_when_the_next_one_does() -> None:
    limiter = CallLimiter("1/second")
    assert await admitted(limiter, "stdio") == [True]
    await anyio.sleep(1.1)
    assert await admitted(limiter, "stdio", "stdio") == [True, False]
