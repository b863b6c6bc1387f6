"""Which examples a proposer is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from hyperfunc.errors import SpaceError
from hyperfunc.rng import generator

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Batch", "Batches", "MixedBatches", "shuffled"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples to look at.

    Args:
        items: all of them.
        fresh: those that were not chosen for how the parent did.
        drawn: how many fresh ones were drawn in the run by now.
    """

    items: tuple[int, ...]
    fresh: frozenset[int]
    drawn: int


class Batches(Protocol):
    """Chooses examples."""

    def draw(
        self, train: tuple[int, ...], failing: Mapping[int, float], drawn: int, seed: int,
        rng: np.random.Generator,
    ) -> Batch:  # fmt: skip
        """A batch.

        Args:
            train: examples that proposers may see.
            failing: those that the parent is known to fail, with its score.
            drawn: how many fresh examples were drawn in the run before.
            seed: of the run.
            rng: of this batch.
        """
        ...


@dataclass(frozen=True, slots=True)
class MixedBatches:
    """Known failures of the parent, and fresh examples in an order that visits all before any comes again.

    Failures alone would show the same unsolvable examples over and over; fresh ones alone waste most of a
    batch on what works already.

    Args:
        size: of a batch, at least 1.
        failures: the share of known failures, in [0, 1); fewer when there are not so many.
    """

    size: int = 6
    failures: float = 0.5

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= self.failures < 1:
            raise SpaceError(
                f"batches need size >= 1 and 0 <= failures < 1, but got {self.size} and {self.failures}"
            )

    def draw(
        self, train: tuple[int, ...], failing: Mapping[int, float], drawn: int, seed: int,
        rng: np.random.Generator,
    ) -> Batch:  # fmt: skip
        """Failures first, then fresh ones."""
        size = min(self.size, len(train))
        known = [item for item in train if item in failing]
        wanted = min(int(size * self.failures), len(known))
        chosen = [known[place] for place in rng.permutation(len(known))[:wanted].tolist()]
        fresh: list[int] = []
        while len(chosen) + len(fresh) < size:
            item = _endless(train, drawn, seed)
            drawn += 1
            if item not in chosen and item not in fresh:
                fresh.append(item)
        return Batch((*chosen, *fresh), frozenset(fresh), drawn)


def _endless(train: tuple[int, ...], place: int, seed: int) -> int:
    """The example at a place of an order that goes through all examples again and again, shuffled anew."""
    epoch, within = divmod(place, len(train))
    return train[shuffled(len(train), seed, "reflective", "epoch", epoch)[within]]


@lru_cache(maxsize=1024)
def shuffled(count: int, *names: object) -> tuple[int, ...]:
    """The numbers below ``count`` in the order of the stream with these names; steps ask again and again."""
    return tuple(generator(*names).permutation(count).tolist())
