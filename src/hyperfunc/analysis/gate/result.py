"""What a gate says."""

from __future__ import annotations

from dataclasses import dataclass

from hyperfunc.analysis.comparison import Comparison, Difference
from hyperfunc.analysis.report import text
from hyperfunc.evaluation.statistics import Interval

from .settling import more_examples

__all__ = ["Criterion", "GateResult", "judged"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One limit held against the interval of the gain.

    Args:
        name: ``"min_gain"`` or ``"max_drop"``.
        limit: as it was given.
        bound: what the lower end must reach: the limit, or minus the limit for ``max_drop``.
        gain: of the candidate over the baseline.
        passed: whether it holds.
        settled: whether it holds, or the whole interval lies below the bound.
        more: how many further examples would settle it four times in five, were the true gain the measured
            one; ``None`` when it is settled, or when no number would.
    """

    name: str
    limit: float
    bound: float
    gain: Interval
    passed: bool
    settled: bool
    more: int | None

    @property
    def title(self) -> str:
        """Such as ``min_gain 0.02``."""
        return f"{self.name} {self.limit:g}"

    @property
    def demand(self) -> str:
        """What the lower end has to be."""
        strict = self.name == "min_gain" and self.limit == 0
        return "above 0" if strict else f"at least {text.signed(self.bound)}"

    @property
    def outlook(self) -> str:
        """What could change the outcome; empty when it holds."""
        if self.passed:
            return ""
        if self.settled:
            return "the whole interval lies below that"
        if self.more is None:
            return "more examples like these would hardly settle it"
        number = f"about {self.more:,} more examples like these would settle"
        if self.gain.estimate > self.bound:
            return f"{number} it, were the measured gain the true one"
        return f"{number} that it does not"

    def __str__(self) -> str:
        gain = self.gain
        words = (
            f"the gain is {text.signed(gain.estimate)}, {gain.level:.0%} interval {text.signed(gain.low)} to "
            f"{text.signed(gain.high)}, and its lower end has to be {self.demand}"
        )
        return f"{self.title} {'holds' if self.passed else 'does not hold'}: {words}" + (
            f"; {self.outlook}" if self.outlook else ""
        )


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether a candidate may pass, and why.

    Args:
        criteria: one per limit.
        comparison: of the candidate with the baseline.
        created: seconds since the epoch.
    """

    criteria: tuple[Criterion, ...]
    comparison: Comparison
    created: float

    @property
    def passed(self) -> bool:
        """Whether every limit holds."""
        return all(criterion.passed for criterion in self.criteria)

    def __bool__(self) -> bool:
        return self.passed

    @property
    def difference(self) -> Difference:
        """The candidate against the baseline."""
        return self.comparison.differences[0]

    def __str__(self) -> str:
        return "\n".join([*self.comparison.lines(), *map(str, self.criteria), self.verdict])

    @property
    def verdict(self) -> str:
        """The last word."""
        failed = [criterion.title for criterion in self.criteria if not criterion.passed]
        return f"failed: {', '.join(failed)}" if failed else "passed"

    def to_junit(self) -> str:
        """JUnit XML with one test case per limit, as continuous integration reads it."""
        from .junit import junit

        return junit(self)

    def to_markdown(self) -> str:
        """The summary for a job or a pull request; nothing foreign in it is markup."""
        from .summary import summary

        return summary(self)


def judged(name: str, limit: float, comparison: Comparison) -> Criterion:
    """Hold one limit against the first difference of a comparison."""
    difference = comparison.differences[0]
    gain, bound = difference.gain, limit if name == "min_gain" else 0.0 - limit
    passed = gain.low > 0 if name == "min_gain" and limit == 0 else gain.low >= bound
    settled = passed or gain.high <= bound
    more = None if settled else more_examples(difference, comparison.examples, comparison.groups, bound)
    return Criterion(name, limit, bound, gain, passed, settled, more)
