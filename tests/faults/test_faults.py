"""It keeps answering when things go wrong: the server process against an upstream that misbehaves on purpose.

What the upstream does, and what is to come of it, stands in the tables of `tests.support.faulty_upstream`. Everything
here is real: the installed command, pipes, sockets, waits.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import trustme

from tests.support.faulty_upstream import (
    ENVIRON,
    FINE,
    FLOOD,
    GRACE,
    IMPATIENT,
    LEFTOVERS,
    MID_BODY,
    PATIENT,
    Certificates,
    Door,
    Fault,
    Host,
    Manner,
    Reply,
    Stored,
    Upstream,
    keep_silent,
    open_host,
    part,
    replies,
    reset_at_once,
    sends,
    shows,
    speaks,
    stall,
)
from tests.support.processes import CALL, MODERN, Pipes

NEVER = Fault(name="never", acts=(stall,), list_down=stall)
HALF = Fault(name="half", acts=(sends(part(MID_BODY), stall),))
NO_LIST = Fault(name="no list", acts=(replies("500 X"),), list_down=stall)
EVERYTHING = (*PATIENT, *IMPATIENT, *LEFTOVERS, FINE, FLOOD, NEVER, HALF, NO_LIST)
NUMBERS = count(1)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the module, so that tests can share a process."""
    return "asyncio"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A server process that several tests share, and its upstream."""

    host: Host
    upstream: Upstream


@asynccontextmanager
async def set_up(**variables: str) -> AsyncIterator[Bench]:
    """A bench; at its end, the process must end well, without one stray or leaking line, or a look elsewhere."""
    async with (
        Upstream([]) as elsewhere,
        Upstream(EVERYTHING, elsewhere.url) as upstream,
        open_host(upstream.url, **variables) as host,
    ):
        yield Bench(host=host, upstream=upstream)
        assert await host.finish() == 0
        assert (host.strays, host.leaks, host.crossed, elsewhere.connections) == ([], [], 0, 0)
        assert (upstream.reused, upstream.kept_alive) == (0, 0)


@pytest.fixture(scope="module")
async def patient() -> AsyncIterator[Bench]:
    """A process that gives a call twenty seconds, and says on stderr all it can."""
    variables = {"JUSPAY_TIMEOUT_SECONDS": "20", "JUSPAY_MAX_CONNECTIONS": "64", "JUSPAY_MCP_LOG_LEVEL": "DEBUG"}
    async with set_up(**variables) as bench:
        yield bench


@pytest.fixture(scope="module")
async def impatient() -> AsyncIterator[Bench]:
    """A process that gives a call one second."""
    async with set_up(JUSPAY_TIMEOUT_SECONDS="1", JUSPAY_MAX_CONNECTIONS="64") as bench:
        yield bench


# Faults of replies


@dataclass(frozen=True, kw_only=True)
class Met:
    """A call that met a fault, and the call after it."""

    fault: Fault
    customer: str
    reply: Reply
    next: Reply
    next_customer: str


async def meet(host: Host, fault: Fault, stored: Stored) -> Met:
    customer, next_customer = fault.customer(next(NUMBERS), stored), FINE.customer(next(NUMBERS))
    return Met(
        fault=fault,
        customer=customer,
        reply=await host.call(customer),
        next=await host.call(next_customer),
        next_customer=next_customer,
    )


def both_ways(faults: Iterable[Fault]) -> list[tuple[Fault, Stored]]:
    """Each fault with the stored balances at hand; where they are asked for, also without."""
    stored: tuple[Stored, ...] = ("up", "down")
    return [(fault, each) for fault in faults for each in stored if fault.falls_back or each == "up"]


def check(met: Met, upstream: Upstream, bound: float) -> None:
    """Holds a call and the one after it against the table."""
    fault, customer = met.fault, met.customer
    assert (met.reply.kind, met.reply.result.get("total_balance")) == (fault.kind(customer), fault.total(customer))
    check_words(fault, met.reply)
    assert upstream.requests[customer, "refresh"] == fault.refreshes
    assert upstream.requests[customer, "list"] == int(fault.falls_back)
    assert (met.next.kind, met.next.result.get("total_balance")) == ("refresh", FINE.total(met.next_customer))
    assert max(met.reply.seconds, met.next.seconds) <= bound


def check_words(fault: Fault, reply: Reply) -> None:
    """What a person or a model reads: an error's text, or how old the figures are."""
    told = ["asking Juspay"] + ["waiting"] * (fault.refreshes - 1) + ["using stored balances"] * fault.falls_back
    assert [stage.partition(" ")[0] for stage in reply.stages] == [
        stage.partition(" ")[0] for stage in told[: len(reply.stages)]
    ]
    if not reply.result:
        assert reply.message["result"]["isError"] is True
        assert fault.says in reply.text
        return
    assert {key: reply.result.get(key) for key in fault.facts} == fault.facts
    old = reply.kind == "last_known"
    assert ("not refreshed" in reply.result["summary"].lower()) is old
    assert any(notice.startswith("The refresh failed") for notice in reply.result.get("notices", [])) is old
    assert any(wallet["freshness"] == "live" for wallet in reply.result["wallets"]) is not old or fault.facts


