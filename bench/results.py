"""What was measured: each figure's samples, by subject and round, and the goal they are held against."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from bench.rig import OURS

Samples = Mapping[str, Sequence[float]]
"""By subject, one for each round."""
Curve = Mapping[str, Sequence[tuple[float, float]]]
"""By subject, the points of a line."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A bound for this server's figure, or for its ratio to the same round's of another: `of`."""

    at_most: float | None = None
    at_least: float | None = None
    of: str | None = None
    fails: bool = False
    """Whether a miss is an error: only where no slow machine can be to blame."""

    @override
    def __str__(self) -> str:
        bound = f"≤ {self.at_most:,g}" if self.at_most is not None else f"≥ {self.at_least:,g}"
        return f"{bound} x {self.of}" if self.of else bound

    def allows(self, value: float) -> bool:
        """Whether the goal is met."""
        return value <= self.at_most if self.at_most is not None else value >= (self.at_least or 0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure."""

    name: str
    unit: str
    samples: Samples
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios to what the goal compares with."""
        if self.goal is None or self.goal.of is None or self.goal.of not in self.samples:
            return None
        pairs = zip(self.samples[OURS], self.samples[self.goal.of], strict=True)
        return statistics.median(ours / other for ours, other in pairs)

    @property
    def holds(self) -> bool | None:
        """Whether the goal is met; None where there is none, or nothing to compare with."""
        if self.goal is None or OURS not in self.samples:
            return None
        value = self.ratio if self.goal.of else statistics.median(self.samples[OURS])
        return None if value is None else self.goal.allows(value)


@dataclass(frozen=True, kw_only=True)
class Report:
    """All figures of one run."""

    rows: list[Row] = field(default_factory=list)
    curves: dict[str, Curve] = field(default_factory=dict)

    @property
    def broken(self) -> list[Row]:
        """What was missed that no slow machine can be blamed for."""
        return [row for row in self.rows if row.goal and row.goal.fails and row.holds is False]


def spread(values: Sequence[float]) -> float:
    """Half of what lies between the first and the last quarter of the values."""
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many of a hundred are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
