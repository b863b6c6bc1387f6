"""``python -m benchmarks.population [--quick]``: ratios to pure inference, within one run on one thread."""

from __future__ import annotations

import statistics
import sys
import warnings
from collections.abc import Sequence

import torch
from examples import affine, shapes, xor

from benchmarks.population import agreement, evaluation, kernel, learning, modules, programs
from benchmarks.population.timing import keep_memory
from benchmarks.report_table import Table, run

ROUNDS, QUICK_ROUNDS = 15, 7


def measure(table: Table) -> None:
    """All figures."""
    torch.set_num_threads(1)
    keep_memory()
    warnings.filterwarnings("ignore", message=".*not writable.*")
    kernels(table)
    user_code(table)
    populations(table)
    same_results(table)
    costs(table)
    tasks(table)


def spread(found: Sequence[float]) -> str:
    """Of the middle half of the rounds."""
    low, _, high = statistics.quantiles(found, n=4)
    return f"{low:.2f} to {high:.2f}"


def kernels(table: Table) -> None:
    """Three layers of 512, rank 1, noise drawn on the way unless said otherwise; best batch."""
    rounds = QUICK_ROUNDS if table.quick else ROUNDS
    for each, goal in ((16, 0.90), (1, 0.75)):
        # Others who use the machine can only slow the population's larger working set down.
        batches = [kernel.speed(256, each, rounds, 1 if each > 1 else 8) for _ in range(3)]
        found = max(batches, key=lambda batch: statistics.median(batch["noise on the fly"]))
        drawn, kept = found["noise on the fly"], found["noise kept"]
        table.add(
            f"kernel 256 x {each} / inference",
            statistics.median(drawn),
            "x",
            at_least=goal,
            note=spread(drawn),
        )
        table.add(f"kernel 256 x {each}, noise kept", statistics.median(kept), "x", note=spread(kept))
    memory = kernel.extra_memory(256, 16, 3 if table.quick else 7)
    table.add(
        "kernel 256 x 16: extra memory / inference",
        statistics.median(memory),
        at_most=1.2,
        note=spread(memory),
    )


def user_code(table: Table) -> None:
    """Code for one candidate and one example, with a module inside."""
    rounds = QUICK_ROUNDS if table.quick else ROUNDS
    for case, members, examples, goal in (
        ("perceptron", 256, 16, 0.82),
        ("transformer block", 64, 4, 0.90),
        ("nn.TransformerEncoderLayer", 64, 4, None),
    ):
        if table.quick and goal is None:
            continue
        found, written = programs.speed(case, members, examples, rounds)
        note = spread(found) + (f"; written out: {written}" if written else "")
        name = f"program, {case} {members} x {examples} / inference"
        table.add(name, statistics.median(found), "x", at_least=goal, note=note)
    if not table.quick:
        own, _ = modules.speed("perceptron", 256, 16, rounds, own=True)
        table.add("perceptron 256 x 16, inputs of their own", statistics.median(own), "x", note=spread(own))


def populations(table: Table) -> None:
    """``evaluate_population`` against a product by hand; best of 3 batches."""
    batches = [evaluation.affine(15 if table.quick else 41) for _ in range(3)]
    found = min(batches, key=lambda batch: statistics.median(batch["batched"]))
    for way, goal in (("batched", 1.3), ("plain metric", 20), ("list", 30)):
        name = f"affine, 1,024 candidates, {way} / by hand"
        table.add(name, statistics.median(found[way]), "x", at_most=goal, note=spread(found[way]))


def same_results(table: Table) -> None:
    """Modes, chunks and threads."""
    table.add("modes: largest difference", agreement.modes(10 if table.quick else 60), at_most=1e-5)
    table.add("chunks and threads: largest difference", agreement.chunks_and_threads(), at_most=1e-6)


def costs(table: Table) -> None:
    """What a step adds to the forward, and beside a step by hand."""
    for examples in (1, 16):
        found = learning.update_cost(examples, QUICK_ROUNDS)
        for way in ("kept", "regenerated", "dense"):
            table.add(f"update / forward at b = {examples}, {way}", found[way], "x")
    if table.quick:
        table.not_measured("steps per second", "without --quick")
        return
    for task, ways in learning.steps_per_second(7).items():
        for way, speed in ways.items():
            table.add(f"{task}: steps per second, {way}", speed)


def tasks(table: Table) -> None:
    """The examples of ``examples/``."""
    solved = [xor.main(seed) for seed in range(20)]
    margins = [figures["two_margin"] for figures in solved]
    right = sum(margin > 0 for margin in margins)
    table.add("xor: seeds solved, of 20", right, at_least=20, note=f"smallest margin {min(margins):.2g}")
    alone = max(figures["one_accuracy"] for figures in solved)
    table.add("xor: best accuracy of a single layer", alone, at_most=0.75)
    errors = [affine.main(seed)["after"] for seed in range(3 if table.quick else 8)]
    table.add("affine: worst mean squared error", max(errors), at_most=1e-3)
    if table.quick:
        table.not_measured("shapes: test accuracy", "without --quick")
        return
    accuracy = [shapes.main(seed)["after"] for seed in range(3)]
    table.add("shapes: worst test accuracy of 3 seeds", min(accuracy), at_least=0.95)


if __name__ == "__main__":
    sys.exit(run("population", measure))
