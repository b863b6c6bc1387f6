from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hyperfunc import AdapterMeta, Example, HyperSystem, LoRAAdapter, batched_metric, hyperfunction
from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import Eggroll
from hyperfunc.spaces import build_group, group_knobs

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402 - after the check that torch is there

from hyperfunc.spaces.adapters import combined  # noqa: E402
from hyperfunc.tensors import run_population  # noqa: E402


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Any) -> Any:
        return self.head(self.embed(tokens))


def mlp() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


CASES: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "mlp": (mlp, torch.ones(4, 3)),
    "one": (lambda: nn.Linear(3, 4), torch.ones(3)),
    "conv": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(1)), torch.ones(2, 1, 4, 4)),
    "block": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(),
        torch.linspace(-1, 1, 48).view(2, 3, 8),
    ),
    "tied": (Tied, torch.tensor([1, 4])),
}


def drawn(kind: type, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    knobs = group_knobs(kind)
    return {name: rng.normal(size=knob.default.shape).astype(np.float32) for name, knob in knobs.items()}


@pytest.mark.parametrize("name", CASES)
def test_the_start_is_the_frozen_module(name: str) -> None:
    build, x = CASES[name]
    module = build()
    kind = LoRAAdapter.create(module, "*", rank=2)
    start = build_group(kind, {name: knob.default for name, knob in group_knobs(kind).items()})
    assert torch.allclose(start(x), module(x), atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_an_adapted_module_equals_one_with_the_merged_weights(name: str) -> None:
    build, x = CASES[name]
    module = build()
    kind = LoRAAdapter.create(module, "*", rank=2)
    group = build_group(kind, drawn(kind))
    merged = copy.deepcopy(module)
    group.write_to(merged)
    assert torch.allclose(group(x), merged(x), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(merged(x), module(x), atol=1e-2)


def test_the_change_is_alpha_over_rank_times_b_times_a() -> None:
    module = mlp()
    kind = LoRAAdapter.create(module, ["2"], rank=4, alpha=2.0)
    values = drawn(kind)
    (name, weight), *rest = build_group(kind, values).merge().items()
    expected = module[2].weight.detach().numpy() + 0.5 * values["2.B"] @ values["2.A"]  # type: ignore[index]
    assert (name, rest) == ("2.weight", [])
    assert np.allclose(weight.numpy(), expected, atol=1e-6)


def test_factors_start_small_and_at_zero_from_name_and_shape_alone() -> None:
    knobs, again = (group_knobs(LoRAAdapter.create(mlp(), "*", rank=3)) for _ in range(2))
    assert list(knobs) == ["0.A", "0.B", "2.A", "2.B"]
    assert [knob.default.shape for knob in knobs.values()] == [(3, 3), (5, 3), (3, 5), (2, 3)]
    assert not knobs["0.B"].default.any()
    assert all(np.array_equal(knob.default, again[name].default) for name, knob in knobs.items())
    wide = group_knobs(LoRAAdapter.create(nn.Linear(400, 2), "*", rank=50))["A"].default
    assert wide.std() == pytest.approx(1 / 20, rel=0.05)


def test_a_weight_that_layers_share_is_adapted_once() -> None:
    assert list(group_knobs(LoRAAdapter.create(Tied(), "*", rank=1))) == ["embed.A", "embed.B"]


def scaled(group: Any, x: Any, **numbers: float) -> Any:
    return group.with_meta(AdapterMeta(**numbers))(x)


def test_meta_parameters_scale_the_change() -> None:
    module = nn.Linear(3, 2)
    kind = LoRAAdapter.create(module, "*", rank=1)
    group, x = build_group(kind, drawn(kind)), torch.ones(3)
    start = module(x).detach()
    change = group(x) - start
    cases: list[tuple[dict[str, float], float]] = [
        ({}, 1.0),
        ({"scale": 3.0}, 3.0),
        ({"scale": 0.0}, 0.0),
        ({"dropout_keep": 0.25}, 0.25),
        ({"gate_bias": 4.0}, 2 / (1 + np.exp(-4.0))),
        ({"gate_bias": -4.0}, 2 / (1 + np.exp(4.0))),
        ({"priority": 0.1}, 1.0),
        ({"priority": 0.0}, 1.0),
        ({"scale": 2.0, "dropout_keep": 0.5, "gate_bias": 1.0}, 2 / (1 + np.exp(-1.0))),
    ]
    for numbers, factor in cases:
        assert torch.allclose(scaled(group, x, **numbers) - start, factor * change, atol=1e-5), numbers


@pytest.mark.parametrize(("one", "two", "share"), [(0.5, 0.5, 0.5), (0.9, 0.3, 0.75), (0, 0, 0.5), (0, 1, 0)])
def test_priorities_are_shares_among_adapters(one: float, two: float, share: float) -> None:
    module = nn.Linear(3, 2)
    kinds = [LoRAAdapter.create(module, "*", rank=rank) for rank in (1, 2)]
    groups = [build_group(kind, drawn(kind)) for kind in kinds]
    x = torch.ones(3)
    start = module(x).detach()
    first, second = (group(x) - start for group in groups)
    both = combined([(groups[0], AdapterMeta(priority=one)), (groups[1], AdapterMeta(priority=two))])
    assert torch.allclose(both(x) - start, share * first + (1 - share) * second, atol=1e-5)
    assert torch.allclose(x @ both.merge()["weight"].T + module.bias.detach(), both(x), atol=1e-5)


def test_adapters_of_different_layers_act_together() -> None:
    module = mlp()
    kinds = [LoRAAdapter.create(module, layer, rank=1) for layer in ("0", "2")]
    groups = [build_group(kind, drawn(kind)) for kind in kinds]
    both = combined([(group, AdapterMeta(scale=2.0)) for group in groups])
    merged = {**groups[0].merge(), **groups[1].merge()}
    assert all(torch.allclose(both.merge()[name], merged[name], atol=1e-6) for name in merged)


def test_members_of_a_population_share_the_weight_and_write_nothing_out() -> None:
    module = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    kind = LoRAAdapter.create(module, ["linear*"], rank=2)
    members = [drawn(kind, seed) for seed in range(4)]
    columns = {name: torch.tensor(np.stack([m[name] for m in members])) for name in members[0]}
    columns["scale"] = torch.tensor([0.0, 0.5, 1.0, 2.0])
    x = torch.linspace(-1, 1, 24).view(1, 3, 8)

    def call(values: dict[str, Any]) -> Any:
        own = {name: value for name, value in values.items() if name != "scale"}
        return build_group(kind, own).with_meta(AdapterMeta(scale=values["scale"]))(x)

    together, uses = run_population(call, columns, 4)
    alone = [scaled(build_group(kind, m), x, scale=s) for m, s in zip(members, (0, 0.5, 1, 2), strict=True)]
    assert torch.allclose(together, torch.stack(alone), atol=1e-4)
    assert not uses


def test_the_frozen_module_follows_the_type_of_the_factors() -> None:
    module = mlp()
    kind = LoRAAdapter.create(module, "*", rank=2)
    values = {name: torch.tensor(value).double() for name, value in drawn(kind).items()}
    group, x = build_group(kind, values), torch.ones(3, dtype=torch.float64)
    merged = copy.deepcopy(module).double()
    group.write_to(merged)
    assert torch.allclose(group(x), merged(x), atol=1e-12)


def test_an_adapter_runs_at_its_learnt_strength_and_is_kept_in_a_copy() -> None:
    module = mlp()
    kind = LoRAAdapter.create(module, "2", rank=1)

    @hyperfunction(hp_type=AdapterMeta, optimize_hparams=True)
    def strength(*, hp: Any) -> Any:
        return hp

    @hyperfunction(hp_type=kind, optimize_hparams=True)
    def predict(x: Any, meta: Any, *, hp: Any) -> Any:
        return hp.with_meta(meta)(x)

    class Adapted(HyperSystem):
        def run(self, x: Any) -> Any:
            return predict(x, strength())

    system = Adapted()
    x = torch.ones(3)
    assert torch.allclose(system(x=x), module(x), atol=1e-6)
    learnt = {f"predict.hp.{name}": value for name, value in drawn(kind).items()}
    system.candidate = system.candidate.replace({**learnt, "strength.hp.scale": 1.0})
    copied = copy.deepcopy(module)
    kind.of(system.candidate).write_to(copied)
    assert torch.allclose(system(x=x), copied(x), atol=1e-5)
    assert not torch.allclose(system(x=x), module(x), atol=1e-2)


@batched_metric
def closeness(preds: Any, expected: Any) -> Any:
    return -((preds - expected) ** 2).mean((1, 2))


@pytest.mark.parametrize("seed", [0, 1])
def test_an_evolution_strategy_finds_the_change_that_an_adapter_can_make(seed: int) -> None:
    module = mlp()
    goal = copy.deepcopy(module)
    with torch.no_grad():
        goal.get_parameter("0.weight").add_(torch.outer(torch.linspace(-1, 1, 5), torch.ones(3)))
    kind = LoRAAdapter.create(module, "0", rank=1)

    @hyperfunction(hp_type=kind, optimize_hparams=True)
    def predict(x: Any, *, hp: Any) -> Any:
        return hp(x)

    inputs = torch.randn(32, 3, generator=torch.Generator().manual_seed(seed))
    examples = [Example({"x": x}, goal(x).detach()) for x in inputs]
    system = HyperSystem([predict])
    before = system.evaluate(examples, closeness)
    search = Eggroll(population=32, sigma=0.2, lr=0.2, steps=60, sigma_decay=0.97, lr_decay=0.97)
    system.optimize(examples, closeness, optimizer=search, seed=seed)
    assert system.evaluate(examples, closeness) > 0.1 * before


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        ("hed", {}, r"nothing named 'hed'.*did you mean 'head'"),
        ("1", {}, r"nothing named '1'"),
        ("*", {"rank": 0}, "rank is 0"),
        ("*", {"alpha": float("nan")}, "alpha is nan"),
        ([], {}, "names no layer"),
    ],
)
def test_what_cannot_be_adapted_is_refused_by_name(layers: Any, options: Any, message: str) -> None:
    module = nn.ModuleDict({"1": nn.ReLU(), "head": nn.Linear(2, 2)})
    with pytest.raises(SpaceError, match=message):
        LoRAAdapter.create(module, layers, **options)


def test_mistakes_with_adapters_are_said_plainly() -> None:
    module = nn.Linear(3, 2)
    kind, other = (LoRAAdapter.create(m, "*", rank=1) for m in (module, nn.Linear(3, 2)))
    group = build_group(kind, drawn(kind))
    with pytest.raises(SpaceError, match="the change would act twice"):
        group.write_to(module)
    with pytest.raises(SpaceError, match="different modules"):
        combined([(group, AdapterMeta()), (build_group(other, drawn(other)), AdapterMeta())])
    with pytest.raises(SpaceError, match="at least one pair"):
        combined([])
    with pytest.raises(SpaceError, match=r"lacks 'A'"):
        build_group(kind, {})
    with pytest.raises(SpaceError, match=r"LoRAAdapter\.create"):
        group_knobs(LoRAAdapter)


def test_two_adapters_with_the_same_knobs_are_told_apart_by_what_they_do() -> None:
    module = nn.Linear(3, 2)
    names = {LoRAAdapter.create(module, "*", rank=2, alpha=alpha).__qualname__ for alpha in (None, 2.0, 4.0)}
    assert len(names) == 2
