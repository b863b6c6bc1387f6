"""The response surface of a sampler as an inline SVG picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.analysis.report import text
from hyperfunc.analysis.report.markup import Markup, el

from .findings import Analysis, Family, Finding
from .posterior import Surface, points_of
from .surrogate import Axis
from .tables import named

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["surface_figure"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 706.0, 26.0, 346.0
_COLUMNS, _ROWS, _LEVELS = 56, 36, 14
_REACH = 1.96


def surface_figure(analysis: Analysis, family: Family) -> Markup | None:
    """Temperature along, the sampler's parameter up; shaded by the predicted score.

    Dots are measured settings. The outline holds what is predicted not to be worse than the best setting of
    all, point by point at 95 %. Further parameters are those of the family's best setting. With a single
    parameter the picture is a curve with its 95 % band.

    Args:
        analysis: of the search.
        family: one of its families.

    Returns:
        The picture, or ``None`` for a family without a surface.
    """
    if family.surface is None:
        return None
    findings = [found for found in analysis.findings if found.setting.family == family.name]
    if len(family.surface.axes) == 1:
        return _curve(family.surface, findings, family)
    return _map(analysis, family.surface, findings, family)


def _map(analysis: Analysis, surface: Surface, findings: Sequence[Finding], family: Family) -> Markup:
    across, up = _pair(surface, family)
    at_GK = _grid(surface, family.best, across, up)
    mean_RC = surface.surrogate.mean(at_GK).reshape(_ROWS, _COLUMNS)
    inside_RC = _as_good(analysis, surface, family, at_GK).reshape(_ROWS, _COLUMNS)
    points_NK = points_of([found.setting for found in findings], surface.axes)
    x, y = surface.axes[across], surface.axes[up]
    return el(
        "svg",
        el("title", f"Predicted score of {family.name} over {x.name} and {y.name}"),
        *_shades(mean_RC),
        el("path", d=_outline(inside_RC), class_="outline"),
        *_ticks(x, points_NK[:, across], along=True),
        *_ticks(y, points_NK[:, up], along=False),
        *[
            _dot(found, _x(p[across]), _y(p[up]), family)
            for found, p in zip(findings, points_NK, strict=True)
        ],
        el("text", x.name, x=_RIGHT, y=_BOTTOM + 40, class_="tick end"),
        el("text", y.name, x=_LEFT, y=_TOP - 12, class_="tick start"),
        el("text", _legend(mean_RC), x=_LEFT, y=_BOTTOM + 40, class_="tick start"),
        viewBox="0 0 720 394",
        role="img",
        class_="figure",
    )


def _pair(surface: Surface, family: Family) -> tuple[int, int]:
    """The first axis (temperature, if it varies) and of the others the one that matters most."""
    names = [axis.name for axis in surface.axes]
    mains = [effect.names[0] for effect in family.effects if len(effect.names) == 1]
    others = [name for name in (*mains, *names) if name != names[0]]
    return 0, names.index(others[0])


def _grid(surface: Surface, best: Finding, across: int, up: int) -> NDArray[np.float64]:
    """Middles of the cells, rows from the bottom up."""
    at_GK = np.repeat(points_of([best.setting], surface.axes), _ROWS * _COLUMNS, 0)
    rows, columns = np.meshgrid(
        (np.arange(_ROWS) + 0.5) / _ROWS, (np.arange(_COLUMNS) + 0.5) / _COLUMNS, indexing="ij"
    )
    at_GK[:, across], at_GK[:, up] = columns.ravel(), rows.ravel()
    return at_GK


def _as_good(
    analysis: Analysis, surface: Surface, family: Family, at_GK: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Where the best setting's lead is within the reach of chance."""
    best, surrogate = analysis.findings[0], surface.surrogate
    variance_G = surrogate.variance(at_GK)
    if best.setting.family == family.name:
        point = points_of([best.setting], surface.axes)
        shared_G = surrogate.covariance(at_GK, point)[:, 0]
        lead_G = best.expected - surrogate.mean(at_GK)
        variance_G = variance_G + surrogate.variance(point) - 2 * shared_G
    else:
        home = next(f for f in analysis.families if f.name == best.setting.family).surface
        own = home.surrogate.variance(points_of([best.setting], home.axes))[0] if home else 0.0
        lead_G = best.expected - surrogate.mean(at_GK)
        variance_G = variance_G + own
    return np.asarray(lead_G <= _REACH * np.sqrt(np.maximum(variance_G, 0.0)), np.bool_)


def _x(unit: float) -> float:
    return _LEFT + float(unit) * (_RIGHT - _LEFT)


def _y(unit: float) -> float:
    return _BOTTOM - float(unit) * (_BOTTOM - _TOP)


