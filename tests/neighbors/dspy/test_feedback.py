"""Metrics of DSPy and GEPA: what they return, and that feedback reaches the predictor it is about."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from hyperfunc.errors import MetricError
from hyperfunc.execution import Engine, Settings
from hyperfunc.interop.dspy import from_dspy
from hyperfunc.interop.dspy.proposing import instruction_proposer
from hyperfunc.optimizers.proposers import ProposalRequest, Record
from hyperfunc.types import Cell, ScoreResult

from .programs import Twins, examples, obedient
from .scripted import Script, Server, dspy

pytestmark = pytest.mark.dspy
Serve = Callable[[Script], Server]


def routed(gold: Any, pred: Any, trace: Any, pred_name: str | None, pred_trace: Any) -> Any:
    """Says of each predictor what it was given and what it made of it."""
    score = float(pred.answer == gold.answer)
    if pred_name is None:
        assert trace is None
        return score
    assert len(trace) == 2
    ((_, inputs, output),) = pred_trace
    return dspy.Prediction(score=score, feedback=f"{pred_name}: {inputs['question']} -> {output.answer}")


def lanes(system: Any, data: Any, metric: Any) -> list[Cell]:
    """Cells with the calls that learners see."""

    async def run() -> list[Cell]:
        engine = Engine(system.program(), Settings(exchanges=True))
        found = await engine.evaluate([system.candidate], tuple(data), metric)
        return list(found[0].cells)

    return asyncio.run(run())


def test_predictors_of_equal_signature_get_their_own_feedback(serve: Serve) -> None:
    serve(obedient)
    module = Twins()
    assert module.first.signature.equals(module.second.signature)
    system = from_dspy(module)
    system.candidate = {"first.prompt": "append A", "second.prompt": "append B"}
    data = system.examples(examples(3))
    metric = system.metric(routed)
    assert metric.per_component
    for n, (example, cell) in enumerate(zip(data, lanes(system, data, metric), strict=True)):
        said = {}
        for name in ("first", "second.prompt"):
            calls = tuple(c for c in cell.exchanges if c.function == name.partition(".")[0])
            result = asyncio.run(
                metric.score(example, cell.prediction, trace=cell.exchanges, pred_name=name, pred_trace=calls)
            )
            said[name] = (result.score, result.feedback)
        assert said == {
            "first": (1.0, f"first: q{n} -> q{n}A"), "second.prompt": (1.0, f"second: q{n}A -> q{n}AB"),
        }  # fmt: skip


def test_an_instruction_proposer_sees_each_predictors_own_calls_with_its_own_feedback(serve: Serve) -> None:
    serve(obedient)
    system = from_dspy(Twins())
    system.candidate = {"first.prompt": "append A", "second.prompt": "append B"}
    (example,) = data = system.examples(examples(1))
    (cell,) = lanes(system, data, system.metric(routed))
    record = Record(
        example.inputs, example.expected, cell.prediction, 0.5, "about all", cell.exchanges,
        {"first.prompt": "about first", "second.prompt": "about second"},
    )  # fmt: skip
    seen: list[Any] = []

    def propose(candidate: Any, reflective_dataset: Any, components_to_update: Any) -> dict[str, str]:
        seen.append((candidate, reflective_dataset, components_to_update))
        return {"second": "append C", "nobody": "x"}

    names = ("first.prompt", "second.prompt")
    request = ProposalRequest(names, dict(system.candidate), system.space, (record,))
    proposed = asyncio.run(instruction_proposer(propose).propose(request))
    assert seen == [(
        {"first": "append A", "second": "append B"},
        {
            "first": [{"Inputs": {"question": "q0"}, "Generated Outputs": {"answer": "q0A"},
                       "Feedback": "about first"}],
            "second": [{"Inputs": {"question": "q0A"}, "Generated Outputs": {"answer": "q0AB"},
                        "Feedback": "about second"}],
        },
        ["first", "second"],
    )]  # fmt: skip
    assert proposed.changes == ({"second.prompt": "append C"},)
    assert len(proposed.refused) == 1
    assert "nobody" in proposed.refused[0]


@pytest.mark.parametrize(
    ("given", "score", "feedback"),
    [
        (True, 1.0, ""),
        (0, 0.0, ""),
        (0.25, 0.25, ""),
        (ScoreResult(0.5, "so so"), 0.5, "so so"),
        ({"score": 0.5, "feedback": None}, 0.5, ""),
        (lambda: dspy.Prediction(score=0.75, feedback="good"), 0.75, "good"),
        (lambda: dspy.Prediction(score=True, feedback="yes"), 1.0, "yes"),
    ],
)
def test_what_metrics_return(serve: Serve, given: Any, score: float, feedback: str) -> None:
    serve(obedient)
    system = from_dspy(Twins())

    def metric(example: Any, pred: Any, trace: Any = None) -> Any:
        return given() if callable(given) else given

    (cell,) = system.evaluate(system.examples(examples(1)), system.metric(metric)).cells
    assert (cell.score, cell.feedback) == (score, feedback)


def test_objective_scores_become_details(serve: Serve) -> None:
    serve(obedient)
    system = from_dspy(Twins())

    def metric(example: Any, pred: Any, trace: Any = None) -> Any:
        return dspy.Prediction(score=0.5, feedback="", objective_scores={"short": 1.0, "right": 0})

    (cell,) = system.evaluate(system.examples(examples(1)), system.metric(metric)).cells
    assert cell.details == {"objective_scores": {"short": 1.0, "right": 0.0}}


@pytest.mark.parametrize("given", ["good", None, 7.5, {"feedback": "no score"}])
def test_what_is_no_score_is_an_error(serve: Serve, given: Any) -> None:
    serve(obedient)
    system = from_dspy(Twins())
    with pytest.raises(MetricError, match="returned"):
        system.evaluate(system.examples(examples(1)), system.metric(lambda e, p, t=None: given))


def test_examples_and_predictions_come_back_as_they_were(serve: Serve) -> None:
    serve(obedient)
    system = from_dspy(Twins())
    (gold,) = examples(1)

    def metric(example: Any, pred: Any) -> bool:
        same = example == gold and set(example.inputs().keys()) == {"question"}
        return bool(same and isinstance(pred, dspy.Prediction))

    assert system.evaluate(system.examples([gold]), system.metric(metric)) == 1.0


def test_models_that_a_metric_asks_are_counted(serve: Serve) -> None:
    server = serve(obedient)
    system = from_dspy(Twins())
    judge = dspy.Predict("question -> answer")

    def metric(example: Any, pred: Any, trace: Any = None) -> bool:
        return bool(judge(question=pred.answer).answer == "q0")

    (cell,) = system.evaluate(system.examples(examples(1)), system.metric(metric)).cells
    assert (cell.score, cell.calls, server.calls) == (1.0, 3, 3)


def test_another_score_for_a_single_predictor_is_told_once(serve: Serve) -> None:
    serve(obedient)
    system = from_dspy(Twins())
    (example,) = data = system.examples(examples(1))

    def metric(gold: Any, pred: Any, trace: Any, pred_name: Any, pred_trace: Any) -> float:
        return 0.5 if pred_name is None else 0.25

    for warns in (True, False):
        judge = system.metric(metric, warn_on_score_mismatch=warns)
        (cell,) = system.evaluate(data, judge).cells
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for _ in range(2):
                asyncio.run(judge.score(example, cell.prediction, pred_name="first", pred_trace=()))
        assert len([w for w in told if "0.25" in str(w.message)]) == (1 if warns else 0)


def test_a_changed_metric_judges_again(serve: Serve) -> None:
    from hyperfunc.execution.shelf import metric_fingerprint

    serve(obedient)
    system = from_dspy(Twins())

    class Strict:
        def __init__(self, limit: float) -> None:
            self.limit = limit

        def __call__(self, example: Any, pred: Any, trace: Any = None) -> float:
            return self.limit

    metrics: list[Any] = [
        lambda e, p, t=None: 1.0,
        lambda e, p, t=None: 0.5,
        Strict(0.1),
        Strict(0.2),
        Strict(0.2),
    ]
    prints = [metric_fingerprint(system.metric(metric)) for metric in metrics]
    assert len(set(prints)) == 4
    assert prints[3] == prints[4]


def test_a_metric_of_other_arguments_is_refused(serve: Serve) -> None:
    serve(obedient)
    with pytest.raises(MetricError, match="pred_name, pred_trace"):
        from_dspy(Twins()).metric(lambda only: 1.0)
