"""Tournaments: who met whom, what is missing, and how much places decided."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.evaluation.judges.reading import answer_pair, read

from hyperfunc import PairwiseJudge
from hyperfunc.errors import JudgeFailed, MetricError
from hyperfunc.evaluation.judges import Tournament, atournament, tournament
from hyperfunc.llm.client import Request
from hyperfunc.testing import ScriptedClient

JUDGE = PairwiseJudge("judge", "Which has more animals?")
PROMPTS = [{"prompt": f"p{n}"} for n in range(6)]
TEXTS = {
    "none": [f"{n} stones." for n in range(6)],
    "two": [f"{n}: an owl and a toad." for n in range(6)],
    "one": [f"{n}: a hare." for n in range(6)],
}


def play(script: Any = None, **more: Any) -> tuple[Tournament, ScriptedClient]:
    client = ScriptedClient(script or answer_pair())
    with client.answering("judge"):
        return tournament(JUDGE, **{"texts": TEXTS, "inputs": PROMPTS, **more}), client


def test_everyone_meets_everyone_on_every_prompt_in_both_orders() -> None:
    found, client = play()
    assert client.calls == 3 * 6 * 2
    assert {(m.first, m.second, m.prompt) for m in found.matches} == {
        (a, b, n) for a, b in (("none", "two"), ("none", "one"), ("two", "one")) for n in range(6)
    }
    for request in client.requests:
        data = read(request.messages).data
        number = data["text one"][0]
        assert (data["text two"][0], data["task"]) == (number, f"p{number}")
    assert found.strengths().names == ("two", "one", "none")
    assert found.missing == 0


def test_the_winner_is_settled_and_finite_though_it_never_lost() -> None:
    strengths = play()[0].strengths()
    gain = strengths.difference("two", "none")
    assert 0 < gain.low < gain.estimate < gain.high < 20
    assert strengths.win_rate("two") > 0.8 > strengths.win_rate("one")


def test_a_judge_that_is_led_by_places_is_seen() -> None:
    found, _ = play(lambda request: json.dumps({"reason": "", "better": "one"}))
    assert found.first_slot_rate().estimate == 1.0
    assert found.consistency().estimate == 0.0
    assert set(found.strengths().values_K.round(9)) == {0.0}
    fair, _ = play()
    assert (fair.first_slot_rate().estimate, fair.consistency().estimate) == (0.5, 1.0)


def test_matches_without_an_answer_are_missing_counted_and_count_for_nobody() -> None:
    def mute(request: Request) -> str:
        data = read(request.messages).data
        return "no" if data["task"] == "p3" else answer_pair()(request)

    found, _ = play(mute)
    assert found.missing == 3
    assert [m.prompt for m in found.matches if m.comparison is None] == [3, 3, 3]
    assert len(found.problems) == 1
    assert found.strengths().groups == 5
    with pytest.raises(JudgeFailed):
        play(lambda request: "no")


def test_pairs_may_be_chosen_and_groups_given() -> None:
    found, client = play(pairs=[("one", "none"), ("one", "two")], groups=list("aabbcc"))
    assert client.calls == 2 * 6 * 2
    assert found.strengths().groups == 3
    assert found.strengths().names == ("two", "one", "none")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"texts": {"a": ["x"]}}, "has 1 candidates"),
        ({"texts": {"a": ["x"], "b": []}}, "the texts of 'a' are 1, and the texts of 'b' are 0"),
        ({"texts": {"a": [], "b": []}, "inputs": None}, "no prompts"),
        ({"inputs": PROMPTS[:2]}, "and inputs are 2"),
        ({"groups": "ab"}, "and groups are 2"),
        ({"pairs": [("one", "tow")]}, "no texts of 'tow'; did you mean 'two'"),
        ({"pairs": [("one", "one")]}, "compared with itself"),
        ({"pairs": []}, "pairs is empty"),
    ],
)
def test_wrong_settings_are_one_clear_error(more: dict[str, Any], message: str) -> None:
    with pytest.raises(MetricError, match=message):
        play(**more)


def test_it_runs_under_a_loop_too_and_tells_a_place_for_undecided_judges() -> None:
    async def main() -> Tournament:
        return await atournament(JUDGE, TEXTS)

    with ScriptedClient(lambda request: json.dumps({"reason": "", "better": "equal"})).answering("judge"):
        found = asyncio.run(main())
    assert found.consistency().estimate == 1.0
    with pytest.raises(MetricError, match="decided nothing"):
        found.first_slot_rate()
