"""Values of one form are stacked and cut again; what differs stays apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.execution.agreement import agree
from hyperfunc.execution.stacking import group, unstack

SHAPES = st.sampled_from([(), (2,), (1, 3)])


@dataclass
class State:
    hidden: Any
    step: int


@st.composite
def tensors(draw: Any) -> torch.Tensor:
    shape = draw(SHAPES)
    dtype = draw(st.sampled_from([torch.float32, torch.int64]))
    return torch.full(shape, draw(st.integers(-3, 3)), dtype=dtype)


LEAVES = st.one_of(tensors(), st.integers(0, 1), st.sampled_from(["a", "b"]), st.just(None), st.floats(0, 1))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.tuples(inner, inner),
        st.fixed_dictionaries({"u": inner}),
        st.builds(State, inner, st.integers(0, 1)),
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(TREES, min_size=1, max_size=6))
def test_unstack_undoes_group(values: list[Any]) -> None:
    seen: list[int] = []
    for found in group(values):
        seen.extend(found.indices)
        rows = unstack(found.example, found.stacked, len(found.indices))
        for index, row in zip(found.indices, rows, strict=True):
            assert agree(row, values[index])
            assert agree(values[index], row)
    assert sorted(seen) == list(range(len(values)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.ones(2), torch.ones(3)),
        (torch.ones(2), torch.ones(2, dtype=torch.float64)),
        ((torch.ones(2), 1), (torch.ones(2), 2)),
        ((torch.ones(2), 1), (torch.ones(2), True)),
        ((torch.ones(2), 0.0), (torch.ones(2), -0.0)),
        ((torch.ones(2),), [torch.ones(2)]),
        ({"a": torch.ones(2)}, {"b": torch.ones(2)}),
        ((torch.ones(2), np.zeros(2)), (torch.ones(2), np.ones(2))),
        (State(torch.ones(2), 0), State(torch.ones(2), 1)),
    ],
)
def test_values_of_different_forms_stay_apart(one: Any, other: Any) -> None:
    assert [g.indices for g in group([one, other, one])] == [(0, 2), (1,)]


def test_equal_constants_are_compared_by_content() -> None:
    values = [(torch.ones(2), np.arange(3), {"k": (1, "x")}) for _ in range(3)]
    assert [g.indices for g in group(values)] == [(0, 1, 2)]


def test_a_tag_keeps_values_apart() -> None:
    values = [torch.ones(2)] * 4
    assert [g.indices for g in group(values, lambda i: i % 2)] == [(0, 2), (1, 3)]


def test_rows_share_no_memory() -> None:
    """A row that is changed in place leaves the others alone, also where one row was only repeated."""
    repeated = torch.zeros(2).expand(3, 2)
    rows = unstack(torch.zeros(2), [repeated], 3)
    rows[0].add_(1)
    assert rows[1].tolist() == [0, 0]
    graded = unstack(torch.zeros(2), [torch.zeros(3, 2, requires_grad=True) * 1], 3)
    graded[0].add_(1)
    assert graded[1].tolist() == [0, 0]


def test_containers_are_new_for_each_row() -> None:
    rows = unstack({"list": [1], "x": torch.ones(())}, [torch.ones(2)], 2)
    rows[0]["list"].append(2)
    assert rows[1]["list"] == [1]


@pytest.mark.parametrize(
    ("got", "want", "same"),
    [
        (torch.tensor([1.0, 1e-9]), torch.tensor([1.0, 0.0]), True),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.001]), False),
        (torch.tensor([1.0]).double(), torch.tensor([1.0]), False),
        (torch.tensor([1]), torch.tensor([2]), False),
        (torch.tensor([1.0]).bfloat16(), torch.tensor([1.001]).bfloat16(), True),
        (torch.tensor([float("nan")]), torch.tensor([float("nan")]), True),
        (1.0, torch.tensor(1.0), False),
        (torch.tensor(1.0), 1.0, False),
        (1.0, 1.0 + 1e-9, True),
        (1.0, 1.01, False),
        ([1.0], (1.0,), False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-9]), True),
        (np.array([1.0]), np.array([1.1]), False),
    ],
)
def test_agreement_is_up_to_rounding(got: Any, want: Any, same: bool) -> None:
    assert agree(got, want) is same
