"""What is known about a compile, attached to the compiled module as ``detailed_results``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hyperfunc.execution.encoding import decode
from hyperfunc.execution.shelf import metric_fingerprint
from hyperfunc.spaces import Candidate

from .examples import as_prediction

if TYPE_CHECKING:
    from hyperfunc.evaluation.dataset import Example
    from hyperfunc.evaluation.metrics import Metric
    from hyperfunc.runs.result import Result

    from .system import DSPySystem

__all__ = ["CompileDetails", "details_of"]


@dataclass(frozen=True)
class CompileDetails:
    """Under the names that results of ``dspy.GEPA`` have, as far as they mean the same here.

    Args:
        candidates: every program that was tried, the student first.
        parents: of each, places in the list.
        val_aggregate_scores: of each, the mean over the validation examples it was tried on; NaN when none.
        val_subscores: of each, scores by place of the validation example. Candidates that fall behind are not
            tried on all of them.
        best_idx: the place of the program that was returned. It was chosen by the evidence as a whole, so its
            mean need not be the highest.
        total_metric_calls: evaluations that were charged.
        best_outputs_valset: by validation example, the outputs with the best score, each with the place of
            its candidate; ``None`` unless they were asked for.
        log_dir: where everything is kept.
        seed: of the compile.
        run_id: of the run in the ledger.
        summary: a few lines for people.
    """

    candidates: list[Any]
    parents: list[list[int | None]]
    val_aggregate_scores: list[float]
    val_subscores: list[dict[int, float]]
    best_idx: int
    total_metric_calls: int
    best_outputs_valset: dict[int, list[tuple[int, Any]]] | None = None
    log_dir: str | None = None
    seed: int = 0
    run_id: str = ""
    summary: str = field(default="", repr=False)

    @property
    def best_candidate(self) -> Any:
        """The program that was returned."""
        return self.candidates[self.best_idx]

    @property
    def per_val_instance_best_candidates(self) -> dict[int, set[int]]:
        """By validation example, places of the candidates with the best score."""
        best = self.highest_score_achieved_per_val_task
        return {
            place: {k for k, scores in enumerate(self.val_subscores) if scores.get(place) == score}
            for place, score in best.items()
        }

    @property
    def highest_score_achieved_per_val_task(self) -> dict[int, float]:
        """By validation example, the best score."""
        found: dict[int, float] = {}
        for scores in self.val_subscores:
            for place, score in scores.items():
                found[place] = max(score, found.get(place, -math.inf))
        return found


def details_of(
    system: DSPySystem, result: Result, examples: Sequence[Example], metric: Metric, *, seed: int,
    log_dir: str | None, outputs: bool,
) -> CompileDetails:  # fmt: skip
    """Read them from the ledger of a finished run.

    Args:
        system: that was trained.
        result: of the run.
        examples: for validation.
        metric: of the run.
        seed: of the run.
        log_dir: for the record.
        outputs: keep the best outputs.
    """
    ledger = result.ledger
    assert ledger is not None
    rows = ledger.candidates(result.run_id)
    ids = [row.id for row in rows]
    keys = [(name, example.key or "", 0) for name in ids for example in examples]
    cells = ledger.get_cells(system.program().fingerprint, seed, keys, metric_fingerprint(metric))
    scores: list[dict[int, float]] = [{} for _ in ids]
    made: list[dict[int, Any]] = [{} for _ in ids]
    for k, name in enumerate(ids):
        for n, example in enumerate(examples):
            cell = cells.get((name, example.key or "", 0))
            if cell is None or (cell.score is None and cell.failure is None):
                continue
            scores[k][n] = 0.0 if cell.score is None else cell.score
            if outputs and cell.prediction is not None and cell.failure is None:
                made[k][n] = as_prediction(decode(cell.prediction)["value"])
    values = [Candidate.from_json(system.space, {**system.candidate.to_json(), **row.value}) for row in rows]
    return CompileDetails(
        candidates=[system.module(candidate) for candidate in values],
        parents=[[ids.index(p) for p in row.parents if p in ids] or [None] for row in rows],
        val_aggregate_scores=[sum(s.values()) / len(s) if s else math.nan for s in scores],
        val_subscores=scores,
        best_idx=ids.index(result.best.id),
        total_metric_calls=result.spend.evaluations,
        best_outputs_valset=_best(scores, made) if outputs else None,
        log_dir=log_dir,
        seed=seed,
        run_id=result.run_id,
        summary=result.summary(),
    )


def _best(scores: list[dict[int, float]], made: list[dict[int, Any]]) -> dict[int, list[tuple[int, Any]]]:
    found: dict[int, list[tuple[int, Any]]] = {}
    for n in sorted({n for row in scores for n in row}):
        top = max(row[n] for row in scores if n in row)
        found[n] = [(k, made[k][n]) for k, row in enumerate(scores) if row.get(n) == top and n in made[k]]
    return found
