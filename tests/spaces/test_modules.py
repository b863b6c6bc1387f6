from __future__ import annotations

import copy
import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hyperfunc import HyperSystem, ModuleParam, hyperfunction
from hyperfunc.errors import SpaceError
from hyperfunc.program.discovery import reach
from hyperfunc.spaces import build_group, group_knobs

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402 - after the check that torch is there


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Any) -> Any:
        return self.head(self.embed(tokens))


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 3)
        self.two = self.one

    def forward(self, x: Any) -> Any:
        return self.two(torch.tanh(self.one(x)))


class Scaled(nn.Module):
    gain: float

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain
        self.inner = nn.Linear(2, 2)
        self.temperature = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Any) -> Any:
        return self.gain * self.inner(x) / self.temperature


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 2))


@dataclasses.dataclass
class Case:
    build: Callable[[], nn.Module]
    inputs: Any


CASES = {
    "mlp": Case(mlp, torch.ones(4, 3)),
    "conv": Case(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(1)), torch.ones(2, 1, 4, 4)),
    "block": Case(
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(), torch.rand(2, 3, 8) - 0.5
    ),
    "lstm": Case(lambda: nn.LSTM(3, 4), torch.ones(5, 3)),
    "tied": Case(Tied, torch.tensor([1, 4])),
    "twice": Case(Twice, torch.ones(3)),
    "normalized": Case(lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).train(), torch.rand(6, 3)),
    "scalar": Case(Scaled, torch.ones(2)),
}


def drawn(kind: type, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    knobs = group_knobs(kind)
    return {name: rng.normal(size=knob.default.shape).astype(np.float32) for name, knob in knobs.items()}


def first(output: Any) -> Any:
    return output[0] if isinstance(output, tuple) else output


@pytest.mark.parametrize("name", CASES)
def test_a_call_equals_the_module_with_these_weights_written_in(name: str) -> None:
    torch.manual_seed(0)
    case = CASES[name]
    module = case.build()
    group = build_group(
        ModuleParam.create(module, biases=True), drawn(ModuleParam.create(module, biases=True))
    )
    twin = copy.deepcopy(module)
    group.write_to(twin)
    expected = first(twin(case.inputs)).detach()
    assert torch.allclose(first(group(case.inputs)), expected, atol=1e-6)
    assert not torch.allclose(first(module(case.inputs)), expected, atol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_a_call_leaves_the_module_as_it_was(name: str) -> None:
    module = CASES[name].build()
    kind = ModuleParam.create(module, biases=True)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    places = {key: id(value) for key, value in module.named_parameters(remove_duplicate=False)}
    build_group(kind, drawn(kind))(CASES[name].inputs)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    assert places == {key: id(value) for key, value in module.named_parameters(remove_duplicate=False)}


def test_the_start_is_the_module_without_its_gradients() -> None:
    module = mlp()
    kind = ModuleParam.create(module, biases=True)
    start = build_group(kind, {name: knob.default for name, knob in group_knobs(kind).items()})
    assert torch.equal(start(torch.ones(3)), module(torch.ones(3)))
    matrices = ModuleParam.create(module)
    assert not build_group(matrices, drawn(matrices))(torch.ones(3)).requires_grad


def test_matrices_are_trained_and_biases_when_they_are_asked_for() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    assert list(group_knobs(ModuleParam.create(module))) == ["0.weight", "3.weight"]
    knobs: dict[str, Any] = group_knobs(ModuleParam.create(module, biases=True))
    assert list(knobs) == ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]
    assert (knobs["0.weight"].shape, knobs["0.weight"].noise_rank) == ((2, 1, 3, 3), 1)
    assert (knobs["1.weight"].shape, knobs["1.weight"].noise_rank) == ((2,), None)


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ("3.bias", ["3.bias"]),
        ("3.*", ["3.weight", "3.bias"]),
        (["*.bias", "0.weight"], ["0.weight", "0.bias", "1.bias", "3.bias"]),
        (lambda name, tensor: tensor.numel() == 15, ["0.weight"]),
    ],
)
def test_a_filter_says_what_is_trained(train: Any, expected: list[str]) -> None:
    assert list(group_knobs(ModuleParam.create(mlp(), train))) == expected


