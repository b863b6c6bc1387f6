"""Fused runs: the same scores as lane by lane, and a reason whenever a program cannot be fused."""

from __future__ import annotations

import math
import re
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from hyperfunc import (  # noqa: E402
    Choice,
    Example,
    HyperSystem,
    Integer,
    LoRAWeight,
    Matrix,
    Real,
    batched_metric,
    combine,
    current_seed,
    hyperfunction,
    memory,
    over_set,
    per_item,
    split,
)
from hyperfunc.errors import DoesNotFit, MetricError, SpaceError  # noqa: E402
from hyperfunc.spaces import LowRankStack  # noqa: E402

Head = LoRAWeight.create(3, 3, 1)


@dataclass(frozen=True)
class Numbers:
    scale: Annotated[float, Real(-2.0, 2.0)] = 0.5
    times: Annotated[int, Integer(1, 3)] = 2
    keep: bool = True
    shift: Annotated[float, Real(-1.0, 1.0)] = 0.5


@hyperfunction(hp_type=Head, optimize_hparams=True)
def first(x: Any, *, hp: Any) -> Any:
    return torch.tanh(hp.weight @ x)


@hyperfunction(hp_type=Numbers, optimize_hparams=True)
def stretched(x: Any, *, hp: Numbers) -> Any:
    return x * hp.scale


class Chain(HyperSystem):
    shift = Real(-1.0, 1.0, default=0.25)

    def run(self, x: Any) -> Any:
        return stretched(first(x)) + self.shift


def examples(count: int = 4, size: int = 3, seed: int = 0) -> list[Example]:
    drawn = torch.Generator().manual_seed(seed)
    return [
        Example({"x": torch.randn(size, generator=drawn)}, torch.randn(size, generator=drawn))
        for _ in range(count)
    ]


