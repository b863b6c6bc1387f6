from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.tensors.populations import check, near

from hyperfunc.errors import SpaceError
from hyperfunc.tensors import LowRank, run_population

torch.manual_seed(0)
BASE = torch.randn(19, 23)
X = torch.randn(5, 23)
UP, DOWN = torch.randn(6, 19, 2), torch.randn(6, 23, 2)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_adapters_of_members_are_low_rank(scale: float) -> None:
    def adapted(values: dict[str, Any]) -> Any:
        weight = LowRank.of(BASE, values["up"], values["down"], scale)
        assert isinstance(weight, LowRank)
        return F.linear(X, weight), X.T @ torch.vmap(lambda x: weight @ x)(X) @ weight[:, :4]

    def written(values: dict[str, Any]) -> Any:
        weight = BASE + scale * values["up"] @ values["down"].T
        return F.linear(X, weight), X.T @ (X @ weight.T) @ weight[:, :4]

    check(adapted, {"up": UP, "down": DOWN}, reference=written, tolerance=1e-5)


def test_one_factor_may_be_shared_by_all_members() -> None:
    def adapted(values: dict[str, Any]) -> Any:
        return F.linear(X, LowRank.of(BASE, UP[0], values["down"]))

    check(
        adapted, {"down": DOWN}, reference=lambda v: F.linear(X, BASE + UP[0] @ v["down"].T), tolerance=1e-5
    )


def test_adapters_may_depend_on_member_and_example() -> None:
    def adapted(values: dict[str, Any]) -> Any:
        return torch.vmap(lambda x: F.linear(x, LowRank.of(BASE, values["up"] * x[0], DOWN[0])))(X)

    def written(values: dict[str, Any]) -> Any:
        return torch.stack([F.linear(x, BASE + values["up"] * x[0] @ DOWN[0].T) for x in X])

    check(adapted, {"up": UP}, reference=written, tolerance=1e-5)


def test_weights_of_members_give_an_ordinary_tensor() -> None:
    def adapted(values: dict[str, Any]) -> Any:
        weight = LowRank.of(values["w"], UP[0], DOWN[0])
        assert not isinstance(weight, LowRank)
        return F.linear(X, weight)

    columns = {"w": torch.randn(6, 19, 23)}
    check(adapted, columns, reference=lambda v: F.linear(X, v["w"] + UP[0] @ DOWN[0].T), tolerance=1e-5)


def test_outside_of_vmap_it_is_one_matrix() -> None:
    weight = LowRank.of(BASE, UP[0], DOWN[0], 0.5)
    assert isinstance(weight, LowRank)
    written = BASE + 0.5 * UP[0] @ DOWN[0].T
    torch.testing.assert_close(F.linear(X, weight), F.linear(X, written), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(weight @ X[0], written @ X[0], rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(weight.dense(), written)
    torch.testing.assert_close(weight * 2, written * 2)
    torch.testing.assert_close(F.embedding(torch.tensor([3, 1]), weight), written[[3, 1]])
    assert (weight.shape, weight.dtype, weight.ndim) == (BASE.shape, BASE.dtype, 2)
    assert repr(weight) == "LowRank((19, 23), rank 2)"
    assert (weight.to(torch.float64) * 1).dtype == torch.float64


def test_gradients_flow_to_inputs_and_factors() -> None:
    up, down, x = (t.clone().requires_grad_() for t in (UP[0], DOWN[0], X))
    found = torch.autograd.grad(F.linear(x, LowRank.of(BASE, up, down)).square().sum(), (up, down, x))
    wanted = torch.autograd.grad(F.linear(x, BASE + up @ down.T).square().sum(), (up, down, x))
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-2)


def test_gradients_of_factors_by_a_transform() -> None:
    def loss(values: dict[str, Any]) -> Any:
        def inner(up: Any) -> Any:
            return F.linear(X, LowRank.of(BASE, up, DOWN[0])).square().sum()

        return torch.func.grad(inner)(values["up"])

    found = run_population(loss, {"up": UP}, 6)[0]
    wanted = [torch.func.grad(lambda up: F.linear(X, BASE + up @ DOWN[0].T).square().sum())(u) for u in UP]
    near(found, torch.stack(wanted), 1e-5)


@pytest.mark.parametrize(
    ("weight", "left", "right", "message"),
    [
        (BASE[0], UP[0], DOWN[0], "weight has shape"),
        (BASE, UP[0, :3], DOWN[0], r"left has shape \(3, 2\)"),
        (BASE, UP[0], DOWN[0, :, :1], r"right has shape \(23, 1\)"),
        (BASE, UP, DOWN[0], r"left has shape \(6, 19, 2\)"),
    ],
)
def test_factors_that_do_not_fit_are_said_by_name(weight: Any, left: Any, right: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        LowRank.of(weight, left, right)
