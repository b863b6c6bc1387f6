"""What a comparison says, as data, as lines and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hyperfunc.analysis.report import text
from hyperfunc.analysis.report.markdown import code, fence
from hyperfunc.evaluation.statistics import Interval

from .subjects import Subject

__all__ = ["SAME", "Comparison", "Difference"]

SAME = "same values"
"""Method of an interval without width: the difference is no estimate."""

_ALPHA = 0.05

_COLUMNS = ("", "score", "gain", "95% interval", "p", "Holm", "better", "equal", "worse", "")
_HOLM = _COLUMNS.index("Holm")


@dataclass(frozen=True, slots=True)
class Difference:
    """One subject against the baseline, on the examples that all have.

    Args:
        subject: what is compared.
        score: its mean with interval.
        gain: its score minus the baseline's, paired by example, with interval.
        p: two-sided p-value of "both are equally good", by swapping the two in whole groups of examples.
        p_holm: the same, adjusted for how many comparisons were made.
        better, equal, worse: examples on which it scores higher, the same, lower.
        standard_error: of the gain, from the spread between groups; NaN for a single group.
    """

    subject: Subject
    score: Interval
    gain: Interval
    p: float
    p_holm: float
    better: int
    equal: int
    worse: int
    standard_error: float

    @property
    def verdict(self) -> str:
        """In a word: ``better``, ``worse``, ``undecided``, or ``same`` for equal values and scores.

        For ``better`` and ``worse`` interval and adjusted p-value must agree.
        """
        if self.gain.method == SAME:
            return "same"
        if self.p_holm > _ALPHA or self.gain.low <= 0 <= self.gain.high:
            return "undecided"
        return "better" if self.gain.estimate > 0 else "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several subjects against one baseline, all on the same examples.

    Args:
        baseline: the first.
        score: the baseline's mean with interval.
        differences: the others against it, in order.
        examples: how many all of them have, by content.
        groups: how many independent groups these belong to.
        warnings: what to know before trusting the numbers.
    """

    baseline: Subject
    score: Interval
    differences: tuple[Difference, ...]
    examples: int
    groups: int
    warnings: tuple[str, ...] = ()

    @property
    def gain(self) -> Interval:
        """Of the first of the others over the baseline."""
        return self.differences[0].gain

    @property
    def basis(self) -> str:
        """On what it rests."""
        return (
            f"{text.count(self.examples, 'examples')} that all have, in {text.count(self.groups, 'groups')}, "
            f"scored by {self.baseline.metric}"
        )

    def table(self) -> list[tuple[str, ...]]:
        """Rows of texts: the heads of the columns, the baseline, each difference with its verdict last."""
        first = (self.baseline.label, text.score(self.score.estimate), *[""] * 7, "baseline")
        rows = [_COLUMNS, first, *(_row(difference) for difference in self.differences)]
        # A single comparison has nothing to be adjusted for.
        return rows if len(rows) > 3 else [(*row[:_HOLM], *row[_HOLM + 1 :]) for row in rows]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """A table for people, with foreign text made harmless."""
        rows = [tuple(text.shorten(cell, 60) for cell in row) for row in self.table()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:-1], widths[1:-1]), row[-1]]).rstrip()
            for row in rows
        ]
        return [*lines, text.visible(self.basis), *(f"warning: {text.visible(w)}" for w in self.warnings)]

    def to_json(self) -> dict[str, Any]:
        """Everything but the scores of single examples."""
        return {
            "baseline": {**_about(self.baseline), "score": asdict(self.score)},
            "differences": [
                {
                    **_about(d.subject),
                    "score": asdict(d.score),
                    "gain": asdict(d.gain),
                    "p": d.p,
                    "p_holm": d.p_holm,
                    "examples": {"better": d.better, "equal": d.equal, "worse": d.worse},
                    "verdict": d.verdict,
                }
                for d in self.differences
            ],
            "metric": self.baseline.metric,
            "scorer": self.baseline.scorer,
            "examples": self.examples,
            "groups": self.groups,
            "warnings": list(self.warnings),
        }

    def to_markdown(self) -> str:
        """For a pull request or the summary of a job; nothing foreign in it is markup."""
        heads, *rest = self.table()
        ruler = (":---", *["---:"] * (len(heads) - 2), ":---")
        rows = [heads, ruler, *((_cell(row[0]), *row[1:]) for row in rest)]
        table = [f"| {' | '.join(row)} |" for row in rows]
        basis = (
            f"On {text.count(self.examples, 'examples')} that all have, in "
            f"{text.count(self.groups, 'groups')}, scored by {code(self.baseline.metric)}."
        )
        notes = [fence("\n".join(" ".join(w.split()) for w in self.warnings))] if self.warnings else []
        return "\n\n".join(["\n".join(table), basis, *notes]) + "\n"


def _row(difference: Difference) -> tuple[str, ...]:
    gain = difference.gain
    counts = (difference.better, difference.equal, difference.worse)
    return (
        difference.subject.label,
        text.score(difference.score.estimate),
        text.signed(gain.estimate),
        f"{text.signed(gain.low)} to {text.signed(gain.high)}",
        _p(difference.p),
        _p(difference.p_holm),
        *(str(count) for count in counts),
        difference.verdict,
    )


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _about(subject: Subject) -> Mapping[str, Any]:
    names = ("id", "label", "kind", "program", "candidate")
    return {name: getattr(subject, name) for name in names}


def _cell(value: str) -> str:
    """A foreign name in a table, where a bar would end its cell even in a code span."""
    return code(value).replace("|", "\\|")
