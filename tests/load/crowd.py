"""Callers who ask all the time, each about customers of their own, and keep their own count of how it ended."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import httpx2

from juspay_mcp.audit.log import customer_hash
from juspay_mcp.values.customer_id import parse_customer_id
from tests.support.authorization_server import Issuer
from tests.support.faulty_upstream import Fault, Upstream, Wire, fine
from tests.support.http_calls import HEADERS, body
from tests.support.replicas import URL, Rig
from tests.support.trace_collector import Collector

CALLERS: Final = 200
OFFICES: Final = tuple(f"127.0.0.{number}" for number in range(11, 15))
"""Addresses of callers: behind each are fewer than the 100 that `limit_conn` of nginx.conf lets in at one time."""
PAUSE: Final = 1.0
"""Seconds between a caller's calls, on average."""


async def after_a_moment(wire: Wire) -> None:
    """Answers as documented, once it has asked the providers."""
    await anyio.sleep(0.1)
    await fine(wire)


USUAL: Final = Fault(name="load", acts=(after_a_moment,))
"""Of Juspay: nothing is wrong, but it takes a while."""


class Tokens:
    """The current tokens of everybody: half of the callers have a line in a file, the others sign in at an issuer."""

    def __init__(self, file: Path, issuer: Issuer) -> None:
        self.generation = 0
        self._file = file
        self._issuer = issuer
        self._lines: list[str] = []
        self._tokens: list[str] = []
        self.publish()

    def __getitem__(self, number: int) -> str:
        return self._tokens[number]

    @staticmethod
    def name(number: int) -> str:
        """Under which name a caller is in the audit log."""
        return f"oauth:user-{number}" if number % 2 else f"token:caller-{number}"

    def publish(self) -> None:
        """Gives everybody a new token, signed with a new key or listed in a new file; the old ones work too."""
        self.generation += 1
        if self._tokens:
            self._issuer.rotate("ES256", keep=True)
        listed = {number: f"token-{self.generation}-{number}" for number in range(0, CALLERS, 2)}
        lines = [f"caller-{number}:{_sha256(token)}" for number, token in listed.items()]
        self._replace(self._lines + lines)
        self._lines = lines
        self._tokens = [listed.get(number) or self._issuer.token(sub=f"user-{number}") for number in range(CALLERS)]

    def withdraw(self) -> None:
        """Takes back all tokens but the newest, which by now everybody uses."""
        self._issuer.keys = self._issuer.keys[-1:]
        self._replace(self._lines)

    def _replace(self, lines: list[str]) -> None:
        new = self._file.with_suffix(".new")
        new.write_text("\n".join(lines), encoding="ascii")
        new.rename(self._file)


@dataclass
class Crowd:
    """All callers. `ends` says how many calls ended how; `answered` who was answered about whom."""

    rig: Rig[Upstream]
    tokens: Tokens
    ends: Counter[str] = field(default_factory=Counter)
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    crossed: list[object] = field(default_factory=list)
    slowest: float = 0
    _under_way: Counter[int] = field(default_factory=Counter)
    _gone_home: bool = False

    async def call(self, seconds: float) -> None:
        """Lets everybody call for so long, and returns after the last answer."""
        async with anyio.create_task_group() as tasks:
            for number in range(CALLERS):
                tasks.start_soon(self._caller, number)
            await anyio.sleep(seconds)
            self._gone_home = True

    async def has_left(self, generation: int) -> None:
        """Returns when no call with older tokens is under way."""
        while any(number for old, number in self._under_way.items() if old < generation):  # noqa: ASYNC110 - a counter
            await anyio.sleep(0.05)

    async def _caller(self, number: int) -> None:
        pauses = random.Random(number)  # noqa: S311 - they need only differ
        async with self.rig.http(HEADERS, OFFICES[number % len(OFFICES)]) as http:
            await anyio.sleep(pauses.uniform(0, PAUSE))
            for nth in range(1_000_000):
                if self._gone_home:
                    return
                generation = self.tokens.generation
                self._under_way[generation] += 1
                begun = anyio.current_time()
                self.ends[await self._end_of_call(http, number, USUAL.customer(number * 1_000_000 + nth))] += 1
                self.slowest = max(self.slowest, anyio.current_time() - begun)
                self._under_way[generation] -= 1
                await anyio.sleep(pauses.uniform(0, 2 * PAUSE))

    async def _end_of_call(self, http: httpx2.AsyncClient, number: int, customer: str) -> str:
        """`ok`, the code of an error, or how it was lost."""
        try:
            reply = await http.post(
                URL,
                headers={"Authorization": f"Bearer {self.tokens[number]}"},
                content=body(arguments={"customer_id": customer}),
            )
        except httpx2.TransportError as error:
            return f"lost ({type(error).__name__})"
        if reply.status_code != 200:
            return f"lost ({reply.status_code})"
        result = reply.json()["result"]
        if result.get("isError"):
            return str(result["content"][0]["text"]).rpartition("[")[2].rstrip("]")
        answer = result["structuredContent"]
        if answer["total_balance"] != USUAL.total(customer) or answer["customer"] != f"XXXXXX{customer[-4:]}":
            self.crossed.append((customer, answer))
        self.answered[self.tokens.name(number), customer] += 1
        return str("ok" if answer["source"] == "refresh" else answer["source"])


def audited(files: list[Path]) -> list[Mapping[str, Any]]:
    """The lines of audit logs; a line that a full disk has cut short isn't one."""
    lines = []
    for file in files:
        for line in file.read_text(encoding="ascii").splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
    return lines


def as_audited(answered: Counter[tuple[str, str]], key: Any) -> Counter[tuple[str, str]]:
    """What callers were told, as an audit log tells it."""
    return Counter(
        {(caller, customer_hash(parse_customer_id(customer), key)): number
         for (caller, customer), number in answered.items()}
    )  # fmt: skip


def measured(collector: Collector) -> Callable[..., float]:
    """The sum of a metric's points that have these attributes."""
    points = collector.points

    def total(name: str, **attributes: object) -> float:
        return sum(value for each, has, value in points if each == name and attributes.items() <= has.items())

    return total


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
