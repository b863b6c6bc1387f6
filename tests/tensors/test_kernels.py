from __future__ import annotations

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hyperfunc.tensors import perturbed_linear
from hyperfunc.tensors.kernels import perturbed_matrices


@settings(max_examples=60)
@example(1, 1, 1, 1, 1, 2, False, "shared", False, 0)
@given(
    groups=st.integers(1, 4), each=st.integers(1, 3), n=st.integers(1, 9), rows=st.integers(1, 6),
    columns=st.integers(1, 6), rank=st.integers(1, 3), shared=st.booleans(),
    bias=st.sampled_from(["none", "shared", "own"]), turned=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_members_equal_products_with_their_matrices(
    groups: int, each: int, n: int, rows: int, columns: int, rank: int, shared: bool, bias: str, turned: bool,
    seed: int,
) -> None:  # fmt: skip
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw, dtype=torch.float64)

    members = groups * each
    left, right = normal(groups, rows, rank), normal(groups, columns, rank)
    if turned:  # as noise lies in memory
        left, right = left.mT.contiguous().mT, right.mT.contiguous().mT
    scale = None if each == 1 and seed % 2 else normal(members)
    x = normal(n, columns) if shared else normal(members, n, columns)
    weight = normal(rows, columns)
    added = {"none": None, "shared": normal(rows), "own": normal(members, rows)}[bias]
    given_x = x.clone()

    found = perturbed_linear(x, weight, added, left, right, scale)

    signed = torch.ones(members) if scale is None else scale
    group = torch.arange(members) // each
    matrices = weight + torch.einsum("m,mor,mir->moi", signed.double(), left[group], right[group])
    wanted = torch.einsum("mni,moi->mno", x.expand(members, n, columns), matrices)
    if added is not None:
        wanted = wanted + (added if bias == "shared" else added.unsqueeze(1))
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(perturbed_matrices(weight, left, right, scale), matrices)
    assert x.equal(given_x)
