"""A/A: searches over candidates that are all equal. Whatever they ship is an error."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.evidence.recorded import Table
from benchmarks.evidence.simulations import Rate
from hyperfunc import (
    Choice,
    Example,
    HyperSystem,
    Ledger,
    Racing,
    Real,
    Search,
    current_seed,
    hyperfunction,
)
from hyperfunc.evaluation.statistics import holm, within_group_p
from hyperfunc.optimizers import Given, Optimizer

__all__ = ["Replayed", "shipped", "shipped_from_tables"]


class Equals(HyperSystem):
    """A coin that no knob moves; every candidate has its own luck."""

    tone = Choice(("a", "b", "c", "d", "e", "f"))
    width = Real(0, 1)
    bias = Real(0.5, 0.5000001)

    def run(self, x: int) -> float:
        """Heads or tails."""
        told = f"{self.tone} {self.width} {toss(x)}"
        return float(hashlib.blake2b(told.encode(), digest_size=1).digest()[0] < 128)


@hyperfunction(optimize_hparams=False, optimize_prompt=False)
def toss(x: int) -> int:
    """Luck."""
    return hash((x, current_seed()))


def heads(example: Example, pred: float) -> float:
    return pred


def shipped(optimizer: Optimizer | None, runs: int, *, budget: str) -> Rate:
    """How many runs ship a change.

    Args:
        optimizer: ``None`` is the automatic choice.
        runs: with different data and seeds.
        budget: of each.
    """
    changes = 0
    for seed in range(runs):
        data = [Example({"x": 1000 * seed + n}, None) for n in range(90)]
        with Ledger.memory() as ledger, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = Equals().optimize(
                data, heads, optimizer=optimizer, budget=budget, seed=seed, ledger=ledger
            )
            changes += not result.recommended_start
    return Rate(changes, runs)


class Recorded(HyperSystem):
    """The score of a sampler on an item, as it was recorded."""

    sampler = Choice(tuple(range(5)))

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table.scores_KN.tolist()

    def run(self, item: int) -> float:
        """Look it up."""
        return float(self.table[self.sampler][item])


@dataclass(frozen=True)
class Replayed:
    """A recorded table.

    Args:
        name: of the table.
        least_p: the least p-value after Holm of any sampler against the default.
        shipped: for each seed, whether a search over the samplers ships one.
    """

    name: str
    least_p: float
    shipped: tuple[bool, ...]


def shipped_from_tables(tables: list[Table], seeds: int) -> Iterator[Replayed]:
    """What permutation tests and searches say of each table."""
    for table in tables:
        differences_KN = table.scores_KN[1:] - table.scores_KN[0]
        adjusted = holm(np.array([within_group_p(row, groups=table.groups) for row in differences_KN]))
        data = [Example({"item": n}, None, group=group) for n, group in enumerate(table.groups)]
        search = Search(Given([{"sampler": k} for k in range(1, 5)]), Racing())
        yield Replayed(
            table.name,
            float(adjusted.min()),
            tuple(_ships(table, data, search, seed) for seed in range(seeds)),
        )


def _ships(table: Table, data: list[Example], search: Search, seed: int) -> bool:
    with Ledger.memory() as ledger, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = Recorded(table).optimize(data, heads, optimizer=search, seed=seed, ledger=ledger)
    return not result.recommended_start
