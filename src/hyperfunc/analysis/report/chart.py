"""The figures of the report, as inline SVG: they take their colors from the page and need no script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from . import text
from .data import Outcome, Step
from .markup import Markup, el, join
from .trend import SMOOTH, steady, trend

__all__ = ["Axis", "gain_figure", "history_figure", "milestones", "range_figure"]

MAX_MILESTONES = 9
NEAR = 150.0
"""Labels closer than this are stacked."""
_FINEST = 1e-9
"""Of a margin: no score is told apart more finely, and the smallest floats have no logarithm left."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear map from values in [low, high] to positions in [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, about: int) -> list[float]:
        """Round values inside of the axis, roughly as many as asked for."""
        raw = (self.high - self.low) / about
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float) -> Axis:
        """An axis that shows all values; scores in [0, 1] get exactly that range."""
        low, high = min(values), max(values)
        if low >= 0 and high <= 1:
            return cls(0.0, 1.0, start, end)
        size = max(abs(low), abs(high))
        # Values that differ in their last digits alone are shown as equal.
        margin = (high - low) * 0.08 if high - low > size * 1e-6 else size * 0.1 or 1.0
        margin = max(margin, _FINEST)
        return cls(low - margin, high + margin, start, end)


def gain_figure(outcome: Outcome, winner: str) -> Markup | None:
    """Start and winner on one scale, with the interval of the gain around the second.

    Args:
        outcome: what was measured.
        winner: what to call the values that the search preferred.
    """
    start, best, gain = outcome.score_start, outcome.score_best, outcome.gain
    if start is None or best is None:
        return None
    ends = [start + gain.low, start + gain.high] if gain else []
    x = Axis.around([start, best, *ends], 14, 706)
    if (x.low, x.high) == (0.0, 1.0):
        ends = [min(max(end, 0.0), 1.0) for end in ends]
    near = abs(x(start) - x(best)) < NEAR
    return el(
        "svg",
        el("title", f"From {text.score(start)} at the start to {text.score(best)}"),
        el("line", x1=14, x2=706, y1=52, y2=52, class_="axis"),
        *[_tick(x(value), value, 52) for value in x.ticks(5)],
        el("line", x1=x(start), x2=x(best), y1=52, y2=52, class_="travel"),
        el("line", x1=x(ends[0]), x2=x(ends[1]), y1=52, y2=52, class_="interval") if ends else None,
        el("circle", cx=x(start), cy=52, r=7, class_="was"),
        el("circle", cx=x(best), cy=52, r=9, class_="is"),
        _label(x(start), 30, "start", start, "was"),
        _label(x(best), 12 if near else 30, winner, best, "is"),
        viewBox="0 0 720 84",
        role="img",
        class_="figure",
    )


def _tick(x: float, value: float, y: float) -> Markup:
    return join(
        el("line", x1=x, x2=x, y1=y + 4, y2=y + 9, class_="axis"),
        el("text", f"{value:.4g}".replace("-", text.MINUS), x=x, y=y + 24, class_="tick middle"),
    )


def _label(x: float, y: float, word: str, value: float, class_: str) -> Markup:
    """Centered over its place, or flush where it would leave the figure."""
    anchor = "start" if x < 60 else "end" if x > 660 else "middle"
    number = el("tspan", text.score(value), class_="number")
    return el("text", f"{word} ", number, x=x, y=y, class_=f"{class_} {anchor}")


def milestones(steps: Sequence[Step]) -> list[Step]:
    """The steps that raised a steady incumbent most, in the order they happened."""
    if not steady([step.incumbent for step in steps]):
        return []
    known = [step for step in steps if step.incumbent is not None]
    rises = [
        (after.incumbent - before.incumbent, after)
        for before, after in pairwise(known)
        if before.incumbent is not None and after.incumbent is not None and after.incumbent > before.incumbent
    ]
    largest = sorted(rises, key=lambda pair: -pair[0])[:MAX_MILESTONES]
    return sorted((step for _, step in largest), key=lambda step: step.number)


