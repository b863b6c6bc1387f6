"""Optimizers under the names and settings that their users know, as they use them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hyperfunc import (
    ExactMatch,
    Example,
    GEPAPromptOptimizer,
    HyperSystem,
    NoOpPromptOptimizer,
    PromptLearningOptimizer,
    ScoreResult,
    hyperfunction,
)
from hyperfunc.errors import MetricError, SpaceError
from hyperfunc.llm.client import Request
from hyperfunc.optimizers.reflective import CurrentBest, EpsilonGreedy, Pareto, RoundRobin, TopK
from hyperfunc.testing import ScriptedClient

MODEL = "test/named"


@hyperfunction(optimize_prompt=True)
def upper(word: str, *, prompt: str) -> str:
    """Repeat the word."""
    return word.upper() if "capital" in prompt else word


@hyperfunction(optimize_prompt=True)
def closed(word: str, *, prompt: str) -> str:
    """Add nothing."""
    return word + "!" if "exclamation" in prompt else word


class Shouting(HyperSystem):
    """Shouts words."""

    async def run(self, word: str) -> str:
        return closed(upper(word))


def train(n: int = 18) -> list[Example]:
    words = [f"{a}{b}" for a in "abcdef" for b in "xyz"]
    return [Example({"word": word}, word.upper() + "!", id=word) for word in words[:n]]


def feedback(example: Example, pred: str) -> ScoreResult:
    right = (pred[: len(example.expected) - 1] == example.expected[:-1]) + (pred[-1] == "!")
    return ScoreResult(right / 2, "shout")


def learn(request: Request) -> str:
    """As a model answers a meta-prompt: first one text is right, then both."""
    asked = request.messages[-1].content
    second = "capital" in asked.split("BEGIN")[0]
    texts = {"upper.prompt": "Use capital letters.", "closed.prompt": "Add nothing."}
    if second:
        texts["closed.prompt"] = "Add an exclamation mark."
    return json.dumps(texts)


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_prompt_learning_in_a_few_rounds(rounds: int, tmp_path: Path) -> None:
    with ScriptedClient(learn).answering(MODEL) as client:
        optimizer = PromptLearningOptimizer(MODEL, max_iterations=rounds)
        system = Shouting(ledger=tmp_path)
        result = system.optimize(train(), feedback, optimizer=optimizer)
    found = dict(result.winner)
    assert client.calls <= rounds
    assert found["upper.prompt"] == "Use capital letters."
    assert ("exclamation" in found["closed.prompt"]) == (rounds > 1)
    if rounds < 3:
        assert result.stopped == f"all {rounds} proposals were made"
    assert "fx" in client.prompts[0] or "ax" in client.prompts[0], "examples are shown"
    assert "shout" in client.prompts[0]


def test_prompt_learning_brings_its_own_scorer(tmp_path: Path) -> None:
    both = {"upper.prompt": "Use capital letters.", "closed.prompt": "Add an exclamation mark."}
    with ScriptedClient(lambda _: json.dumps(both)).answering(MODEL) as client:
        system = Shouting(ledger=tmp_path)
        result = system.optimize(train(), optimizer=PromptLearningOptimizer(MODEL, scorer=ExactMatch()))
    assert client.calls == 1, "after that nothing is left to improve"
    assert result.winner["closed.prompt"] == "Add an exclamation mark."
    assert not result.recommended_start
    assert result.score_best == 1.0


def test_without_any_scorer_a_metric_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match="needs a metric"):
        Shouting(ledger=tmp_path).optimize(train(), optimizer=PromptLearningOptimizer(MODEL))


def test_rounds_are_all_made_without_a_budget_though_nothing_gets_better(tmp_path: Path) -> None:
    def worse(request: Request) -> str:
        return json.dumps({"upper.prompt": f"Nothing {client.calls}.", "closed.prompt": "Nothing."})

    with (client := ScriptedClient(worse)).answering(MODEL):
        optimizer = PromptLearningOptimizer(MODEL, max_iterations=40)
        result = Shouting(ledger=tmp_path).optimize(train(), feedback, optimizer=optimizer)
    assert result.stopped == "all 40 proposals were made"
    assert client.calls == 40
    assert result.winner == result.start


def test_unreadable_answers_are_counted_and_end_the_rounds(tmp_path: Path) -> None:
    with ScriptedClient(lambda _: "I cannot do that.").answering(MODEL) as client:
        optimizer = PromptLearningOptimizer(MODEL, max_iterations=2)
        result = Shouting(ledger=tmp_path).optimize(train(), feedback, optimizer=optimizer)
    assert client.calls == 4, "each is asked for once more"
    assert result.stopped == "all 2 proposals were made"
    assert any("gave no readable answer in 2 tries" in step.note for step in result.history)


def reflect(request: Request) -> str:
    """As a model answers a reflection: right for whichever text it is asked for."""
    name = re.findall(r"present text of (\w+)\.prompt", request.messages[-1].content)[0]
    text = "Use capital letters." if name == "upper" else "Add an exclamation mark."
    return f"```\n{text}\n```"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"module_selector": "round_robin"},
        {"candidate_selection_strategy": "current_best"},
        {"candidate_selection_strategy": "epsilon_greedy", "use_merge": False},
        {"candidate_selection_strategy": "top_k_pareto", "reflection_minibatch_size": 3},
    ],
)
def test_gepa_with_the_settings_of_its_users(settings: dict[str, Any], tmp_path: Path) -> None:
    with ScriptedClient(reflect).answering(MODEL) as client:
        optimizer = GEPAPromptOptimizer(MODEL, **settings)
        result = Shouting(ledger=tmp_path).optimize(
            train(), feedback, budget="400 evaluations", optimizer=optimizer
        )
    assert result.score_best == 1.0
    assert client.calls > 0
    assert result.spend.evaluations <= 400


def test_settings_of_gepa_are_ours() -> None:
    def inner(**settings: Any) -> Any:
        return GEPAPromptOptimizer(MODEL, **settings).inner()

    assert inner().parents == Pareto(best=0.0)
    assert inner(candidate_selection_strategy="current_best").parents == CurrentBest()
    assert inner(candidate_selection_strategy="epsilon_greedy").parents == EpsilonGreedy()
    assert inner(candidate_selection_strategy="top_k_pareto").parents == TopK()
    assert inner(module_selector="round_robin").components == RoundRobin()
    assert inner(use_merge=False).merging is None
    assert inner(perfect_score=0.5).perfect == 0.5
    assert inner(max_proposals=3).ends
    assert not inner().ends


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: GEPAPromptOptimizer(MODEL, candidate_selection_strategy="best"),  # type: ignore[arg-type]
        lambda: GEPAPromptOptimizer(MODEL, module_selector="some"),  # type: ignore[arg-type]
        lambda: GEPAPromptOptimizer(MODEL, reflection_minibatch_size=0),
        lambda: GEPAPromptOptimizer(MODEL, max_proposals=0),
        lambda: PromptLearningOptimizer(MODEL, max_iterations=0),
        lambda: PromptLearningOptimizer(MODEL, context_size=10),
        lambda: PromptLearningOptimizer(MODEL, examples=0),
    ],
)
def test_settings_out_of_range_are_refused(wrong: Any) -> None:
    with pytest.raises(SpaceError):
        wrong()


def test_noop_changes_nothing(tmp_path: Path) -> None:
    with ScriptedClient(reflect).answering(MODEL) as client:
        result = Shouting(ledger=tmp_path).optimize(train(), feedback, optimizer=NoOpPromptOptimizer())
    assert client.calls == 0
    assert result.best == result.start
    assert not result.history
