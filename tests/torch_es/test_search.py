from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hyperfunc import TorchEggrollES, memory
from hyperfunc.errors import DoesNotFit, MetricError, ProgramError, SpaceError
from hyperfunc.optimizers import Eggroll, Problem, Told
from hyperfunc.spaces import Matrix, Space
from hyperfunc.torch_es.noise import DeviceNoise

INPUTS = torch.randn(24, 6, generator=torch.Generator().manual_seed(0))
TARGETS = torch.sin(INPUTS[:, :2] + INPUTS[:, 2:4])


def net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 2))


def weights(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().float().ravel() for p in module.parameters()])


def first(module: nn.Module) -> Tensor:
    return module.get_parameter("0.weight").data


def fitness(module: nn.Module) -> float:
    return -float(F.mse_loss(module(INPUTS), TARGETS).detach())


def batch_step(es: TorchEggrollES) -> float:
    return es.step(inputs=INPUTS, targets=TARGETS, loss_fn=F.mse_loss)


def everything(name: str, parameter: Tensor) -> bool:
    return True


def test_both_forms_of_a_step_are_the_same_step() -> None:
    one, other = net(), net()
    alone = TorchEggrollES(one, 16, 0.2, 0.1, seed=3, param_filter=everything)
    batch = TorchEggrollES(other, 16, 0.2, 0.1, seed=3, param_filter=everything)
    for _ in range(3):
        assert alone.step(fitness) == pytest.approx(batch_step(batch), rel=1e-5)
    torch.testing.assert_close(weights(one), weights(other), rtol=1e-4, atol=1e-6)
    assert not batch.materialized


