"""Held-out score by metric calls: ours, and GEPA on the same worlds.

A curve is the held-out score of what a run would have shipped after so many rollouts, by the world's own
count. ``@N`` and the area are means over seeds; calls to 0.8 of the oracle is the median of the seeds' own
figures, which is how the table that has to be beaten was made: GEPA with all components, merge and 8
examples gives its 468 again.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.reflective import opponent
from benchmarks.reflective.curves import HORIZON, Curve, spread
from benchmarks.reflective.running import Outcome, Plan, carried_out, side_by_side
from benchmarks.report_table import Table

__all__ = ["measure"]

_SHARE = 0.8
_AT = (200, 400, 800, 2000)


@dataclass(frozen=True)
class _Worlds:
    """Seeds: of the worlds, and of those that one worker goes through, too."""

    name: str
    seeds: range
    alone: range


_WORLDS = (
    _Worlds("seeds 0-15", range(16), range(16)),
    _Worlds("seeds 100-131", range(100, 132), range(100, 132)),
)
_FEW = (_Worlds("seeds 0 and 100", range(0, 101, 100), range(0)),)
"""A quick look: without one worker, for the standard error of a few seeds is larger than that goal."""


def measure(table: Table) -> None:
    """Seeds of the development, and those of the last look."""
    for worlds in _FEW if table.quick else _WORLDS:
        _ours(table, worlds)
        _theirs(table, worlds.name, worlds.seeds[:1] if table.quick else worlds.seeds)


def _ours(table: Table, worlds: _Worlds) -> None:
    name, seeds = worlds.name, worlds.seeds
    plans = {
        "default": [Plan(seed) for seed in seeds],
        "binary": [Plan(seed, binary=True) for seed in seeds],
        "pareto": [Plan(seed, "pareto", until=_SHARE) for seed in seeds],
        "one worker": [Plan(seed, workers=1, settings={"workers": 1}) for seed in worlds.alone],
    }
    found = iter(side_by_side(carried_out, [plan for each in plans.values() for plan in each]))
    runs = {kind: [next(found) for _ in each] for kind, each in plans.items()}
    partial, binary = _curves(runs["default"]), _curves(runs["binary"])
    _calls(table, f"{name}: calls to {_SHARE} of the oracle", partial, 320)
    _area(table, f"{name}: area under the curve, partial credit", partial, 0.82)
    _area(table, f"{name}: area under the curve, all or nothing", binary, 0.69)
    _calls(table, f"{name}: calls to {_SHARE} of the oracle, Pareto", _curves(runs["pareto"]), 468)
    if alone := runs["one worker"]:
        _apart(table, name, runs["default"][: len(alone)], alone)
    whole = [run for each in runs.values() for run in each]
    table.add(f"{name}: rollouts of what was rolled out before", sum(run.twice for run in whole), at_most=0)
    most = max(run.calls for run in whole)
    table.add(f"{name}: the most rollouts of a run", most, at_most=HORIZON, note=f"{len(whole)} runs")


def _apart(table: Table, name: str, runs: Sequence[Outcome], alone: Sequence[Outcome]) -> None:
    """What deciding before answers are in costs, at the end of a run."""
    apart = spread([run.final - other.final for run, other in zip(runs, alone, strict=True)])
    calls = spread([curve.calls_to(_SHARE) for curve in _curves(alone)])
    note = f"{apart}; one worker needs {calls.median:.0f} calls to {_SHARE}"
    table.add(f"{name}: final score, 16 workers less one", abs(apart.mean), at_most=0.02, note=note)


def _theirs(table: Table, name: str, seeds: Sequence[int]) -> None:
    if why := opponent.missing():
        table.not_measured(f"{name}: GEPA", why)
        return
    configurations = (opponent.BEST,) if table.quick else opponent.CONFIGURATIONS
    partial = opponent.runs(configurations, seeds)
    binary = opponent.runs(configurations, seeds, binary=True)
    for each in configurations:
        curves = [run.curve for run in partial if run.configuration == each]
        areas = [run.curve.area for run in binary if run.configuration == each]
        calls = spread([curve.calls_to(_SHARE) for curve in curves])
        note = f"{_points(curves)}; all or nothing {statistics.fmean(areas):.3f}"
        table.add(f"{name}: GEPA, {each}", calls.median, "calls", note=note)


def _curves(runs: Sequence[Outcome]) -> list[Curve]:
    return [run.curve for run in runs]


def _calls(table: Table, name: str, curves: Sequence[Curve], goal: float) -> None:
    calls = spread([curve.calls_to(_SHARE) for curve in curves])
    table.add(name, calls.median, at_most=goal, note=f"median; {calls}")


def _area(table: Table, name: str, curves: Sequence[Curve], goal: float) -> None:
    areas = spread([curve.area for curve in curves])
    table.add(name, areas.mean, at_least=goal, note=f"se {areas.error:.2g}; {_points(curves)}")


def _points(curves: Sequence[Curve]) -> str:
    points = [f"@{n} {statistics.fmean(curve.at(n) for curve in curves):.3f}" for n in _AT]
    return " ".join([*points, f"area {statistics.fmean(curve.area for curve in curves):.3f}"])
