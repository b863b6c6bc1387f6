"""For every scorer and any prediction: a value in [0, 1] with feedback that can be kept, never an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import (
    ClassificationAccuracy,
    CompositeScorer,
    ContainsMatch,
    ExactMatch,
    Example,
    Failure,
    FieldF1,
    HyperSystem,
    JSONFields,
    JSONSchemaMatch,
    LMParam,
    NumericDistance,
    RegexMatch,
    ScoreResult,
    hyperfunction,
)
from hyperfunc.execution.encoding import decode, encode


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    __hash__ = object.__hash__


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


SCORERS: list[tuple[Any, Any]] = [
    (ExactMatch(), "a"),
    (ExactMatch(case_sensitive=False, strip_whitespace=False), 3),
    (ContainsMatch(), ["a", "b"]),
    (RegexMatch("a+b"), None),
    (NumericDistance(), 3.5),
    (NumericDistance(0.0, 1e-3), -1e308),
    (ClassificationAccuracy(("a", "b")), "a"),
    (JSONFields(), {"a": 1, "b": [1, {"c": None}]}),
    (FieldF1(), {"a": 1, "b": [1, {"c": None}]}),
    (JSONSchemaMatch({"type": ["object", "array"], "required": ["a"], "items": {"multipleOf": 2}}), None),
    (CompositeScorer.equal(ExactMatch(), ContainsMatch(), RegexMatch("a")), "a"),
    (CompositeScorer.stages(a=(NumericDistance(), 0.5), b=(ExactMatch(), 0.5)), {"a": 1, "b": "x"}),
]
TEXT = st.text(st.characters(), max_size=20)  # half surrogate pairs included
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from("ab"), TEXT), inner, max_size=4),
    ),
    max_leaves=8,
)
ODD: list[Any] = [
    10**400, -(10**6000), "1" * 6000, "9" * 400, "a" * 200_000, "[" * 100_000, nested(100_000),
    b"\xff", "\ud800", '{"a": "\\ud800", "\\ud800": 1}', object(), Hostile(), [Hostile()], {"a": Hostile()},
    {1: 2}, {3}, range(3), float("nan"), float("inf"), 1j, len, Failure("x"), Failure("\ud800"),
    np.array([1.0, 2.0]), np.float32(3.5), np.array([]), torch.tensor(3.5), torch.tensor([1, 2]),
    {"a": torch.tensor(1)}, torch.zeros(0), (), "", {},
]  # fmt: skip


def check(scorer: Any, expected: Any, output: Any) -> ScoreResult:
    found = scorer.score(output, expected, {})
    assert isinstance(found, ScoreResult)
    assert 0.0 <= found.score <= 1.0
    assert found.feedback
    assert len(found.feedback.encode()) < 20_000
    kept = encode(found.details)
    assert kept is not None
    assert decode(kept) == found.details
    return found


@pytest.mark.parametrize(("scorer", "expected"), SCORERS, ids=lambda x: type(x).__name__)
@settings(max_examples=50, deadline=None)
@given(output=st.one_of(JSON, TEXT))
def test_any_value_of_json_is_judged(scorer: Any, expected: Any, output: Any) -> None:
    assert "cannot be judged" not in check(scorer, expected, output).feedback


@pytest.mark.parametrize(("scorer", "expected"), SCORERS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("place", range(len(ODD)))
def test_odd_predictions_are_judged(scorer: Any, expected: Any, place: int) -> None:
    check(scorer, expected, ODD[place])


@pytest.mark.parametrize("scorer", [ExactMatch(), NumericDistance()], ids=["exact", "numeric"])
def test_a_stack_of_tensors_is_refused_and_not_scored_zero(scorer: Any) -> None:
    def judge(x: torch.Tensor) -> torch.Tensor:
        return torch.tensor(scorer.score(x, 1.0, {}).score)

    with pytest.raises(RuntimeError):
        torch.vmap(judge)(torch.tensor([1.0, 2.0]))


@hyperfunction(optimize_hparams=True)
def scaled(x: torch.Tensor, hp: LMParam) -> torch.Tensor:
    return x * hp.temperature


@pytest.mark.parametrize("scorer", [ExactMatch(), NumericDistance(), CompositeScorer.equal(ExactMatch())])
def test_a_population_run_at_once_gets_the_scores_of_single_runs(scorer: Any) -> None:
    # The best is neither first nor last, where runs at once are compared with single ones.
    population = [{"scaled.hp.temperature": t} for t in (2.0, 1.0, 0.5)]
    data = [Example({"x": torch.tensor(float(i))}, float(i)) for i in (1, 2)]
    system = HyperSystem([scaled])
    at_once = system.evaluate_population(population, data, scorer)
    assert at_once.execution.mode == "fused"
    assert list(at_once) == list(system.evaluate_population(population, data, scorer, execution="plain"))
    assert at_once[1] == 1.0


def test_predictions_that_are_lists_are_not_mistaken_for_a_stack_of_them() -> None:
    population = [{"scaled.hp.temperature": t} for t in (2.0, 1.0, 0.5)]
    data = [Example({"x": torch.tensor([1.0, 2.0])}, [1.0, 2.0])]
    values = HyperSystem([scaled]).evaluate_population(population, data, ExactMatch())
    assert list(values) == [0.0, 1.0, 0.0]
