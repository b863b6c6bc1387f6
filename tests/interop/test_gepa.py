"""Anything with the methods of a GEPAAdapter becomes a system; GEPA itself is not needed."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

import pytest

from hyperfunc.errors import ProgramError
from hyperfunc.interop.gepa import GEPASystem, from_gepa_adapter
from hyperfunc.ledger import Ledger
from hyperfunc.optimizers.proposers import ProposalRequest, Record
from hyperfunc.optimizers.reflective import Reflective

SEED = {"plan.first": "one", "write up": "two"}


@dataclass
class Batch:
    outputs: list[Any]
    scores: list[float]
    trajectories: list[Any] | None = None
    objective_scores: list[dict[str, float]] | None = None


class Adapter:
    """Two components; an item names the text that the second should have."""

    def __init__(self) -> None:
        self.seen: deque[tuple[list[Any], dict[str, str], bool]] = deque()

    def evaluate(self, batch: list[Any], candidate: dict[str, str], capture_traces: bool = False) -> Batch:
        self.seen.append((batch, candidate, capture_traces))
        if batch[0] == "broken":
            raise ValueError("no such item")
        outputs = [f"{candidate['plan.first']} {candidate['write up']}" for _ in batch]
        scores = [float(candidate["write up"] == item) for item in batch]
        return Batch(outputs, scores, [{"item": item} for item in batch])

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Batch, components_to_update: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        if "plan.first" in components_to_update and eval_batch.scores == [1.0]:
            raise RuntimeError("nothing to say")
        return {
            name: [
                {
                    "Inputs": {"self": t["item"]},
                    "Generated Outputs": candidate[name],
                    "Feedback": f"of {name}",
                }
                for t in eval_batch.trajectories or []
            ]
            for name in components_to_update
        }

    def propose_new_texts(
        self, candidate: dict[str, str], reflective_dataset: Any, components_to_update: list[str]
    ) -> dict[str, str]:
        self.told = (candidate, reflective_dataset, components_to_update)
        return {name: f"new {name}" for name in components_to_update}


def test_components_are_knobs_and_lanes_are_single_items() -> None:
    adapter = Adapter()
    system = from_gepa_adapter(adapter, SEED)
    assert list(system.space) == ["plan/first.prompt", "write%20up.prompt"]
    data = system.examples(["two", "three"])
    values = system.evaluate_population([{}, {"write%20up.prompt": "three"}], data, system.metric())
    assert [[cell.score for cell in value.cells] for value in values] == [[1, 0], [0, 1]]
    assert all(len(batch) == 1 and traced for batch, _, traced in adapter.seen)
    assert values[0].cells[1].reached == ("plan/first", "program", "write%20up")


def test_feedback_is_routed_to_the_component_it_is_about() -> None:
    system = from_gepa_adapter(Adapter(), SEED)
    (example,) = data = system.examples(["three"])
    metric = system.metric()
    (cell,) = system.evaluate(data, metric).cells
    assert cell.feedback == "of plan.first\nof write up"
    for knob, said in (("plan/first.prompt", "of plan.first"), ("write%20up", "of write up")):
        assert asyncio.run(metric.score(example, cell.prediction, pred_name=knob)).feedback == said
    calls = system.trace_run(item="three").calls
    assert ("write%20up", {"self_": "three"}, "two") in [(c.name, dict(c.inputs), c.output) for c in calls]


def test_an_adapter_that_has_nothing_to_say_costs_no_score() -> None:
    system = from_gepa_adapter(Adapter(), SEED)
    (cell,) = system.evaluate(system.examples(["two"]), system.metric()).cells
    assert cell.score == 1.0
    assert "RuntimeError: nothing to say" in cell.feedback


def test_an_item_that_raises_is_a_failure_of_its_own() -> None:
    system = from_gepa_adapter(Adapter(), SEED)
    cells = system.evaluate(system.examples(["two", "broken", "two"]), system.metric()).cells
    assert [cell.score for cell in cells] == [1.0, 0.0, 1.0]
    assert cells[1].failure == "ValueError: no such item"


def test_what_was_evaluated_is_not_evaluated_again() -> None:
    adapter = Adapter()
    with Ledger.memory() as ledger:
        for _ in range(2):
            system = from_gepa_adapter(adapter, SEED)
            system.evaluate(system.examples(["two", "three"]), system.metric(), ledger=ledger)
    assert len(adapter.seen) == 2


def test_its_own_proposer_sees_its_own_records() -> None:
    adapter = Adapter()
    system = from_gepa_adapter(adapter, SEED)
    (example,) = data = system.examples(["three"])
    (cell,) = system.evaluate(data, system.metric()).cells
    record = Record(example.inputs, None, cell.prediction, 0.0)
    request = ProposalRequest(("write%20up.prompt",), dict(system.candidate), system.space, (record,))
    proposed = asyncio.run(system.proposer().propose(request))
    assert proposed.changes == ({"write%20up.prompt": "new write up"},)
    shown = {"Inputs": {"self": "three"}, "Generated Outputs": "two", "Feedback": "of write up"}
    assert adapter.told == (SEED, {"write up": [shown]}, ["write up"])


def test_an_adapter_is_trained_by_its_own_proposer() -> None:
    class Learning(Adapter):
        def make_reflective_dataset(
            self, candidate: dict[str, str], eval_batch: Batch, components_to_update: list[str]
        ) -> dict[str, list[dict[str, Any]]]:
            wanted = [str(trajectory["item"]) for trajectory in eval_batch.trajectories or []]
            return {name: [{"Feedback": text} for text in wanted] for name in components_to_update}

        def propose_new_texts(
            self, candidate: dict[str, str], reflective_dataset: Any, components_to_update: list[str]
        ) -> dict[str, str]:
            return {
                name: reflective_dataset[name][0]["Feedback"] if name == "write up" else candidate[name]
                for name in components_to_update
            }

    system = from_gepa_adapter(Learning(), SEED)
    result = system.optimize(
        system.examples(["three"] * 6), system.metric(), optimizer=Reflective(system.proposer()),
        budget="200 evaluations", test=(),
    )  # fmt: skip
    assert system.texts() == {"plan.first": "one", "write up": "three"}
    assert (result.score_start, result.score_best) == (0.0, 1.0)


def test_a_batch_of_the_wrong_length_stops_the_evaluation() -> None:
    class Short(Adapter):
        def evaluate(
            self, batch: list[Any], candidate: dict[str, str], capture_traces: bool = False
        ) -> Batch:
            return Batch([], [])

    system = from_gepa_adapter(Short(), SEED)
    with pytest.raises(ProgramError, match="0 outputs and 0 scores for one item"):
        system.evaluate(system.examples(["two"]), system.metric())


def test_what_cannot_be_a_system_is_refused() -> None:
    with pytest.raises(ProgramError, match="it has no evaluate"):
        from_gepa_adapter(object(), SEED)
    with pytest.raises(ProgramError, match="at least one component"):
        from_gepa_adapter(Adapter(), {})
    with pytest.raises(ProgramError, match="score_range"):
        GEPASystem(Adapter(), SEED, (1.0, 1.0))
    adapter = Adapter()
    adapter.propose_new_texts = None  # type: ignore[method-assign, assignment]
    with pytest.raises(ProgramError, match="no propose_new_texts"):
        from_gepa_adapter(adapter, SEED).proposer()
