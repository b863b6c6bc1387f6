from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.tensors.populations import check, stack

from hyperfunc.errors import ProgramError
from hyperfunc.tensors import run_population

torch.manual_seed(0)
X = torch.randn(5, 23)
CUBE = torch.randn(3, 5, 23)
LEFT = torch.randn(4, 19)
VECTOR = torch.randn(23)
BIAS = torch.randn(19)
SHAPE = (19, 23)

PRODUCTS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda w: F.linear(X, w),
    "linear with bias": lambda w: F.linear(X, w, BIAS),
    "linear of a vector": lambda w: F.linear(VECTOR, w, BIAS),
    "linear of a cube": lambda w: F.linear(CUBE, w, BIAS),
    "linear of what members changed": lambda w: F.linear(torch.tanh(F.linear(X, w)), w.mT),
    "matmul": lambda w: torch.matmul(LEFT, w),
    "at": lambda w: LEFT @ w,
    "at from the left": lambda w: w @ X.T,
    "at from the left, a batch": lambda w: w @ CUBE.mT,
    "at a vector": lambda w: w @ VECTOR,
    "mm": lambda w: torch.mm(LEFT, w),
    "mm from the left": lambda w: w.mm(X.T),
    "mv": lambda w: torch.mv(w, VECTOR),
    "vector at": lambda w: LEFT[0] @ w,
    "turned": lambda w: X @ w.T,
    "turned twice": lambda w: F.linear(X, w.t().transpose(0, 1)),
    "permuted": lambda w: X @ w.permute(1, 0),
    "addmm": lambda w: torch.addmm(torch.ones(23), LEFT, w, beta=2, alpha=3),
    "addmm from the left": lambda w: torch.addmm(torch.ones(19, 5), w, X.T),
    "einsum": lambda w: torch.einsum("ni,oi->no", X, w),
    "einsum, turned output": lambda w: torch.einsum("oi,ni->on", w, X),
    "einsum, batch": lambda w: torch.einsum("bno,oi->bin", torch.ones(2, 3, 19), w),
    "rows": lambda w: F.linear(X, w[1:4]),
    "columns": lambda w: F.linear(X[:, 2:], w[:, 2:]),
    "block": lambda w: F.linear(X[:, :3], w[::2, :3]),
    "chunks": lambda w: [F.linear(X, part) for part in w.chunk(2)],
    "split": lambda w: [F.linear(X, part) for part in torch.split(w, [2, 17])],
    "split in twos": lambda w: [F.linear(X, part) for part in w.split(8)],
    "narrow": lambda w: F.linear(X, torch.narrow(w, 0, 1, 2)),
    "copies": lambda w: F.linear(
        X, w.data.detach().clone().contiguous().to(torch.float32).requires_grad_(False)
    ),
    "views": lambda w: F.linear(X, w.view(19, 23).reshape(19, -1).unflatten(1, (23, 1)).flatten(1)),
    "embedding": lambda w: F.embedding(torch.tensor([[0, 18], [2, 2]]), w, padding_idx=0),
    "rows by number": lambda w: w[torch.tensor([0, -1, 3])],
    "arguments by name": lambda w: torch.matmul(input=LEFT, other=w.permute(dims=(0, 1)).squeeze(dim=0)),
    "addmm by name": lambda w: torch.addmm(torch.ones(23), mat1=LEFT, mat2=w),
    "embedding by name": lambda w: F.embedding(input=torch.tensor([0, 2]), weight=w, padding_idx=0),
    "bare numbers": lambda w: w.shape[0] * len(w) * w.numel() * X[0, 0] * F.linear(X, w),
}


@pytest.mark.parametrize("mirrored", [True, False], ids=["pairs", "singles"])
@pytest.mark.parametrize("rank", [1, 4])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_write_no_matrix_out_and_equal_those_that_do(name: str, rank: int, mirrored: bool) -> None:
    check(lambda values: PRODUCTS[name](values["w"]), {"w": stack(SHAPE, rank, mirrored=mirrored)})


NESTED: dict[str, Callable[[Any, Any], Any]] = {
    "vector": lambda w, x: F.linear(x, w),
    "two layers": lambda w, x: F.linear(torch.relu(F.linear(x, w)), w.T, VECTOR),
    "from the left": lambda w, x: w @ x,
    "matrix": lambda w, x: x.expand(3, 23) @ w.T,
    "bias of an example": lambda w, x: F.linear(x, w, x[:19]),
    "embedding": lambda w, x: F.embedding((x > 0).long(), w),
    "embedding of what members changed": lambda w, x: F.embedding((w @ x > 0).long(), w),
}


