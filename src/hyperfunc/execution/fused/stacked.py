"""Predictions of many lanes as tensors with two more axes: candidates and examples."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hyperfunc.evaluation.stacks import is_tensor

__all__ = ["CannotFuse", "Stacked", "copied", "version", "written"]


def version(tensor: Any) -> int:
    """Grows when somebody writes into a tensor; 0 for inference tensors, where nobody counts."""
    return 0 if tensor.is_inference() else tensor._version


def written(tree: Any) -> tuple[int, ...]:
    """The versions of a tree's tensors; other ones when somebody has written into them."""
    return tuple([version(leaf) for leaf in _leaves(tree) if is_tensor(leaf)])


def copied(tree: Any) -> Any:
    """The tree with tensors and arrays of its own."""
    from torch.utils._pytree import tree_map

    def own(leaf: Any) -> Any:
        return leaf.copy() if isinstance(leaf, np.ndarray) else leaf.clone() if is_tensor(leaf) else leaf

    return tree.clone() if is_tensor(tree) else tree_map(own, tree)


class CannotFuse(BaseException):
    """Why a program cannot be run at once. Not an ``Exception``, so that no program swallows it.

    Args:
        reason: in a few words.
        passing: it is a matter of these values, so that others may well be run at once.
    """

    def __init__(self, reason: str, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


@dataclass
class Stacked:
    """Predictions of K candidates on N examples.

    Args:
        blocks: per part of the members and group of examples: their places, and a tree of tensors
            [P, n, …].
        count: K.
        size: N.
        reached: names of the functions that were called.
        materialized: operations that needed a perturbed matrix written out.
    """

    blocks: list[tuple[tuple[int, ...] | None, tuple[int, ...], Any]]
    count: int
    size: int
    reached: frozenset[str] = frozenset()
    materialized: Counter[str] = field(default_factory=Counter)

    @property
    def numbers(self) -> int:
        """How many they are."""
        return sum(leaf.numel() for _, _, tree in self.blocks for leaf in _leaves(tree))

    def whole(self) -> Any:
        """One tree of tensors [K, N, …], or ``None`` when the predictions differ in shape."""
        import torch
        from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

        if len(self.blocks) == 1 and self.blocks[0][0] is None:
            tree = self.blocks[0][2]
            return _own(tree) if is_tensor(tree) else tree_map(_own, tree)
        flat = [tree_flatten(tree) for _, _, tree in self.blocks]
        leaves, spec = flat[0]
        for others, other_spec in flat:
            alike = [
                (a.shape[2:], a.dtype) == (b.shape[2:], b.dtype) for a, b in zip(leaves, others, strict=False)
            ]
            if other_spec != spec or not all(alike):
                return None
        out = [leaf.new_empty((self.count, self.size, *leaf.shape[2:])) for leaf in leaves]
        for (members, examples, _), (parts, _) in zip(self.blocks, flat, strict=True):
            rows = torch.arange(self.count) if members is None else torch.tensor(members)
            for whole, part in zip(out, parts, strict=True):
                whole[rows[:, None], torch.tensor(examples)[None]] = part
        return tree_unflatten(out, spec)

    def repeated(self, times: int) -> Stacked:
        """Every prediction so many times in a row, as of so many repeats that read no seed."""
        from torch.utils._pytree import tree_map

        blocks = [
            (
                members,
                tuple([n * times + r for n in examples for r in range(times)]),
                tree_map(lambda leaf: leaf.repeat_interleave(times, 1), tree),
            )
            for members, examples, tree in self.blocks
        ]
        return replace(self, blocks=blocks, size=self.size * times)

    def row(self, k: int) -> list[Any]:
        """Copies of the predictions of one candidate, example by example."""
        import torch
        from torch.utils._pytree import tree_flatten, tree_unflatten

        row: list[Any] = [None] * self.size
        for members, examples, tree in self.blocks:
            if members is not None and k not in members:
                continue
            at = k if members is None else members.index(k)
            leaves, spec = tree_flatten(tree)
            columns = [leaf[at].clone(memory_format=torch.contiguous_format).unbind(0) for leaf in leaves]
            for i, n in enumerate(examples):
                row[n] = tree_unflatten([column[i] for column in columns], spec)
        return row


def _own(leaf: Any) -> Any:
    # What was only broadcast becomes memory of its own, so that a metric may write into it.
    return leaf.contiguous() if 0 in leaf.stride() else leaf


def _leaves(tree: Any) -> list[Any]:
    # Most programs return one tensor, which torch's general walk takes ten times as long for.
    if is_tensor(tree):
        return [tree]
    from torch.utils._pytree import tree_leaves

    return tree_leaves(tree)
