"""``PairwiseJudge``: both orders are asked, and what they do not agree on is a tie."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.evaluation.judges.reading import answer_pair, read

from hyperfunc import Failure, PairwiseJudge, Rubric
from hyperfunc.errors import JudgeFailed, MetricError, ServerFailed
from hyperfunc.testing import ScriptedClient

JUDGE = PairwiseJudge("judge", "Which has more animals?")
BETTER, WORSE = "An owl and a toad.", "A hare."


def compare(script: Any, first: Any, second: Any, judge: PairwiseJudge = JUDGE, **about: Any) -> Any:
    client = ScriptedClient(script)
    with client.answering("judge"):
        return asyncio.run(judge.compare(first, second, **about)), client


def choose(*slots: str) -> list[str]:
    return [json.dumps({"reason": f"for {slot}", "better": slot}) for slot in slots]


@pytest.mark.parametrize(
    ("slots", "result", "consistent"),
    [
        (("one", "two"), 1.0, True),
        (("two", "one"), 0.0, True),
        (("equal", "equal"), 0.5, True),
        (("one", "one"), 0.5, False),
        (("two", "two"), 0.5, False),
        (("one", "equal"), 0.5, False),
        (("equal", "one"), 0.5, False),
        (("two", "equal"), 0.5, False),
    ],
)
def test_only_what_both_orders_agree_on_is_decided(slots: Any, result: float, consistent: bool) -> None:
    found, client = compare(choose(*slots), "a", "b")
    assert (found.result, found.consistent, found.slots) == (result, consistent, slots)
    assert found.reasons == tuple(f"for {slot}" for slot in slots)
    assert client.calls == 2


def test_the_texts_change_places_and_nothing_else() -> None:
    _, client = compare(answer_pair(), BETTER, WORSE, inputs={"prompt": "p"}, expected="e")
    one, two = (read(request.messages).data for request in client.requests)
    assert one == {"task": "p", "reference": "e", "text one": BETTER, "text two": WORSE}
    assert two == {"task": "p", "reference": "e", "text one": WORSE, "text two": BETTER}


def test_turning_the_comparison_round_turns_the_result_round() -> None:
    assert compare(answer_pair(), BETTER, WORSE)[0].result == 1.0
    assert compare(answer_pair(), WORSE, BETTER)[0].result == 0.0
    assert compare(answer_pair(), WORSE, WORSE)[0].result == 0.5


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [(None, "a", 0.0), ("a", Failure("boom"), 1.0), (None, Failure("boom"), 0.5)],
)
def test_what_is_no_text_loses_unasked(first: Any, second: Any, result: float) -> None:
    found, client = compare([], first, second)
    assert (found.result, found.slots, found.consistent, client.calls) == (result, (), True, 0)


def test_equal_texts_tie_unasked() -> None:
    found, client = compare([], "a", "a")
    assert (found.result, found.slots, client.calls) == (0.5, (), 0)


def test_one_order_without_an_answer_leaves_the_comparison_missing() -> None:
    with pytest.raises(JudgeFailed, match="no readable answer"):
        compare(choose("one") + ["?"] * 3, "a", "b")
    with pytest.raises(ServerFailed):
        compare([*choose("one"), ServerFailed("down")], "a", "b")


def test_a_rubric_of_numbers_serves_for_comparing() -> None:
    _, client = compare(
        answer_pair(), BETTER, WORSE, PairwiseJudge("judge", Rubric.of("Is it alive?", (0, 7)))
    )
    assert "Is it alive?" in client.prompts[0]


def test_draws_differ_by_seed_and_settings_are_checked() -> None:
    seeds = [
        compare(choose("one", "two"), "a", "b", judge)[1].requests[0].seed
        for judge in (JUDGE, JUDGE.reseeded(1), JUDGE.reseeded(2))
    ]
    assert seeds[0] is None
    assert len(set(seeds)) == 3
    with pytest.raises(MetricError, match="temperature of a judge"):
        PairwiseJudge("judge", "x", temperature=-1)
    with pytest.raises(MetricError, match="max_chars"):
        PairwiseJudge("judge", "x", max_chars=1)
