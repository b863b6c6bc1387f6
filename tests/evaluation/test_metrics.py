"""Metrics, scorers and datasets: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from hyperfunc import (
    ContainsMatch,
    ExactMatch,
    Example,
    Failure,
    HyperSystem,
    JSONFields,
    Ledger,
    LMParam,
    ScoreResult,
    hyperfunction,
    load_examples,
    over_set,
    per_item,
)
from hyperfunc.errors import (
    DatasetError,
    MetricError,
    MissingInput,
    OutOfBounds,
    ProgramError,
    SpaceError,
    UnknownKnob,
)
from hyperfunc.evaluation import as_examples, as_metric, split_examples


@hyperfunction
def echo(text: str, *, prompt: str) -> str:
    """Say it."""
    if text == "fail":
        raise ValueError("cannot")
    return text


SYSTEM = HyperSystem([echo])
DATA = [Example("echo", {"text": t}, t.upper()) for t in ("a", "b", "c")]
TONED = Example("echo", {"text": "a", "tone": "b"})


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (ExactMatch(case_sensitive=False), 1.0),
        (ExactMatch(), 0.0),
        (lambda preds, expected: float(len(preds)), 3.0),
        (lambda example, pred: pred == "a", 1 / 3),
        (per_item(lambda e, p: 0.5), 0.5),
        (over_set(lambda p, e: 7), 7.0),
        (lambda example, pred: ScoreResult(0.25, "so so"), 0.25),
    ],
)
def test_every_kind_of_metric(metric: Any, expected: float) -> None:
    assert SYSTEM.evaluate(DATA, metric) == pytest.approx(expected)


def test_async_metrics_and_scorers() -> None:
    async def item(example: Example, pred: str) -> float:
        return 0.5

    async def whole(preds: list[str], expected: list[str]) -> float:
        return 2.0

    class Judge:
        async def score(self, output: str, expected: str, inputs: Any) -> ScoreResult:
            return ScoreResult(1.0, f"fine: {output}")

    assert SYSTEM.evaluate(DATA, item) == 0.5
    assert SYSTEM.evaluate(DATA, whole) == 2.0
    assert SYSTEM.evaluate(DATA, Judge()).cells[0].feedback == "fine: a"


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (lambda a, b: 1.0, r"cannot tell what metric <lambda>\(a, b\) judges.*per_item.*over_set"),
        (ExactMatch, r"give an instance: ExactMatch\(\)"),
        (3, "the metric is 3"),
        (lambda example, pred: None, "returned None; return a score"),
        (lambda example, pred: "good", "returned 'good'"),
        (lambda example, pred: 7, r"returned 7; a score of one item lies in \[0, 1\]"),
        (lambda preds, expected: None, "returned None; over a set it must return one number"),
        (lambda preds, expected: preds[99], "raised IndexError on 3 predictions: list index out of range"),
    ],
)
def test_a_wrong_metric_is_one_clear_error(metric: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        SYSTEM.evaluate(DATA, metric)


def test_nan_and_errors_of_an_item_metric_cost_their_own_cells_and_are_kept_as_what_they_are() -> None:
    def metric(example: Example, pred: str) -> float:
        if pred == "b":
            return math.nan
        return {"a": 1.0}[pred]

    with Ledger.memory() as ledger:
        for _ in range(2):
            found = SYSTEM.evaluate(DATA, metric, ledger=ledger)
            assert [c.score for c in found.cells] == [1.0, 0.0, 0.0]
            assert [c.failure for c in found.cells] == [
                None, "the metric metric returned NaN", "the metric metric raised KeyError: 'c'",
            ]  # fmt: skip
            assert found.predictions == ["a", "b", "c"]


def test_nan_over_a_set_counts_as_minus_infinity_and_is_said() -> None:
    with pytest.warns(UserWarning, match="returned NaN"):
        assert SYSTEM.evaluate(DATA, over_set(lambda p, e: math.nan)) == -math.inf


def test_failed_predictions_are_values_to_a_set_metric() -> None:
    data = [*DATA, Example("echo", {"text": "fail"}, "")]
    seen: list[Any] = []

    def count(preds: list[Any], expected: list[Any]) -> float:
        seen.extend(preds)
        return float(sum(isinstance(p, Failure) for p in preds))

    assert SYSTEM.evaluate(data, count) == 1.0
    assert seen[-1] == Failure("ValueError: cannot")
    with pytest.warns(UserWarning, match="1 of 4 predictions failed"):
        assert SYSTEM.evaluate(data, over_set(lambda p, e: sum(len(x) for x in p))) == -math.inf


def ok(example: Example, pred: Any) -> float:
    return 1.0


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], DatasetError, "the dataset is empty"),
        (Example({"text": "a"}), DatasetError, "is one Example; give a list"),
        (None, DatasetError, "is one NoneType; give a list"),
        ({"text": "a"}, DatasetError, "is one dict; give a list"),
        ([3], DatasetError, "entry 0 of the dataset is int"),
        ([Example({})], MissingInput, "example 0 lacks the argument 'text'"),
        ([DATA[0], TONED], MissingInput, "example 1 has an unknown argument 'tone'"),
        ([Example("ecco", {"text": "a"})], ProgramError, "no function 'ecco'; did you mean 'echo'"),
    ],
)  # fmt: skip
def test_wrong_data_is_one_clear_error(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SYSTEM.evaluate(data, ok)


@pytest.mark.parametrize("args", [(), ("echo",), (3,), ({}, 1, 2, 3)])
def test_an_example_that_is_none(args: tuple[Any, ...]) -> None:
    with pytest.raises(DatasetError, match="an example is Example"):
        Example(*args)


@pytest.mark.parametrize(
    ("candidate", "error", "message"),
    [
        ({"echo.promt": "x"}, UnknownKnob, "no knob 'echo.promt'; did you mean 'echo.prompt'"),
        ({"echo.prompt": 3}, SpaceError, "echo.prompt"),
        (3, SpaceError, "a candidate is a Candidate or a dict"),
    ],
)
def test_wrong_values_are_one_clear_error(candidate: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SYSTEM.evaluate(DATA, ok, candidate=candidate)


def test_an_empty_population_and_wrong_limits_are_errors() -> None:
    with pytest.raises(SpaceError, match="population is empty"):
        SYSTEM.evaluate_population([], DATA, ok)
    for options in ({"repeats": 0}, {"max_concurrency": 0}, {"max_batch_size": 0}):
        with pytest.raises(ProgramError, match="at least 1"):
            SYSTEM.evaluate(DATA, ok, **options)
    with pytest.raises(ProgramError, match="execution is"):
        SYSTEM.evaluate(DATA, ok, execution="fast")


def test_values_out_of_bounds() -> None:
    @hyperfunction(optimize_hparams=True)
    def warm(x: int, hp: LMParam) -> float:
        return hp.temperature

    system = HyperSystem([warm])
    with pytest.raises(OutOfBounds, match=r"warm\.hp\.temperature"):
        system.evaluate([Example("warm", {"x": 1})], ok, candidate={"warm.hp.temperature": 9.0})


def test_examples_come_in_three_forms() -> None:
    forms = as_examples([Example({"a": 1}, 2), ({"a": 1}, 2), {"inputs": {"a": 1}, "expected": 2}])
    assert forms[0] == forms[1] == forms[2]
    assert len({e.key for e in forms}) == 1


def test_files_name_the_line_that_is_wrong(tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    good.write_text('{"inputs": {"a": 1}, "expected": 2}\n\n{"a": 1, "expected": 2}\n', encoding="utf-8")
    assert load_examples(good) == (Example({"a": 1}, 2),) * 2
    bad = tmp_path / "bad.jsonl"
    for text, message in [
        ("{}\nnope\n", "line 2 of .* is not JSON"),
        ("[1]\n", "line 1 of .* not a JSON object"),
    ]:
        bad.write_text(text, encoding="utf-8")
        with pytest.raises(DatasetError, match=message):
            load_examples(bad)
    with pytest.raises(DatasetError, match="cannot read the dataset"):
        load_examples(tmp_path / "none.jsonl")


def test_a_split_keeps_groups_and_duplicates_together() -> None:
    data = [Example({"i": i // 2}, None, group=f"g{i // 6}" if i < 30 else None) for i in range(60)]
    rest, held = split_examples(data, 1 / 3, 0)
    assert len(rest) + len(held) == 60
    assert 12 <= len(held) <= 28
    for one in rest:
        for other in held:
            assert one.group is None or one.group != other.group
            assert one.group or other.group or one.inputs != other.inputs
    assert split_examples(data, 1 / 3, 0) == (rest, held)
    assert split_examples(data, 1 / 3, 1) != (rest, held)


@pytest.mark.parametrize(
    ("scorer", "output", "expected", "score"),
    [
        (ExactMatch(), " a ", "a", 1.0),
        (ExactMatch(strip_whitespace=False), " a ", "a", 0.0),
        (ContainsMatch(), "Dear Ada", ["ada", "bob"], 0.5),
        (ContainsMatch(case_sensitive=True), "Dear Ada", "ada", 0.0),
        (ContainsMatch(), "x", [], 1.0),
        (JSONFields(), '{"a": 1, "b": true}', {"a": 1.0, "b": 1}, 0.5),
        (JSONFields(), "not json", {"a": 1}, 0.0),
        (JSONFields(), "[1]", {"a": 1}, 0.0),
        (JSONFields(), {"a": 1}, {}, 1.0),
    ],
)
def test_scorers(scorer: Any, output: Any, expected: Any, score: float) -> None:
    result = scorer.score(output, expected, {})
    assert result.score == score
    assert result.feedback
    assert as_metric(scorer).per_item
