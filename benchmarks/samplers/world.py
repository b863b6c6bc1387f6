"""Settings judged on stored texts, and the true surface that they come from."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.samplers import pools
from hyperfunc.apps.demo.prose_metric import PROMPTS, ProseScore, prose_metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BATCH", "Bench", "Cell", "Setting", "Texts", "World", "score_of", "world"]

BATCH = 2 * len(PROMPTS)
"""Texts that judge a setting: two of each prompt."""
_PARTITIONS = 32
_WIDTH = 0.5

Setting = tuple[str, float, float]
"""A family, the temperature, the value of the family's parameter."""
Cell = tuple[str, int, int]
"""A family, the place of its parameter's value, the place of the temperature."""


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """What the metric needs of some texts of one cell: see :mod:`benchmarks.samplers.pools`."""

    counts_PK6: NDArray[np.int32]
    logs_PK: NDArray[np.float64]
    triples: Sequence[Sequence[NDArray[np.uint32]]]

    @classmethod
    def of(cls, found: Sequence[tuple[list[int], float, list[int]]]) -> Texts:
        """Texts of one prompt, from their statistics."""
        counts, logs, triples = zip(*found, strict=True)
        return cls(
            np.array([counts], np.int32),
            np.array([logs]),
            [[np.array(hashes, np.uint32) for hashes in triples]],
        )


def score_of(texts: Texts, picked: Sequence[tuple[int, int]]) -> float:
    """The set metric of some texts, each a prompt and a take: what it says of the texts themselves."""
    prompts, takes = [p for p, _ in picked], [k for _, k in picked]
    totals = texts.counts_PK6[prompts, takes].sum(0).tolist()
    words, pairs, known_pairs, known_words, triples, spoken = totals
    if not spoken:
        return 0.0
    different = len(np.unique(np.concatenate([texts.triples[p][k] for p, k in picked])))
    log_probability = float(texts.logs_PK[prompts, takes].sum()) / pairs
    human = prose_metric()._human
    return ProseScore(
        fluency=known_pairs / pairs,
        diversity=different / triples,
        spelling=known_words / words,
        humanity=math.exp(-abs(log_probability - human) / _WIDTH),
        answered=spoken / len(picked),
        log_probability=log_probability,
    ).score


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The stored texts of every cell, and the mean score of its batches.

    Args:
        texts: by cell.
        truth: by cell, the mean score of batches of :data:`BATCH` texts drawn from it.
    """

    texts: dict[Cell, Texts]
    truth: dict[Cell, float]

    @property
    def best(self) -> float:
        """The highest true score."""
        return max(self.truth.values())

    def nearest(self, setting: Setting) -> Cell:
        """The cell that stands for a setting; ``min_p`` is compared by ratio."""
        family, temperature, value = setting
        values = np.array(pools.FAMILIES[family])
        apart = np.abs(np.log(values / value)) if family == "min_p" else np.abs(values - value)
        degrees = np.abs(np.array(pools.TEMPERATURES) - temperature)
        return family, int(apart.argmin()), int(degrees.argmin())


@cache
def world() -> World:
    """All texts that are stored, with the truth, which is kept beside them."""
    texts = {}
    for family, value in pools.rows():
        place = pools.FAMILIES[family].index(value)
        for degree, of_cell in enumerate(_read((family, value))):
            texts[family, place, degree] = of_cell
    return World(texts, _truth(texts))


def _read(row: pools.Row) -> list[Texts]:
    with np.load(pools.path_of(row), allow_pickle=False) as arrays:
        counts, logs, sizes, triples = (arrays[n] for n in ("counts", "logs", "sizes", "triples"))
    ends = np.cumsum(sizes.ravel())[:-1]
    flat = np.split(triples, ends)
    degrees, prompts, takes = sizes.shape
    every = iter(flat)
    hashes = [[[next(every) for _ in range(takes)] for _ in range(prompts)] for _ in range(degrees)]
    return [Texts(counts[t], logs[t], hashes[t]) for t in range(degrees)]


def _truth(texts: dict[Cell, Texts]) -> dict[Cell, float]:
    """The mean over batches that share out the takes of every prompt, many times; computed once."""
    path = pools.folder() / "truth.npz"
    if not path.is_file():
        rng = np.random.default_rng(0)
        orders = [
            rng.permuted(np.tile(np.arange(pools.TAKES), (len(PROMPTS), 1)), axis=1)
            for _ in range(_PARTITIONS)
        ]
        batches = [
            [(p, int(order[p, k])) for p in range(len(PROMPTS)) for k in (slot, slot + 1)]
            for order in orders
            for slot in range(0, pools.TAKES, 2)
        ]
        means = [
            float(np.mean([score_of(of_cell, batch) for batch in batches])) for of_cell in texts.values()
        ]
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, means=np.array(means))
        partial.replace(path)
    with np.load(path, allow_pickle=False) as arrays:
        return dict(zip(texts, arrays["means"].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Bench:
    """One search's view of the world.

    A setting draws its own texts from those of its cell, the same ones whenever it is asked for again, and
    others for every repeat: with equal seeds even neighbouring cells were measured to have no luck in common.

    Args:
        world: with the texts.
        seed: of the draws.
    """

    world: World
    seed: int

    def score(self, setting: Setting, examples: Sequence[int] = range(BATCH), repeat: int = 0) -> float:
        """The metric of a setting on some of the batch's examples; a repeat takes other texts.

        Args:
            setting: anywhere in the ranges.
            examples: 0 to 19; an example is a prompt and whether it is its first or second text.
            repeat: from 0.
        """
        # A stream for every repeat: all texts of a cell without replacement would be its truth.
        rng = np.random.default_rng([self.seed, zlib.crc32(repr(setting).encode()), repeat])
        order_PK = rng.permuted(np.tile(np.arange(pools.TAKES), (len(PROMPTS), 1)), axis=1)
        picked = []
        for example in examples:
            slot, prompt = divmod(example, len(PROMPTS))
            picked.append((prompt, int(order_PK[prompt, slot % pools.TAKES])))
        return score_of(self.world.texts[self.world.nearest(setting)], picked)

    def regret(self, setting: Setting) -> float:
        """How much its true score lies below the best."""
        return self.world.best - self.world.truth[self.world.nearest(setting)]
