"""An adapter of the installed GEPA as a system."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("gepa", reason="adapters of GEPA need GEPA")

from gepa.adapters.default_adapter.default_adapter import DefaultAdapter, EvaluationResult

from hyperfunc.execution import Engine, Settings
from hyperfunc.interop.gepa import from_gepa_adapter
from hyperfunc.types import Cell

from .programs import Given

pytestmark = pytest.mark.dspy

ITEMS = [{"input": f"q{n}", "additional_context": {"hint": "be loud"}, "answer": f"Q{n}"} for n in range(6)]


def model(messages: Any) -> str:
    """Shouts when it is told to."""
    told, asked = messages[0]["content"], messages[-1]["content"]
    return str(asked.upper() if "loud" in told else asked)


def test_an_adapter_of_gepa_is_trained() -> None:
    system = from_gepa_adapter(DefaultAdapter(model), {"system_prompt": "Answer."})
    assert list(system.space) == ["system_prompt.prompt"]
    data = system.examples(ITEMS)
    assert system.evaluate(data, system.metric()) == 0.0
    result = system.optimize(
        data, system.metric(), budget="60 evaluations", test=(),
        optimizer=Given({"system_prompt.prompt": "Be loud."}),
    )  # fmt: skip
    assert system.texts() == {"system_prompt": "Be loud."}
    assert (result.score_start, result.score_best) == (0.0, 1.0)
    assert system(item=ITEMS[0]) == {"full_assistant_response": "Q0"}


def test_what_the_adapter_says_is_the_feedback_about_its_component() -> None:
    system = from_gepa_adapter(DefaultAdapter(model), {"system_prompt": "Answer."})
    data, metric = system.examples(ITEMS[:1]), system.metric()

    async def run() -> Cell:
        engine = Engine(system.program(), Settings(exchanges=True))
        found = await engine.evaluate([system.candidate], tuple(data), metric)
        return found[0].cells[0]

    cell = asyncio.run(run())
    assert cell.feedback.startswith("The generated response is incorrect. The correct answer is 'Q0'")
    own = [each for each in cell.exchanges if each.function == "system_prompt"]
    assert [(dict(each.inputs), each.output) for each in own] == [({"input": "q0"}, "q0")]
    said = asyncio.run(metric.score(data[0], cell.prediction, pred_name="system_prompt.prompt"))
    assert said.feedback == cell.feedback


def test_scores_of_another_range_and_further_objectives() -> None:
    def evaluator(data: Any, response: str) -> EvaluationResult:
        return EvaluationResult(-3.0 if response == "q0" else 5.0, "told", {"brief": 0.5})

    adapter = DefaultAdapter(model, evaluator)
    system = from_gepa_adapter(adapter, {"system_prompt": "Answer."}, score_range=(-5, 5))
    cells = system.evaluate(system.examples(ITEMS[:2]), system.metric()).cells
    assert [cell.score for cell in cells] == [pytest.approx(0.2), 1.0]
    assert cells[0].details == {"objective_scores": {"brief": 0.5}}