async def test_every_fault_ends_as_the_table_says_and_the_next_call_is_right(
    patient: Bench, subtests: pytest.Subtests
) -> None:
    """All at once over one pipe."""
    everything = await asyncio.gather(*(meet(patient.host, fault, stored) for fault, stored in both_ways(PATIENT)))
    for met in everything:
        with subtests.test(met.customer):
            check(met, patient.upstream, 20 + GRACE)


async def test_what_is_left_on_a_connection_is_never_the_answer_to_the_next_call(
    patient: Bench, subtests: pytest.Subtests
) -> None:
    """One call after the other, so that the next one would find what the last one left."""
    everything = [await meet(patient.host, fault, "up") for fault in LEFTOVERS]
    for met in everything:
        with subtests.test(met.customer):
            check(met, patient.upstream, 20 + GRACE)


async def test_no_fault_lasts_longer_than_the_budget_and_the_next_call_is_right(
    impatient: Bench, subtests: pytest.Subtests
) -> None:
    everything = await asyncio.gather(
        *(meet(impatient.host, fault, stored) for fault, stored in both_ways(IMPATIENT))
    )
    for met in everything:
        with subtests.test(met.customer):
            check(met, impatient.upstream, 1 + GRACE)


async def test_a_flood_is_abandoned_in_time_and_delays_no_other_call(impatient: Bench) -> None:
    host, upstream = impatient.host, impatient.upstream
    customer, others = FLOOD.customer(next(NUMBERS)), [FINE.customer(next(NUMBERS)) for _ in range(8)]
    flooded = host.ask(customer)
    await upstream.until(lambda: upstream.requests[customer, "refresh"] > 0)
    for each in others:
        reply = await host.call(each)
        assert (reply.kind, reply.seconds <= GRACE) == ("refresh", True)
    reply = await flooded.reply()
    assert (reply.kind, reply.seconds <= 1 + GRACE) == ("last_known", True)


# Faults before any request


@dataclass(frozen=True, kw_only=True)
class Reception:
    """How connections are received, and what a call makes of it.

    `connections` is how many it makes, the one for the list included; None where chance or the system decides.
    """

    name: str
    manner: Manner
    says: str
    code: str = "upstream_unavailable"
    connections: int | None = None


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port, how it receives one call after the other, and their budget in seconds."""

    scheme: str
    budget: int
    receptions: tuple[Reception, ...]


UNVERIFIED, BROKE = "its TLS certificate could not be verified", "the connection broke"
PORTS = (
    Port(
        scheme="http",
        budget=3,
        receptions=(
            Reception(name="refused", manner="closed", says="the connection was refused"),
            Reception(name="reset on accept", manner=reset_at_once, says=BROKE, connections=3 + 1),
        ),
    ),
    Port(
        scheme="http",
        budget=1,
        receptions=(Reception(name="never accepted", manner="crowded", says="within 1 s", code="upstream_timeout"),),
    ),
    Port(
        scheme="https",
        budget=1,
        receptions=(
            Reception(name="an unknown authority", manner=shows("unknown"), says=UNVERIFIED, connections=1 + 1),
            Reception(name="another host's certificate", manner=shows("other"), says=UNVERIFIED, connections=1 + 1),
            Reception(name="an expired certificate", manner=shows("expired"), says=UNVERIFIED, connections=1 + 1),
            Reception(name="no TLS at all", manner=speaks(b"HTTP/1.1 400 X\r\n\r\n"), says="no TLS connection"),
            Reception(name="hangs up in the handshake", manner=speaks(b"\x16\x03\x03"), says=BROKE),
            Reception(name="never shakes hands", manner=keep_silent, says="within 1 s", code="upstream_timeout"),
            Reception(name="silent over TLS", manner=shows("right"), says="within 1 s", code="upstream_timeout"),
        ),
    ),
)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Certificates by what is wrong with them; `authorities.pem` in the same folder trusts all but the unknown."""
    trusted, yesterday = trustme.CA(), datetime.now(UTC) - timedelta(days=1)
    trusted.cert_pem.write_to_path(str(tmp_path / "authorities.pem"))
    made = {
        "right": trusted.issue_cert("127.0.0.1"),
        "unknown": trustme.CA().issue_cert("127.0.0.1"),
        "other": trusted.issue_cert("juspay.example"),
        "expired": trusted.issue_cert("127.0.0.1", not_after=yesterday),
    }
    contexts = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in made}
    for name, certificate in made.items():
        certificate.configure_cert(contexts[name])
    return contexts


