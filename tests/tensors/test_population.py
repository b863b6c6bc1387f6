from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tensors.populations import check, stack
from torch import nn
from torch.func import functional_call

from hyperfunc import memory
from hyperfunc.errors import DoesNotFit, ProgramError, SpaceError
from hyperfunc.spaces import LowRankStack
from hyperfunc.tensors import run_population

torch.manual_seed(0)
X = torch.randn(5, 23)
NET = nn.Sequential(nn.Linear(23, 32), nn.Tanh(), nn.Linear(32, 19)).eval()


def columns(members: int = 6, rank: int = 1, mirrored: bool = True) -> dict[str, Any]:
    shapes = {n: tuple(p.shape) for n, p in NET.named_parameters() if p.dim() > 1}
    return {n: stack(s, rank, members=members, mirrored=mirrored) for n, s in shapes.items()}


def call(values: dict[str, Any]) -> Any:
    return torch.vmap(lambda x: functional_call(NET, values, (x,)))(X)


@settings(max_examples=25)
@given(
    pairs=st.integers(1, 8), chunk=st.integers(1, 20), rows=st.integers(1, 100), rank=st.integers(1, 3),
    mirrored=st.booleans(),
)  # fmt: skip
def test_results_do_not_depend_on_the_chunk(
    pairs: int, chunk: int, rows: int, rank: int, mirrored: bool
) -> None:
    members = 2 * pairs if mirrored else 2 * pairs - 1
    made = columns(members, rank, mirrored)
    whole = run_population(call, made, members, chunk=1000)[0]
    assert whole.shape == (members, 5, 19)
    choices: list[dict[str, Any]] = [dict(chunk=chunk), dict(rows=rows), {}]
    for options in choices:
        torch.testing.assert_close(
            run_population(call, made, members, **options)[0], whole, rtol=1e-6, atol=1e-6
        )


@pytest.mark.parametrize("rank", [1, 3])
def test_bfloat16_stays_within_its_precision(rank: int) -> None:
    net = nn.Sequential(nn.Linear(23, 32), nn.Tanh(), nn.Linear(32, 19)).bfloat16()
    exact = run_population(call, columns(rank=rank), 6)[0]

    def short(values: dict[str, Any]) -> Any:
        assert values["0.weight"].dtype == torch.bfloat16
        return functional_call(net, values, (X.bfloat16(),))

    net.load_state_dict(NET.state_dict())
    found = run_population(short, columns(rank=rank), 6, dtype=torch.bfloat16)[0]
    assert found.dtype == torch.bfloat16
    assert float((found.float() - exact).abs().max()) < 0.03 * float(exact.abs().max())


def test_outputs_may_be_a_tree_and_values_of_every_shape() -> None:
    made = {**columns(), "scale": torch.randn(6), "b": torch.randn(6, 19), "step": torch.arange(6)}

    def tree(values: dict[str, Any]) -> Any:
        y = F.linear(X, values["2.weight"].T[:23, :19].T, values["b"])
        return {"y": y * values["scale"], "parts": (y.sum(), values["step"] + 0.5)}

    check(tree, made)
    check(tree, made, chunk=2)


def test_tiny_matrices_are_written_out_uncounted() -> None:
    rng = np.random.default_rng(0)
    left, right, center = (rng.standard_normal(s).astype(np.float32) for s in ((3, 2, 1), (3, 4, 1), (2, 4)))
    tiny = LowRankStack(center, lambda a, b: (left[a:b], right[a:b]), 6, rank=1, scale=0.5)
    check(lambda v: torch.sin(v["w"] * 2), {"w": tiny})


def test_uses_are_counted_once_per_chunk() -> None:
    made = {"w": stack((19, 23))}
    for chunk, times in ((6, 1), (2, 3), (4, 2)):
        uses = run_population(lambda v: v["w"].sum() + v["w"].exp().sum(), made, 6, chunk=chunk)[1]
        assert uses == {"sum": times, "exp": times}


def test_factors_are_asked_for_in_blocks_and_never_twice() -> None:
    asked = []
    whole = stack((19, 23), members=12)
    factors = whole.factors()

    def source(begin: int, end: int) -> Any:
        asked.append((begin, end))
        return factors[0][begin:end], factors[1][begin:end]

    watched = LowRankStack(whole.center, source, 12, rank=1, scale=0.1)
    run_population(lambda v: F.linear(X, v["w"]), {"w": watched}, 12, chunk=2)
    assert asked == [(0, 6)]


