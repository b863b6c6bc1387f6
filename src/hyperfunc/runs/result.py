"""What a run returns, and what it tells on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperfunc.evaluation.statistics import Interval
from hyperfunc.execution.folding import Execution
from hyperfunc.ledger import Budget, Spend
from hyperfunc.spaces import Candidate, Change, format_diff

if TYPE_CHECKING:
    from hyperfunc.analysis.certificate import Certificate
    from hyperfunc.ledger import Ledger

    from .self_test import SelfTest

__all__ = ["Result", "RunInfo", "StepRecord"]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run that begins: its id, budget, what it learns and from how much.

    Args:
        run_id: names the run in the ledger.
        budget: the limits.
        n_train, n_test: examples that it learns from, and that are held out.
        knobs: names of those that are learnt.
        optimizer: with its settings, as text.
        resumed: the run was begun before, and goes on.
        system: the name of its class.
        metric: its name.
        seed: of everything random.
        start: the values before.
        data: content versions of the examples, under ``train`` and ``test``; the latter may be ``None``.
        why: why it is this optimizer, in a few words.
    """

    run_id: str
    budget: Budget
    n_train: int
    n_test: int
    knobs: tuple[str, ...]
    optimizer: str
    resumed: bool
    system: str = ""
    metric: str = ""
    seed: int = 0
    start: Candidate | None = None
    data: Mapping[str, str | None] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a run.

    Args:
        step: from 0.
        note: what was tried.
        n_candidates: evaluated together.
        n_new: those that had not been tried before.
        n_lanes: cells they needed, those from the ledger included.
        best_value: the best value among them.
        incumbent: id of the optimizer's recommendation so far.
        incumbent_value: the value of the optimizer's recommendation so far, on its own examples.
        spend: charged up to here.
        seconds: since the run began.
    """

    step: int
    note: str
    n_candidates: int
    n_new: int
    n_lanes: int
    best_value: float
    incumbent_value: float | None
    spend: Spend
    seconds: float
    incumbent: str | None = None


@dataclass(frozen=True)
class Result:
    """What a run found.

    Args:
        run_id: names the run in the ledger.
        best: the recommended values: the winner if it was confirmed, else the start.
        start: the values before.
        winner: what the search would have chosen, confirmed or not.
        recommended_start: no winner was better beyond doubt, so nothing changes.
        score_start, score_best: values of the start and of the winner on the held-out examples (on the
            training examples when none were held out).
        gain: paired interval of winner minus start on held-out examples; ``None`` when none were held out.
        history: the steps.
        spend: what was charged; answers found in the ledger count like paid ones.
        paid_calls: model calls that were really made in this process.
        budget: the limits.
        stopped: why it ended.
        warnings: what the user should know.
        execution: how the search was run, and why not in a faster mode.
        certificate: what may be claimed, and all it takes to check it; ``None`` when nothing was held out.
        self_test: the start against a copy of itself, when it was asked for.
    """

    run_id: str
    best: Candidate
    start: Candidate
    winner: Candidate
    recommended_start: bool
    score_start: float
    score_best: float
    gain: Interval | None
    history: tuple[StepRecord, ...]
    spend: Spend
    paid_calls: int
    budget: Budget
    stopped: str
    warnings: tuple[str, ...] = ()
    self_test: SelfTest | None = None
    execution: Execution = field(default_factory=Execution, compare=False)
    certificate: Certificate | None = field(default=None, repr=False, compare=False)
    ledger: Ledger | None = field(default=None, repr=False, compare=False)

    def changes(self) -> list[Change]:
        """The knobs in which the recommendation differs from the start."""
        return self.start.diff(self.best)

    def summary(self) -> str:
        """A few lines for people."""
        lines = [f"run {self.run_id}: {self.stopped}; {self._spent()}"]
        lines.append(f"start {self.score_start:.3f}, winner {self.score_best:.3f} ({self._gain_text()})")
        if self.recommended_start:
            lines.append("recommendation: keep the start; no change was better beyond doubt")
        else:
            lines.append("recommendation:")
            lines.append(format_diff(self.changes()))
        if self.self_test is not None:
            lines.append(str(self.self_test))
        if self.execution.mode != "plain":
            lines.append(str(self.execution))
        lines.extend(f"warning: {w}" for w in self.warnings)
        return "\n".join(lines)

    def _spent(self) -> str:
        money = f", ${self.spend.dollars:.4g}" if self.spend.dollars else ""
        free = self.spend.calls - self.paid_calls
        kept = f" ({free} of them from the ledger)" if free > 0 else ""
        return f"{self.spend.calls} calls{kept}{money}, {self.spend.seconds:.1f} s"

    def _gain_text(self) -> str:
        if self.winner == self.start:
            return "the search preferred the start itself"
        if self.gain is None:
            return "on the training examples; nothing was held out, so no interval"
        gain = self.gain
        return (
            f"held out: {gain.estimate:+.3f}, {gain.level:.0%} interval {gain.low:+.3f} to {gain.high:+.3f}"
        )

    def export(self, path: str | Path) -> Path:
        """Write the recommended values with the certificate as JSON, for ``HyperSystem.load``.

        ``hyperfunc verify`` makes every figure of it again from the ledger.

        Args:
            path: a file; or a folder, as of :meth:`HyperSystem.save <hyperfunc.HyperSystem.save>`.

        Returns:
            The file.
        """
        from hyperfunc.analysis.artifact import artifact
        from hyperfunc.analysis.filing import write_artifact

        if self.ledger is None:
            raise ValueError("this result has no ledger to export from")
        name = str(self.ledger.get_run(self.run_id).meta.get("system") or "values")
        return write_artifact(artifact(self.ledger, self.run_id), path, name)

    def report(self, path: str | Path) -> Path:
        """Write the report of this run; HTML, or Markdown when the name ends in ``.md``."""
        from hyperfunc.analysis.report import write_report

        if self.ledger is None:
            raise ValueError("this result has no ledger to report from")
        return write_report(self.ledger, self.run_id, path)


def as_json(interval: Interval | None) -> Mapping[str, Any] | None:
    """An interval as a JSON object."""
    if interval is None:
        return None
    names = ("low", "high", "estimate", "level", "method")
    return {name: getattr(interval, name) for name in names}
