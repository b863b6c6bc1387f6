"""A trust region: the search stays near its best place, and how near follows from how it fares."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import SpaceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.bayes.encoding import Encoding

__all__ = ["Box", "Region", "TrustRegion"]

_GAIN = 1e-3


@dataclass(frozen=True, slots=True)
class Region:
    """Where a trust region stands.

    Args:
        length: of its sides, as a share of the unit cube.
        members: ids of candidates since it began, those that wait left out.
        waiting: ids by batch, of batches that no score is known of yet.
        successes: batches in a row that improved.
        failed: candidates in a row that did not.
        restarts: how often it began anew.
    """

    length: float
    members: frozenset[str] = frozenset()
    waiting: tuple[tuple[str, ...], ...] = ()
    successes: int = 0
    failed: int = 0
    restarts: int = 0

    def opened(self, names: Iterable[str]) -> Region:
        """With candidates that it did not choose, so that they are no failures."""
        return replace(self, members=self.members | frozenset(names))

    def sent(self, names: Iterable[str]) -> Region:
        """With a batch that it chose."""
        batch = tuple(names)
        return replace(self, waiting=(*self.waiting, batch)) if batch else self


@dataclass(frozen=True, slots=True)
class TrustRegion:
    """Keeps the search in a box around its best place; meant for many knobs and hundreds of candidates.

    The box doubles after batches in a row that improved, halves after candidates in a row that did not, and
    when it has become tiny the search begins anew elsewhere, with evenly spread candidates. Sides are longer
    along knobs that matter less. Of choices only as many may differ from the best place at once as the
    length allows. An improvement is one of the model's mean, not of a lucky score, and the model keeps what
    earlier regions saw.

    Args:
        first: length at the beginning and after a restart, in (least, most].
        least: a shorter box begins anew, above 0.
        most: the greatest length; 1 is the whole cube along a usual knob.
        successes: batches in a row that double it, at least 1.
        failures: candidates in a row that halve it, at least 1; ``None`` takes the number of knobs that
            matter at once, and at least 4.

    Raises:
        SpaceError: a setting out of its range.

    Example::

        Search(BoTorch(trust_region=TrustRegion()), Fixed(examples=6, batch=8))

    Source: Eriksson et al., "Scalable global optimization via local Bayesian optimization" (2019), section
    2; for choices Wan et al., "Think global and act local: Bayesian optimisation over high-dimensional
    categorical and mixed search spaces" (2021).
    """

    first: float = 0.8
    least: float = 0.5**7
    most: float = 1.6
    successes: int = 3
    failures: int | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.least < self.first <= self.most < math.inf:
            raise SpaceError(
                f"least, first and most of a trust region are {self.least}, {self.first} and {self.most}; "
                "give 0 < least < first <= most"
            )
        if self.successes < 1 or (self.failures is not None and self.failures < 1):
            raise SpaceError(
                f"successes is {self.successes} and failures {self.failures}; give at least 1 each"
            )

    def begin(self, start: str) -> Region:
        """The first region, which knows the start."""
        return Region(self.first, frozenset((start,)))

    def judged(self, region: Region, worth: Mapping[str, float], knobs: int) -> Region:
        """The region after the batches that have scores by now.

        Args:
            region: as it was.
            worth: standardised means by the id of every measured candidate.
            knobs: how many matter at once.
        """
        patience = self.failures or max(4, knobs)
        waiting = region.waiting
        region = replace(region, waiting=())
        for batch in waiting:
            seen = [worth[name] for name in batch if name in worth]
            if not seen:
                region = region.sent(batch)
                continue
            before = max((worth[name] for name in region.members if name in worth), default=-math.inf)
            region = region.opened(batch)
            if max(seen) > before + _GAIN:
                region = self._grown(replace(region, successes=region.successes + 1, failed=0))
            else:
                region = self._shrunk(
                    replace(region, successes=0, failed=region.failed + len(seen)), patience
                )
            if not region.members:
                # What is still under way belongs to the region that ended.
                return region
        return region

    def _grown(self, region: Region) -> Region:
        if region.successes < self.successes:
            return region
        return replace(region, length=min(2.0 * region.length, self.most), successes=0)

    def _shrunk(self, region: Region, patience: int) -> Region:
        if region.failed < patience:
            return region
        length = 0.5 * region.length
        if length < self.least:
            return Region(self.first, restarts=region.restarts + 1)
        return replace(region, length=length, failed=0)


@dataclass(frozen=True, slots=True)
class Box:
    """The places that a trust region allows.

    Args:
        encoding: of the space.
        centre_U: its middle.
        sides_U: lengths along numbers; unused along choices.
        changes: how many choices may differ from the middle at once.
    """

    encoding: Encoding
    centre_U: NDArray[np.float64]
    sides_U: NDArray[np.float64]
    changes: int

    @classmethod
    def of(
        cls, encoding: Encoding, length: float, centre_U: NDArray[np.float64], scales_U: NDArray[np.float64]
    ) -> Box:
        """The box of a length.

        Args:
            encoding: of the space.
            length: side along a usual knob.
            centre_U: its middle.
            scales_U: the model's length scales; entries of choices take no part.

        Source: Eriksson et al. (2019), section 2: sides in proportion to the length scales, the volume kept.
        """
        numbers = ~encoding.is_choice_U
        sides_U = np.full(len(centre_U), length)
        if numbers.any():
            logs = np.log(scales_U[numbers])
            sides_U[numbers] *= np.exp(logs - logs.mean())
        return cls(encoding, centre_U, sides_U, max(1, math.ceil(length * int((~numbers).sum()))))

    def spread(self, units_NU: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Places of the whole cube, drawn together into the box."""
        low, high = self._bounds()
        drawn = np.where(self.encoding.is_choice_U, units_NU, low + units_NU * (high - low))
        return self._near_options(drawn, rng)

    def confined(self, units_NU: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Places of the cube, those outside of the box moved onto its edge."""
        low, high = self._bounds()
        clipped = np.where(self.encoding.is_choice_U, units_NU, np.clip(units_NU, low, high))
        return self._near_options(clipped, rng)

    def allows(self, units_NU: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which settled places lie in it, [N]."""
        low, high = self._bounds()
        within = (units_NU >= low - 1e-9) & (units_NU <= high + 1e-9) | self.encoding.is_choice_U
        return np.asarray(within.all(1) & (self._changed(units_NU).sum(1) <= self.changes))

    def _bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        half = 0.5 * self.sides_U
        return np.clip(self.centre_U - half, 0.0, 1.0), np.clip(self.centre_U + half, 0.0, 1.0)

    def _changed(self, units_NU: NDArray[np.float64]) -> NDArray[np.bool_]:
        counts_U = np.array([len(getattr(knob, "options", "x")) for knob in self.encoding.knobs])
        options_NU = np.minimum(np.floor(units_NU * counts_U), counts_U - 1)
        home_U = np.minimum(np.floor(self.centre_U * counts_U), counts_U - 1)
        return np.asarray((options_NU != home_U) & self.encoding.is_choice_U)

    def _near_options(self, units_NU: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Takes options back, at random, where too many choices differ from the middle."""
        changed = self._changed(units_NU)
        luck = np.where(changed, rng.random(changed.shape), 2.0)
        rank = np.argsort(np.argsort(luck, axis=1, kind="stable"), axis=1, kind="stable")
        return np.where(changed & (rank >= self.changes), self.centre_U, units_NU)
