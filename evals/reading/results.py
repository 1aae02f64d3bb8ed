"""The results of a run: one JSON object a line, and the tables made from them."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

from evals.reading.customers import FORMS, Form
from evals.reading.pairs import Comparison, compare
from evals.reading.questions import KINDS, Kind


@dataclass(frozen=True, kw_only=True)
class Result:
    """One reply. `form_tokens` and `form_bytes` are the size of the answer that was read, without the prompt."""

    model: str
    seed: int
    customer: int
    kind: Kind
    form: Form
    asked: str
    truth: str
    reply: str
    right: bool
    form_bytes: int
    form_tokens: int | None
    prompt_tokens: int | None

    def as_line(self) -> str:
        """The result as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"


def read_results(files: Iterable[Path]) -> list[Result]:
    """The results in these files."""
    return [
        Result(**json.loads(line)) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line
    ]


def as_markdown(results: Sequence[Result]) -> str:
    """Right replies by form and kind, the sizes of the forms, and the paired comparisons.

    Raises:
        ValueError: There are no results, or a question wasn't asked of every form.
    """
    return "\n".join([*_right(results), "", *_sizes(results), "", *_comparisons(results)])


def _right(results: Sequence[Result]) -> Iterator[str]:
    yield f"| question | {' | '.join(FORMS)} | of |"
    yield f"|---{'|---:' * (len(FORMS) + 1)}|"
    for kind in (*KINDS, "all"):
        asked = [result for result in results if kind in {result.kind, "all"}]
        if asked:
            right = [sum(each.right for each in asked if each.form == form) for form in FORMS]
            yield f"| {kind} | {' | '.join(map(str, right))} | {len(asked) // len(FORMS)} |"


def _sizes(results: Sequence[Result]) -> Iterator[str]:
    yield f"| mean size | {' | '.join(FORMS)} |"
    yield f"|---{'|---:' * len(FORMS)}|"
    sizes: dict[str, Callable[[Result], int | None]] = {
        "tokens": lambda result: result.form_tokens,
        "bytes": lambda result: result.form_bytes,
        "tokens of the whole prompt": lambda result: result.prompt_tokens,
    }
    for name, size in sizes.items():
        columns = [[size(each) for each in results if each.form == form] for form in FORMS]
        known = [[each for each in column if each is not None] for column in columns]
        yield f"| {name} | {' | '.join(f'{mean(column):.0f}' if column else 'not told' for column in known)} |"


def _comparisons(results: Sequence[Result]) -> Iterator[str]:
    yield "| compared | right | only the first | only the second | difference, points | ratio |"
    yield "|---|---:|---:|---:|---:|---:|"
    for first, second in (("text", "json"), ("text", "raw"), ("json", "raw")):
        found = _compare(results, first, second)
        (low, high), (least, most) = found.difference_interval, found.ratio_interval
        right = [sum(each.right for each in results if each.form == form) for form in (first, second)]
        difference = f"{found.difference:+.1f} ({low:+.1f} to {high:+.1f})"
        ratio = f"{found.ratio:.2f} ({least:.2f} to {most:.2f})"
        counts = f"{right[0]} to {right[1]} | {found.only_a} | {found.only_b}"
        yield f"| {first} to {second} | {counts} | {difference} | {ratio} |"


def _compare(results: Sequence[Result], first: str, second: str) -> Comparison:
    by_form = {
        form: {(each.seed, each.customer, each.kind): each.right for each in results if each.form == form}
        for form in (first, second)
    }
    if by_form[first].keys() != by_form[second].keys():
        raise ValueError(f"{first} and {second} were asked different questions")
    pairs: dict[tuple[int, int], list[tuple[bool, bool]]] = {}
    for (seed, customer, kind), right in by_form[first].items():
        pairs.setdefault((seed, customer), []).append((right, by_form[second][seed, customer, kind]))
    return compare(pairs)
