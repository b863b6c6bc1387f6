"""``mlflow.genai.optimize_prompts`` runs our optimizers, against a real server and its registry."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hyperfunc import EditSearch
from hyperfunc.errors import InfrastructureError, ProgramError
from hyperfunc.interop.mlflow import autolog

from .conftest import Server

mlflow: Any = pytest.importorskip("mlflow")

from hyperfunc.interop.mlflow.prompt_optimizer import HyperfuncPromptOptimizer  # noqa: E402

pytestmark = [
    pytest.mark.mlflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

TEMPLATE = "Please never answer in lower case. Answer: {{word}}"
ROWS = [{"inputs": {"word": f"w{n}"}, "expectations": {"answer": f"w{n}"}} for n in range(24)]


@pytest.fixture
def there(server: Server, request: pytest.FixtureRequest) -> str:
    mlflow.set_tracking_uri(server.url)
    return str(mlflow.set_experiment(request.node.name).experiment_id)


def registered(name: str) -> Any:
    return mlflow.genai.register_prompt(name=name, template=TEMPLATE)


def answering(prompt: Any) -> Any:
    """A program that answers right unless its prompt says "never"."""

    def predict(word: str) -> str:
        said = prompt.format(word=word)
        return str(said.rsplit(" ", 1)[-1]) if "never" not in said else "NO"

    return predict


def scorer() -> Any:
    def exact(outputs: str, expectations: Mapping[str, Any]) -> float:
        return float(outputs == expectations["answer"])

    return mlflow.genai.scorers.scorer(exact)


def test_optimize_prompts_finds_and_registers_a_better_one(there: str, tmp_path: Path) -> None:
    prompt = registered("better")
    ours = HyperfuncPromptOptimizer(EditSearch(), budget="200 evaluations", ledger=tmp_path / "ledger")
    with mlflow.start_run() as run:
        found = mlflow.genai.optimize_prompts(
            predict_fn=answering(prompt), train_data=ROWS, prompt_uris=[prompt.uri], optimizer=ours,
            scorers=[scorer()],
        )  # fmt: skip
    (best,) = found.optimized_prompts
    assert (best.name, best.version) == ("better", 2)
    assert "never" not in best.template
    assert "{{word}}" in best.template
    assert (found.initial_eval_score, found.final_eval_score) == (0.0, 1.0)
    assert found.optimizer_name == "HyperfuncPromptOptimizer"
    assert ours.result is not None
    assert ours.result.certificate is not None
    assert ours.result.spend.evaluations <= 200
    assert ours.result.warnings == ()
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "incumbent_value")
    assert [m.step for m in history] == [r.step for r in ours.result.history]
    assert mlflow.MlflowClient().get_run(run.info.run_id).info.status == "FINISHED"


def test_with_autolog_the_run_is_a_child_of_mlflows_own(there: str, tmp_path: Path) -> None:
    autolog()
    prompt = registered("child")
    ours = HyperfuncPromptOptimizer(EditSearch(), budget="80 evaluations", ledger=tmp_path / "ledger")
    mlflow.genai.optimize_prompts(
        predict_fn=answering(prompt), train_data=ROWS, prompt_uris=[prompt.uri], optimizer=ours,
        scorers=[scorer()],
    )  # fmt: skip
    assert ours.result is not None
    assert ours.result.warnings == ()
    found = {r.info.run_id: r for r in mlflow.MlflowClient().search_runs([there])}
    assert len(found) == 2
    (child,) = [r for r in found.values() if r.data.tags.get("hyperfunc.run_id") == ours.result.run_id]
    assert child.data.tags["mlflow.parentRunId"] in found


class Fake:
    """An ``eval_fn`` that notes how it is called.

    Args:
        error: that it raises.
    """

    def __init__(self, error: Exception | None = None, score: float | None = 1.0) -> None:
        self.sizes: list[int] = []
        self.error = error
        self.score = score
        self._busy = threading.Lock()

    def __call__(self, prompts: dict[str, str], records: list[dict[str, Any]]) -> list[Any]:
        from mlflow.genai.optimize.types import EvaluationResultRecord

        assert self._busy.acquire(blocking=False), "eval_fn is not thread-safe, and was called twice at once"
        try:
            if self.error is not None:
                raise self.error
            self.sizes.append(len(records))
            bad = sum("never" in text for text in prompts.values())
            score = None if self.score is None else self.score - bad / 4
            return [
                EvaluationResultRecord(
                    inputs=r["inputs"], outputs=object(), expectations=r["expectations"], score=score,
                    trace=None, rationales={"exact": "because"},
                )
                for r in records
            ]  # fmt: skip
        finally:
            self._busy.release()


def test_records_go_in_batches_one_call_after_another(tmp_path: Path) -> None:
    evaluate = Fake()
    prompts = {"a b": "Never say never.", "c": "You must never."}
    ours = HyperfuncPromptOptimizer(
        EditSearch(), budget="400 calls", ledger=tmp_path / "ledger", max_batch_size=16
    )
    found = ours.optimize(evaluate, ROWS, prompts, enable_tracking=False)
    assert set(found.optimized_prompts) == set(prompts)
    assert ours.result is not None
    assert ours.result.spend.calls <= 400
    assert sum(evaluate.sizes) <= 400
    assert 4 < max(evaluate.sizes) <= 16
    assert len(evaluate.sizes) < sum(evaluate.sizes)


def test_another_program_never_gets_the_scores_of_this_one(tmp_path: Path) -> None:
    scores = []
    for score in (0.75, 0.5):
        ours = HyperfuncPromptOptimizer(EditSearch(), budget="200 evaluations", ledger=tmp_path / "ledger")
        found = ours.optimize(Fake(score=score), ROWS, {"p": "x"}, enable_tracking=False)
        scores.append(found.initial_eval_score)
    assert scores == [0.75, 0.5]


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    ours = HyperfuncPromptOptimizer(EditSearch(), ledger=tmp_path / "ledger")
    with pytest.raises(InfrastructureError, match="eval_fn failed: KeyError: 'scorer'"):
        ours.optimize(Fake(KeyError("scorer")), ROWS, {"p": "x"}, enable_tracking=False)
    with pytest.raises(InfrastructureError, match="gives no score"):
        ours.optimize(Fake(score=None), ROWS, {"p": "x"}, enable_tracking=False)
    with pytest.raises(ProgramError, match="give optimize_prompts train_data and scorers"):
        ours.optimize(None, [], {"p": "x"})
    with pytest.raises(ProgramError, match="needs an optimizer, a proposer or a model"):
        HyperfuncPromptOptimizer()


def test_a_proposer_is_enough_and_sees_the_records(there: str, tmp_path: Path) -> None:
    prompt = registered("proposed")
    seen = []

    def propose(request: Any) -> str:
        seen.extend(request.records)
        return str(request.values[request.names[0]]).replace("never ", "")

    ours = HyperfuncPromptOptimizer(proposer=propose, budget="200 evaluations", ledger=tmp_path / "ledger")
    found = mlflow.genai.optimize_prompts(
        predict_fn=answering(prompt), train_data=ROWS, prompt_uris=[prompt.uri], optimizer=ours,
        scorers=[scorer()],
    )  # fmt: skip
    assert "never" not in found.optimized_prompts[0].template
    assert found.final_eval_score == 1.0
    assert seen
    number = seen[0].inputs["record"]
    assert seen[0].inputs["inputs"] == f'{{"word": "w{number}"}}'
    assert f"w{number}" in seen[0].expected
