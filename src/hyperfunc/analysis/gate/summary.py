"""A gate's result as Markdown for the summary of a job. Foreign text stands in code only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hyperfunc.analysis.report import text
from hyperfunc.analysis.report.markdown import code, fence

if TYPE_CHECKING:
    from .result import Criterion, GateResult

__all__ = ["summary", "summary_of_error"]


def summary(result: GateResult) -> str:
    """The verdict, the limits, the comparison."""
    comparison, difference = result.comparison, result.difference
    gain = difference.gain
    sentence = (
        f"{code(difference.subject.label)} against {code(comparison.baseline.label)}: "
        f"**{text.signed(gain.estimate)}**, {gain.level:.0%} interval {text.signed(gain.low)} to "
        f"{text.signed(gain.high)}."
    )
    rows = ["| limit | lower end has to be | is | |", "| :--- | :--- | ---: | :--- |"]
    rows += [_row(criterion) for criterion in result.criteria]
    return "\n\n".join([_title(result.passed), sentence, "\n".join(rows), comparison.to_markdown()])


def summary_of_error(names: Iterable[str], error: str) -> str:
    """The summary of a gate that could not be checked.

    Args:
        names: of the limits.
        error: why.
    """
    return f"{_title(False)}\n\nIt could not be checked ({', '.join(names)}):\n\n{fence(error)}\n"


def _title(passed: bool) -> str:
    return f"## Evaluation gate: {'passed' if passed else 'failed'}"


def _row(criterion: Criterion) -> str:
    outcome = "holds" if criterion.passed else f"**does not hold**: {criterion.outlook}"
    return f"| {criterion.title} | {criterion.demand} | {text.signed(criterion.gain.low)} | {outcome} |"