class Twice(nn.Module):
    """A child under two names, and a weight in two places."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.into, self.inner, self.out = nn.Linear(6, 10), nn.Linear(10, 10), nn.Linear(10, 6, bias=False)
        self.again = self.inner
        self.out.weight = nn.Parameter(torch.randn(6, 10) / 3)
        self.back = nn.Linear(10, 6)
        self.back.weight = self.out.weight
        self.gain = nn.Parameter(torch.tensor(1.5))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.again(torch.tanh(self.inner(self.into(x)))))
        return self.gain * (self.out(y) + self.back(y))[..., :2]


@pytest.mark.parametrize("sigma", [0.2, "auto"])
@pytest.mark.parametrize("chosen", [None, everything])
def test_a_module_with_shared_parts_and_lone_numbers_is_trained_as_a_whole(chosen: Any, sigma: Any) -> None:
    one, other = Twice(), Twice()
    alone, batch = (TorchEggrollES(module, 16, sigma, param_filter=chosen) for module in (one, other))
    for _ in range(3):
        assert alone.step(fitness) == pytest.approx(batch_step(batch), rel=1e-5)
    torch.testing.assert_close(weights(one), weights(other), rtol=1e-4, atol=1e-6)
    assert all(type(p) is nn.Parameter and p.grad_fn is None for p in other.parameters())


def test_a_step_is_that_of_the_search_over_a_space() -> None:
    module = nn.Linear(6, 10)
    space = Space({name: Matrix(tuple(p.shape), p.detach().numpy()) for name, p in module.named_parameters()})
    optimizer = Eggroll(8, 0.2, lr=0.1, rank=2, solver="adam", shaping="rank")
    es = TorchEggrollES(
        module, 8, 0.2, 0.1, rank=2, solver="adam", shaping="rank", seed=5, param_filter=everything
    )

    def value(weight: Any, bias: Any) -> float:
        return float(np.sin(np.asarray(weight)).sum() + np.cos(np.asarray(bias)).sum())

    state = optimizer.init(Problem(space, space.default, 1, seed=5))
    for _ in range(3):
        ask, state = optimizer.ask(state)
        assert ask is not None
        values_K = np.array([value(member["weight"], member["bias"]) for member in ask.population])
        state = optimizer.tell(state, ask, Told(values_K))
        es.step(lambda m: value(*(p.detach().numpy() for p in m.parameters())))
    np.testing.assert_allclose(module.weight.detach(), state.own.arrays["weight"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(module.bias.detach(), state.own.arrays["bias"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("settings", [{"max_batch_size": 2}, {"max_batch_size": 7}, {"noise_memory": 0}])
def test_law_the_result_does_not_depend_on_chunks_or_memory(settings: dict[str, Any]) -> None:
    one, other = net(), net()
    extras: list[dict[str, Any]] = [{}, settings]
    for module, extra in zip((one, other), extras, strict=True):
        es = TorchEggrollES(module, 24, 0.2, 0.1, seed=1, **extra)
        for _ in range(3):
            batch_step(es)
    torch.testing.assert_close(weights(one), weights(other), rtol=1e-6, atol=1e-7)


def test_law_the_result_does_not_depend_on_the_number_of_threads() -> None:
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            module = net()
            es = TorchEggrollES(module, 24, 0.2, 0.1, seed=1)
            for _ in range(3):
                batch_step(es)
            results.append(weights(module))
    finally:
        torch.set_num_threads(threads)
    torch.testing.assert_close(*results, rtol=1e-6, atol=1e-7)


def test_seeds_decide() -> None:
    modules = [net() for _ in range(3)]
    for module, seed in zip(modules, (1, 1, 2), strict=True):
        batch_step(TorchEggrollES(module, 8, 0.2, seed=seed))
    assert torch.equal(weights(modules[0]), weights(modules[1]))
    assert not torch.equal(weights(modules[0]), weights(modules[2]))


def test_only_matrices_are_trained_unless_asked() -> None:
    module, start = net(), net()
    batch_step(TorchEggrollES(module, 8, 0.2))
    for (name, after), before in zip(module.named_parameters(), start.parameters(), strict=True):
        assert torch.equal(after, before) == (after.dim() < 2), name
    module = net()
    batch_step(TorchEggrollES(module, 8, 0.2, param_filter=lambda name, _: name == "2.bias"))
    moved = [name for (name, p), q in zip(module.named_parameters(), start.parameters(), strict=True)
             if not torch.equal(p, q)]  # fmt: skip
    assert moved == ["2.bias"]


def test_a_module_learns() -> None:
    module = net()
    es = TorchEggrollES(module, 64, 0.1, 0.05, param_filter=everything)
    before = fitness(module)
    for _ in range(60):
        batch_step(es)
    assert fitness(module) > before / 4


def test_automatic_sigma_is_found_at_the_first_step() -> None:
    module = net()
    seen: list[float] = []

    def watched(m: nn.Module) -> float:
        seen.append(fitness(m))
        return seen[-1]

    es = TorchEggrollES(module, 8)
    es.step(watched)
    assert len(seen) == 61 + 8
    assert seen[0] == fitness(net())
    sigma = es.sigma
    assert sigma is not None
    assert 0.01 < sigma <= 0.5
    batch_step(es)
    assert es.sigma == sigma


def test_weights_come_back_when_the_function_fails() -> None:
    module, seen = net(), []
    before = weights(module)

    def failing(m: nn.Module) -> float:
        seen.append(weights(m))
        if len(seen) == 3:
            raise RuntimeError("no")
        return 0.0

    with pytest.raises(RuntimeError, match="no"):
        TorchEggrollES(module, 8, 0.2).step(failing)
    assert torch.equal(weights(module), before)
    torch.testing.assert_close(seen[0] + seen[1], 2 * before, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(seen[0], before)


def test_missing_fitness_leaves_the_pair_out_and_is_counted() -> None:
    module, other = net(), net()
    values = iter([1.0, math.nan, 2.0, 5.0])
    es = TorchEggrollES(module, 4, 0.2)
    assert es.step(lambda m: next(values)) == pytest.approx(8 / 3)
    assert es.missing == 1
    again = iter([math.inf, 7.0, 2.0, 5.0])
    TorchEggrollES(other, 4, 0.2).step(lambda m: next(again))
    assert torch.equal(weights(module), weights(other))
    before = weights(module)
    assert math.isnan(es.step(lambda m: math.nan))
    assert torch.equal(weights(module), before)
    assert es.missing == 5


def test_losses_per_example_can_be_compared_in_groups() -> None:
    def hard(output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output, target, reduction="none").mean(-1)

    offset = torch.linspace(0, 100, 24)
    one, other = net(), net()
    for module, loss_fn in ((one, hard), (other, lambda o, t: hard(o, t) + offset)):
        es = TorchEggrollES(module, 16, 0.2, shaping="group")
        es.step(inputs=INPUTS, targets=TARGETS, loss_fn=loss_fn)
    torch.testing.assert_close(weights(one), weights(other), rtol=1e-3, atol=1e-5)
    with pytest.raises(MetricError, match="example by example"):
        batch_step(TorchEggrollES(net(), 16, 0.2, shaping="group"))


def test_narrow_weights_are_trained_through_wide_ones() -> None:
    module = net().to(torch.bfloat16)
    first(module).fill_(1.0)
    es = TorchEggrollES(module, 16, 0.2, 1e-3, reuse=30)

    def step() -> Tensor:
        es.step(inputs=INPUTS.bfloat16(), targets=TARGETS.bfloat16(), loss_fn=F.mse_loss)
        return first(module).clone()

    # A single step is lost to rounding at 1; many are not.
    assert bool((step() == 1).all())
    for _ in range(20):
        moved = step()
    assert not bool((moved == 1).all())
    assert moved.dtype == torch.bfloat16
    # What somebody else writes into the module counts.
    first(module).zero_()
    assert step().abs().max() < 5e-3


def test_members_can_be_computed_in_another_type() -> None:
    wide, narrow = net(), net()
    batch_step(TorchEggrollES(wide, 16, 0.2))
    batch_step(TorchEggrollES(narrow, 16, 0.2, dtype=torch.bfloat16))
    assert first(narrow).dtype == torch.float32
    before = weights(net())
    moves = torch.stack([weights(wide) - before, weights(narrow) - before])
    assert torch.corrcoef(moves)[0, 1] > 0.95


def test_modules_with_embeddings_and_convolutions_are_not_written_out() -> None:
    torch.manual_seed(0)
    words = nn.Sequential(nn.Embedding(20, 8), nn.Flatten(), nn.Linear(40, 3))
    es = TorchEggrollES(words, 8, 0.2)
    es.step(inputs=torch.randint(20, (6, 5)), targets=torch.zeros(6, 3), loss_fn=F.mse_loss)
    assert not es.materialized
    picture = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    es = TorchEggrollES(picture, 8, 0.2)
    es.step(inputs=torch.randn(5, 1, 6, 6), targets=torch.zeros(5, 3), loss_fn=F.mse_loss)
    assert not es.materialized


def test_matrices_that_must_be_written_out_are_counted() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(80, 60) / 60)

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight.exp().T

    es = TorchEggrollES(Odd(), 8, 0.2)
    es.step(inputs=torch.ones(4, 60), targets=torch.zeros(4, 80), loss_fn=F.mse_loss)
    assert es.materialized["exp"] >= 1


def _on_device(key: int, shape: tuple[int, ...], rank: int | None, groups: int, keep: int) -> DeviceNoise:
    return DeviceNoise.of(key, shape, rank, groups, keep, torch.device("cpu"))


def test_noise_of_the_device_trains_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens on an accelerator, but for the place: noise and centers are tensors."""
    from hyperfunc.torch_es import search

    monkeypatch.setattr(search, "noise_of", _on_device)
    monkeypatch.setattr(search, "_home", lambda center: center)
    one, other = net(), net()
    alone = TorchEggrollES(one, 16, 0.2, 0.1, param_filter=everything)
    batch = TorchEggrollES(other, 16, 0.2, 0.1, param_filter=everything, max_batch_size=6)
    for _ in range(3):
        alone.step(fitness)
        batch_step(batch)
    torch.testing.assert_close(weights(one), weights(other), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("settings", [
    {"pop_size": 7}, {"pop_size": 0}, {"pop_size": 1, "antithetic": False}, {"sigma": 0.0}, {"sigma": -1.0},
    {"lr": 0.0}, {"rank": 0}, {"max_batch_size": 0}, {"shaping": "best"}, {"solver": "lion"}, {"reuse": 0},
])  # fmt: skip
def test_a_setting_out_of_range_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(SpaceError, match=next(iter(settings))):
        TorchEggrollES(net(), **settings)


def test_a_population_that_no_memory_holds_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory", lambda: 1000.0)
    es = TorchEggrollES(net(), 64, 0.2, max_batch_size=8)
    before = weights(es.model)
    with pytest.raises(DoesNotFit, match=r"^pop_size is 64: .* give a smaller population"):
        es.step(inputs=INPUTS, targets=TARGETS, loss_fn=lambda o, t: (o - t).square().mean(1))
    assert torch.equal(weights(es.model), before)


def test_parameters_that_were_replaced_are_trained_in_their_new_place() -> None:
    module = net()
    es = TorchEggrollES(module, 8, 0.2, 0.1)
    batch_step(es)
    module.load_state_dict({n: w.clone() for n, w in module.state_dict().items()}, assign=True)
    before = weights(module)
    batch_step(es)
    assert not torch.equal(weights(module), before)
    module[2] = nn.Linear(10, 3)
    with pytest.raises(ProgramError, match=r"no parameter '2.weight' of shape \(2, 10\) any more"):
        batch_step(es)


def test_settings_may_be_numbers_of_numpy() -> None:
    one, other = net(), net()
    batch_step(TorchEggrollES(one, 8, 0.25, 0.125))
    batch_step(TorchEggrollES(other, 8, np.float32(0.25), np.float32(0.125)))  # type: ignore[arg-type]
    assert torch.equal(weights(one), weights(other))


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(ProgramError, match="nothing to train in LayerNorm"):
        TorchEggrollES(nn.LayerNorm(4))
    broken = net()
    first(broken)[0, 0] = math.nan
    with pytest.raises(ProgramError, match=r"'0.weight' has weights that are not finite"):
        TorchEggrollES(broken, 8, 0.2).step(fitness)
    shared = net()
    shared.get_parameter("0.bias").data[0] = math.nan
    for form in (lambda es: es.step(fitness), batch_step):
        with pytest.raises(ProgramError, match=r"'0.bias' has weights that are not finite"):
            form(TorchEggrollES(shared, 8, 0.2))
    for empty in (nn.Linear(2, 2, device="meta"), nn.LazyLinear(2)):
        with pytest.raises(ProgramError, match=r"'weight' of \w+ has no values yet"):
            TorchEggrollES(empty, 8, 0.2)
    with pytest.raises(ProgramError, match="model is a str"):
        TorchEggrollES("net", 8, 0.2)  # type: ignore[arg-type]
    with pytest.raises(ProgramError, match="give one"):
        TorchEggrollES(net(), 8, 0.2).step()
    with pytest.raises(ProgramError, match="give one"):
        TorchEggrollES(net(), 8, 0.2).step(fitness, loss_fn=F.mse_loss)
    with pytest.raises(MetricError, match="loss_fn gave shape"):
        TorchEggrollES(net(), 8, 0.2).step(inputs=INPUTS, targets=TARGETS, loss_fn=lambda o, t: o - t)
    with pytest.raises(MetricError, match="eval_fn gave a NoneType"):
        TorchEggrollES(net(), 8, 0.2).step(lambda m: None)  # type: ignore[arg-type, return-value]