@dataclass(frozen=True, kw_only=True)
class Received:
    """A call that was received so, after how many connections it ended, and the call after it."""

    reception: Reception
    reply: Reply
    connections: int
    next: Reply


async def receive(port: Port, certificates: Certificates, tmp_path: Path) -> list[Received]:
    """Calls at a port, each followed by one that is received as it should be."""
    received = []
    variables = {"JUSPAY_TIMEOUT_SECONDS": str(port.budget), "SSL_CERT_FILE": str(tmp_path / "authorities.pem")}
    async with (
        Upstream([FINE]) as upstream,
        Door(upstream, port.scheme, certificates) as door,
        open_host(door.url, **variables) as host,
    ):
        for reception in port.receptions:
            before = door.connections
            await door.receive(reception.manner)
            reply = await host.call(FINE.customer(next(NUMBERS)))
            connections = door.connections - before
            await door.receive("well")
            after = await host.call(FINE.customer(next(NUMBERS)))
            received.append(Received(reception=reception, reply=reply, connections=connections, next=after))
        assert await host.finish() == 0
        assert (host.strays, host.leaks) == ([], [])
    return received


async def test_a_port_that_accepts_no_request_is_an_error_in_time_and_the_next_call_is_right(
    certificates: Certificates, subtests: pytest.Subtests, tmp_path: Path
) -> None:
    received = await asyncio.gather(*(receive(port, certificates, tmp_path) for port in PORTS))
    for port, calls in zip(PORTS, received, strict=True):
        for call in calls:
            with subtests.test(call.reception.name):
                check_reception(call, port.budget + GRACE)


def check_reception(call: Received, bound: float) -> None:
    reception = call.reception
    assert (call.reply.kind, call.next.kind) == (reception.code, "refresh")
    assert reception.says in call.reply.text
    assert reception.connections in {None, call.connections}
    assert max(call.reply.seconds, call.next.seconds) <= bound


async def test_a_host_name_that_does_not_exist_is_an_answer_in_time() -> None:
    async with open_host("https://juspay.invalid", JUSPAY_TIMEOUT_SECONDS="5") as host:
        reply = await host.call(FINE.customer(0))
        assert await host.finish() == 0
    assert reply.kind == "upstream_unavailable"
    assert "its host name could not be resolved (DNS)" in reply.text
    assert reply.seconds <= 5 + GRACE
    assert (host.strays, host.leaks) == ([], [])


# Clients that give up, and servers that are told to end


@pytest.mark.parametrize("fault", [NEVER, HALF, NO_LIST], ids=lambda fault: fault.name)
async def test_a_cancelled_call_ends_its_request_within_a_second(fault: Fault, patient: Bench) -> None:
    host, upstream = patient.host, patient.upstream
    customer = fault.customer(next(NUMBERS), "down")
    call = host.ask(customer)
    await upstream.until(lambda: upstream.stalled(customer))
    host.cancel(call)
    await upstream.until(lambda: customer in upstream.gone, 1)
    assert (await host.call(FINE.customer(next(NUMBERS)))).kind == "refresh"


async def test_a_client_that_is_killed_leaves_no_process_and_no_connection() -> None:
    """Then all pipes break at once, stderr too."""
    customer = NEVER.customer(next(NUMBERS), "down")
    call = {"_meta": MODERN, **CALL, "arguments": {"customer_id": customer}}
    async with Upstream([NEVER]) as upstream:
        pipes = Pipes({**ENVIRON, "JUSPAY_BASE_URL": upstream.url, "JUSPAY_TIMEOUT_SECONDS": "1"})
        try:
            pipes.send({"id": 1, "method": "tools/call", "params": call})
            await upstream.until(lambda: upstream.stalled(customer))
            pipes.hang_up()
            await upstream.until(lambda: not upstream.open, 1)
            assert await asyncio.to_thread(pipes.process.wait, 5) == 0
        finally:
            pipes.kill()
