"""``python -m benchmarks.evidence [--quick]``: intervals that cover, races that find, nothing invented."""

from __future__ import annotations

import statistics
import sys

from benchmarks.evidence import equals, garbage, judging, recorded, selection, simulations, tampering
from benchmarks.report_table import Table, run
from hyperfunc.optimizers import Racing, Random, Search, automatic

CELLS = {50: (10, 5), 100: (20, 5), 300: (30, 10)}
"""Examples to (clusters, examples of each)."""
STRENGTHS = (0.0, 0.3, 0.7)


def measure(table: Table) -> None:
    """All figures."""
    coverage(table)
    self_tests(table)
    invented(table)
    races(table)
    verification(table)
    judging.measure(table)
    garbage.measure(table)


def coverage(table: Table) -> None:
    """Intervals of the certificate, and sequences that are looked at all the time."""
    repetitions = 200 if table.quick else 1000
    for examples, (clusters, size) in CELLS.items():
        rates = [simulations.certified_coverage(repetitions, clusters, size, c) for c in STRENGTHS]
        least = min(rate.value for rate in rates)
        goal = 0.95 - rates[0].margin(0.95)
        note = " / ".join(f"{rate.value:.3f}" for rate in rates) + f" for correlations {STRENGTHS}"
        table.add(f"coverage of 95 %, n = {examples}, {clusters} clusters", least, at_least=goal, note=note)
    few = simulations.certified_coverage(repetitions, 6, 8, 0.3)
    table.add("coverage of 95 %, n = 48, 6 clusters", few.value, note="widened, and said so")
    worst = max(
        simulations.sequence_error(2 * repetitions, 500, mean, concentration=concentration).value
        for mean, concentration in ((0.5, 0), (0.9, 0), (0.1, 0), (0.6, 4))
    )
    goal = 0.05 + simulations.Rate(0, 2 * repetitions).margin(0.05)
    table.add("confidence sequence: ever wrong in 500 looks", worst, at_most=goal)
    sequential = max(simulations.sequential_error(repetitions, 40, 5, c).value for c in STRENGTHS)
    goal = 0.05 + simulations.Rate(0, repetitions).margin(0.05)
    table.add("sequential test: ever wrong in 40 clusters", sequential, at_most=goal)


def self_tests(table: Table) -> None:
    """Searches over equals."""
    runs = 60 if table.quick else 500
    whole = automatic(equals.Equals().space, calls_per_lane=1.0)
    for name, optimizer in (("racing", Search(Random(7), Racing())), (type(whole).__name__, whole)):
        rate = equals.shipped(optimizer, runs, budget="600 evaluations")
        goal = 0.05 + rate.margin(0.05)
        table.add(f"A/A, {name}: share of {runs} runs that ship", rate.value, at_most=goal)


def invented(table: Table) -> None:
    """Winners where a permutation test sees none."""
    if why := recorded.missing():
        table.not_measured("sampler-bench: invented winners", why)
        return
    seeds = 3 if table.quick else 20
    found = list(equals.shipped_from_tables(recorded.sampler_tables(), seeds))
    none = [row for row in found if row.least_p > 0.05]
    rest = [
        f"{row.name} p {row.least_p:.3f} {sum(row.shipped)} of {seeds}" for row in found if row not in none
    ]
    name = "sampler-bench: winners where permutation with Holm gives none"
    note = f"{len(none)} of {len(found)} tables, seed 0; the others: {', '.join(rest)}"
    table.add(name, sum(row.shipped[0] for row in none), at_most=0, note=note)
    rate = simulations.Rate(sum(sum(row.shipped) for row in none), seeds * len(none))
    table.add(f"the same for {seeds} seeds, share", rate.value, at_most=0.05 + rate.margin(0.05))


def races(table: Table) -> None:
    """Regret of racing against evaluating all on the same cells."""
    if why := recorded.missing():
        table.not_measured("jhu: regret of racing / of a fixed set", why)
        return
    scores_KNR = recorded.factorial()
    repetitions = 25 if table.quick else 100
    for each in (10, 30, 100):
        race = [selection.racing_regret(scores_KNR, each, seed) for seed in range(repetitions)]
        fixed = [selection.fixed_regret(scores_KNR, each, seed) for seed in range(repetitions)]
        mean, base = statistics.fmean(race), statistics.fmean(fixed)
        errors = [statistics.stdev(values) / repetitions**0.5 for values in (race, fixed)]
        allowed = base if each < 100 else base + (errors[0] ** 2 + errors[1] ** 2) ** 0.5
        note = f"se {errors[0]:.4f}; a fixed set {base:.4f}, se {errors[1]:.4f}"
        table.add(f"jhu, {each} calls a setting: regret of racing", mean, at_most=allowed, note=note)


def verification(table: Table) -> None:
    """Certificates, fresh and changed."""
    changes = 100 if table.quick else 1000
    differ, figures, in_file, in_ledger = tampering.unseen(changes)
    table.add("figures of a fresh export that do not come out", differ, at_most=0, note=f"of {figures}")
    table.add("changed digits of the file not noticed", in_file, at_most=0, note=f"of {changes}")
    table.add("changed digits of the ledger not noticed", in_ledger, at_most=0, note=f"of {changes}")


if __name__ == "__main__":
    sys.exit(run("evidence", measure))
