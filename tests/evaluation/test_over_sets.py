"""Metrics over sets: their values by hand, and that failures count as wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import ExactMatch, Example, Failure, HyperSystem, ScoreResult, hyperfunction
from hyperfunc.errors import MetricError
from hyperfunc.evaluation import Metric, as_metric, f1, kappa, mean, pass_at_k, weighted_mean

FAILED = Failure("ValueError: no")
WEIGHTS = {"a": 3.0, "b": 1.0}
# Confusion of a, b, c (rows expected): a: 2 1 0, b: 0 2 0, c: 1 0 0.
WANT = ["a", "a", "a", "b", "b", "c"]
GOT = ["a", "a", "b", "b", "B.", "a"]
LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcx")), min_size=1, max_size=20)


class Later:
    async def score(self, output: Any, expected: Any, inputs: Any) -> ScoreResult:
        return ScoreResult(float(output == expected))


@hyperfunction
def echo(text: str) -> str:
    if text == "fail":
        raise ValueError("no")
    return text


@pytest.mark.parametrize(
    ("metric", "preds", "expected", "value"),
    [
        (mean(ExactMatch()), ["a", "b", FAILED, "a"], ["a"] * 4, 0.5),
        (weighted_mean(ExactMatch(), WEIGHTS.__getitem__), ["a", "x"], ["a", "b"], 0.75),
        (weighted_mean(ExactMatch(), WEIGHTS.__getitem__), [FAILED, "b"], ["a", "b"], 0.25),
        (pass_at_k(ExactMatch(), 1), [["a", "b"], ["a", "a"]], ["a", "a"], 0.75),
        (pass_at_k(ExactMatch(), 2), [["a", "b", "c"]], ["a"], 2 / 3),
        (pass_at_k(ExactMatch(), 2), [["a"], FAILED, "aa", ("a", "b")], ["a"] * 4, 0.25),
        # F1 of a is 4/6, of b 4/5, of c 0.
        (f1(), GOT, WANT, (4 / 6 + 4 / 5) / 3),
        (f1(labels=["a", "b"]), GOT, WANT, (4 / 6 + 4 / 5) / 2),
        (f1("micro"), GOT, WANT, 4 / 6),
        (f1("micro"), ["a", FAILED], ["a", "b"], 2 / 3),
        (f1("binary", positive="a"), GOT, WANT, 4 / 6),
        (f1("binary", positive="z"), GOT, WANT, 0.0),
        (f1("binary", positive="b", case_sensitive=True), GOT, WANT, 2 / 4),
        # Equal 4 of 6; by chance (3 * 3 + 2 * 3 + 1 * 0) / 36.
        (kappa(), GOT, WANT, (4 / 6 - 15 / 36) / (1 - 15 / 36)),
        (kappa(), ["a", "a"], ["a", "a"], 0.0),
        (kappa(), ["b", "a"], ["a", "b"], -1.0),
        (kappa(), [FAILED, "b"], ["a", "b"], (1 / 2 - 1 / 4) / (1 - 1 / 4)),
    ],
)
def test_values(metric: Metric, preds: list[Any], expected: list[Any], value: float) -> None:
    assert metric(preds, expected) == pytest.approx(value)
    assert metric.kind == "set"
    assert not metric.per_item
    assert as_metric(metric) is metric


@settings(max_examples=60)
@given(LABELS)
def test_f1_and_kappa_stay_in_their_ranges_and_are_1_for_equal_labels(pairs: list[tuple[str, str]]) -> None:
    want, got = [w for w, _ in pairs], [g for _, g in pairs]
    for average in ("macro", "micro"):
        assert 0.0 <= f1(average)(got, want) <= 1.0
        assert f1(average)(want, want) == 1.0
    assert -1.0 <= kappa()(got, want) <= 1.0
    assert f1("micro")(got, want) == pytest.approx(mean(ExactMatch())(got, want))
    assert kappa()(got, want) == pytest.approx(kappa()(want, got))


@given(st.lists(st.booleans(), min_size=3, max_size=9))
def test_pass_at_k_grows_with_k_and_begins_at_the_share(right: list[bool]) -> None:
    samples = [["a" if r else "b" for r in right]]
    values = [pass_at_k(ExactMatch(), k)(samples, ["a"]) for k in range(1, len(right) + 1)]
    assert values[0] == pytest.approx(sum(right) / len(right))
    assert values == sorted(values)
    assert values[-1] == float(any(right))


def test_a_system_is_judged_by_them_with_failures_and_async_scorers() -> None:
    data = [Example({"text": t}, e) for t, e in (("a", "a"), ("b", "a"), ("fail", "b"), ("b", "b"))]
    system = HyperSystem([echo])
    assert system.evaluate(data, mean(ExactMatch())) == 0.5
    assert system.evaluate(data, mean(Later())) == 0.5
    assert system.evaluate(data, f1("micro")) == pytest.approx(4 / 7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: f1("weighted"), "use 'macro', 'micro' or 'binary'"),
        (lambda: f1("binary"), "name the positive class"),
        (lambda: f1(positive="a"), "only there"),
        (lambda: f1(labels=["a", None]), "None is no label"),
        (lambda: pass_at_k(ExactMatch(), 0), "k of pass@k is 0"),
        (lambda: pass_at_k(ExactMatch(), 1, threshold=0), "threshold of pass@k is 0"),
        (lambda: mean(ExactMatch), "needs a scorer"),  # type: ignore[arg-type]
        (lambda: mean(len), "needs a scorer"),  # type: ignore[arg-type]
        (lambda: f1()(["a"], [None]), "an example expects None"),
        (lambda: kappa()([], []), "at least one prediction"),
        (lambda: weighted_mean(ExactMatch(), lambda e: 0.0)(["a"], ["a"]), "sum to 0"),
        (lambda: weighted_mean(ExactMatch(), lambda e: -1.0)(["a"], ["a"]), "the weight -1"),
    ],
)
def test_wrong_settings_are_one_clear_error(make: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        make()
