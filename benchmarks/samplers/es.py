"""Noisy numbers: what the default optimizer leaves, beside other strategies on the same tasks."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report_table import Table
from hyperfunc.optimizers import Problem, Told, automatic
from hyperfunc.spaces import Real, Space

__all__ = ["measure", "missing", "regret"]

TASKS = Path(__file__).parents[3] / "shared" / "bench" / "es_tasks.py"
KINDS = ("sphere", "rosen", "plateau")
SIZES = ((5, 200), (20, 200), (20, 1000), (20, 5000), (100, 1000))
"""Dimensions and evaluations."""
CELLS = tuple((kind, *size) for size in SIZES for kind in KINDS)
SEEDS = {"development": range(16), "last look": range(100, 132)}

ROWS = {
    "fixed sigma .05": ".33 .40 .88  .67 .67 .96  .19 .21 .78  .02 .02 .08  .56 .63 .89",
    "fixed sigma .1": ".04 .02 .14  .11 .10 .78  .04 .06 .35  .03 .07 .28  .18 .16 .82",
    "CMA-ES": ".06 .07 .61  .18 .12 .69  .10 .11 .60  .04 .08 .05  .30 .22 .96",
    "SNES": ".01 .03 .16  .10 .11 .73  .05 .07 .44  .02 .07 .02  .22 .17 .93",
    "CR-FM-NES": ".04 .03 .12  .14 .15 .82  .04 .14 .66  .05 .11 .07  .21 .18 .91",
    "TPE": ".07 .06 .13  .39 .33 .91  .24 nan nan  nan nan nan  nan nan nan",
    "random": ".16 .08 .75  .64 .75 1.0  .61 .57 .96  .54 .51 .88  1.3 1.6 1.1",
}
"""Median normalised regret of 9 seeds (TPE 5), in the order of CELLS, from the README beside the tasks:
original defaults, tuned by hand, pycma, antithetic pairs, crfmnes, Optuna; populations of 32."""


def missing() -> str:
    """Why the tasks cannot be run; empty when they can."""
    return "" if TASKS.is_file() else "the tasks are not here"


def measure(table: Table) -> None:
    """The default in every cell, and its mean rank; a short measurement takes 200 evaluations only."""
    if why := missing():
        table.not_measured("noisy numbers: regret of the default", why)
        return
    cells = [place for place, cell in enumerate(CELLS) if not table.quick or cell[2] == 200]
    rows_RC = np.array([[float(value) for value in row.split()] for row in ROWS.values()])[:, cells]
    for name, seeds in SEEDS.items():
        if table.quick and name != "development":
            continue
        seeds = seeds[:8] if table.quick else seeds
        regrets_CS = np.array([[regret(*CELLS[cell], seed) for seed in seeds] for cell in cells])
        medians_C = np.median(regrets_CS, axis=1)
        best_C = np.nanmin(rows_RC, axis=0)
        for cell, median, best in zip(cells, medians_C, best_C, strict=True):
            kind, dim, evaluations = CELLS[cell]
            figure = f"{name}, {kind} d = {dim}, {evaluations} evaluations: median regret"
            note = f"{len(seeds)} seeds; best row {best:.2f}"
            table.add(figure, median, at_most=2 * best + 0.02, note=note)
        own, *others = mean_ranks(np.vstack([medians_C, rows_RC]))
        note = ", ".join(f"{row} {rank:.2f}" for row, rank in zip(ROWS, others, strict=True))
        table.add(f"{name}: mean rank among the rows", own, at_most=min(others), note=note)


def mean_ranks(rows_RC: NDArray[np.float64]) -> list[float]:
    """Of each row over the cells it has; figures of two digits that are equal share their ranks."""
    rounded_RC = np.round(rows_RC, 2)
    lower_RRC = rounded_RC[None] < rounded_RC[:, None]
    equal_RRC = rounded_RC[None] == rounded_RC[:, None]
    ranks_RC = lower_RRC.sum(1) + (equal_RRC.sum(1) + 1) / 2
    return [float(ranks[~np.isnan(row)].mean()) for ranks, row in zip(ranks_RC, rows_RC, strict=True)]


def regret(kind: str, dim: int, evaluations: int, seed: int) -> float:
    """What the default optimizer leaves of the distance to the best value after exactly so many evaluations.

    Args:
        kind: of task.
        dim: knobs.
        evaluations: noisy ones, all told generation by generation.
        seed: of the task, its noise and the search.
    """
    task = _tasks().Task(kind, dim, seed)
    space = Space({f"x{place}": Real(0.0, 1.0) for place in range(dim)})
    optimizer = automatic(space)
    state = optimizer.init(Problem(space, space.default, 1, seed=seed, lanes=evaluations))
    left = evaluations
    while left > 0:
        ask, state = optimizer.ask(state)
        if ask is None or len(ask.population) > left:
            break
        places_KD = np.array([space.to_unit(member) for member in ask.population])
        state = optimizer.tell(state, ask, Told(task.noisy(places_KD)))
        left -= len(ask.population)
    return float(task.regret(space.to_unit(optimizer.recommend(state)[0])))


@cache
def _tasks() -> Any:
    spec = importlib.util.spec_from_file_location("es_tasks", TASKS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