def _shades(mean_RC: NDArray[np.float64]) -> Iterator[Markup]:
    """Neighbours of one shade as one rectangle."""
    low, high = float(mean_RC.min()), float(mean_RC.max())
    level_RC = np.rint((mean_RC - low) / (high - low or 1.0) * _LEVELS).astype(int)
    wide, tall = (_RIGHT - _LEFT) / _COLUMNS, (_BOTTOM - _TOP) / _ROWS
    for row in range(_ROWS):
        starts = [0, *(np.flatnonzero(np.diff(level_RC[row])) + 1), _COLUMNS]
        for first, last in pairwise(starts):
            yield el(
                "rect",
                x=_x(first / _COLUMNS),
                y=_y((row + 1) / _ROWS),
                width=(last - first) * wide + 0.3,
                height=tall + 0.3,
                fill_opacity=float(level_RC[row, first]) / _LEVELS * 0.85,
                class_="shade",
            )


def _outline(inside_RC: NDArray[np.bool_]) -> str:
    """The border between cells inside and outside, as a path."""
    padded = np.pad(inside_RC, 1)
    pieces = []
    for row, column in zip(*np.nonzero(padded[:, 1:] != padded[:, :-1]), strict=True):
        at, low = _x(column / _COLUMNS), (row - 1) / _ROWS
        pieces.append(f"M{at:.1f},{_y(low):.1f}V{_y(low + 1 / _ROWS):.1f}")
    for row, column in zip(*np.nonzero(padded[1:] != padded[:-1]), strict=True):
        at, left = _y(row / _ROWS), (column - 1) / _COLUMNS
        pieces.append(f"M{_x(left):.1f},{at:.1f}H{_x(left + 1 / _COLUMNS):.1f}")
    return "".join(pieces)


def _ticks(axis: Axis, units_N: NDArray[np.float64], *, along: bool) -> list[Markup]:
    """The values tried, as many as have room."""
    room, marks, last = (0.075, [], -1.0) if along else (0.06, [], -1.0)
    for unit in np.unique(units_N):
        if unit - last < room:
            continue
        last = float(unit)
        label = f"{axis.value(np.array([unit]))[0]:.3g}".replace("-", text.MINUS)
        marks.append(
            el("text", label, x=_x(unit), y=_BOTTOM + 18, class_="tick middle")
            if along
            else el("text", label, x=_LEFT - 8, y=_y(unit) + 4, class_="tick end")
        )
    return marks


def _dot(found: Finding, x: float, y: float, family: Family) -> Markup:
    said = f"{named(found)}: {text.score(found.setting.mean)} over {len(found.setting.texts)} texts"
    best = found is family.best
    radius = min(7.0, 2.0 + 0.4 * math.sqrt(len(found.setting.texts)))
    return el(
        "circle",
        el("title", said),
        cx=x,
        cy=y,
        r=radius + 2 if best else radius,
        class_="is" if best else "dot",
    )


def _legend(mean: NDArray[np.float64]) -> str:
    low, high = text.score(float(mean.min())), text.score(float(mean.max()))
    return f"pale {low} to full {high}; outline: as good as the best, as far as is known"


def _curve(surface: Surface, findings: Sequence[Finding], family: Family) -> Markup:
    axis = surface.axes[0]
    unit_C = np.linspace(0, 1, _COLUMNS * 2)
    mean_C = surface.surrogate.mean(unit_C[:, None])
    reach_C = _REACH * np.sqrt(surface.surrogate.variance(unit_C[:, None]))
    points_N = points_of([found.setting for found in findings], surface.axes)[:, 0]
    scores = [found.setting.mean for found in findings]
    low = min(float((mean_C - reach_C).min()), *scores)
    high = max(float((mean_C + reach_C).max()), *scores)

    def y(value: float) -> float:
        return _y((value - low) / (high - low or 1.0))

    above = [f"{_x(u):.1f},{y(m + r):.1f}" for u, m, r in zip(unit_C, mean_C, reach_C, strict=True)]
    below = [f"{_x(u):.1f},{y(m - r):.1f}" for u, m, r in zip(unit_C, mean_C, reach_C, strict=True)]
    middle = [f"{_x(u):.1f},{y(m):.1f}" for u, m in zip(unit_C, mean_C, strict=True)]
    return el(
        "svg",
        el("title", f"Predicted score of {family.name} over {axis.name}"),
        el("path", d="M" + "L".join([*above, *below[::-1]]) + "Z", class_="band"),
        el("path", d="M" + "L".join(middle), class_="incumbent"),
        *_ticks(axis, points_N, along=True),
        el("text", text.score(low), x=_LEFT - 8, y=_BOTTOM + 4, class_="tick end"),
        el("text", text.score(high), x=_LEFT - 8, y=_TOP + 4, class_="tick end"),
        *[
            _dot(found, _x(u), y(found.setting.mean), family)
            for found, u in zip(findings, points_N, strict=True)
        ],
        el("text", axis.name, x=_RIGHT, y=_BOTTOM + 40, class_="tick end"),
        el("text", "line: predicted score with its 95 % band", x=_LEFT, y=_BOTTOM + 40, class_="tick start"),
        viewBox="0 0 720 394",
        role="img",
        class_="figure",
    )
