"""Products with inner sides of one or two are those of torch, for every way to write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from hyperfunc.tensors import narrow, run_population
from hyperfunc.tensors.levels import Batch, batched

K, N = 6, 5


@pytest.mark.parametrize("inner", [1, 2, 3])
@pytest.mark.parametrize(
    "product",
    [
        lambda w, x: w @ x,
        lambda w, x: x @ w.t(),
        lambda w, x: torch.mv(w, x),
        lambda w, x: F.linear(x, w),
        lambda w, x: F.linear(x, w, w.sum(1)),
        lambda w, x: w.matmul(x),
    ],
)
def test_two_layers_agree_with_every_member_alone(
    inner: int, product: Callable[[Any, Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    one, two = torch.randn(K, inner, 4), torch.randn(K, 3, inner)
    points = torch.randn(N, 4)
    used: list[torch.Tensor] = []

    def seen(value: torch.Tensor, batch: Batch) -> torch.Tensor:
        used.append(value)
        return batched(value, batch)

    monkeypatch.setattr(narrow, "batched", seen)

    def call(values: dict[str, Any]) -> Any:
        return torch.vmap(lambda x: product(values["two"], product(values["one"], x)))(points)

    got, _ = run_population(call, {"one": one, "two": two}, K)
    wanted = torch.stack(
        [torch.stack([product(two[k], product(one[k], x)) for x in points]) for k in range(K)]
    )
    torch.testing.assert_close(got, wanted)
    assert bool(used) == (inner <= 2)


@pytest.mark.parametrize("length", [1, 3])
def test_lengths_that_do_not_fit_are_refused(length: int) -> None:
    points = torch.randn(N, length)

    def call(values: dict[str, Any]) -> Any:
        return torch.vmap(lambda x: values["w"] @ (values["w"][0, 0] * x))(points)

    with pytest.raises(RuntimeError):
        run_population(call, {"w": torch.randn(K, 4, 2)}, K)
