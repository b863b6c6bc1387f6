"""``LLMJudge``: blind, deterministic, charged like any call, and missing rather than wrong."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.judges.reading import answer_marks, read

from hyperfunc import (
    Choice,
    CompositeScorer,
    Criterion,
    ExactMatch,
    Example,
    Failure,
    HyperSystem,
    LLMJudge,
    LMParam,
    Rubric,
    hyperfunction,
)
from hyperfunc.errors import (
    InfrastructureError,
    JudgeFailed,
    MetricError,
    RequestRefused,
    ServerFailed,
    UnknownModel,
)
from hyperfunc.evaluation import as_metric
from hyperfunc.execution.shelf import metric_fingerprint
from hyperfunc.llm.client import Request, Response
from hyperfunc.llm.registry import register_client, unregister_client
from hyperfunc.testing import ScriptedClient

RUBRIC = Rubric([Criterion("plot", "Does it hold?", 0.75), Criterion("prose", "Is it good?", 0.25)])
JUDGE = LLMJudge("judge", RUBRIC)


def said(**numbers: int) -> str:
    return json.dumps({name: {"reason": f"so {name}", "score": number} for name, number in numbers.items()})


def ask(
    judge: LLMJudge, answers: Any, output: Any = "a text", expected: Any = None, inputs: Any = None
) -> Any:
    client = ScriptedClient(answers)
    with client.answering("judge"):
        return asyncio.run(judge.score(output, expected, inputs or {})), client


@hyperfunction
def write(prompt: str) -> str:
    return f"The fox and the {prompt}."


class Writer(HyperSystem):
    def run(self, prompt: str) -> str:
        return write(prompt)


def examples(*prompts: str) -> list[Example]:
    return [Example({"prompt": prompt}, None) for prompt in prompts]


# -- what it returns ---------------------------------------------------------------------------------------


def test_weights_are_computed_here_and_reasons_of_what_was_weak_are_the_feedback() -> None:
    found, client = ask(JUDGE, [said(plot=10, prose=1)])
    assert found.score == pytest.approx(0.75)
    assert found.feedback == "prose 1 of 10: so prose"
    assert found.details == {
        "criteria": {
            "plot": {"score": 10, "value": 1.0, "weight": 0.75, "reason": "so plot"},
            "prose": {"score": 1, "value": 0.0, "weight": 0.25, "reason": "so prose"},
        },
        "tries": 1, "defused": 0, "left_out": 0,
    }  # fmt: skip
    assert client.calls == 1


def test_the_model_cannot_give_a_total_or_change_a_weight() -> None:
    sneaky = {**json.loads(said(plot=1, prose=1)), "total": 10}
    found, client = ask(JUDGE, [json.dumps(sneaky), said(plot=1, prose=1)])
    assert found.score == 0.0
    assert found.details["tries"] == client.calls == 2


def test_a_text_is_a_rubric_of_one_criterion() -> None:
    judge = LLMJudge(model="judge", criteria="a text", scale=(1, 5), include_inputs=True, temperature=0)
    found, client = ask(judge, [said(score=2)])
    assert found.score == pytest.approx(0.25)
    assert "- score (1 to 5, 5 is best): a text" in client.prompts[0]
    assert judge.rubric == Rubric.of("a text")
    assert judge == LLMJudge("judge", "a text")


def test_whole_numbers_may_be_written_with_a_point_and_come_back_whole() -> None:
    found, _ = ask(LLMJudge("judge", "a text"), ['{"score": {"reason": "", "score": 3.0}}'])
    assert found.details["criteria"]["score"]["score"] == 3
    assert found.feedback == "score 3 of 5: no reason given"


@pytest.mark.parametrize("output", [None, Failure("boom")])
def test_what_is_no_text_scores_0_unasked(output: Any) -> None:
    found, client = ask(JUDGE, [], output)
    assert (found.score, client.calls) == (0.0, 0)
    assert found.feedback in ("the prediction is None", "the program failed: boom")


def test_an_empty_text_is_a_text() -> None:
    assert ask(JUDGE, [said(plot=2, prose=1)], "")[0].score == pytest.approx(0.75 / 9)


def test_data_is_shown_as_json_and_objects_without_their_address() -> None:
    class Thing:
        pass

    for output, shown in (
        ({"b": [1, None], "a": "é"}, '{\n "b": [\n  1,\n  null\n ],\n "a": "é"\n}'),
        ({"tags": {"b", "a"}}, '{\n "tags": [\n  "a",\n  "b"\n ]\n}'),
        (3.5, "3.5"),
        (("a",), '[\n "a"\n]'),
        (Thing(), f"<{Thing.__module__}.{Thing.__qualname__} object>"),
    ):
        _, client = ask(JUDGE, [said(plot=1, prose=1)], output)
        assert read(client.requests[0].messages).data["text"] == shown


# -- what it sees ------------------------------------------------------------------------------------------


def test_it_sees_inputs_expectation_and_text_and_nothing_else() -> None:
    example = Example(
        {"prompt": "an owl"}, "A tale.", id="secret-id", tags=["secret-tag"], group="secret-group"
    )

    @hyperfunction(hp_type=LMParam, optimize_hparams=True)
    def tell(prompt: str, *, prompt_text: str = "", hp: LMParam) -> str:
        """Secret prompt."""
        return f"Once there was {prompt}."

    client = ScriptedClient(answer_marks(["plot", "prose"]))
    with client.answering("judge"):
        HyperSystem([tell]).evaluate_population(
            [{"tell.hp.temperature": t} for t in (0.123, 1.987)], [example], JUDGE
        )
    assert client.calls == 1, "two configurations with one text are one request"
    (request,) = client.requests
    assert read(request.messages).data == {
        "task": "an owl", "reference": "A tale.", "text": "Once there was an owl.",
    }  # fmt: skip
    whole = "".join(m.content for m in request.messages).lower()
    assert not any(word in whole for word in ("secret", "temperature", "0.123", "1.987", "tell"))
    assert request.model == "judge"
    assert not request.tools


def test_inputs_and_expectation_can_be_left_out() -> None:
    judge = LLMJudge("judge", RUBRIC, include_inputs=False, include_expected=False)
    _, client = ask(judge, [said(plot=1, prose=1)], expected="x", inputs={"a": "b"})
    assert set(read(client.requests[0].messages).data) == {"text"}


def test_several_inputs_are_named() -> None:
    _, client = ask(JUDGE, [said(plot=1, prose=1)], inputs={"genre": "noir", "words": 100})
    assert read(client.requests[0].messages).data["task"] == "genre:\nnoir\n\nwords:\n100"


def test_one_text_a_request() -> None:
    client = ScriptedClient(answer_marks(["plot", "prose"]))
    with client.answering("judge"):
        Writer().evaluate(examples("owl", "hare", "toad"), JUDGE)
    assert [read(r.messages).data["text"] for r in client.requests] == [
        f"The fox and the {animal}." for animal in ("owl", "hare", "toad")
    ]


# -- failures are missing ----------------------------------------------------------------------------------


def test_an_unreadable_answer_is_asked_for_again_by_another_request() -> None:
    found, client = ask(JUDGE, ["7", "", said(plot=10, prose=10)])
    assert (found.score, found.details["tries"]) == (1.0, 3)
    first, second, third = client.requests
    assert first.messages == second.messages == third.messages
    assert (first.seed, first.sampling.temperature) == (None, 0.0)
    assert second.seed is not None
    assert second.sampling.temperature == third.sampling.temperature == 0.7
    assert len({first.seed, second.seed, third.seed}) == 3


def test_after_the_last_try_the_judgement_is_missing() -> None:
    with pytest.raises(JudgeFailed, match=r"judge gave no readable answer in 3 tries.*raise retries"):
        ask(JUDGE, ["{}"] * 3)
    with pytest.raises(JudgeFailed, match="in 1 tries"):
        ask(LLMJudge("judge", RUBRIC, retries=0), [said(plot=11, prose=1)])


def test_an_answer_that_was_cut_off_is_no_answer() -> None:
    cut = Response(text=said(plot=1, prose=1), finish_reason="length")
    assert ask(JUDGE, [cut, said(plot=10, prose=10)])[0].score == 1.0


@pytest.mark.parametrize(
    "error", [RequestRefused("too long"), ValueError("odd"), KeyError("x"), TimeoutError()]
)
def test_whatever_a_client_raises_no_text_is_to_blame_for_it(error: Exception) -> None:
    with pytest.raises(InfrastructureError, match=f"could not be asked \\({type(error).__name__}") as caught:
        ask(JUDGE, [error])
    # Only what would come again settles that there is no judgement.
    assert isinstance(caught.value, JudgeFailed) is isinstance(error, RequestRefused)


@pytest.mark.parametrize("error", [ServerFailed("down"), ConnectionError("gone")])
def test_trouble_with_the_server_keeps_its_own_name(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        ask(JUDGE, [error])


def test_an_unknown_model_ends_the_evaluation() -> None:
    with pytest.raises(UnknownModel):
        Writer().evaluate(examples("owl"), LLMJudge("nowhere", RUBRIC))


def hates(word: str) -> Any:
    """A judge that never gives a readable answer about texts with a word."""

    def answer(request: Request) -> str:
        reading = read(request.messages)
        return "no comment" if word in reading.data["text"] else answer_marks(["plot", "prose"])(request)

    return answer


def test_in_an_evaluation_it_is_missing_and_counted_and_never_a_score(tmp_path: Path) -> None:
    with ScriptedClient(hates("hare")).answering("judge") as client:
        found = Writer().evaluate(examples("owl", "hare", "stone"), JUDGE, ledger=tmp_path)
    assert [cell.score for cell in found.cells] == [pytest.approx(2 / 9), None, pytest.approx(1 / 9)]
    assert float(found) == pytest.approx(1.5 / 9)
    assert [cell.example for cell in found.missing] == [found.cells[1].example]
    assert "JudgeFailed: the judge judge gave no readable answer in 3 tries" in (found.cells[1].failure or "")
    assert (client.calls, found.cells[1].calls) == (5, 3)


def test_what_was_answered_is_never_paid_for_again_readable_or_not(tmp_path: Path) -> None:
    results = []
    for calls in (5, 0):
        with ScriptedClient(hates("hare")).answering("judge") as client:
            results.append(Writer().evaluate(examples("owl", "hare", "stone"), JUDGE, ledger=tmp_path))
        assert client.calls == calls
    assert [c.score for c in results[0].cells] == [c.score for c in results[1].cells]
    with ScriptedClient(answer_marks(["plot", "prose"])).answering("judge") as client:
        again = Writer().evaluate(examples("hare"), LLMJudge("judge", RUBRIC, seed=1), ledger=tmp_path)
    assert client.calls == 1
    assert float(again) == pytest.approx(2 / 9)


def test_when_there_is_no_judgement_at_all_the_reason_is_told() -> None:
    with (
        ScriptedClient(lambda request: "no").answering("judge"),
        pytest.raises(InfrastructureError, match="no readable answer"),
    ):
        Writer().evaluate(examples("owl"), JUDGE)


# -- money and luck ----------------------------------------------------------------------------------------


def test_every_try_is_charged() -> None:
    with ScriptedClient(hates("hare")).answering("judge"):
        found = Writer().evaluate(examples("owl", "hare"), JUDGE)
    assert [cell.calls for cell in found.cells] == [1, 3]
    assert all(cell.tokens > 0 for cell in found.cells)


def test_equal_texts_are_judged_once_and_greedy_requests_have_no_luck() -> None:
    with ScriptedClient(answer_marks(["plot", "prose"])).answering("judge") as client:
        found = Writer().evaluate(examples("owl"), JUDGE, repeats=3)
    assert (client.calls, client.requests[0].seed) == (1, None)
    assert len(found.cells) == 3


def test_a_judge_with_a_temperature_has_the_luck_of_its_place() -> None:
    warm = LLMJudge("judge", RUBRIC, temperature=0.5)

    def seeds(**settings: Any) -> list[int]:
        with ScriptedClient(answer_marks(["plot", "prose"])).answering("judge") as client:
            Writer().evaluate(examples("owl", "hare"), warm, repeats=2, **settings)
        return sorted(r.seed or 0 for r in client.requests)

    assert len(set(seeds())) == 4
    assert seeds() == seeds() == seeds(max_concurrency=1)
    assert not set(seeds()) & set(seeds(seed=1))


def test_candidates_are_judged_under_the_same_luck() -> None:
    class Tuned(HyperSystem):
        animal = Choice(("owl", "hare"))

        def run(self, prompt: str) -> str:
            return f"{prompt} {self.animal}"

    with ScriptedClient(answer_marks(["plot", "prose"])).answering("judge") as client:
        Tuned().evaluate_population(
            [{"animal": "owl"}, {"animal": "hare"}], examples("a"), LLMJudge("judge", RUBRIC, temperature=0.5)
        )
    assert client.calls == 2
    assert len({r.seed for r in client.requests}) == 1


def test_outside_an_evaluation_a_judge_asks_the_same_each_time_and_another_seed_asks_anew() -> None:
    def seed(judge: LLMJudge) -> int | None:
        return ask(judge, [said(plot=1, prose=1)])[1].requests[0].seed

    warm = LLMJudge("judge", RUBRIC, temperature=0.5)
    assert seed(warm) == seed(warm) is not None
    assert seed(warm.reseeded(1)) not in (seed(warm), None)
    assert seed(JUDGE) is None
    assert seed(JUDGE.reseeded(1)) is not None


# -- the ledger's view of it ---------------------------------------------------------------------------------


def key(judge: Any) -> str:
    return metric_fingerprint(as_metric(judge))


def test_the_ledger_tells_judges_apart_by_all_that_matters() -> None:
    def variants() -> Iterable[LLMJudge]:
        yield JUDGE
        yield LLMJudge("other", RUBRIC)
        yield LLMJudge(
            "judge", Rubric([Criterion("plot", "Does it hold?"), Criterion("prose", "Is it good?")])
        )
        yield LLMJudge("judge", Rubric(RUBRIC.criteria, "A task."))
        for setting in (
            {"include_inputs": False}, {"include_expected": False}, {"temperature": 1.0},
            {"temperature": None}, {"seed": 0}, {"retries": 0}, {"max_tokens": 9}, {"max_chars": 100},
        ):  # fmt: skip
            yield LLMJudge("judge", RUBRIC, **setting)

    keys = [key(judge) for judge in variants()]
    assert len(set(keys)) == len(keys)
    assert key(LLMJudge("judge", RUBRIC, temperature=0)) == key(JUDGE)
    assert key(LLMJudge("judge", "x", (1, 5))) == key(LLMJudge("judge", Rubric.of("x")))


CODE = """
from hyperfunc import LLMJudge, register_client
from hyperfunc.evaluation import as_metric
from hyperfunc.execution.shelf import metric_fingerprint
from hyperfunc.testing import ScriptedClient
print(metric_fingerprint(as_metric(LLMJudge("judge", "a text"))))
"""


def test_the_ledger_knows_a_judge_again_in_another_process_whatever_models_there_are() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    here = key(LLMJudge("judge", "a text"))
    register_client("another", ScriptedClient([]))
    try:
        assert key(LLMJudge("judge", "a text")) == here == done.stdout.strip()
    finally:
        unregister_client("another")


def test_the_ledger_sees_a_change_of_the_wording(monkeypatch: pytest.MonkeyPatch) -> None:
    from hyperfunc.evaluation.judges import rubric, wording
    from hyperfunc.llm import fencing

    before = key(JUDGE)
    for module, name, value in (
        (wording, "_RULES", "{what} {mark} {short}"), (wording, "_AFTER", "{what}"),
        (fencing, "_CONTROL_TOKENS", "x"), (rubric, "_WEAK", 0.1), (rubric, "value_on", lambda c, n: 1.0),
        (rubric, "weights_of", lambda r: (1.0,)),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            assert key(JUDGE) != before, name
    assert key(JUDGE) == before


# -- composing -----------------------------------------------------------------------------------------------


def test_it_is_a_component_like_any_scorer() -> None:
    scorer = CompositeScorer([(JUDGE, 0.5), (ExactMatch(), 0.5)])
    with ScriptedClient(answer_marks(["plot", "prose"])).answering("judge"):
        found = Writer().evaluate([Example({"prompt": "owl"}, "The fox and the owl.")], scorer)
    assert float(found) == pytest.approx(0.5 + 0.5 * 2 / 9)


@pytest.mark.parametrize("execution", ["plain", "waves", "auto"])
def test_every_mode_gives_the_same(execution: str) -> None:
    with ScriptedClient(answer_marks(["plot", "prose"])).answering("judge"):
        found = Writer().evaluate(examples("owl", "stone"), JUDGE, execution=execution)
    assert [cell.score for cell in found.cells] == pytest.approx([2 / 9, 1 / 9])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": ""}, "give a model's name"),
        ({"model": 3}, "give a model's name"),
        ({"criteria": 3}, "give a list of Criterion"),
        ({"criteria": ""}, "asks nothing"),
        ({"scale": (1, 3)}, "the criteria have scales of their own"),
        ({"temperature": -1}, "temperature of a judge is -1"),
        ({"temperature": "hot"}, "temperature of a judge is 'hot'"),
        ({"temperature": float("nan")}, "temperature of a judge is nan"),
        ({"retries": -1}, "retries of a judge is -1"),
        ({"retries": 1.5}, "retries of a judge is 1.5"),
        ({"max_tokens": 0}, "max_tokens 0"),
        ({"max_chars": 99}, "max_chars of a judge is 99"),
    ],
)
def test_wrong_settings_are_one_clear_error(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(MetricError, match=message):
        LLMJudge(**{"model": "judge", "criteria": RUBRIC, **settings})


def test_an_expectation_without_a_text_is_the_examples_fault() -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(MetricError, match="an example cannot be shown to a judge"):
        ask(JUDGE, [], expected=Hostile())
    found, client = ask(JUDGE, [], Hostile())
    assert (found.score, client.calls) == (0.0, 0)