def history_figure(steps: Sequence[Step]) -> Markup | None:
    """Training score over lanes spent: a dot per step, a line for where the search stands.

    The line is the incumbent as stairs with its milestones numbered, or a moving median where the
    optimizer knows no incumbent.
    """
    reached = trend([step.best for step in steps], [step.incumbent for step in steps])
    spent = list(accumulate(step.lanes for step in steps))
    values = [v for v in (*reached, *(step.best for step in steps)) if v is not None and math.isfinite(v)]
    if len(steps) < 2 or not values or not spent[-1]:
        return None
    x, y = Axis(0.0, float(spent[-1]), 46, 706), Axis.around(values, 232, 18)
    points = [(x(at), y(value)) for at, value in zip(spent, reached, strict=True) if value is not None]
    stairs = steady([step.incumbent for step in steps])
    places = dict(zip((step.number for step in steps), spent, strict=True))
    return el(
        "svg",
        el("title", "Training score over what was spent"),
        *[_grid(y(value), value) for value in y.ticks(4)],
        *[_below(x(value), value) for value in x.ticks(6)],
        el("text", "lanes spent (one candidate on one example, once)", x=706, y=272, class_="tick end"),
        el("text", _legend(stairs), x=46, y=272, class_="tick start"),
        *[_dot(x(at), y, step) for at, step in zip(spent, steps, strict=True)],
        el("path", d=_stairs(points) if stairs else _slope(points), class_="incumbent"),
        *[_mark(x(places[step.number]), y, n, step) for n, step in enumerate(milestones(steps), 1)],
        viewBox="0 0 720 280",
        role="img",
        class_="figure",
    )


def _legend(stairs: bool) -> str:
    return "line: the incumbent" if stairs else f"line: middle of the last {SMOOTH} steps"


def _grid(y: float, value: float) -> Markup:
    label = f"{value:.4g}".replace("-", text.MINUS)
    return join(
        el("line", x1=46, x2=706, y1=y, y2=y, class_="grid"),
        el("text", label, x=38, y=y + 4, class_="tick end"),
    )


def _below(x: float, value: float) -> Markup:
    return el("text", f"{value:,.0f}", x=x, y=252, class_="tick middle")


def _dot(x: float, y: Axis, step: Step) -> Markup | None:
    if step.best is None or not math.isfinite(step.best):
        return None
    return el("circle", el("title", _what(step, step.best)), cx=x, cy=y(step.best), r=2.5, class_="tried")


def _mark(x: float, y: Axis, number: int, step: Step) -> Markup:
    assert step.incumbent is not None, "milestones have incumbents"
    height = y(step.incumbent)
    return el(
        "g",
        el("title", _what(step, step.incumbent)),
        el("circle", cx=x, cy=height, r=8, class_="is"),
        el("text", str(number), x=x, y=height + 3.5, class_="inside middle"),
    )


def _what(step: Step, value: float) -> str:
    return f"step {step.number}: {text.score(value)} {text.shorten(step.note, 80)}".rstrip()


def _stairs(points: Sequence[tuple[float, float]]) -> str:
    """A value holds until a step changes it."""
    turns = "".join(f"H{at:.1f}V{height:.1f}" for at, height in points[1:])
    return f"M{points[0][0]:.1f},{points[0][1]:.1f}{turns}"


def _slope(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{at:.1f},{height:.1f}" for at, height in points)


def range_figure(knob: Mapping[str, Any], before: Any, after: Any) -> Markup | None:
    """Where a number moved inside of its bounds; nothing when the bounds are unknown."""
    numbers = [knob.get("low"), knob.get("high"), before, after]
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in numbers) or numbers[0] == numbers[1]:
        return None
    scale = str(knob.get("scale", "linear"))
    low, high, was, now = (_scaled(float(value), scale) for value in numbers)
    axis = Axis(low, high, 6, 194)
    return el(
        "svg",
        el("title", f"between {knob['low']} and {knob['high']}"),
        el("line", x1=6, x2=194, y1=8, y2=8, class_="axis"),
        el("line", x1=axis(was), x2=axis(now), y1=8, y2=8, class_="travel"),
        el("circle", cx=axis(was), cy=8, r=4, class_="was"),
        el("circle", cx=axis(now), cy=8, r=5, class_="is"),
        viewBox="0 0 200 16",
        role="img",
        class_="range",
    )


def _scaled(value: float, scale: str) -> float:
    if scale == "log":
        return math.log(max(value, 1e-9))
    if scale == "logit":
        inside = min(max(value, 1e-6), 1 - 1e-6)
        return math.log(inside / (1 - inside))
    return value
