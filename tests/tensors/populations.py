"""Populations of random matrices, and what they give when every member is written out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from hyperfunc.spaces import LowRankStack
from hyperfunc.tensors import run_population

MEMBERS = 6


def stack(
    shape: tuple[int, ...], rank: int = 1, *, members: int = MEMBERS, mirrored: bool = True
) -> LowRankStack:
    rng = np.random.default_rng([*shape, rank, members])
    groups = members // 2 if mirrored else members
    columns = int(np.prod(shape[1:]))
    assert shape[0] * columns > 2 * rank * (shape[0] + columns), "a matrix this small is never low-rank"
    left = rng.standard_normal((groups, shape[0], rank)).astype(np.float32)
    right = rng.standard_normal((groups, columns, rank)).astype(np.float32)
    center = rng.standard_normal(shape).astype(np.float32) / columns**0.5
    return LowRankStack(
        center, lambda a, b: (left[a:b], right[a:b]), members, rank=rank, scale=0.1, mirrored=mirrored
    )


def one_by_one(call: Callable[[dict[str, Any]], Any], columns: dict[str, Any], members: int = MEMBERS) -> Any:
    made = [
        call({n: torch.tensor(c[k]) if isinstance(c[k], np.ndarray) else c[k] for n, c in columns.items()})
        for k in range(members)
    ]
    return tree_map(lambda *leaves: torch.stack(leaves), *made)


def check(
    call: Callable[[dict[str, Any]], Any], columns: dict[str, Any], *, used: dict[str, int] | None = None,
    members: int = MEMBERS, tolerance: float = 2e-6, reference: Callable[[dict[str, Any]], Any] | None = None,
    **options: Any,
) -> Counter[str]:  # fmt: skip
    """Members in one batch give what they give one by one, and write out what ``used`` says."""
    options.setdefault("chunk", members)
    with torch.no_grad():
        wanted = one_by_one(reference or call, columns, members)
        found, materialized = run_population(call, columns, members, **options)
    tree_map(lambda a, b: near(a, b, tolerance), found, wanted)
    assert dict(materialized) == (used or {})
    return materialized


def near(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    assert found.shape == wanted.shape
    assert wanted.std(0).max() > 100 * tolerance, "members must differ for this to show anything"
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance * float(1 + wanted.abs().max()))
