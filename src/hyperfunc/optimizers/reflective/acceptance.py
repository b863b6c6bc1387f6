"""When a child is better than its parent: by a posterior on paired differences, or by plain sums."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from hyperfunc.errors import SpaceError

__all__ = ["Acceptance", "Evidence", "ImprovementOrEqual", "Posterior", "StrictImprovement", "Verdict"]

# What adding up fractions may leave of nothing.
_DUST = 1e-9


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a child did beside its parent on the same examples under the same luck.

    Args:
        failing: differences, child minus parent, on examples where the parent left something to improve.
        passing: differences where it did not.
        failing_share: what share of all examples the parent fails, as far as is known, in (0, 1).
        variance: of a difference within one of the two kinds, over the whole run.
        validated: how many of the examples are for validation.
        left: how many validation examples remain.
    """

    failing: tuple[float, ...]
    passing: tuple[float, ...]
    failing_share: float
    variance: float
    validated: int
    left: int

    @property
    def total(self) -> float:
        """The sum of all differences."""
        return math.fsum((*self.failing, *self.passing))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from the evidence.

    Args:
        word: ``"accept"``, ``"reject"``, or ``"more"`` for further validation examples.
        gain: what the child adds on an average example, as far as is known.
        more: how many further examples.
    """

    word: Literal["accept", "reject", "more"]
    gain: float
    more: int = 0


class Acceptance(Protocol):
    """Decides about a child."""

    def judge(self, evidence: Evidence) -> Verdict:
        """Accept, reject, or ask for more examples; asking where none is left gives the child up."""
        ...


@dataclass(frozen=True, slots=True)
class Posterior:
    """Accepts a child that is probably better, and asks for validation examples while that is open.

    A batch is no fair sample: half of it are known failures of the parent, on which a child can hardly lose.
    So differences on failures and on successes are averaged apart and weighted by how often the parent
    fails. The gain has a normal prior around zero, which holds off what only looks good. The defaults are
    for scores in [0, 1].

    Args:
        accept: probability of being better from which a child is taken, in (0.5, 1).
        reject: probability up to which it is given up, in (0, ``accept``).
        last: probability that suffices when no examples are left, in (0.5, 1).
        block: validation examples that are added at a time, at least 1.
        most: validation examples in all, at least 0.
        prior: standard deviation of gains before anything is known, in units of the score, above 0.

    Raises:
        SpaceError: a setting is out of its range.

    Example::

        Reflective(proposer, acceptance=Posterior(accept=0.9, most=100))  # slower, and more certain

    Source: post-stratified means (Cochran, "Sampling techniques", section 5A.9) under a conjugate normal
    prior.
    """

    accept: float = 0.66
    reject: float = 0.5
    last: float = 0.6
    block: int = 4
    most: int = 40
    prior: float = 0.25

    def __post_init__(self) -> None:
        if not (0.5 < self.accept < 1 and 0 < self.reject < self.accept and 0.5 < self.last < 1):
            raise SpaceError(
                "acceptance needs probabilities 0.5 < accept < 1, 0 < reject < accept and 0.5 < last < 1, "
                f"but got {self.accept}, {self.reject} and {self.last}"
            )
        if self.block < 1 or self.most < 0 or not 0 < self.prior < math.inf:
            raise SpaceError(
                f"acceptance needs block >= 1, most >= 0 and prior > 0, but got {self.block}, {self.most} "
                f"and {self.prior}"
            )

    def judge(self, evidence: Evidence) -> Verdict:
        """By the probability that the gain is above zero."""
        gain, better = self.posterior(evidence)
        if better >= self.accept:
            return Verdict("accept", gain)
        if better <= self.reject:
            return Verdict("reject", gain)
        more = min(self.block, evidence.left, self.most - evidence.validated)
        if more > 0:
            return Verdict("more", gain, more)
        return Verdict("accept" if better >= self.last else "reject", gain)

    def posterior(self, evidence: Evidence) -> tuple[float, float]:
        """The expected gain, in units of the score, and the probability in [0, 1] that there is one."""
        share = evidence.failing_share
        estimate = variance = 0.0
        for weight, differences in ((share, evidence.failing), (1 - share, evidence.passing)):
            # Half an example that shows no difference stands for those that were not seen.
            count = len(differences) + 0.5
            estimate += weight * math.fsum(differences) / count
            variance += evidence.variance * weight**2 / count
        kept = self.prior**2 / (self.prior**2 + variance)
        gain, sd = kept * estimate, math.sqrt(kept * variance)
        if sd == 0:
            return gain, 0.5 + 0.5 * ((gain > 0) - (gain < 0))
        return gain, 0.5 * math.erfc(-gain / (sd * math.sqrt(2)))


@dataclass(frozen=True, slots=True)
class StrictImprovement:
    """Accepts a child whose sum over the batch is higher; nothing is validated.

    Source: Agrawal et al., GEPA, arXiv:2507.19457, algorithm 1.
    """

    def judge(self, evidence: Evidence) -> Verdict:
        """By the sum."""
        return _by_sum(evidence, evidence.total > _DUST)


@dataclass(frozen=True, slots=True)
class ImprovementOrEqual:
    """Accepts a child whose sum over the batch is not lower."""

    def judge(self, evidence: Evidence) -> Verdict:
        """By the sum."""
        return _by_sum(evidence, evidence.total >= -_DUST)


def _by_sum(evidence: Evidence, accepted: bool) -> Verdict:
    count = len(evidence.failing) + len(evidence.passing)
    # A child that could not be scored at all is no improvement, nor equal.
    return Verdict("accept" if accepted and count else "reject", evidence.total / max(1, count))