def candidates(system: HyperSystem, count: int, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [system.space.sample(rng) for _ in range(count)]


@batched_metric
def closeness(preds: Any, expected: Any) -> Any:
    return -((preds - expected) ** 2).mean(dim=(1, 2))


def plain_closeness(preds: Sequence[Any], expected: Sequence[Any]) -> float:
    return -sum(float(((p - e) ** 2).mean()) for p, e in zip(preds, expected, strict=True)) / len(preds)


def stacked_closeness(preds: Sequence[Any], expected: Sequence[Any]) -> Any:
    return -((torch.stack(list(preds)) - torch.stack(list(expected))) ** 2).mean().item()


def numpy_closeness(preds: Sequence[Any], expected: Sequence[Any]) -> float:
    pairs = zip(preds, expected, strict=True)
    return -float(np.mean([((p.numpy() - e.numpy()) ** 2).mean() for p, e in pairs]))


def largest(preds: Sequence[Any], expected: Sequence[Any]) -> float:
    return sum(float(p.max()) for p in preds) + len(expected)


def item_closeness(example: Example, pred: Any) -> float:
    return math.exp(-float(((pred - example.expected) ** 2).mean()))


@pytest.mark.parametrize(
    "metric", [closeness, plain_closeness, stacked_closeness, numpy_closeness, item_closeness]
)
def test_every_mode_gives_the_same_values(metric: Any) -> None:
    system = Chain([first, stretched])
    chosen = candidates(system, 9)
    fused = system.evaluate_population(chosen, examples(), metric, execution="fused")
    plain = system.evaluate_population(chosen, examples(), metric, execution="plain")
    assert (fused.execution.mode, plain.execution.mode) == ("fused", "plain")
    np.testing.assert_allclose(fused.values_K, plain.values_K, rtol=1e-5, atol=1e-6)
    assert np.ptp(plain.values_K) > 0.01
    alone = system.evaluate(examples(), metric, candidate=chosen[3])
    assert alone == pytest.approx(plain[3], rel=1e-5)
    assert alone.execution.mode == "fused"


@pytest.mark.parametrize("metric", [closeness, plain_closeness, item_closeness, over_set(largest)])
def test_repeats_of_a_lane_are_judged_in_every_mode(metric: Any, tmp_path: Any) -> None:
    system = Chain([first, stretched])
    data = [*examples(), *examples(2, 3, seed=5)]
    chosen = candidates(system, 4)
    ledger = tmp_path / "ledger"
    for repeats in (1, 3):
        plain, fused, kept = (
            system.evaluate_population(chosen, data, metric, repeats=repeats, execution=mode, ledger=place)
            for mode, place in (("plain", None), ("fused", ledger), ("fused", ledger))
        )
        assert fused.execution.mode == "fused"
        np.testing.assert_allclose(fused.values_K, plain.values_K, rtol=1e-5)
        np.testing.assert_allclose(kept.values_K, plain.values_K, rtol=1e-5)
        assert len(fused[0].cells) == len(plain[0].cells) == 6 * repeats


def test_cells_are_made_when_asked_for() -> None:
    system = Chain([first, stretched])
    chosen = candidates(system, 3)
    fused = system.evaluate_population(chosen, examples(), item_closeness, repeats=2)
    plain = system.evaluate_population(chosen, examples(), item_closeness, repeats=2, execution="plain")
    for one, other in zip(fused, plain, strict=True):
        assert [(c.candidate, c.repeat, c.reached) for c in one.cells] == [
            (c.candidate, c.repeat, c.reached) for c in other.cells
        ]
        for mine, theirs in zip(one.cells, other.cells, strict=True):
            torch.testing.assert_close(mine.prediction, theirs.prediction)
            assert mine.score == pytest.approx(theirs.score, rel=1e-5)


def test_inputs_of_different_shapes_run_in_groups() -> None:
    @hyperfunction(hp_type=Numbers, optimize_hparams=True)
    def total(x: Any, *, hp: Numbers) -> Any:
        return (x * hp.scale).sum(-1)

    system = HyperSystem([total])
    data = [*examples(2, 3), *examples(2, 5), *examples(1, 3, seed=9)]
    data = [Example(e.inputs, e.expected.sum()) for e in data]
    chosen = candidates(system, 6)

    def near(preds: Sequence[Any], expected: Sequence[Any]) -> float:
        return -sum(float((p - e).abs()) for p, e in zip(preds, expected, strict=True))

    fused = system.evaluate_population(chosen, data, near, execution="fused")
    plain = system.evaluate_population(chosen, data, near, execution="plain")
    assert fused.execution.mode == "fused"
    np.testing.assert_allclose(fused.values_K, plain.values_K, rtol=1e-5)


def test_choices_and_integers_are_real_python_values() -> None:
    @dataclass(frozen=True)
    class Steering:
        times: Annotated[int, Integer(1, 3)] = 1
        way: Annotated[str, Choice(("relu", "tanh"))] = "relu"
        scale: Annotated[float, Real(0.0, 2.0)] = 1.0

    @hyperfunction(hp_type=Steering, optimize_hparams=True)
    def steered(x: Any, *, hp: Steering) -> Any:
        for _ in range(hp.times):
            x = getattr(torch, hp.way)(x) * hp.scale
        return x

    system = HyperSystem([steered])
    chosen = candidates(system, 20)
    fused = system.evaluate_population(chosen, examples(), plain_closeness, execution="fused")
    plain = system.evaluate_population(chosen, examples(), plain_closeness, execution="plain")
    assert fused.execution.mode == "fused"
    np.testing.assert_allclose(fused.values_K, plain.values_K, rtol=1e-5)


Wide = LoRAWeight.create(40, 40, 1)


def low_rank(scale: float) -> LowRankStack:
    rng = np.random.default_rng(3)
    left, right = (rng.normal(size=(8, 40, 2)).astype(np.float32) for _ in "lr")
    return LowRankStack(
        3 * np.eye(40, dtype=np.float32), lambda begin, end: (left[begin:end], right[begin:end]), 16,
        rank=2, scale=scale,
    )  # fmt: skip


def test_low_rank_members_are_never_written_out() -> None:
    @hyperfunction(hp_type=Wide, optimize_hparams=True)
    def layer(x: Any, *, hp: Any) -> Any:
        return torch.tanh(hp.weight @ x)

    system = HyperSystem([layer])
    population = system.space.population({"layer.hp.weight": low_rank(0.3)})
    data = examples(size=40)
    fused = system.evaluate_population(population, data, closeness)
    plain = system.evaluate_population(population, data, closeness, execution="plain")
    assert fused.execution.mode == "fused"
    assert fused.execution.materialized == {}
    np.testing.assert_allclose(fused.values_K, plain.values_K, rtol=1e-5)
    small = system.evaluate_population(population, data, closeness, max_batch_size=8)
    np.testing.assert_allclose(fused.values_K, small.values_K, rtol=1e-6)


def test_materialized_uses_are_counted_by_name() -> None:
    @hyperfunction(hp_type=Wide, optimize_hparams=True)
    def inverted(x: Any, *, hp: Any) -> Any:
        return torch.linalg.solve(hp.weight, x)

    system = HyperSystem([inverted])
    population = system.space.population({"inverted.hp.weight": low_rank(0.01)})
    data = examples(size=40)
    fused = system.evaluate_population(population, data, closeness)
    plain = system.evaluate_population(population, data, closeness, execution="plain")
    assert fused.execution.mode == "fused"
    assert sum(fused.execution.materialized.values()) > 0
    assert "solve" in str(fused.execution)
    np.testing.assert_allclose(fused.values_K, plain.values_K, rtol=1e-4)


def branching(x: Any, hp: Numbers) -> Any:
    return x * hp.scale if hp.scale > 0 else x - hp.scale


def looking(x: Any, hp: Numbers) -> Any:
    return x * hp.scale if x.sum().item() > 0 else x


def drawing(x: Any, hp: Numbers) -> Any:
    return x * hp.scale + torch.rand(3, generator=torch.Generator().manual_seed(current_seed() or 0))


def writing(x: Any, hp: Numbers) -> Any:
    x += 1.0
    return x * hp.scale


def counting(x: Any, hp: Numbers) -> Any:
    return float((x * hp.scale).sum())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (branching, "data-dependent"),
        (looking, "item"),
        (drawing, "seed"),
        (writing, "writes into its inputs"),
        (counting, "item|float"),
    ],
)
def test_what_cannot_be_fused_falls_back_and_says_why(body: Callable[..., Any], reason: str) -> None:
    @hyperfunction(hp_type=Numbers, optimize_hparams=True)
    def odd(x: Any, *, hp: Numbers) -> Any:
        return body(x, hp)

    @over_set
    def total(preds: Sequence[Any], expected: Sequence[Any]) -> float:
        return sum(float(torch.as_tensor(p).sum()) for p in preds)

    system = HyperSystem([odd])
    chosen = [system.candidate.replace({"odd.hp.scale": s}) for s in (-1.5, -0.5, 0.3, 0.7, 1.1)]
    data = examples()
    before = [e.inputs["x"].clone() for e in data]
    plain = system.evaluate_population(chosen, data, total, execution="plain")
    result = system.evaluate_population(chosen, data, total)
    assert result.execution.mode != "fused"
    assert re.search(reason, result.execution.why), result.execution.why
    np.testing.assert_allclose(result.values_K, plain.values_K, rtol=1e-5)
    for example, kept in zip(data, before, strict=True):
        assert torch.equal(example.inputs["x"], kept)
    with pytest.warns(UserWarning, match="cannot be fused"):
        system.evaluate_population(chosen, data, total, execution="fused")