WRONG: dict[str, tuple[dict[str, Any], int, dict[str, Any], str]] = {
    "members": ({"w": torch.zeros(5, 2)}, 6, {}, "'w' has values for 5 members; count is 6"),
    "none": ({"w": torch.zeros(0, 2)}, 0, {}, "count is 0"),
    "nothing": ({}, 6, {}, "columns is empty"),
    "chunk": ({"w": torch.zeros(6)}, 6, dict(chunk=0), "chunk is 0"),
    "rows": ({"w": torch.zeros(6)}, 6, dict(rows=-1), "rows is -1"),
    "NaN": ({"w": torch.tensor([0.0, float("nan")])}, 2, {}, "'w' holds 1 numbers that are NaN"),
    "infinity": ({"w": torch.tensor([0.0, float("inf")])}, 2, {}, "'w' holds 1 numbers that are NaN"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_said_by_name(name: str) -> None:
    values, count, options, message = WRONG[name]
    with pytest.raises(SpaceError, match=message.replace("(", r"\(")):
        run_population(lambda v: v["w"], values, count, **options)


def test_a_center_that_is_not_finite_is_said_by_name() -> None:
    broken = stack((19, 23))
    center = broken.center.copy()
    center[3, 4] = np.nan
    broken.center = center
    with pytest.raises(SpaceError, match=r"'net\.w' holds 1 numbers"):
        run_population(lambda v: F.linear(X, v["net.w"]), {"net.w": broken}, 6)


def test_large_finite_numbers_pass() -> None:
    huge = torch.full((4, 3), 3e38)
    assert run_population(lambda v: v["w"], {"w": huge}, 4)[0].equal(huge)


def test_a_matrix_that_vmap_maps_over_is_refused() -> None:
    with pytest.raises(ProgramError, match="dense"):
        run_population(lambda v: torch.vmap(torch.sum)(v["w"]), {"w": stack((19, 23))}, 6)
    check(
        lambda v: torch.vmap(torch.sum)(v["w"].dense() if hasattr(v["w"], "dense") else v["w"]),
        {"w": stack((19, 23))},
    )


def test_a_function_whose_result_changes_its_shape_is_refused() -> None:
    sizes = iter([2, 3])
    with pytest.raises(SpaceError, match="another structure"):
        run_population(lambda v: v["w"].expand(next(sizes)), {"w": torch.zeros(4)}, 4, chunk=2)


def test_what_no_memory_holds_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    bytes_of_all = 6 * 5 * 19 * 4
    for present in (bytes_of_all, bytes_of_all - 1):
        monkeypatch.setattr(memory, "memory", lambda present=present: float(present))
        if present == bytes_of_all:
            assert run_population(call, columns(), 6, chunk=2)[0].shape == (6, 5, 19)
        else:
            with pytest.raises(DoesNotFit, match=r"what 6 members return .* give a smaller population"):
                run_population(call, columns(), 6, chunk=2)


def test_nothing_is_left_active_after_an_error() -> None:
    def fails(values: dict[str, Any]) -> Any:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        run_population(fails, {"w": torch.zeros(4)}, 4)
    assert not torch._C._is_torch_function_mode_enabled()


def test_gradients_of_inputs_inside_of_members() -> None:
    def gradient(values: dict[str, Any]) -> Any:
        return torch.func.grad(lambda x: torch.tanh(F.linear(x, values["w"])).sum())(X[0])

    check(gradient, {"w": stack((19, 23))}, used={"linear": 1})


def test_matrices_cut_inside_of_a_gradient() -> None:
    def gradient(values: dict[str, Any]) -> Any:
        def inner(x: Any) -> Any:
            part = values["w"][:, :10]
            return torch.tanh(x @ part.T).sum() + F.linear(X[:, :10], part).sum() * x.sum()

        return torch.func.grad(inner)(X[0, :10])

    check(gradient, {"w": stack((19, 23))}, used={"matmul": 1, "linear": 1}, tolerance=1e-5)