@pytest.mark.parametrize("rank", [1, 4])
@pytest.mark.parametrize("name", NESTED)
def test_examples_may_be_mapped_inside_of_members(name: str, rank: int) -> None:
    def call(values: dict[str, Any]) -> Any:
        return torch.vmap(lambda x: NESTED[name](values["w"], x))(X)

    check(call, {"w": stack(SHAPE, rank)})


def test_examples_may_be_mapped_along_any_axis_and_twice() -> None:
    def call(values: dict[str, Any]) -> Any:
        inner = torch.vmap(lambda x: torch.tanh(values["w"] @ x), in_dims=1, out_dims=1)
        return torch.vmap(inner, in_dims=1, out_dims=2)(CUBE.permute(2, 1, 0))

    check(call, {"w": stack(SHAPE, 4)})


def test_biases_of_members_are_added() -> None:
    columns = {"w": stack(SHAPE), "b": torch.randn(6, 19)}
    check(lambda v: torch.vmap(lambda x: F.linear(x, v["w"], v["b"]))(X), columns)


TABLE = torch.randn(6, 3, 2)
RANGES: dict[str, tuple[Callable[[Any, Any], Any], list[int]]] = {
    "embedding, low-rank": (lambda n, v: F.embedding(n, v["w"]), [-1, 19]),
    "rows, low-rank": (lambda n, v: v["w"][n], [-20, 19]),
    "embedding": (lambda n, v: F.embedding(n, v["table"]), [-1, 3]),
    "classes": (lambda n, v: F.one_hot(n, 4) * v["table"][0, 0], [-1, 4]),
}  # fmt: skip


@pytest.mark.parametrize("name", RANGES)
def test_numbers_out_of_range_are_refused_as_for_one_member(name: str) -> None:
    use, wrong = RANGES[name]
    columns: dict[str, Any] = {"w": stack(SHAPE), "table": TABLE}
    check(lambda values: use(torch.tensor([0, 2]), values), columns)
    for number in wrong:
        with pytest.raises(IndexError, match="out of range"):
            run_population(partial(use, torch.tensor([0, number])), columns, 6, chunk=6)


def test_a_number_past_the_end_finds_no_row_of_the_next_member() -> None:
    numbers = torch.tensor([[2], [3], [0], [1], [0], [2]])
    with pytest.raises(IndexError, match="out of range"):
        run_population(lambda v: F.embedding(v["n"], v["table"]), {"n": numbers, "table": TABLE}, 6, chunk=6)


WRITTEN_OUT: dict[str, tuple[Callable[[Any], Any], dict[str, int]]] = {
    "arithmetic": (lambda w: F.linear(X, w * 2), {"mul": 1}),
    "two matrices": (lambda w: w @ w.T, {"matmul": 1}),
    "norm": (lambda w: torch.linalg.matrix_norm(w), {"linalg_matrix_norm": 1}),
    "one row": (lambda w: w[1], {"getitem": 1}),
    "returned": (lambda w: w, {"return": 1}),
    "diagonal": (lambda w: torch.einsum("ij->i", w), {"einsum": 1}),
    "names that are torch's own": (lambda w: torch.mm(LEFT, mat2=w), {"mm": 1}),
    "whole numbers": (lambda w: w.to(torch.int64).float(), {"to": 1}),
    "adjoint of a property": (lambda w: w.H, {"H": 1}),
}  # fmt: skip


@pytest.mark.parametrize("rank", [1, 4])
@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_other_uses_write_matrices_out_and_are_counted(name: str, rank: int) -> None:
    use, counted = WRITTEN_OUT[name]
    check(lambda values: use(values["w"]), {"w": stack(SHAPE, rank)}, used=counted)


WRITES: dict[str, Callable[[Any], Any]] = {
    "mul": lambda w: w.mul_(2),
    "setitem": lambda w: operator.setitem(w, 0, 0.0),
    "set": lambda w: setattr(w, "data", torch.zeros(SHAPE)),
}


@pytest.mark.parametrize("name", WRITES)
def test_writing_into_a_matrix_of_all_members_is_refused(name: str) -> None:
    with pytest.raises(ProgramError, match=f"{name} writes into a matrix"):
        run_population(lambda values: WRITES[name](values["w"]), {"w": stack(SHAPE)}, 6)