def test_what_a_lane_catches_is_not_caught_for_all_of_them() -> None:
    @hyperfunction(hp_type=Head, optimize_hparams=True)
    def guarded(x: Any, *, hp: Any) -> Any:
        try:
            return torch.linalg.cholesky(torch.diag(x)).sum(0) + hp.weight.sum()
        except torch.linalg.LinAlgError:
            return torch.full((3,), -9.0)

    system = HyperSystem([guarded])
    good = [Example({"x": torch.full((3,), 1.0 + n)}, torch.zeros(3)) for n in range(5)]
    bad = [*good[:2], Example({"x": -torch.ones(3)}, torch.zeros(3)), *good[3:]]
    chosen = candidates(system, 4)
    assert system.evaluate_population(chosen, good, closeness).execution.mode == "fused"
    for mode in ("auto", "waves"):
        result = system.evaluate_population(chosen, bad, closeness, execution=mode)
        plain = system.evaluate_population(chosen, bad, closeness, execution="plain")
        np.testing.assert_allclose(result.values_K, plain.values_K, rtol=1e-5)
    assert system.evaluate_population(chosen, good, closeness).execution.mode == "fused"


def test_what_a_call_writes_into_a_weight_reaches_no_other_call() -> None:
    @hyperfunction(hp_type=Head, optimize_hparams=True)
    def doubling(x: Any, *, hp: Any) -> Any:
        return hp.weight.mul_(2.0) @ x

    system = HyperSystem([doubling])
    chosen, data = candidates(system, 3), examples()
    want = [
        float(plain_closeness([2.0 * torch.tensor(c["doubling.hp.weight"]) @ e.inputs["x"] for e in data],
                              [e.expected for e in data]))
        for c in chosen
    ]  # fmt: skip
    for mode in ("plain", "waves", "fused", "auto"):
        found = system.evaluate_population(chosen, data, closeness, execution=mode)
        np.testing.assert_allclose(found.values_K, want, rtol=1e-5)
    assert torch.equal(system(x=data[0].inputs["x"]), system(x=data[0].inputs["x"]))


