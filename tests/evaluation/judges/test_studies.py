"""Studies: judges against each other and against themselves, with what is missing counted."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import numpy as np
import pytest
from tests.evaluation.judges.reading import answer_marks, read

from hyperfunc import Criterion, ExactMatch, JudgePanel, LLMJudge, Rubric
from hyperfunc.errors import JudgeFailed, MetricError, UnknownModel
from hyperfunc.evaluation.judges import Judgements, Retest, Sample, ajudge_texts, judge_texts, retest
from hyperfunc.evaluation.statistics import krippendorff_alpha
from hyperfunc.llm.client import Request
from hyperfunc.testing import ScriptedClient

RUBRIC = Rubric([Criterion("plot", "?", 0.5), Criterion("prose", "?", 0.5)])
A, B = LLMJudge("a", RUBRIC), LLMJudge("b", RUBRIC)
TEXTS = ["a stone", "an owl", "an owl and a hare", "an owl, a hare, a toad"]


def mute_on(word: str) -> Any:
    def answer(request: Request) -> str:
        return (
            "?" if word in read(request.messages).data["text"] else answer_marks(["plot", "prose"])(request)
        )

    return answer


def strict(request: Request) -> str:
    """One animal less than there are."""
    number = max(1, read(request.messages).opinion() - 1)
    return json.dumps({name: {"reason": "", "score": number} for name in ("plot", "prose")})


def study() -> Judgements:
    with ScriptedClient(mute_on("stone")).answering("a"), ScriptedClient(strict).answering("b"):
        return judge_texts([A, B], TEXTS)


def test_the_table_holds_all_scores_and_counts_what_is_missing() -> None:
    table = study()
    want = np.array([[math.nan, 1, 2, 3], [0, 0, 1, 2]]) / 9
    np.testing.assert_allclose(table.scores_JN, want)
    np.testing.assert_allclose(table.means(), np.array([0, 0.5, 1.5, 2.5]) / 9)
    np.testing.assert_allclose(table.marks("plot"), want * 9 + 1)
    assert (table.judges, table.missing) == (("a", "b"), {"a": 1, "b": 0})
    assert len(table.problems) == 1
    assert table.results_JN[0][0] is None


def test_agreement_is_krippendorffs_alpha_of_scores_or_of_one_criterion() -> None:
    table = study()
    rows: list[list[Any]] = [[None, 1, 2, 3], [0, 0, 1, 2]]
    for level in ("nominal", "ordinal", "interval"):
        assert table.alpha(level) == pytest.approx(krippendorff_alpha(rows, level))
        assert table.alpha(level, criterion="prose") == pytest.approx(krippendorff_alpha(rows, level))
    with pytest.raises(MetricError, match="no criterion 'style'; there are plot, prose"):
        table.alpha(criterion="style")


def test_a_text_that_nobody_judged_has_no_mean() -> None:
    with ScriptedClient(mute_on("stone")).answering("a"):
        table = judge_texts(A, TEXTS)
    assert np.isnan(table.means()).tolist() == [True, False, False, False]


def test_samples_bring_inputs_and_expectations() -> None:
    with ScriptedClient(answer_marks(["plot", "prose"])).answering("a") as client:
        table = judge_texts(A, [Sample("an owl", {"prompt": "p"}, "e"), Sample(None), "text"])
    assert read(client.requests[0].messages).data == {"task": "p", "reference": "e", "text": "an owl"}
    assert table.scores_JN[0, 1] == 0.0
    assert math.isnan(table.marks("plot")[0, 1])


def test_without_one_judgement_the_reason_is_raised_and_wrong_calls_are_errors() -> None:
    with ScriptedClient(lambda request: "?").answering("a"), pytest.raises(JudgeFailed):
        judge_texts(A, TEXTS)
    for judges, texts in (([], TEXTS), (A, [])):
        with pytest.raises(MetricError, match="at least one of each"):
            judge_texts(judges, texts)
    with pytest.raises(MetricError, match="are one text"):
        judge_texts(A, "a text")
    with pytest.raises(UnknownModel):
        judge_texts(LLMJudge("nowhere", "x"), TEXTS)


def test_it_runs_under_a_loop_too() -> None:
    async def main() -> tuple[Judgements, Judgements]:
        # In a notebook the plain call works as well.
        return await ajudge_texts(A, TEXTS), judge_texts(A, TEXTS)

    with ScriptedClient(answer_marks(["plot", "prose"])).answering("a"):
        one, other = asyncio.run(main())
    np.testing.assert_array_equal(one.scores_JN, other.scores_JN)


def noisy(request: Request) -> str:
    number = 3 + (request.seed or 0) % 3
    return json.dumps({name: {"reason": "", "score": number} for name in ("plot", "prose")})


def test_the_spread_is_that_of_one_judge_around_its_own_mean() -> None:
    scores = np.array([[0.1, 0.5, math.nan], [0.3, 0.5, 0.9], [0.2, 0.5, math.nan]])
    found = Retest(scores, ())
    assert found.spread == pytest.approx(math.sqrt((0.01 + 0.01 + 0.0) / 4))
    assert found.missing == 2
    assert found.alpha == pytest.approx(krippendorff_alpha(scores.tolist()))
    with pytest.raises(MetricError, match="judged twice"):
        _ = Retest(scores[:1], ()).spread


def test_each_draw_of_a_retest_is_another_request_and_repeats_itself() -> None:
    warm = LLMJudge("a", RUBRIC, temperature=1.0)
    with ScriptedClient(noisy).answering("a") as client:
        found = retest(warm, TEXTS, times=4)
        again = retest(warm, TEXTS, times=4)
    assert len({(r.messages, r.seed) for r in client.requests}) == 16
    assert found.scores_TN.shape == (4, 4)
    np.testing.assert_array_equal(found.scores_TN, again.scores_TN)
    assert found.spread > 0
    with ScriptedClient(answer_marks(["plot", "prose"])).answering("a"):
        assert retest(A, TEXTS).spread == 0.0
        assert retest(A, TEXTS).alpha == pytest.approx(1.0)


def test_a_panel_can_be_tested_again_and_what_has_no_seed_cannot() -> None:
    warm = [LLMJudge(name, RUBRIC, temperature=1.0) for name in "ab"]
    with ScriptedClient(noisy).answering("a") as client, ScriptedClient(noisy).answering("b"):
        retest(JudgePanel(warm), TEXTS[:1])
    assert len({r.seed for r in client.requests}) == client.calls == 3
    with pytest.raises(MetricError, match="has no seed"):
        retest(ExactMatch(), TEXTS)
    with pytest.raises(MetricError, match="times is 1"):
        retest(A, TEXTS, times=1)
