"""Our optimizers for ``mlflow.genai.optimize_prompts``; importing this imports MLflow."""

from __future__ import annotations

import dataclasses
import json
import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import mlflow
from mlflow.genai.optimize.optimizers import BasePromptOptimizer
from mlflow.genai.optimize.types import PromptOptimizerOutput

from hyperfunc.errors import InfrastructureError, ProgramError
from hyperfunc.evaluation.dataset import Example
from hyperfunc.optimizers import Reflective
from hyperfunc.optimizers.proposers import Reflection
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.spaces import Text
from hyperfunc.system import HyperSystem
from hyperfunc.types import JSON, Failure, ScoreResult

from .batching import Batches
from .watching import RunLog

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger
    from hyperfunc.optimizers.base import Optimizer
    from hyperfunc.runs.result import Result

__all__ = ["HyperfuncPromptOptimizer"]

_NAME = "prompts"
_LONGEST = 4000


class HyperfuncPromptOptimizer(BasePromptOptimizer):  # type: ignore[misc,unused-ignore]
    """Optimizes prompts of MLflow's registry by one of our optimizers, under a budget, with a held-out test.

    Every prompt is a text knob, every training record an example. About a third of the records is held out
    where there are enough; the scores that MLflow is told are those on them, and prompts change only when
    they are better there beyond doubt. Records that wait for the same prompts are evaluated in one call of
    MLflow's ``eval_fn``, which runs them in threads of its own (``MLFLOW_GENAI_EVAL_MAX_WORKERS``).

    Args:
        optimizer: any that changes texts; :class:`Reflective` with ``proposer`` or ``model`` when left out.
        proposer: writes new prompts; for the default optimizer.
        model: that the default proposer asks, such as ``"openai/gpt-x"``.
        budget: such as ``"500 evaluations"``; one evaluation, and one call, is one record under one set of
            prompts.
        seed: fixes every random choice.
        max_batch_size: records of one call of ``eval_fn`` at the most.
        ledger: a folder or file; ``.hyperfunc/`` by default. Scores of other calls are never used again: what
            ``predict_fn`` does cannot be seen from here.
        options: of ``HyperSystem.optimize``, such as ``stop``.

    Example::

        from hyperfunc.interop.mlflow.prompt_optimizer import HyperfuncPromptOptimizer

        mlflow.genai.optimize_prompts(
            predict_fn=predict, train_data=rows, prompt_uris=[prompt.uri], scorers=[exact],
            optimizer=HyperfuncPromptOptimizer(EditSearch(), budget="300 evaluations"),
        )
    """

    def __init__(
        self, optimizer: Optimizer | None = None, *, proposer: Any = None, model: str | None = None,
        budget: str = "500 evaluations", seed: int = 0, max_batch_size: int = 64,
        ledger: str | Path | Ledger | None = None, **options: Any,
    ) -> None:  # fmt: skip
        if optimizer is None and proposer is None and model is None:
            raise ProgramError("HyperfuncPromptOptimizer needs an optimizer, a proposer or a model: give one")
        self.optimizer = optimizer
        self.proposer = proposer
        self.model = model
        self.budget = budget
        self.seed = seed
        self.max_batch_size = max_batch_size
        self.ledger = ledger
        self.options = options
        self.result: Result | None = None

    def optimize(
        self,
        eval_fn: Callable[..., Any] | None,
        train_data: list[dict[str, Any]],
        target_prompts: dict[str, str],
        enable_tracking: bool = True,
    ) -> PromptOptimizerOutput:
        """Improve the prompts; MLflow calls it. The result of the run is in ``.result`` afterwards.

        Args:
            eval_fn: prompts by name and records to results with scores.
            train_data: records with ``inputs``.
            target_prompts: by name.
            enable_tracking: whether values are logged to the active run of MLflow, step by step.

        Raises:
            ProgramError: there is no data, or there are no scores.
        """
        if eval_fn is None or not train_data:
            raise ProgramError("prompts are learnt from scores: give optimize_prompts train_data and scorers")
        batches = Batches(eval_fn, self.max_batch_size)
        fields = {f"p{n}": name for n, name in enumerate(target_prompts)}
        system = _Prompts([_function(fields, target_prompts, batches, train_data)])
        # Nobody can see from here what predict_fn does, so no score of another call is ever used again.
        system.subject = uuid.uuid4().hex
        try:
            self.result = system.optimize(
                _examples(train_data), _score,
                optimizer=self._optimizer(), budget=self.budget, seed=self.seed, ledger=self.ledger,
                callbacks=self._callbacks(enable_tracking), **self.options,
            )  # fmt: skip
        finally:
            batches.close()
        found = self.result
        return PromptOptimizerOutput(
            optimized_prompts={name: found.best[f"{_NAME}.hp.{field}"] for field, name in fields.items()},
            initial_eval_score=found.score_start,
            final_eval_score=found.score_start if found.recommended_start else found.score_best,
        )

    def _optimizer(self) -> Optimizer:
        if self.optimizer is not None:
            return self.optimizer
        return Reflective(Reflection(str(self.model)) if self.proposer is None else self.proposer)

    def _callbacks(self, enable_tracking: bool) -> Sequence[RunLog]:
        run = mlflow.active_run() if enable_tracking else None
        return () if run is None else (RunLog(into=run.info.run_id),)


