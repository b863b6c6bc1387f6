"""``JudgePanel``: the mean of those who answered, with those who did not counted."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.judges.test_judge import Writer, examples, hates, key

from hyperfunc import Criterion, ExactMatch, JudgePanel, LLMJudge, PairwiseJudge, Rubric
from hyperfunc.errors import JudgeFailed, MetricError, ServerFailed, UnknownModel
from hyperfunc.testing import ScriptedClient

A, B, C = (LLMJudge(name, "Is it good?") for name in ("a", "b", "c"))


def say(number: int) -> str:
    return json.dumps({"score": {"reason": f"{number} it is", "score": number}})


def ask(panel: JudgePanel, **answers: Any) -> Any:
    with (
        ScriptedClient(answers.get("a", [])).answering("a"),
        ScriptedClient(answers.get("b", [])).answering("b"),
        ScriptedClient(answers.get("c", [])).answering("c"),
    ):
        return asyncio.run(panel.score("text", None, {}))


def test_it_takes_the_mean_and_keeps_what_each_said() -> None:
    found = ask(JudgePanel([A, B]), a=[say(5)], b=[say(2)])
    assert found.score == pytest.approx((1.0 + 0.25) / 2)
    assert found.feedback == "b: score 2 of 5: 2 it is"
    assert [found.details["judges"][name]["score"] for name in "ab"] == [1.0, 0.25]
    assert found.details["missing"] == 0
    json.dumps(found.details)


def test_a_judge_without_an_answer_is_counted_and_the_others_decide() -> None:
    found = ask(JudgePanel([A, B, C]), a=["?"] * 3, b=[say(3)], c=[say(5)])
    assert (found.score, found.details["missing"]) == (pytest.approx(0.75), 1)
    assert found.details["judges"]["a"] is None


def test_below_the_quorum_the_judgement_is_missing() -> None:
    with pytest.raises(JudgeFailed, match="1 of 3 judges gave a judgement and 2 must"):
        ask(JudgePanel([A, B, C]), a=["?"] * 3, b=["?"] * 3, c=[say(5)])
    with pytest.raises(JudgeFailed, match="2 of 3 judges gave a judgement and 3 must"):
        ask(JudgePanel([A, B, C], quorum=3), a=[say(1)], b=["?"] * 3, c=[say(5)])
    assert ask(JudgePanel([A, B, C], quorum=1), a=["?"] * 3, b=["?"] * 3, c=[say(5)]).score == 1.0


def test_a_judge_that_is_down_leaves_the_text_for_later() -> None:
    """A mean of the others would be kept, and never be what an undisturbed run has."""
    with pytest.raises(ServerFailed, match="down"):
        ask(JudgePanel([A, B, C]), a=[ServerFailed("down")], b=[say(3)], c=[say(5)])


def test_nan_of_a_judge_is_a_missing_judgement() -> None:
    class Lost:
        def score(self, output: Any, expected: Any, inputs: Any) -> float:
            return math.nan

    assert ask(JudgePanel([A, Lost()], quorum=1), a=[say(3)]).details["missing"] == 1


def test_an_unknown_model_is_no_missing_judgement() -> None:
    with pytest.raises(UnknownModel):
        ask(JudgePanel([A, LLMJudge("nowhere", "x")]), a=[say(3)])


def test_any_scorers_may_sit_on_it() -> None:
    assert ask(JudgePanel([A, ExactMatch()]), a=[say(5)]).score == 0.5


def test_judges_of_one_model_are_told_apart_by_rubric_or_seed() -> None:
    found = ask(JudgePanel([A, A.reseeded(1)]), a=[say(5), say(1)])
    assert list(found.details["judges"]) == ["a", "a #2"]
    assert found.score == 0.5


@pytest.mark.parametrize(
    ("judges", "quorum", "message"),
    [
        ([A], None, "give two or more"),
        ([], None, "give two or more"),
        (A, None, "give two or more"),
        ([A, "b"], None, "give two or more"),
        ([A, LLMJudge], None, "give two or more"),
        ([A, PairwiseJudge("b", "x")], None, "give two or more"),
        ([A, LLMJudge("a", "Is it good?")], None, "are equal and would give equal answers"),
        ([A, B], 0, "give from 1"),
        ([A, B], 3, "give from 1"),
    ],
)
def test_what_is_no_panel_is_one_clear_error(judges: Any, quorum: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        JudgePanel(judges, quorum)


def test_the_ledger_tells_panels_apart() -> None:
    keys = [key(p) for p in (
        JudgePanel([A, B]), JudgePanel([B, A]), JudgePanel([A, C]), JudgePanel([A, B], quorum=1),
        JudgePanel([A, B.reseeded(1)]), JudgePanel([A, LLMJudge("b", Rubric([Criterion("x", "?")]))]),
    )]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert key(JudgePanel([A, B])) == key(JudgePanel((A, B), quorum=2))


def test_a_panel_of_one_model_has_luck_of_its_own_for_each_seat(tmp_path: Path) -> None:
    warm = LLMJudge("a", "Is it good?", temperature=1.0)
    panel = JudgePanel([warm, warm.reseeded(1), warm.reseeded(2)])
    with ScriptedClient(lambda request: say(1 + (request.seed or 0) % 5)).answering("a") as client:
        first = Writer().evaluate(examples("owl", "hare"), panel, ledger=tmp_path, seed=4)
    assert len({request.seed for request in client.requests}) == client.calls == 6
    with ScriptedClient([]).answering("a") as client:
        again = Writer().evaluate(examples("owl", "hare"), panel, ledger=tmp_path, seed=4, max_concurrency=1)
    assert [c.score for c in first.cells] == [c.score for c in again.cells]


@pytest.mark.parametrize("execution", ["plain", "waves", "auto"])
def test_in_an_evaluation_a_text_below_the_quorum_is_missing(execution: str) -> None:
    rubric = Rubric([Criterion("plot", "?"), Criterion("prose", "?")])
    panel = JudgePanel([LLMJudge("a", rubric), LLMJudge("b", rubric)], quorum=2)
    with ScriptedClient(hates("hare")).answering("a"), ScriptedClient(hates("nothing")).answering("b"):
        found = Writer().evaluate(examples("owl", "hare"), panel, execution=execution)
    assert [c.score for c in found.cells] == [pytest.approx(2 / 9), None]
    assert len(found.missing) == 1
