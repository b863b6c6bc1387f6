"""``python -m benchmarks.engine [--quick]``."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.engine import demo, models, office, overhead
from benchmarks.engine.readme import final_score
from benchmarks.report_table import Table, run
from benchmarks.startup import HELP, processor_ms

SEEDS = 10
KILLS = 10
BUDGET = "2000 calls"


def measure(table: Table) -> None:
    """All figures."""
    calls(table)
    start_up(table)
    table.add("older README's example ends at", final_score(), at_least=-0.05)
    embedded(table)
    settings(table)
    main_job(table)


def calls(table: Table) -> None:
    """What a call costs."""
    number, rounds = (5_000, 3) if table.quick else (20_000, 7)
    sync = statistics.median(overhead.attached(overhead.Sync([overhead.light]), number, rounds))
    waits = statistics.median(overhead.attached(overhead.Async([overhead.light_async]), number, rounds))
    table.add("attached sync call, above the plain one", sync, "µs", at_most=2)
    table.add("attached async call, above the plain one", waits, "µs", at_most=3)
    table.add("parked call", statistics.median(overhead.parked(number, rounds)), "µs", at_most=12)
    alone, together = overhead.fan_out(3 if table.quick else 7)
    table.add("512 waiting lanes / bare gather, evaluate", statistics.median(alone), "x", at_most=3)
    table.add("512 waiting lanes / bare gather, population", statistics.median(together), "x", at_most=3)
    lanes = 10_000 if table.quick else 100_000
    table.add(f"memory of one of {lanes:,} lanes", overhead.lane_memory(lanes), "kB", at_most=10)
    table.add("runs of ten equal calls in flight", overhead.shared_calls(), at_most=1, at_least=1)


def start_up(table: Table) -> None:
    """What a person waits for."""
    rounds = 3 if table.quick else 15
    processor_ms(HELP, 1)  # compiles the modules once
    table.add(
        "import hyperfunc, above bare Python", processor_ms("import hyperfunc", rounds), "ms", at_most=100
    )
    table.add("hyperfunc --help, above bare Python", processor_ms(HELP, rounds), "ms", at_most=150)


def embedded(table: Table) -> None:
    """The numpy engine."""
    rates = models.tokens_per_second(2 if table.quick else 5)
    table.add("prose model, batch 64, one core", statistics.median(rates), "tok/s", at_least=4000)
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
