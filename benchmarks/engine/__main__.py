"""``python -m benchmarks.engine [--quick]``."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.engine import demo, models, office, overhead
from benchmarks.engine.readme import final_score
from benchmarks.pace import arrays, interpreter, paced
from benchmarks.report_table import Table, run
from benchmarks.startup import start_up

SEEDS = 10
KILLS = 10
BUDGET = "2000 calls"


def measure(table: Table) -> None:
    """All figures."""
    calls(table)
    start_up(table, 100)
    table.add("older README's example ends at", final_score(), at_least=-0.05)
    embedded(table)
    settings(table)
    main_job(table)


def calls(table: Table) -> None:
    """What a call costs."""
    number, rounds = (3_000, 9) if table.quick else (10_000, 21)
    sync, waits = overhead.Sync([overhead.light]), overhead.Async([overhead.light_async])
    for name, once, limit in (
        ("attached sync call, above the plain one", lambda: overhead.attached(sync, number), 2),
        ("attached async call, above the plain one", lambda: overhead.attached(waits, number), 3),
        ("parked call", lambda: overhead.parked(waits, number), 12),
    ):
        value, note = paced(once, interpreter, rounds)
        table.add(name, value, "µs", at_most=limit, note=note)
    alone, together = overhead.fan_out(3 if table.quick else 7)
    table.add("512 waiting lanes / bare gather, evaluate", statistics.median(alone), "x", at_most=3)
    table.add("512 waiting lanes / bare gather, population", statistics.median(together), "x", at_most=3)
    lanes = 10_000 if table.quick else 100_000
    table.add(f"memory of one of {lanes:,} lanes", overhead.lane_memory(lanes), "kB", at_most=10)
    table.add("runs of ten equal calls in flight", overhead.shared_calls(), at_most=1, at_least=1)


def embedded(table: Table) -> None:
    """The numpy engine."""
    seconds, note = paced(models.seconds_a_token(), arrays, 5 if table.quick else 15)
    table.add("prose model, batch 64, one core", 1 / seconds, "tok/s", at_least=4000, note=note)
    if table.quick:
        table.not_measured("references that disagree", "50 prompts against torch: without --quick")
    else:
        table.add("references that disagree", models.failing_references(), at_most=0)


def settings(table: Table) -> None:
    """What the office model makes of prompts, exemplars and sampling."""
    scores = office.surface(20 if table.quick else 300)
    start, best = scores["start"], scores["best"]
    gap = best - start
    if table.quick:
        table.not_measured(
            "office: start and best setting", f"300 tickets without --quick (20: {start:.2f}, {best:.2f})"
        )
        return
    table.add("office: naive start", start, at_most=0.30)
    table.add("office: best known setting", best, at_least=0.80)
    for kind in ("prompt", "exemplars", "sampling"):
        table.add(f"office: worth of {kind}", best - scores[f"best without {kind}"], at_least=0.10)
    singles = {name: value - start for name, value in scores.items() if name.startswith("start with")}
    dearest = max(singles, key=singles.__getitem__)
    note = dearest.removeprefix("start with ")
    table.add("office: largest single change / gap", singles[dearest] / gap, at_most=0.5, note=note)


def main_job(table: Table) -> None:
    """The demo."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        if table.quick:
            small = demo.run_demo(0, "300 calls", where / "small", "first")
            again = demo.run_demo(0, "300 calls", where / "small", "second")
            table.add("demo, 300 calls: model calls of a second run", again["paid"], at_most=0)
            table.add("demo, 300 calls: same result again", float(small["row"] == again["row"]), at_least=1)
            table.not_measured("demo: seconds, gain for 10 seeds, kills", "without --quick")
            return
        runs = [demo.run_demo(seed, BUDGET, where / str(seed), "first") for seed in range(SEEDS)]
        seconds = statistics.median(r["seconds"] for r in runs)
        table.add("demo: its own work", seconds, "s", at_most=60)
        gains = [r["row"]["gain"] for r in runs]
        clear = sum(gain is not None and gain[0] > 0 for gain in gains)
        estimates = ", ".join("none" if g is None else f"{g[1]:+.2f}" for g in gains)
        table.add("demo: seeds with a gain above zero", clear, at_least=SEEDS, note=estimates)
        again = demo.run_demo(0, BUDGET, where / "0", "second")
        table.add("demo: model calls of a second run", again["paid"], at_most=0)
        table.add("demo: same result again", float(again["row"] == runs[0]["row"]), at_least=1)
        last, killed = demo.kill_and_resume(0, BUDGET, where / "killed", KILLS, seconds)
        table.add("demo: times it was killed under way", killed, at_least=KILLS)
        table.add("demo: same result after kills", float(last["row"] == runs[0]["row"]), at_least=1)


if __name__ == "__main__":
    sys.exit(run("engine", measure))
