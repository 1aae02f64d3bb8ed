"""200 callers for a minute, through nginx, on two replicas, while things change or break."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from tests.load.crowd import CALLERS, USUAL, Crowd, Tokens, as_audited, audited, measured
from tests.support.authorization_server import AUDIENCE, Issuer
from tests.support.faulty_upstream import CANARY, Upstream
from tests.support.replicas import VERSIONS, WORKERS, Rig, open_rig
from tests.support.trace_collector import Collector

SECONDS = 60
KEY = SecretStr("0123456789abcdef" * 2)
FULL = 300_000
"""Bytes at which the disk of the second test is full: some hundred lines of an audit log."""


@dataclass
class Load:
    """All that runs."""

    folder: Path
    rig: Rig[Upstream]
    crowd: Crowd
    tokens: Tokens
    collector: Collector

    async def end(self) -> None:
        """Stops the replicas, which send their last metrics."""
        for replica in self.rig.replicas:
            replica.ask_to_stop()
            assert await replica.stopped() == 0

    def expect_every_answer_in_the_audit_log(self) -> None:
        """Each told once, to the one who asked, about the one who was asked about; and nothing else was."""
        lines = [line for line in audited(sorted(self.folder.glob("audit*"))) if line["outcome"] == "ok"]
        logged = Counter((line["caller"], line["customer"]) for line in lines)
        assert logged == as_audited(self.crowd.answered, KEY)

    def expect_the_callers_own_count_in_the_metrics(self) -> None:
        total = measured(self.collector)
        counted = {outcome: total("juspay_mcp.calls", outcome=outcome) for outcome in self.crowd.ends}
        assert counted == self.crowd.ends
        assert total("juspay_mcp.calls") == self.crowd.ends.total()
        assert total("mcp.server.operation.duration", **{"mcp.method.name": "tools/call"}) == self.crowd.ends.total()
        assert total("http.client.request.duration") == sum(self.rig.simulator.requests.values())
        assert total("juspay_mcp.sign_ins.refused") == 0


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@asynccontextmanager
async def open_load(folder: Path, collector: Collector, *prefix: str) -> AsyncIterator[Load]:
    with Issuer() as issuer:
        async with Upstream([USUAL]) as juspay:
            tokens = Tokens(folder / "people", issuer)
            variables = {
                "JUSPAY_API_KEY": f"{CANARY}KEY0123456789",
                "JUSPAY_MCP_TOKENS_FILE": str(folder / "people"),
                "JUSPAY_MCP_OAUTH_ISSUER": issuer.url,
                "JUSPAY_MCP_PUBLIC_URL": AUDIENCE,
                "JUSPAY_MCP_RATE_LIMIT": "100000/hour",
                "JUSPAY_MCP_AUDIT_LOG": str(folder / "audit-%v.jsonl"),
                "JUSPAY_MCP_AUDIT_KEY": KEY.get_secret_value(),
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "OTEL_METRIC_EXPORT_INTERVAL": "2000",
            }
            async with open_rig(folder, juspay, variables, prefix) as rig:
                yield Load(folder, rig, Crowd(rig, tokens), tokens, collector)


async def test_while_replicas_restart_keys_rotate_and_tokens_are_replaced_nothing_is_lost_and_nothing_crossed(
    tmp_path: Path, collector: Collector
) -> None:
    async with open_load(tmp_path, collector) as load:
        rounds = 0

        async def change_everything() -> None:
            nonlocal rounds
            while True:
                for replica in load.rig.replicas:
                    replica.ask_to_stop()
                    load.tokens.publish()
                    await load.crowd.has_left(load.tokens.generation)
                    load.tokens.withdraw()
                    assert await replica.stopped() == 0
                    replica.start()
                    load.tokens.publish()
                    await replica.until_ready()
                    await load.crowd.has_left(load.tokens.generation)
                    load.tokens.withdraw()
                    rounds += 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(change_everything)
            await load.crowd.call(SECONDS)
            tasks.cancel_scope.cancel()
        print(load.crowd.ends, load.crowd.slowest, rounds)  # noqa: T201 - shown if it fails
        for replica in load.rig.replicas:
            await replica.until_ready()
        await load.end()
    assert load.crowd.ends == {"ok": load.crowd.ends.total()}
    assert load.crowd.crossed == []
    assert load.crowd.ends.total() > 10 * CALLERS
    assert rounds >= 2
    load.expect_every_answer_in_the_audit_log()
    load.expect_the_callers_own_count_in_the_metrics()


async def test_while_redis_is_gone_the_collector_hangs_and_the_disk_fills_no_answer_is_lost(
    tmp_path: Path, collector: Collector
) -> None:
    async with open_load(tmp_path, collector, "prlimit", f"--fsize={FULL}", "--") as load:
        filled = 0

        async def make_room() -> None:
            """As people do, some time after the disk has filled."""
            nonlocal filled
            while True:
                enough = load.crowd.ends["audit_unwritable"] + 50
                while load.crowd.ends["audit_unwritable"] < enough:  # noqa: ASYNC110 - a counter
                    await anyio.sleep(0.1)
                filled += 1
                for version in VERSIONS:
                    (tmp_path / f"audit-{version}.jsonl").rename(tmp_path / f"audit-{version}-{filled}.jsonl")

        async def break_the_rest() -> None:
            await anyio.sleep(SECONDS / 6)
            with collector.hold():
                await anyio.sleep(SECONDS / 6)
                load.rig.redis.kill()
                await anyio.sleep(SECONDS / 4)
                load.rig.redis.start()
                await anyio.sleep(SECONDS / 6)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(make_room)
            tasks.start_soon(break_the_rest)
            await load.crowd.call(SECONDS)
            tasks.cancel_scope.cancel()
        print(load.crowd.ends, load.crowd.slowest, filled)  # noqa: T201 - shown if it fails
        await load.end()
    assert load.crowd.ends.keys() == {"ok", "audit_unwritable"}
    assert load.crowd.crossed == []
    assert load.crowd.ends["ok"] > 5 * CALLERS
    assert filled >= 1
    load.expect_every_answer_in_the_audit_log()
    load.expect_the_callers_own_count_in_the_metrics()
    assert collector.held >= 2 * WORKERS
    assert measured(collector)("juspay_mcp.audit.failures") == load.crowd.ends["audit_unwritable"]
    for replica in load.rig.replicas:
        # On a busy machine a worker may have found it too slow another time.
        gone, back = (replica.log.count(f"rate_limit_storage_{state}") for state in ("unavailable", "back"))
        assert min(gone, back) >= WORKERS
