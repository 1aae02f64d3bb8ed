"""Paired comparisons of two forms: the same questions, so only the differences count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

Cluster = TypeVar("Cluster")

_RESAMPLES = 10_000
_TAIL = 0.025


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Form A against form B. An interval holds 95% of the bootstrap's resamples."""

    questions: int
    only_a: int
    """Questions that only A has right."""
    only_b: int
    difference: float
    """Right with A minus right with B, in percentage points of all questions."""
    difference_interval: tuple[float, float]
    ratio: float
    """Right with A divided by right with B; infinite if B has none right."""
    ratio_interval: tuple[float, float]


def compare(pairs: Mapping[Cluster, Sequence[tuple[bool, bool]]], seed: int = 0) -> Comparison:
    """Compares A and B, each pair being whether A and B have one question right.

    The questions about one customer aren't independent of each other, so the bootstrap draws customers (the keys),
    with all of their questions, and not single questions.

    Raises:
        ValueError: There is no question.
    """
    clusters = [(len(each), sum(a for a, _ in each), sum(b for _, b in each)) for each in pairs.values() if each]
    if not clusters:
        raise ValueError("no questions to compare")
    random = Random(seed)  # noqa: S311 - it must be repeatable, not secret
    differences, ratios = [], []
    for _ in range(_RESAMPLES):
        difference, ratio = _figures(random.choices(clusters, k=len(clusters)))
        differences.append(difference)
        ratios.append(ratio)
    difference, ratio = _figures(clusters)
    flat = [pair for each in pairs.values() for pair in each]
    return Comparison(
        questions=len(flat),
        only_a=sum(a and not b for a, b in flat),
        only_b=sum(b and not a for a, b in flat),
        difference=difference,
        difference_interval=_interval(differences),
        ratio=ratio,
        ratio_interval=_interval(ratios),
    )


def _figures(clusters: Sequence[tuple[int, int, int]]) -> tuple[float, float]:
    questions, right_a, right_b = (sum(each[place] for each in clusters) for place in range(3))
    return 100 * (right_a - right_b) / questions, right_a / right_b if right_b else float("inf")


def _interval(values: list[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return ordered[int(_TAIL * len(ordered))], ordered[int((1 - _TAIL) * len(ordered)) - 1]
