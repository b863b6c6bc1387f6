"""``python -m benchmarks.samplers.surface [--quick]``: the setting that a search chooses, against the truth.

The embedded prose model writes 80 texts at each of 468 cells: three families, twelve values of the
family's parameter, thirteen temperatures. What the metric needs of every text is kept (see
:mod:`benchmarks.samplers.pools`), so the metric of any set of them is had exactly without writing anew. The
true score of a cell is the mean over batches of 20 of its texts, two of each prompt. A search sees the score
of one such batch: draws are simulated, and a setting between the cells stands for the nearest, with texts
of its own among those of the cell. All searches see the same stored texts. The first run writes them,
which takes minutes; an interrupted one goes on where it was, and ``HYPERFUNC_BENCH_FRESH=1`` writes
them all again.

At 600 texts the chosen setting's regret (best true score minus its own, in points of 100) is compared
over seeds 0 to 19: with random search, and in pairs with Optuna's samplers, which take longer. Over 20
seeds a ratio to random search is mostly luck (.36 to .92 in 20 such blocks), so it is taken over 400 seeds,
too, where it may lie at most one standard error above the goal.
"""

from __future__ import annotations

import os
import statistics
import sys

from benchmarks.report_table import Table, run
from benchmarks.samplers import pools
from benchmarks.samplers.searches import (
    bayesian,
    chosen_by,
    default,
    missing,
    optuna_search,
    ours,
    random_search,
)
from benchmarks.samplers.world import Bench, Texts, World, score_of, world
from hyperfunc.apps.demo.prose_metric import PROMPTS, prose_metric

__all__ = ["measure"]

TEXTS = 600
SEEDS = 400
PAIRED = 20
"""Of Optuna's samplers, which take most of the time."""
QUICK_SEEDS, QUICK_PAIRED = 60, 3
QUICK_ROWS = 1
"""In quick mode no more than this many missing files are written."""


def measure(table: Table) -> None:
    """All figures; quick: few seeds of Optuna's samplers, and nothing where no texts were written before."""
    table.add("metric folded from single texts: largest difference", folding(), at_most=1e-9)
    if os.environ.get("HYPERFUNC_BENCH_FRESH") and not table.quick:
        for row in pools.rows():
            pools.path_of(row).unlink(missing_ok=True)
        (pools.folder() / "truth.npz").unlink(missing_ok=True)
    left = pools.missing()
    if table.quick and len(left) > QUICK_ROWS:
        why = f"{len(left)} of its files are missing: run it once without --quick"
        table.not_measured("regret on the true surface", why)
        return
    for row in left:
        pools.write_row(row)
    surface(table, world())
    regrets(table, world())


def surface(table: Table, truth: World) -> None:
    """Where the best cells are."""
    for family in pools.FAMILIES:
        cell = max((cell for cell in truth.truth if cell[0] == family), key=truth.truth.__getitem__)
        at = f"{family} {pools.FAMILIES[family][cell[1]]:g}, temperature {pools.TEMPERATURES[cell[2]]:g}"
        table.add(f"best of {family}", 100 * truth.truth[cell], note=at)


def regrets(table: Table, truth: World) -> None:
    """Each search's mean regret, and ours against the others."""
    benches = [Bench(truth, seed) for seed in range(QUICK_SEEDS if table.quick else SEEDS)]
    seeds = QUICK_PAIRED if table.quick else PAIRED
    mine = chosen_by(ours(default), benches, TEXTS)
    blind = chosen_by(random_search, benches, TEXTS)
    _add(table, "regret of the default", mine)
    if not table.quick:
        _add(table, "regret of the Gaussian process", chosen_by(ours(bayesian), benches[:seeds], TEXTS))
    _add(table, "regret of random search", blind)
    table.add(
        "the default against random search", _ratio(mine[:PAIRED], blind[:PAIRED])[0], at_most=0.6,
        note=f"{PAIRED} seeds",
    )  # fmt: skip
    ratio, error = _ratio(mine, blind)
    table.add("the same over more seeds", ratio, note=f"se {error:.2f}, {len(mine)} seeds")
    table.add("the same above 0.6, in standard errors", (ratio - 0.6) / error, at_most=1.0)
    for sampler in ("TPESampler", "GPSampler"):
        name = f"the default minus Optuna's {sampler}, in standard errors"
        if why := missing(sampler):
            table.not_measured(name, why)
            continue
        theirs = chosen_by(optuna_search(sampler), benches[:seeds], TEXTS)
        _add(table, f"regret of Optuna's {sampler}", theirs)
        apart = [a - b for a, b in zip(mine[:seeds], theirs, strict=True)]
        error = statistics.stdev(apart) / len(apart) ** 0.5
        # Equal on every seed is no difference; a difference without spread is a large one.
        table.add(
            name, statistics.fmean(apart) / (error or 1e-12), at_most=1.0, note=f"{seeds} seeds, paired"
        )


def _ratio(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """Of the means, with its standard error by the delta method."""
    mean, base = statistics.fmean(ours), statistics.fmean(theirs)
    ratio = mean / base
    rests = [a - ratio * b for a, b in zip(ours, theirs, strict=True)]
    return ratio, statistics.stdev(rests) / len(rests) ** 0.5 / base


def _add(table: Table, name: str, regrets: list[float]) -> None:
    error = statistics.stdev(regrets) / len(regrets) ** 0.5
    table.add(name, 100 * statistics.fmean(regrets), note=f"se {100 * error:.2f}, {len(regrets)} seeds")


def folding() -> float:
    """How far the score from texts' own statistics lies from the metric of the texts themselves."""
    found = [pools.statistics_of(prose_metric(), text) for text in (*PROMPTS, "Too short.", PROMPTS[0])]
    largest = 0.0
    for size in (1, 2, 5, len(found)):
        texts = Texts.of(found[:size])
        direct = prose_metric().measure([*PROMPTS, "Too short.", PROMPTS[0]][:size]).score
        largest = max(largest, abs(score_of(texts, [(0, k) for k in range(size)]) - direct))
    return largest


if __name__ == "__main__":
    sys.exit(run("samplers: the true surface", measure))
