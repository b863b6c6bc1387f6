"""A metric gets the same values in every mode, whatever it does to what it is given."""

from __future__ import annotations

import functools
import gc
import math
import pickle
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hyperfunc import (  # noqa: E402
    Choice,
    Example,
    HyperSystem,
    LoRAWeight,
    ScoreResult,
    batched_metric,
    hyperfunction,
)
from hyperfunc.errors import MetricError, ProgramError  # noqa: E402

WEIGHT = "line.hp.weight"


def system() -> HyperSystem:
    @hyperfunction(hp_type=LoRAWeight.create(2, 2), optimize_hparams=True)
    def line(x: Any, *, hp: Any) -> Any:
        return torch.nn.functional.linear(x, hp.weight)

    return HyperSystem([line])


def rows(count: int = 5) -> list[Example]:
    drawn = torch.Generator().manual_seed(1)
    return [
        Example({"x": torch.randn(2, generator=drawn)}, torch.randn(2, generator=drawn)) for _ in range(count)
    ]


# The first and the last, which are the sample, are zero.
MEMBERS = [{WEIGHT: scale * np.ones((2, 2), np.float32)} for scale in (0.0, 2.0, -3.0, 0.0)]


def values(metric: Any, execution: str) -> Any:
    """Of two evaluations of one system."""
    given, data = system(), rows()
    return [given.evaluate_population(MEMBERS, data, metric, execution=execution) for _ in range(2)]


def writing_set(preds: Any, expected: Any) -> float:
    for pred, want in zip(preds, expected, strict=True):
        pred.sub_(want).square_()
    return -sum(float(pred.sum()) for pred in preds)


def writing_batch(preds: Any, expected: Any) -> Any:
    expected.add_(1.0)
    return -preds.sub_(expected).square_().mean((1, 2))


def at_least(floor: float, metric: Callable[..., float]) -> Callable[..., float]:
    @functools.wraps(metric)
    def inner(preds: Any, expected: Any) -> float:
        return max(metric(preds, expected), floor)

    return inner


def distance(preds: Any, expected: Any) -> float:
    return -sum(float((p - e).square().mean()) for p, e in zip(preds, expected, strict=True))


decorated = at_least(-4.0, distance)


@pytest.mark.parametrize("metric", [writing_set, batched_metric(writing_batch), decorated])
def test_metrics_that_write_or_are_decorated_give_the_same_in_every_mode(metric: Any) -> None:
    plain, fused = values(metric, "plain"), values(metric, "fused")
    assert fused[0].execution.mode == "fused"
    for one in (*plain, *fused):
        np.testing.assert_allclose(one.values_K, plain[0].values_K, rtol=1e-5)


KINDS = {3.0: 1.0}


def looked_up(example: Example, pred: Any) -> float:
    return KINDS.get(pred.sum().item(), 0.0)


def looked_up_or_caught(example: Example, pred: Any) -> float:
    try:
        return KINDS[pred.sum().item()]
    except Exception:
        return 0.0


def among(example: Example, pred: Any) -> float:
    return float(float(pred.sum()) + 0.0 in {3.0})


def as_text(example: Example, pred: Any) -> float:
    return float(str(pred.sum().item()) == "3.0")


def formatted(example: Example, pred: Any) -> float:
    return float(f"{pred.sum().item():.0f}" == "3")


def caught(example: Example, pred: Any) -> float:
    try:
        return 0.5 + 0.0 * float(torch.linalg.cholesky(torch.diag(pred - 1.0)).sum())
    except torch.linalg.LinAlgError:
        return 0.0


@pytest.mark.parametrize("metric", [looked_up, looked_up_or_caught, among, as_text, formatted, caught])
def test_metrics_of_python_values_give_the_same_in_every_mode_whatever_came_first(metric: Any) -> None:
    data = [Example({"x": torch.ones(2)}, None)] * 3
    members = [{WEIGHT: scale * np.ones((2, 2), np.float32)} for scale in (0.0, 0.75, 1.0, 0.0)]
    given = system()
    for chosen in (members[:1] * 3, members[2:3] * 2, members):
        plain = given.evaluate_population(chosen, data, metric, execution="plain")
        fused = given.evaluate_population(chosen, data, metric, execution="fused")
        assert fused.execution.mode == "fused"
        np.testing.assert_allclose(fused.values_K, plain.values_K)


def test_a_metric_that_fails_for_one_candidate_fails_for_it_alone() -> None:
    def divided(example: Example, pred: Any) -> float:
        return 1.0 - 1.0 / (1.0 + 1.0 / pred.sum().item())

    given, data = system(), [Example({"x": torch.ones(2)}, None)] * 3
    members = [{WEIGHT: scale * np.ones((2, 2), np.float32)} for scale in (0.5, 0.0, 1.0)]
    for chosen, mode in ((members[::2], "fused"), (members, "plain"), (members[::2], "fused")):
        plain = given.evaluate_population(chosen, data, divided, execution="plain")
        found = given.evaluate_population(chosen, data, divided)
        assert found.execution.mode == mode
        np.testing.assert_allclose(found.values_K, plain.values_K)
        assert [len(one.failures) for one in found] == [len(one.failures) for one in plain]


def test_a_member_whose_predictions_are_not_finite_keeps_the_others_together() -> None:
    seen: list[int] = []

    def total(preds: Any, expected: Any) -> float:
        seen.append(1)
        return sum(float(pred.sum()) for pred in preds) / 2.0

    given, data = system(), [Example({"x": torch.ones(2)}, None)] * 3
    members = [{WEIGHT: scale * np.ones((2, 2), np.float32)} for scale in (0.5, 3e38, 1.0, 2.0)]
    for _ in range(2):
        seen.clear()
        found = given.evaluate_population(members, data, total, execution="fused")
    assert found.values_K.tolist() == [3.0, math.inf, 6.0, 12.0]
    assert len(seen) == 1


