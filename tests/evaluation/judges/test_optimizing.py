"""Training against a judge: budgets hold, and a candidate that no judge can read costs the run nothing."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.judges.reading import answer_marks, read

from hyperfunc import SNES, Choice, Example, HyperSystem, LLMJudge, Real
from hyperfunc.errors import InfrastructureError, JudgeFailed, ServerFailed
from hyperfunc.llm.client import Request
from hyperfunc.optimizers import Grid, Random
from hyperfunc.testing import ScriptedClient

JUDGE = LLMJudge("judge", "Are there animals?", scale=(1, 10))
EXAMPLES = [Example({"prompt": f"Story {n}."}, None) for n in range(24)]
TALES = ("a stone", "an owl", "an owl and a hare", "an owl, a hare and ZZZ")


class Tale(HyperSystem):
    animals = Choice(TALES)
    warmth = Real(0.0, 1.0, default=0.5)

    def run(self, prompt: str) -> str:
        return f"{prompt} There was {self.animals}."


def speechless(request: Request) -> str:
    """A judge that counts animals and has no words for what is worst."""
    if "ZZZ" in read(request.messages).data["text"]:
        return "words fail me"
    return answer_marks(["score"])(request)


@pytest.mark.parametrize("optimizer", [None, Random(20), Grid(), SNES(steps=4)], ids=repr)
def test_a_candidate_without_a_judgement_is_passed_over(optimizer: Any, tmp_path: Path) -> None:
    with ScriptedClient(speechless).answering("judge") as client, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = Tale().optimize(
            EXAMPLES, JUDGE, optimizer=optimizer, budget="300 calls, 600 evaluations", ledger=tmp_path
        )
    assert client.calls <= 300
    assert result.winner["animals"] != TALES[3]
    assert result.score_best >= result.score_start == 0.0
    with ScriptedClient(speechless).answering("judge") as client:
        again = Tale().optimize(
            EXAMPLES, JUDGE, optimizer=optimizer, budget="300 calls, 600 evaluations", ledger=tmp_path
        )
    assert client.calls == 0
    assert (again.best, again.score_best, again.spend.calls) == (
        result.best,
        result.score_best,
        result.spend.calls,
    )


def test_the_best_story_is_found() -> None:
    with ScriptedClient(speechless).answering("judge"):
        result = Tale().optimize(EXAMPLES, JUDGE, optimizer=Random(40), budget="600 calls")
    assert result.winner["animals"] == TALES[2]
    assert result.gain is not None
    assert result.gain.estimate == pytest.approx(2 / 9)


def test_a_start_without_a_judgement_is_an_error_at_once() -> None:
    class Mute(Tale):
        animals = Choice(TALES, default=TALES[3])

    with (
        ScriptedClient(speechless).answering("judge") as client,
        pytest.raises(InfrastructureError, match="JudgeFailed: the judge judge gave no readable answer"),
    ):
        Mute().optimize(EXAMPLES, JUDGE, budget="300 calls")
    assert client.calls < 60


def test_a_judge_that_is_down_stops_the_run_which_then_goes_on(tmp_path: Path) -> None:
    asked = 0

    def failing(request: Request) -> Any:
        nonlocal asked
        asked += 1
        return ServerFailed("down") if asked > 30 else speechless(request)

    settings: dict[str, Any] = {"optimizer": Random(20), "budget": "300 calls", "ledger": tmp_path}
    with ScriptedClient(failing).answering("judge"), pytest.raises(InfrastructureError) as caught:
        Tale().optimize(EXAMPLES, JUDGE, **settings)
    assert not isinstance(caught.value, JudgeFailed)
    with ScriptedClient(speechless).answering("judge"):
        resumed = Tale().optimize(EXAMPLES, JUDGE, **settings)
        fresh = Tale().optimize(EXAMPLES, JUDGE, **{**settings, "ledger": tmp_path / "other"})
    assert (resumed.best, resumed.score_best) == (fresh.best, fresh.score_best)


def test_in_a_population_only_the_candidate_without_a_judgement_has_no_value() -> None:
    with ScriptedClient(speechless).answering("judge"):
        found = Tale().evaluate_population([{"animals": tale} for tale in TALES], EXAMPLES[:3], JUDGE)
    assert json.dumps([round(float(v), 3) for v in found]) == "[0.0, 0.111, 0.222, NaN]"
    assert len(found[3].missing) == 3
