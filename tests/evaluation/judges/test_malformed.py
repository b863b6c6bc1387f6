"""Whatever a judge answers, there is either the score that it says, or none: no traceback, no default."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import Criterion, LLMJudge, PairwiseJudge, Rubric
from hyperfunc.errors import JudgeFailed
from hyperfunc.llm.client import Response
from hyperfunc.testing import ScriptedClient

RUBRIC = Rubric([
    Criterion("plot", "Does it hold?", 0.5), Criterion("prose", "Is it good?", 0.3, (0, 4)),
    Criterion("worn", "How worn is it?", 0.2, (1, 5), reverse=True),
])  # fmt: skip
JUDGE = LLMJudge("judge", RUBRIC, retries=0)
PAIRWISE = PairwiseJudge("judge", RUBRIC, retries=0)
GOOD = json.dumps({
    "plot": {"reason": "a", "score": 7}, "prose": {"reason": "b", "score": 3},
    "worn": {"reason": "c", "score": 2},
})  # fmt: skip

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-20, 20), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["7", "10/10", "5.0", "score", "plot"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(["plot", "prose", "worn", "score", "reason"]), st.text(max_size=5)),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
marks = st.fixed_dictionaries({"reason": scalars, "score": scalars})
nearly = st.fixed_dictionaries({"plot": marks, "prose": marks, "worn": marks})
right = st.fixed_dictionaries({
    "plot": st.fixed_dictionaries({"reason": st.text(max_size=9), "score": st.integers(1, 10)}),
    "prose": st.fixed_dictionaries({"reason": st.text(max_size=9), "score": st.integers(0, 4)}),
    "worn": st.fixed_dictionaries({"reason": st.text(max_size=9), "score": st.integers(1, 5)}),
})  # fmt: skip
around = st.sampled_from(
    ["", " ", "\n", "```json\n", "Here it is: ", "<think>hm</think>", "\ufeff", "{", "}"]
)
answers = st.one_of(
    st.text(st.characters(), max_size=60),
    values.map(json.dumps),
    nearly.map(json.dumps),
    right.map(json.dumps),
    st.tuples(around, right.map(json.dumps), around).map("".join),
    st.tuples(right.map(json.dumps), st.integers(0, 120)).map(lambda pair: pair[0][: pair[1]]),
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def expected_score(answer: str) -> float | None:
    """What an answer says, read by rules of its own."""
    try:
        said = json.loads(answer, parse_constant=lambda name: exec("raise ValueError"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or set(said) != {"plot", "prose", "worn"}:
        return None
    numbers = []
    for name, low, high in (("plot", 1, 10), ("prose", 0, 4), ("worn", 1, 5)):
        mark = said[name]
        if (
            not isinstance(mark, dict)
            or set(mark) != {"reason", "score"}
            or not isinstance(mark["reason"], str)
        ):
            return None
        number = mark["score"]
        if isinstance(number, bool) or not isinstance(number, int | float):
            return None
        if number != number or number in (float("inf"), float("-inf")) or number != int(number):
            return None
        if not low <= number <= high:
            return None
        numbers.append((number - low) / (high - low))
    return 0.5 * numbers[0] + 0.3 * numbers[1] + 0.2 * (1 - numbers[2])


def said_nothing(error: str, text: str) -> bool:
    """The answer really says no score, and the error says so in a sentence; always false."""
    assert "so the judgement is missing" in error
    assert len(error) < 1000
    assert expected_score(text) is None
    return False


def check(runner: asyncio.Runner, answer: Any, text: str) -> bool:
    """Whether there was a score; it is the one that the answer says."""
    with ScriptedClient([answer]).answering("judge"):
        try:
            found = runner.run(JUDGE.score("a text", None, {}))
        except JudgeFailed as error:
            return said_nothing(str(error), text)
    want = expected_score(text)
    assert want is not None
    assert found.score == pytest.approx(want, abs=1e-12)
    json.dumps(found.details)
    found.feedback.encode()
    return True


@pytest.mark.slow
@settings(max_examples=3000)
@given(answers)
def test_law_an_answer_gives_the_score_that_it_says_or_none(runner: asyncio.Runner, answer: str) -> None:
    check(runner, answer, answer)


@pytest.mark.slow
def test_ten_thousand_broken_answers_give_no_score_and_right_ones_theirs(runner: asyncio.Runner) -> None:
    rng = random.Random(0)
    letters = '{}[]",:0123456789.-eE+ truefalsnl\n\\ü\x00'
    scores = 0
    for _ in range(10_000):
        answer = list(GOOD)
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(answer))
            change = rng.randrange(4)
            if change == 0:
                answer[place] = rng.choice(letters)
            elif change == 1:
                answer.insert(place, rng.choice(letters))
            elif change == 2:
                del answer[place]
            else:
                del answer[place:]
            answer = answer or list("{")
        text = "".join(answer)
        scores += check(runner, text, text)
    # A change inside a reason, or of one number into another, leaves an answer right.
    assert 100 < scores < 4000


@pytest.mark.parametrize(
    "answer",
    [
        "", "5", "5.0", "null", "[]", "{}", GOOD + GOOD, f"```json\n{GOOD}\n```", f"My verdict: {GOOD}",
        GOOD.replace("7", '"7"'), GOOD.replace("7", "7.5"), GOOD.replace("7", "11"), GOOD.replace("7", "0"),
        GOOD.replace("7", "-7"), GOOD.replace("7", "true"), GOOD.replace("7", "null"),
        GOOD.replace("7", "NaN"), GOOD.replace("7", "Infinity"), GOOD.replace("7", "1e999"),
        GOOD.replace("7", "7, \"score\": 10"), GOOD.replace("7", "9" * 5000), GOOD.replace("plot", "Plot"),
        GOOD.replace('"a"', "null"), GOOD[:-1] + ', "total": 10}', "[" * 100_000, '{"a":' * 5_000,
        Response(text=GOOD, finish_reason="length"), Response(text=""),
        Response(text="", tool_calls=({"name": "score"},)), Response(text="", finish_reason="content_filter"),
    ],
)  # fmt: skip
def test_no_wrong_answer_becomes_a_score(runner: asyncio.Runner, answer: Any) -> None:
    with ScriptedClient([answer]).answering("judge"), pytest.raises(JudgeFailed):
        runner.run(JUDGE.score("a text", None, {}))


@pytest.mark.slow
@settings(max_examples=1000)
@given(
    st.one_of(
        answers,
        st.sampled_from(["one", "two", "equal", "ONE", 1]).map(
            lambda b: json.dumps({"reason": "", "better": b})
        ),
    )
)
def test_law_a_comparison_is_what_it_says_or_missing(runner: asyncio.Runner, answer: str) -> None:
    with ScriptedClient(lambda request: answer).answering("judge"):
        try:
            found = runner.run(PAIRWISE.compare("a", "b"))
        except JudgeFailed:
            return
    # The same answer in both orders is for a place, not for a text.
    assert json.loads(answer)["better"] in ("one", "two", "equal")
    assert found.result == 0.5
