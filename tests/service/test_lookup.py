"""A refresh, and if it fails what Juspay had stored: all within one budget, and never one sold as the other."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import anyio
import httpx2
import pytest
from typing_extensions import override

from juspay_mcp.answer.model import Answer
from juspay_mcp.answer.text import text_of
from juspay_mcp.errors import WalletsError
from juspay_mcp.juspay.retries import Retries
from juspay_mcp.server.tool import NAME
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.load import load_settings
from juspay_mcp.values.caller import CLI
from juspay_mcp.values.customer_id import parse_customer_id
from tests.support.common import NOW, no_wait

CUSTOMER = parse_customer_id("cth_eN4e4kR12CJV")
TRACE = "9f86d081884c7d659a2feaa0c55ad015"
ENVIRON = {"JUSPAY_API_KEY": "key", "JUSPAY_MERCHANT_ID": "acme"}
Reply = httpx2.Response | Exception | float
"""What a request comes to: a reply, an error of the connection, or so many seconds without either."""


def reply(
    status: int, *, json: Any = None, text: str = "", headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    """A reply as it comes over a connection: not read yet."""

    async def body() -> AsyncIterator[bytes]:
        yield httpx2.Response(200, json=json).content if json is not None else text.encode()

    return httpx2.Response(status, headers=headers, content=body())


def wallets(balance: str, last_refreshed: str) -> httpx2.Response:
    wallet = {"wallet": "PAYTM", "linked": True, "current_balance": balance, "last_refreshed": last_refreshed}
    return reply(200, json={"list": [wallet]})


def stored() -> httpx2.Response:
    return wallets("90", "2026-11-23T09:29:00Z")


class Juspay(httpx2.AsyncBaseTransport):
    """Answers a refresh, and the list of stored balances, each with the next of its replies."""

    def __init__(self, refresh: list[Reply], listed: list[Reply]) -> None:
        self._replies = {"refresh-balances": refresh, "wallets": listed}
        self.asked: list[str] = []

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        endpoint = request.url.path.rpartition("/")[2]
        self.asked.append(endpoint)
        following = self._replies[endpoint].pop(0)
        await anyio.sleep(0.001)  # as every connection takes a moment, in which others have their turn
        if isinstance(following, float):
            await anyio.sleep(following)
            pytest.fail("nobody should have waited so long")
        if isinstance(following, Exception):
            raise following
        return following


async def ask(
    juspay: Juspay, told: list[tuple[int, str]] | None = None, now: datetime = NOW, **variables: str
) -> Answer:
    async def report(number: int, stage: str) -> None:
        if told is not None:
            told.append((number, stage))

    retries = Retries(sleep=no_wait, draw=lambda: 0.5)
    settings = load_settings(ENVIRON | variables)
    async with open_service(settings, clock=lambda: now, transport=juspay, retries=retries) as service:
        return await service.answer(CUSTOMER, CLI, NAME, report)


BROKEN = httpx2.ReadError("")
FALLS_BACK: dict[str, list[Callable[[], Reply]]] = {
    "connections that break": [lambda: BROKEN] * 3,
    "503": [lambda: reply(503)] * 3,
    "408": [lambda: reply(408)] * 3,
    "425": [lambda: reply(425)] * 3,
    "500": [lambda: reply(500)],
    "429 that names no time": [lambda: reply(429)],
    "429 that asks for more than is left": [lambda: reply(429, headers={"Retry-After": "60"})],
    "429 again and again": [lambda: reply(429, headers={"Retry-After": "0"})] * 3,
    "no JSON": [lambda: reply(200, text="<html>")],
    "another shape": [lambda: reply(200, json=[])],
    "an error told with 200": [lambda: reply(200, json={"list": [], "error": True})],
    "too slow": [lambda: 9.0],
}


@pytest.mark.parametrize("name", FALLS_BACK)
async def test_when_the_refresh_fails_the_stored_balances_are_called_stored(name: str) -> None:
    failures = [make() for make in FALLS_BACK[name]]
    juspay = Juspay(failures, [stored()])
    answer = await ask(juspay, JUSPAY_TIMEOUT_SECONDS="1")
    assert (answer.source, answer.total_balance) == ("last_known", "90.00")
    assert answer.notices == [
        "The refresh failed, so these balances may have changed since; ask again in a few minutes."
    ]
    tries = len(FALLS_BACK[name])
    assert juspay.asked == ["refresh-balances"] * tries + ["wallets"]


@pytest.mark.parametrize(
    ("last_refreshed", "age", "freshness"),
    [
        ("2026-11-23T09:25:00Z", "just refreshed", "live"),
        ("2026-11-23T09:24:59.900Z", "5 minutes old", "stale"),
        ("2026-11-23T08:30:00.900Z", "1 hour old", "stale"),
        ("2026-11-23T09:35:00.900Z", "just refreshed", "live"),
        ("2026-11-23T09:35:01Z", "of unknown age", "unknown"),
    ],
)
async def test_whatever_the_fractions_of_seconds_all_of_an_answer_says_one_age(
    last_refreshed: str, age: str, freshness: str
) -> None:
    answer = await ask(Juspay([wallets("90", last_refreshed)], []), now=NOW + timedelta(seconds=0.4))
    [wallet] = answer.model_dump()["wallets"]
    line = text_of(answer).splitlines()[2]
    ages = [re.findall("just refreshed|[0-9]+ [a-z]+ old|of unknown age", said) for said in (answer.summary, line)]
    assert (ages, wallet["freshness"]) == ([[age], [age]], freshness)


STANDS: dict[str, tuple[Callable[[], Reply], str]] = {
    "an unknown customer": (lambda: reply(400, json={"error_code": "null_error"}), "customer_not_found"),
    "a wrong key": (lambda: reply(401), "authentication_failed"),
    "a blocked IP address": (lambda: reply(403), "access_denied"),
    "a redirect": (lambda: reply(302, headers={"Location": "https://elsewhere.invalid"}), "request_rejected"),
    "another refusal": (lambda: reply(422), "request_rejected"),
}


@pytest.mark.parametrize("name", STANDS)
async def test_errors_that_stored_balances_would_not_help_are_returned_at_once(name: str) -> None:
    make, code = STANDS[name]
    juspay = Juspay([make()], [])
    with pytest.raises(WalletsError) as caught:
        await ask(juspay)
    assert (caught.value.code, juspay.asked) == (code, ["refresh-balances"])


FAILS_TOO: dict[str, Callable[[], Reply]] = {
    "refused": lambda: httpx2.ConnectError(""),
    "503": lambda: reply(503),
    "401": lambda: reply(401),
    "no JSON": lambda: reply(200, text="?"),
    "too slow": lambda: 9.0,
}


@pytest.mark.parametrize("name", FAILS_TOO)
async def test_if_the_stored_balances_fail_too_the_error_is_the_refreshs(name: str) -> None:
    juspay = Juspay([reply(500, headers={"x-request-id": TRACE})], [FAILS_TOO[name]()])
    with pytest.raises(WalletsError) as caught:
        await ask(juspay, JUSPAY_TIMEOUT_SECONDS="1")
    assert str(caught.value) == (
        "Juspay is unavailable: it answered HTTP 500. Try again in a few minutes. "
        f"Juspay's request id: {TRACE}. [upstream_unavailable]"
    )
    assert juspay.asked == ["refresh-balances", "wallets"]
    assert caught.value.__cause__ is None


async def test_a_slow_refresh_gets_four_fifths_of_the_budget_and_the_stored_balances_the_rest() -> None:
    begun = anyio.current_time()
    with pytest.raises(WalletsError) as caught:
        await ask(Juspay([9.0], [9.0]), JUSPAY_TIMEOUT_SECONDS="1")
    took = anyio.current_time() - begun
    assert caught.value.code == "upstream_timeout"
    assert 1.0 <= took < 2
    begun = anyio.current_time()
    await ask(Juspay([9.0], [stored()]), JUSPAY_TIMEOUT_SECONDS="1")
    assert 0.8 <= anyio.current_time() - begun < 2


async def test_a_caller_who_asks_is_told_what_is_happening() -> None:
    told: list[tuple[int, str]] = []
    await ask(Juspay([BROKEN, reply(503), reply(500)], [stored()]), told)
    assert told == [
        (1, "asking Juspay"),
        (2, "waiting 0.2 s, attempt 2 of 3"),
        (3, "waiting 0.5 s, attempt 3 of 3"),
        (4, "using stored balances"),
    ]


async def test_a_refresh_that_recovers_is_a_refresh() -> None:
    juspay = Juspay([BROKEN, reply(502), wallets("1", "2026-11-23T09:30:00Z")], [])
    answer = await ask(juspay)
    assert (answer.source, answer.total_balance, juspay.asked) == ("refresh", "1.00", ["refresh-balances"] * 3)


async def test_nothing_is_asked_without_credentials() -> None:
    juspay = Juspay([], [])
    with pytest.raises(WalletsError) as caught:
        await ask(juspay, JUSPAY_API_KEY="")
    assert (caught.value.code, juspay.asked) == ("not_configured", [])


async def test_a_lookup_keeps_its_connection_through_retries_and_the_stored_balances() -> None:
    """With one for all, another lookup's first request comes after its last one."""
    juspay = Juspay([reply(503), reply(503), reply(503), wallets("1", "2026-11-23T09:30:00Z")], [stored()])
    settings = load_settings({**ENVIRON, "JUSPAY_MAX_CONNECTIONS": "1"})
    retries = Retries(sleep=no_wait, draw=lambda: 0.5)
    async with (
        open_service(settings, clock=lambda: NOW, transport=juspay, retries=retries) as service,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(service.answer, CUSTOMER, CLI, NAME)
        tasks.start_soon(service.answer, parse_customer_id("cth_another"), CLI, NAME)
    assert juspay.asked == ["refresh-balances"] * 3 + ["wallets", "refresh-balances"]


async def test_after_a_wait_for_a_connection_a_call_still_takes_no_longer_than_its_budget() -> None:
    settings = load_settings({**ENVIRON, "JUSPAY_MAX_CONNECTIONS": "1", "JUSPAY_TIMEOUT_SECONDS": "1"})
    async with (
        open_service(settings, clock=lambda: NOW, transport=Juspay([9.0, 9.0], [9.0])) as service,
        anyio.create_task_group() as tasks,
    ):

        async def give_up_soon() -> None:
            with anyio.move_on_after(0.4):
                await service.answer(parse_customer_id("cth_another"), CLI, "wallets")

        tasks.start_soon(give_up_soon)
        await anyio.sleep(0.01)
        begun = anyio.current_time()
        with pytest.raises(WalletsError) as caught:
            await service.answer(CUSTOMER, CLI, "wallets")
    assert caught.value.code == "upstream_timeout"
    assert 1.0 <= anyio.current_time() - begun < 1.25
