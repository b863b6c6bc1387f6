"""How long it takes when rollouts and reflections take time; ours and GEPA in turn on the same machine."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.reflective import opponent
from benchmarks.reflective.curves import HORIZON
from benchmarks.reflective.running import Plan, carried_out, side_by_side
from benchmarks.report_table import Table

__all__ = ["measure"]

ROLLOUT_S = 0.05
REFLECTION_S = 0.5
_SHARE = 0.8
_WORKERS = (16, 64)
_RACING = opponent.CONFIGURATIONS[1:4]
"""The others need more calls or never come so far, as the searches show."""


@dataclass(frozen=True)
class _Race:
    """What is run in turn.

    Args:
        workers: of everybody.
        seeds: of the worlds.
        configurations: of GEPA.
        plain: whether GEPA's best is run as it comes, too: one reflection after the other.
    """

    workers: int
    seeds: Sequence[int]
    configurations: Sequence[str]
    plain: bool


@dataclass(frozen=True)
class _Times:
    """Seconds of every seed to the oracle's share: ours, GEPA's by configuration, and GEPA's as it comes."""

    ours: list[float]
    theirs: dict[str, list[float]]
    plain: list[float]


def measure(table: Table) -> None:
    """Time to 0.8 of the oracle's score against GEPA's best, and how busy the workers are."""
    _races(table)
    _busy(table)


def _races(table: Table) -> None:
    names = [
        f"time to {_SHARE} of the oracle, {workers} workers: ours / best of GEPA" for workers in _WORKERS
    ]
    if why := opponent.missing():
        for name in names:
            table.not_measured(name, why)
        return
    if table.quick:
        # Both at once: nearly all of their time is waiting.
        found = side_by_side(_raced, [_Race(workers, (0,), (opponent.BEST,), False) for workers in _WORKERS])
    else:
        found = [_raced(_Race(workers, range(5), _RACING, True)) for workers in _WORKERS]
    for name, times in zip(names, found, strict=True):
        medians = {each: statistics.median(seconds) for each, seconds in times.theirs.items()}
        mine = statistics.median(times.ours)
        notes = [f"{each} {seconds:.1f} s" for each, seconds in medians.items()]
        if times.plain:
            notes.append(
                f"the last with one reflection after the other {statistics.median(times.plain):.1f} s"
            )
        note = f"median of {len(times.ours)} seeds: ours {mine:.1f} s; {', '.join(notes)}"
        table.add(name, mine / min(medians.values()), at_most=0.35, note=note)


def _raced(race: _Race) -> _Times:
    job: dict[str, Any] = {
        "workers": race.workers, "rollout_s": ROLLOUT_S, "reflection_s": REFLECTION_S, "until": _SHARE,
    }  # fmt: skip
    times = _Times([], {}, [])
    for seed in race.seeds:
        plan = Plan(seed, workers=race.workers, rollout_s=ROLLOUT_S, reflection_s=REFLECTION_S, until=_SHARE)
        times.ours.append(carried_out(plan).curve.seconds_to(_SHARE))
        for run in opponent.runs(race.configurations, (seed,), **job):
            times.theirs.setdefault(run.configuration, []).append(run.curve.seconds_to(_SHARE))
        if race.plain:
            (run,) = opponent.runs((opponent.BEST,), (seed,), **job, plain=True)
            times.plain.append(run.curve.seconds_to(_SHARE))
    return times


def _busy(table: Table) -> None:
    """Whole runs, and the same without any waiting, which must decide alike."""
    plan = Plan(0, budget=f"{HORIZON} evaluations", rollout_s=ROLLOUT_S, reflection_s=REFLECTION_S)
    found = [carried_out(replace(plan, seed=seed)) for seed in range(1 if table.quick else 3)]
    alone = [(run.calls - run.confirming) * ROLLOUT_S / (16 * run.seconds) for run in found]
    note = f"with rollouts or reflections; with rollouts {statistics.fmean(alone):.2f}"
    table.add(
        f"16 workers over {HORIZON:,} calls: share of the time they are busy",
        statistics.fmean(run.busy for run in found), at_least=0.7,
        note=f"{note}; {statistics.fmean(run.seconds for run in found):.1f} s, {len(found)} seeds",
    )  # fmt: skip
    if table.quick:
        return
    others = [
        replace(run.plan, workers=workers, rollout_s=0.0, reflection_s=0.0)
        for run in found
        for workers in (1, 512)
    ]
    rows = {run.plan.seed: run.row for run in found}
    differ = sum(other.row != rows[other.plan.seed] for other in side_by_side(carried_out, others))
    table.add(
        "results that another concurrency or latency changes", differ, at_most=0, note=f"of {len(others)}"
    )