def test_predictions_are_what_the_program_returned_though_the_metric_wrote_into_them() -> None:
    for metric in (writing_set, batched_metric(writing_batch)):
        for found in values(metric, "fused"):
            assert not any(prediction.any() for prediction in found[0].predictions)


def test_feedback_and_failures_of_single_predictions_are_told() -> None:
    def metric(example: Example, pred: Any) -> ScoreResult:
        far = float((pred - example.expected).square().mean())
        return ScoreResult(math.nan if far > 9.0 else 1.0 / (1.0 + far), f"{far:.3f} away")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain, fused = (values(metric, mode)[0] for mode in ("plain", "fused"))
    assert fused.execution.mode == "fused"
    assert any(one.failures for one in plain)
    for one, other in zip(plain, fused, strict=True):
        assert [(c.feedback, c.failure) for c in one.cells] == [(c.feedback, c.failure) for c in other.cells]


@pytest.mark.parametrize("execution", ["plain", "fused"])
def test_batched_metrics_fail_with_one_sentence(execution: str) -> None:
    def raising(preds: Any, expected: Any) -> Any:
        raise ValueError("no")

    async def waiting(preds: Any, expected: Any) -> Any:
        return preds.mean((1, 2))

    for metric, said in (
        (raising, "raising raised ValueError"),
        (waiting, "is async"),
        (lambda preds, expected: ["a"] * len(preds), "return one value per candidate"),
        (lambda preds, expected: None, "returned None"),
    ):
        with pytest.raises(MetricError, match=said):
            values(batched_metric(metric), execution)
    assert values(batched_metric(lambda preds, expected: [0.5] * len(preds)), execution)[0][0] == 0.5


def test_async_metrics_leave_no_coroutine_behind() -> None:
    async def metric(preds: Any, expected: Any) -> float:
        return float(len(preds))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = values(metric, "auto")[0]
    assert found[1] == 5.0
    assert found.execution.why == "the metric is async"


@batched_metric
def mean(preds: Any, expected: Any) -> Any:
    return preds.mean((1, 2))


def test_arrays_behind_tensors_may_change_between_evaluations() -> None:
    array = np.ones(2, np.float32)
    data = [Example({"x": torch.from_numpy(array)}, None)] * 2
    given = system()
    before = given.evaluate_population(MEMBERS, data, mean)
    array *= 2.0
    after = given.evaluate_population(MEMBERS, data, mean)
    assert before.execution.mode == after.execution.mode == "fused"
    assert after[1] == 2.0 * before[1] != 0.0


def test_inference_mode_is_no_obstacle() -> None:
    given, want = system(), values(mean, "plain")[0].values_K
    with torch.inference_mode():
        data = rows()
        found = given.evaluate_population(MEMBERS, data, mean)
    assert found.execution.mode == "fused"
    np.testing.assert_allclose(found.values_K, want, rtol=1e-5)
    np.testing.assert_allclose(given.evaluate_population(MEMBERS, data, mean).values_K, want, rtol=1e-5)


def test_equal_choices_of_different_types_stay_apart() -> None:
    class Kinds(HyperSystem):
        kind = Choice((0, False, 1, True))

        def run(self, x: Any) -> Any:
            return x * (2.0 if isinstance(self.kind, bool) else 1.0)

    space = Kinds().space
    population = space.population({"kind": [0, False, 0, False, 1, True, 0]}, space.default)
    data = [Example({"x": torch.ones(2, 2)}, None)] * 2
    metric = batched_metric(lambda preds, expected: preds.mean((1, 2, 3)))
    found = Kinds().evaluate_population(population, data, metric)
    assert found.execution.mode == "fused"
    assert found.values_K.tolist() == [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0]


def test_bad_data_does_not_keep_good_data_from_being_fused() -> None:
    table = torch.arange(6.0).reshape(3, 2)

    @hyperfunction(hp_type=LoRAWeight.create(2, 2), optimize_hparams=True)
    def line(at: Any, *, hp: Any) -> Any:
        return hp.weight @ table[at]

    def count(preds: Any, expected: Any) -> float:
        return float(sum(torch.is_tensor(p) for p in preds))

    given = HyperSystem([line])
    bad = given.evaluate_population(MEMBERS, [Example({"at": torch.tensor(n)}, None) for n in (0, 9)], count)
    good = given.evaluate_population(MEMBERS, [Example({"at": torch.tensor(n)}, None) for n in (0, 2)], count)
    assert (bad.execution.mode, bad[0]) == ("plain", 1.0)
    assert "out of bounds" in bad.execution.why
    assert (good.execution.mode, good[0]) == ("fused", 2.0)


def test_metrics_are_not_kept_for_ever() -> None:
    given, data = system(), rows(2)
    made = []
    for _ in range(200):
        metric = batched_metric(lambda preds, expected: preds.mean((1, 2)))
        made.append(weakref.ref(metric.function))
        assert given.evaluate_population(MEMBERS, data, metric).execution.mode == "fused"
    del metric
    gc.collect()
    assert sum(known() is not None for known in made) < 100


def test_a_result_can_be_sent_to_another_process() -> None:
    found = pickle.loads(pickle.dumps(system().evaluate(rows(), mean)))
    assert found.execution.mode == "fused"
    assert len(found.cells) == 5


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(ProgramError, match="device is 'cuda:77', and torch cannot use it"):
        system().evaluate(rows(), mean, device="cuda:77")
