"""Presets: a rubric each, judges like any other, known by their names."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.evaluation.judges.reading import read

import hyperfunc
from hyperfunc import LLMJudge, Rubric
from hyperfunc.evaluation.judges import rubric
from hyperfunc.testing import ScriptedClient

NAMES = {
    "CreativeWritingJudge": "CREATIVE_WRITING",
    "SummarizationJudge": "SUMMARIZATION",
    "CodeCorrectnessJudge": "CODE_CORRECTNESS",
    "ConversationJudge": "CONVERSATION",
    "FactualAccuracyJudge": "FACTUAL_ACCURACY",
    "InstructionFollowingJudge": "INSTRUCTION_FOLLOWING",
}


def preset(name: str) -> tuple[Any, Rubric]:
    from hyperfunc.evaluation import judges

    return getattr(hyperfunc, name), getattr(judges, NAMES[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_a_judge_with_a_rubric_of_its_own(name: str) -> None:
    kind, rubric = preset(name)
    judge = kind("judge")
    assert isinstance(judge, LLMJudge)
    assert judge.rubric is rubric
    assert sum(rubric.weights) == pytest.approx(1.0)
    assert rubric.task
    assert repr(judge).startswith(f"{name}(model='judge', criteria=Rubric(")
    assert kind("judge", temperature=1.0, seed=3).seed == 3
    assert isinstance(judge.reseeded(1), kind)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("best", [True, False])
def test_the_best_marks_are_worth_1_and_the_worst_0(name: str, best: bool) -> None:
    kind, rubric = preset(name)
    marks = {c.name: {"reason": "so", "score": c.scale[best != c.reverse]} for c in rubric.criteria}
    with ScriptedClient([json.dumps(marks)]).answering("judge") as client:
        found = asyncio.run(kind("judge").score("a text", "expected", {"task": "t"}))
    assert found.score == pytest.approx(float(best))
    assert set(read(client.requests[0].messages).data) == {"task", "reference", "text"}
    for c in rubric.criteria:
        assert f"- {c.name} ({c.scale[0]} to {c.scale[1]}, " in client.prompts[0]


def test_creative_writing_has_what_a_sampler_search_needs() -> None:
    _, rubric = preset("CreativeWritingJudge")
    assert {"narrative", "creativity", "prose", "coherence"} <= {c.name for c in rubric.criteria}
    assert rubric.criteria[-1].reverse


def test_a_preset_takes_other_criteria() -> None:
    assert hyperfunc.SummarizationJudge("judge", "Is it short?").rubric == rubric.Rubric.of("Is it short?")