def broken() -> nn.Module:
    module = mlp()
    with torch.no_grad():
        module[3].weight[0, 0] = float("nan")  # type: ignore[index]
    return module


@pytest.mark.parametrize(
    ("module", "train", "message"),
    [
        (nn.ReLU(), None, r"ReLU has no trainable matrices.*has no parameters"),
        (nn.LayerNorm(3), None, r"LayerNorm has no trainable matrices.*weight, bias"),
        (mlp(), "3.wieght", r"'3.wieght'.*did you mean '3.weight'"),
        (mlp(), ["3.weight", "decoder.*"], r"nothing named 'decoder\.\*'"),
        (mlp(), lambda name, tensor: False, "no trainable matrices"),
        (broken(), None, r"'3.weight' of Sequential holds NaN"),
        (nn.Sequential(nn.LazyLinear(2)), None, r"'0.weight' of Sequential has no size yet"),
        (nn.Linear(2, 2, device="meta"), None, r"'weight' of Linear is on the meta device"),
        (mlp, None, "give a torch.nn.Module"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(module: Any, train: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        ModuleParam.create(module, train)


def test_values_that_do_not_fit_the_group_are_refused_by_name() -> None:
    kind = ModuleParam.create(mlp())
    with pytest.raises(SpaceError, match=r"lacks '0\.weight'"):
        build_group(kind, {"3.weight": np.zeros((2, 5))})
    with pytest.raises(SpaceError, match=r"ModuleParam\.create"):
        ModuleParam({})
    with pytest.raises(SpaceError, match=r"ModuleParam\.create"):
        group_knobs(ModuleParam)


def test_batched_weights_give_each_member_its_own_output() -> None:
    module = mlp()
    kind = ModuleParam.create(module, biases=True)
    members = [drawn(kind, seed) for seed in range(3)]
    stacked = {name: torch.tensor(np.stack([m[name] for m in members])) for name in members[0]}
    x = torch.rand(4, 3)
    together = torch.vmap(lambda values: build_group(kind, values)(x))(stacked)
    alone = torch.stack([build_group(kind, member)(x) for member in members])
    assert torch.allclose(together, alone, atol=1e-6)


def test_tensors_pass_through_unchanged_and_arrays_take_the_parameters_type() -> None:
    module = nn.Linear(2, 2).double()
    kind = ModuleParam.create(module)
    weight = torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
    group = build_group(kind, {"weight": weight})
    assert group["weight"] is weight
    group(torch.ones(2, dtype=torch.float64)).sum().backward()
    assert weight.grad is not None
    assert build_group(kind, drawn(kind))["weight"].dtype == torch.float64


def test_the_frozen_part_follows_the_type_of_the_weights() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double().eval()
    single = copy.deepcopy(module).float()
    kind = ModuleParam.create(single)
    values = drawn(kind)
    group = build_group(kind, {name: torch.tensor(value).double() for name, value in values.items()})
    module.load_state_dict({**single.state_dict(), **{n: torch.tensor(v) for n, v in values.items()}})
    x = torch.rand(5, 2, dtype=torch.float64)
    assert torch.allclose(group(x), module(x), atol=1e-12)
    assert build_group(kind, values)(x.float()).dtype == torch.float32


def test_the_type_is_named_by_all_that_is_not_learnt() -> None:
    def named(module: nn.Module, **options: Any) -> str:
        return ModuleParam.create(module, **options).__qualname__

    torch.manual_seed(0)
    start = Scaled()
    bias, weight, gain, mode = (copy.deepcopy(start) for _ in range(4))
    with torch.no_grad():
        bias.inner.bias.add_(1)
        weight.inner.weight.add_(1)
    gain.gain = 2.0
    mode.eval()
    assert named(start) == named(copy.deepcopy(start)) == named(weight)
    assert len({named(start), named(bias), named(gain), named(mode), named(start, biases=True)}) == 5

    class Changed(Scaled):
        def forward(self, x: Any) -> Any:
            return super().forward(x) + 1

    Changed.__qualname__, Changed.__name__ = Scaled.__qualname__, Scaled.__name__
    changed = Changed()
    changed.load_state_dict(start.state_dict())
    assert named(changed) != named(start)


def test_other_frozen_weights_make_another_program() -> None:
    torch.manual_seed(0)
    module = mlp()
    other = copy.deepcopy(module)
    with torch.no_grad():
        other.get_parameter("3.bias").add_(1)

    def fingerprint(net: nn.Module) -> str:
        return reach(system_of(ModuleParam.create(net)).hyperfunctions).fingerprint

    assert fingerprint(module) == fingerprint(copy.deepcopy(module))
    assert fingerprint(module) != fingerprint(other)


def test_a_frozen_part_that_was_written_to_is_noticed() -> None:
    module = mlp()
    kind = ModuleParam.create(module)
    values = drawn(kind)
    build_group(kind, values)
    with torch.no_grad():
        module[1].weight *= 2  # type: ignore[index]
    with pytest.raises(SpaceError, match=r"'1\.weight' of Sequential was written to"):
        build_group(kind, values)


def system_of(kind: type, names: tuple[str, ...] = ("classify",)) -> HyperSystem:
    def classify(x: Any, *, hp: Any) -> Any:
        return hp(x)

    return HyperSystem([hyperfunction(hp_type=kind, optimize_hparams=True, name=n)(classify) for n in names])


def test_learnt_weights_are_written_back_into_a_module() -> None:
    module = mlp()
    kind = ModuleParam.create(module)
    system = system_of(kind)
    x = torch.rand(3)
    assert torch.equal(system(x=x), module(x).detach())
    learnt = {f"classify.hp.{name}": value for name, value in drawn(kind).items()}
    system.candidate = system.candidate.replace(learnt)
    kind.of(system.candidate).write_to(module)
    assert torch.equal(system(x=x), module(x).detach())
    assert np.array_equal(module[3].weight.detach().numpy(), learnt["classify.hp.3.weight"])  # type: ignore[index]


def test_weights_are_found_in_a_candidate_by_the_function_that_has_them() -> None:
    kind = ModuleParam.create(mlp())
    both = system_of(kind, ("one", "two")).candidate
    with pytest.raises(SpaceError, match="one, two; name one"):
        kind.of(both)
    assert set(kind.of(both, "two")) == {"0.weight", "3.weight"}
    with pytest.raises(SpaceError, match="'three'"):
        kind.of(both, "three")


def test_a_module_of_another_shape_is_refused_before_anything_is_written() -> None:
    kind = ModuleParam.create(mlp())
    other = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 3))
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(SpaceError, match=r"'3\.weight' of shape \(2, 5\).*shape \(3, 5\)"):
        build_group(kind, drawn(kind)).write_to(other)
    assert all(torch.equal(before[key], value) for key, value in other.state_dict().items())


class Slow(nn.Module):
    """Waits inside its forward pass for a second thread to enter it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2, bias=False)
        self.gate = threading.Barrier(2)

    def forward(self, x: Any) -> Any:
        try:
            self.gate.wait(0.05)
        except threading.BrokenBarrierError:
            self.gate.reset()
        return self.inner(x)


def test_threads_do_not_see_each_others_weights() -> None:
    module = Slow()
    kind = ModuleParam.create(module)
    outputs: dict[int, Any] = {}

    def work(number: int) -> None:
        weight = np.full((2, 2), float(number), np.float32)
        outputs[number] = build_group(kind, {"inner.weight": weight})(torch.ones(2))

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: output.tolist() for number, output in outputs.items()} == {1: [2.0, 2.0], 2: [4.0, 4.0]}


def test_big_weights_are_copied_once_for_the_knob_and_never_for_its_type() -> None:
    module = nn.Linear(64, 64)
    kind = ModuleParam.create(module)
    assert group_knobs(kind)["weight"].default is group_knobs(kind)["weight"].default
    with torch.no_grad():
        module.weight += 1
    assert not np.allclose(group_knobs(kind)["weight"].default, module.weight.detach().numpy())