class _Prompts(HyperSystem):
    """Every record is one call with the prompts of its candidate."""

    subject: str = ""

    async def run(self, record: int, inputs: str) -> Any:
        return await self.get_hyperfunction(_NAME)(record, inputs)


def _examples(data: Sequence[dict[str, Any]]) -> list[Example]:
    """The records by number; their texts are there for those who learn from them."""
    return [
        Example({"record": n, "inputs": _text(row.get("inputs"))}, _text(row.get("expectations")))
        for n, row in enumerate(data)
    ]


def _function(
    fields: Mapping[str, str], prompts: Mapping[str, str], batches: Batches, data: Sequence[dict[str, Any]]
) -> HyperFunction:
    """The call that asks for one record; its parameter group has a text for each prompt."""
    group = dataclasses.make_dataclass(
        "PromptTexts",
        [(field, Annotated[str, Text(prompts[name])], prompts[name]) for field, name in fields.items()],
        frozen=True,
    )

    async def ask(record: int, inputs: str, *, hp: Any) -> dict[str, JSON]:  # noqa: ARG001 - for proposers
        texts = {name: getattr(hp, field) for field, name in fields.items()}
        try:
            result = await batches.ask(texts, data[record])
        except Exception as error:
            # Scorers and MLflow itself failed: no prompt can be blamed for it.
            raise InfrastructureError(f"eval_fn failed: {type(error).__name__}: {error}") from error
        return _judged(result)

    # Its model is whatever predict_fn asks; naming one makes each evaluation a call of the budget.
    return HyperFunction(
        ask, name=_NAME, hp_type=group, optimize_hparams=True, model="mlflow/predict_fn", share=False
    )


def _judged(result: Any) -> dict[str, JSON]:
    """A result as JSON: the ledger keeps it."""
    if result.score is None:
        raise InfrastructureError("eval_fn gives no score: give optimize_prompts scorers")
    score = float(result.score)
    if not math.isfinite(score):
        raise InfrastructureError(f"eval_fn gives the score {score}: mend the scorers or the aggregation")
    said = [f"{name}: {why}" for name, why in (result.rationales or {}).items() if why]
    wanted = f"expected: {_text(result.expectations)}" if result.expectations else ""
    feedback = "\n".join([*said, wanted]).strip()
    scores = {str(name): float(value) for name, value in (result.individual_scores or {}).items()}
    return {
        "output": _text(result.outputs), "score": score, "feedback": feedback, "scores": scores,
    }  # fmt: skip


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text[:_LONGEST]


def _score(example: Example, pred: Any) -> ScoreResult:  # noqa: ARG001 - metrics are told by their names
    """What eval_fn said of a record."""
    if isinstance(pred, Failure):
        return ScoreResult(0.0, pred.reason)
    return ScoreResult(pred["score"], pred["feedback"], {"scores": pred["scores"]})
