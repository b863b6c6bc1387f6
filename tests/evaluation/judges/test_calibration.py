"""Calibration: a judge that does not tell good from bad is refused, and so is one that does not answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluation.judges.reading import answer_marks, read

from hyperfunc import LLMJudge
from hyperfunc.errors import JudgeFailed, JudgeNotTrusted, MetricError
from hyperfunc.evaluation.judges import Calibration, Sample, calibrate
from hyperfunc.evaluation.statistics import auc_interval
from hyperfunc.llm.client import Request
from hyperfunc.testing import ScriptedClient

JUDGE = LLMJudge("judge", "Are there animals?", scale=(1, 10))
GOOD = [f"{n}: an owl and a hare" for n in range(12)]
BAD = [f"{n} stones" for n in range(12)]


def run(script: Any, good: Any = GOOD, bad: Any = BAD) -> Calibration:
    with ScriptedClient(script).answering("judge"):
        return calibrate(JUDGE, good, bad)


def always(number: int) -> Any:
    return lambda request: json.dumps({"score": {"reason": "", "score": number}})


def test_a_judge_that_tells_good_from_bad_is_trusted() -> None:
    found = run(answer_marks(["score"]))
    assert (found.auc.estimate, found.missing) == (1.0, 0.0)
    assert 0.8 < found.auc.low < 1.0
    assert found.require(auc=0.8) is found
    assert found.trusted()


def test_a_judge_that_says_the_same_of_all_is_refused() -> None:
    found = run(always(7))
    assert found.auc.estimate == 0.5
    assert not found.trusted()
    with pytest.raises(JudgeNotTrusted, match=r"an AUC of 0.50 and 0.80 is asked for; sharpen its rubric"):
        found.require(auc=0.8)


def test_a_judge_that_has_it_the_wrong_way_round_is_refused() -> None:
    found = run(answer_marks(["score"]), BAD, GOOD)
    assert found.auc.estimate == 0.0
    assert not found.trusted(0.5)


def test_a_lucky_handful_is_not_enough() -> None:
    found = run(answer_marks(["score"]), GOOD[:2], BAD[:2])
    assert found.auc.estimate == 1.0
    with pytest.raises(JudgeNotTrusted, match=r"on 2 good and 2 bad texts.*give more known texts"):
        found.require(auc=0.8)
    assert found.trusted(0.8, low=0.0)


def test_texts_of_one_group_count_as_one() -> None:
    grouped = [Sample(text, group=f"g{n % 2}") for n, text in enumerate(GOOD)]
    found = run(answer_marks(["score"]), grouped, [Sample(t, group="g0") for t in BAD])
    assert found.auc.low < run(answer_marks(["score"])).auc.low
    assert not found.trusted()


def test_missing_judgements_are_counted_left_out_and_refused_when_many() -> None:
    def shy(request: Request) -> str:
        text = read(request.messages).data["text"]
        return "?" if text[0] in "012" and "stone" in text else answer_marks(["score"])(request)

    found = run(shy)
    assert found.bad.count(None) == 5  # 0, 1, 2, 10, 11
    assert found.missing == pytest.approx(5 / 12)
    assert found.auc.estimate == 1.0
    with pytest.raises(JudgeNotTrusted, match=r"no judgement of 42% of known texts.*no readable answer"):
        found.require()
    assert found.trusted(missing=0.5)


def test_without_texts_or_without_judgements_there_is_no_calibration() -> None:
    with pytest.raises(MetricError, match="give some of both"):
        run(always(3), good=[])
    with pytest.raises(JudgeFailed):
        run(lambda request: "?")


@given(
    st.lists(st.integers(1, 10), min_size=1, max_size=8), st.lists(st.integers(1, 10), min_size=1, max_size=8)
)
def test_law_the_area_is_the_share_of_pairs_in_order(good: list[int], bad: list[int]) -> None:
    found = run(
        lambda request: json.dumps(
            {"score": {"reason": "", "score": int(read(request.messages).data["text"].split()[1])}}
        ),
        [f"good {n}" for n in good], [f"bad {n}" for n in bad],
    )  # fmt: skip
    pairs = [(g > b) + 0.5 * (g == b) for g in good for b in bad]
    assert found.auc.estimate == pytest.approx(sum(pairs) / len(pairs))
    want = auc_interval([(g - 1) / 9 for g in good], [(b - 1) / 9 for b in bad])
    assert (found.auc.low, found.auc.high) == (want.low, want.high)
