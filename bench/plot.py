"""The curves as an SVG, for people who would rather look; written by hand, so nothing needs to be installed."""

from collections.abc import Iterator, Mapping
from math import log10

from bench.results import Curve
from bench.rig import FASTMCP, FLOOR, OURS, PLAIN

_COLOURS = {FLOOR: "#8c8c8c", PLAIN: "#c2710c", FASTMCP: "#7a4fb5", OURS: "#0b7285"}
_WIDTH, _HEIGHT, _MARGIN = 300, 200, 48


def as_svg(curves: Mapping[str, Curve]) -> str:
    """One panel for each group of curves, side by side."""
    panels = [part for at, (title, curve) in enumerate(curves.items()) for part in _panel(at, title, curve)]
    width = len(curves) * (_WIDTH + 2 * _MARGIN)
    box = f'viewBox="0 0 {width} {_HEIGHT + 2 * _MARGIN}" font-family="sans-serif" font-size="12"'
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', paper, *panels, "</svg>\n"])


def _panel(at: int, title: str, curve: Curve) -> Iterator[str]:
    """A title, the two axes with their ends, and a line with a name for each subject."""
    points = [point for line in curve.values() for point in line]
    logarithmic = min(x for x, _ in points) > 0 and max(x for x, _ in points) > 100
    across = _Scale([x for x, _ in points], _WIDTH, logarithmic=logarithmic)
    up = _Scale([0, *(y for _, y in points)], _HEIGHT, logarithmic=False)
    left, bottom = at * (_WIDTH + 2 * _MARGIN) + _MARGIN, _HEIGHT + _MARGIN
    yield f'<text x="{left}" y="{_MARGIN - 28}" font-weight="bold">{title}</text>'
    yield f'<path d="M{left} {_MARGIN}V{bottom}h{_WIDTH}" fill="none" stroke="#333333"/>'
    yield f'<text x="{left - 6}" y="{_MARGIN + 4}" text-anchor="end">{up.last:,.3g}</text>'
    yield f'<text x="{left - 6}" y="{bottom}" text-anchor="end">0</text>'
    for x in sorted({x for x, _ in points} if logarithmic else {across.first, across.last}):
        yield f'<text x="{left + across(x):.0f}" y="{bottom + 16}" text-anchor="middle">{x:,g}</text>'
    for number, (name, line) in enumerate(curve.items()):
        path = " ".join(f"{left + across(x):.1f},{bottom - up(y):.1f}" for x, y in line)
        yield f'<polyline points="{path}" fill="none" stroke="{_COLOURS[name]}" stroke-width="2"/>'
        yield f'<text x="{left + 8}" y="{_MARGIN - 8 + 14 * number}" fill="{_COLOURS[name]}">{name}</text>'


class _Scale:
    """Places values on an axis."""

    def __init__(self, values: list[float], length: float, *, logarithmic: bool) -> None:
        self.first, self.last = min(values), max(values)
        self._logarithmic = logarithmic
        self._length = length

    def __call__(self, value: float) -> float:
        """How far from the axis' beginning."""
        place = log10 if self._logarithmic else float
        whole = place(self.last) - place(self.first)
        return self._length * (place(value) - place(self.first)) / whole if whole else 0.0