def test_a_population_that_no_memory_holds_is_refused_in_every_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    @hyperfunction(hp_type=Wide, optimize_hparams=True)
    def layer(x: Any, *, hp: Any) -> Any:
        return torch.tanh(hp.weight @ x)

    system = HyperSystem([layer])
    population = system.space.population({"layer.hp.weight": low_rank(0.3)})
    monkeypatch.setattr(memory, "memory", lambda: 4000.0)
    for mode, said in (("auto", "what .* members return"), ("plain", "written out matrices")):
        with pytest.raises(DoesNotFit, match=rf"{said}.* give a smaller population"):
            system.evaluate_population(
                population, examples(size=40), closeness, execution=mode, max_batch_size=8
            )  # fmt: skip


@pytest.mark.parametrize(
    "use",
    [
        lambda hp: 1.0 / hp.scale,
        lambda hp: hp.shift / hp.scale,
        lambda hp: 2.0 % hp.scale,
        lambda hp: hp.scale**-1,
        lambda hp: 1e20 ** (2.0 - abs(hp.scale)) * 1e-30,
        lambda hp: abs((hp.scale - 0.05) ** 0.5),
    ],
)
def test_arithmetic_of_numbers_is_pythons_own_for_every_candidate(use: Callable[[Any], Any]) -> None:
    @hyperfunction(hp_type=Numbers, optimize_hparams=True)
    def scaled(x: Any, *, hp: Numbers) -> Any:
        return torch.sigmoid((x * use(hp)).nan_to_num(1.0))

    system, data = HyperSystem([scaled]), examples()
    for scales, fused in (((0.5, 0.25, 0.75, 1.0), True), ((0.5, 0.0, 0.75, 1.0), False)):
        chosen = [system.candidate.replace({"scaled.hp.scale": s}) for s in scales]
        plain = system.evaluate_population(chosen, data, item_closeness, execution="plain")
        for mode in ("fused", "waves"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = system.evaluate_population(chosen, data, item_closeness, execution=mode)
            np.testing.assert_allclose(found.values_K, plain.values_K, rtol=1e-5)
            assert mode == "waves" or (found.execution.mode == "fused") is fused


def test_numbers_are_changed_for_nobody_and_work_with_tensors() -> None:
    @hyperfunction(hp_type=Numbers, optimize_hparams=True)
    def powers(x: Any, *, hp: Numbers) -> Any:
        base = hp.scale
        base *= 0.5
        base += 1.0
        return x.abs() ** base + base**x + torch.distributions.Normal(0.0, hp.scale + 3.0).log_prob(x)

    class Twice(HyperSystem):
        def run(self, x: Any) -> Any:
            return powers(powers(x).clamp(-1.0, 1.0))

    system = Twice()
    chosen = [system.candidate.replace({"powers.hp.scale": s}) for s in (0.5, -1.0, 0.75, 1.0)]
    fused = system.evaluate_population(chosen, examples(), closeness)
    plain = system.evaluate_population(chosen, examples(), closeness, execution="plain")
    assert fused.execution.mode == "fused"
    np.testing.assert_allclose(fused.values_K, plain.values_K, rtol=1e-5)


class Pair:
    """A container that torch can look into and nobody can compare."""

    def __init__(self, one: Any, two: Any) -> None:
        self.parts = (one, two)

    def __eq__(self, other: object) -> Any:
        return self.parts[0] == other.parts[0] if isinstance(other, Pair) else NotImplemented

    __hash__ = object.__hash__


@pytest.mark.parametrize(("container", "mode"), [(lambda x, y: deque([x, y]), "fused"), (Pair, "plain")])
def test_containers_of_any_kind_may_be_returned(container: Any, mode: str) -> None:
    from torch.utils import _pytree

    if Pair not in _pytree.SUPPORTED_NODES:
        _pytree.register_pytree_node(Pair, lambda p: (list(p.parts), None), lambda parts, _: Pair(*parts))

    @hyperfunction(hp_type=Head, optimize_hparams=True)
    def both(x: Any, *, hp: Any) -> Any:
        return container(hp.weight @ x, x)

    system, count = HyperSystem([both]), over_set(lambda preds, expected: float(len(preds)))
    found = system.evaluate_population(candidates(system, 3), examples(), count)
    assert found.execution.mode == mode


def test_comparing_a_tensor_with_something_else_is_no_failure() -> None:
    @hyperfunction(hp_type=Head, optimize_hparams=True)
    def comparing(x: Any, *, hp: Any) -> Any:
        return hp.weight @ x * (2.0 if x == "text" or x == None else 1.0)  # noqa: E711

    system = HyperSystem([comparing])
    assert system.evaluate_population(candidates(system, 4), examples(), closeness).execution.mode == "fused"


def test_a_difference_from_the_plain_path_is_noticed() -> None:
    @hyperfunction(hp_type=Numbers, optimize_hparams=True)
    def telling(x: Any, *, hp: Numbers) -> Any:
        return x * (hp.scale if type(hp.scale) is float else hp.scale * 2)

    system = HyperSystem([telling])
    chosen = candidates(system, 5)
    result = system.evaluate_population(chosen, examples(), closeness)
    assert "another result" in result.execution.why
    plain = system.evaluate_population(chosen, examples(), closeness, execution="plain")
    np.testing.assert_allclose(result.values_K, plain.values_K)


def test_a_failing_lane_costs_itself_alone() -> None:
    @hyperfunction(hp_type=Numbers, optimize_hparams=True)
    def picky(x: Any, *, hp: Numbers) -> Any:
        if hp.scale > 1:
            raise ValueError("too far")
        return x * hp.scale

    system = HyperSystem([picky])
    chosen = [system.candidate.replace({"picky.hp.scale": s}) for s in (0.5, 1.5)]
    good, bad = system.evaluate_population(chosen, examples(), per_item(item_closeness))
    assert not good.failures
    assert len(bad.failures) == 4


def test_changed_examples_are_seen() -> None:
    system = Chain([first, stretched])
    data = examples()
    before = system.evaluate(data, closeness)
    data[0].inputs["x"].mul_(3.0)
    changed = system.evaluate(data, closeness)
    assert changed != before
    assert changed == pytest.approx(system.evaluate(data, closeness, execution="plain"), rel=1e-5)


def test_nan_is_the_worst_value_and_is_told() -> None:
    system = Chain([first, stretched])

    @batched_metric
    def broken(preds: Any, expected: Any) -> Any:
        values = preds.mean(dim=(1, 2))
        values[1] = math.nan
        return values

    with pytest.warns(UserWarning, match="NaN for 1 of 3"):
        result = system.evaluate_population(candidates(system, 3), examples(), broken)
    assert result[1] == -math.inf
    assert math.isfinite(result[0])


def test_a_batched_metric_works_in_every_mode_and_on_plain_numbers() -> None:
    @hyperfunction(hp_type=Numbers, optimize_hparams=True)
    def doubled(x: float, *, hp: Numbers) -> float:
        return 2 * x * hp.scale

    @batched_metric
    def near(preds: Any, expected: Any) -> Any:
        assert preds.shape[1:] == (3,)
        return -abs(preds - expected).mean(axis=1)

    system = HyperSystem([doubled])
    data = [Example({"x": float(x)}, float(x)) for x in range(3)]
    assert system.evaluate(data, near) == 0.0
    assert system.evaluate(data, near, candidate={"doubled.hp.scale": 1.0}) == -1.0
    assert near(np.zeros((1, 3)), np.zeros(3)) == 0.0


def test_wrong_batched_metrics_are_named() -> None:
    system = Chain([first, stretched])

    @batched_metric
    def whole(preds: Any, expected: Any) -> Any:
        return preds.mean()

    for mode in ("fused", "plain"):
        with pytest.raises(MetricError, match=r"the batched metric whole .* shape|value per candidate"):
            system.evaluate_population(candidates(system, 3), examples(), whole, execution=mode)


def test_populations_of_wrong_shape_or_content_are_refused() -> None:
    system = HyperSystem([first])
    with pytest.raises(SpaceError, match=r"'first.hp.weight' has shape"):
        system.space.population({"first.hp.weight": np.zeros((4, 2, 3))})
    with pytest.raises(Exception, match="NaN or infinity"):
        system.space.population({"first.hp.weight": np.full((4, 3, 3), np.inf)})


def test_a_fused_run_goes_on_from_its_ledger(tmp_path: Any) -> None:
    system = Chain([first, stretched])
    rng = np.random.default_rng(0)
    population = system.space.population({"first.hp.weight": rng.normal(size=(6, 3, 3))})
    one = system.evaluate_population(population, examples(), closeness, ledger=tmp_path / "l")
    again = system.evaluate_population(population, examples(), closeness, ledger=tmp_path / "l")
    assert one == again
    assert again.execution.mode == "fused"
    torch.testing.assert_close(again[2].predictions, one[2].predictions)


# Random programs


KINDS = ("dense", "scale", "tanh", "norm", "where", "residual", "halves", "branch", "item", "loop")


def build(kinds: Sequence[str]) -> HyperSystem:
    """A system that applies one hyperfunction after the other to a vector of three numbers."""
    functions = []
    for i, kind in enumerate(kinds):

        def body(x: Any, *, hp: Any, kind: str = kind) -> Any:
            return APPLY[kind](x, hp)

        group = Head if kind in ("dense", "residual") else Numbers
        functions.append(hyperfunction(hp_type=group, optimize_hparams=True, name=f"f{i}")(body))

    class Sequential(HyperSystem):
        def run(self, x: Any) -> Any:
            for fn in functions:
                x = fn(x)
            return x

    return Sequential(functions)


def _halves(x: Any, hp: Numbers) -> Any:
    one, two = split(x, [1, 2])
    return combine([two * hp.scale, one])


def _loop(x: Any, hp: Numbers) -> Any:
    for _ in range(hp.times):
        x = torch.sin(x) + hp.scale
    return x


APPLY: dict[str, Callable[[Any, Any], Any]] = {
    "dense": lambda x, hp: hp.weight @ x,
    "scale": lambda x, hp: x * hp.scale,
    "tanh": lambda x, hp: torch.tanh(x + hp.scale),
    "norm": lambda x, hp: x / (1.0 + x.abs().sum() * abs(hp.scale)),
    "where": lambda x, hp: torch.where(x > hp.scale, x, -x),
    "residual": lambda x, hp: x + torch.nn.functional.linear(x, hp.weight),
    "halves": _halves,
    "branch": lambda x, hp: x if hp.keep else -x,
    "item": lambda x, hp: x * hp.scale if x[0].item() > 0 else x,
    "loop": _loop,
}


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 99))
def test_fused_waves_and_plain_agree_on_random_programs(kinds: list[str], count: int, seed: int) -> None:
    system = build(kinds)
    chosen = candidates(system, count, seed)
    data = examples(3, seed=seed)
    plain = system.evaluate_population(chosen, data, closeness, execution="plain")
    size = 1.0 + np.abs(plain.values_K)
    for mode in ("auto", "waves"):
        other = system.evaluate_population(chosen, data, closeness, execution=mode)
        assert np.all(np.abs(other.values_K - plain.values_K) <= 1e-5 * size), (mode, other.execution)
        if mode == "auto":
            assert (other.execution.mode == "fused") == ("item" not in kinds), other.execution


def test_matrix_knobs_of_the_system_itself() -> None:
    class Own(HyperSystem):
        weight = Matrix((3, 3), np.eye(3, dtype=np.float32))

        def run(self, x: Any) -> Any:
            return torch.as_tensor(self.weight) @ x

    system = Own()
    rng = np.random.default_rng(0)
    population = system.space.population({"weight": rng.normal(size=(4, 3, 3))})
    fused = system.evaluate_population(population, examples(), closeness)
    plain = system.evaluate_population(population, examples(), closeness, execution="plain")
    np.testing.assert_allclose(fused.values_K, plain.values_K, rtol=1e-5)
