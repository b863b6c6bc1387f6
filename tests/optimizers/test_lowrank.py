from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import memory
from hyperfunc.errors import DoesNotFit
from hyperfunc.optimizers import lowrank
from hyperfunc.optimizers.lowrank import EntryNoise, FactorNoise, fold, noise_of, rows_and_columns
from hyperfunc.spaces import LowRankStack


def written_out(column: LowRankStack | np.ndarray) -> np.ndarray:
    return np.stack([column[k] for k in range(len(column))])


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_entries_have_unit_variance_and_the_rank_asked_for(rank: int) -> None:
    noise = FactorNoise(3, (6, 9), rank, groups=2000)
    members = written_out(noise.column(np.zeros((6, 9), np.float32), 1.0, mirrored=False))
    assert members.std() == pytest.approx(1.0, abs=0.02)
    assert abs(members.mean()) < 0.01
    assert np.linalg.matrix_rank(members[7]) == rank


@given(
    st.integers(1, 3),
    st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple),
    st.booleans(),
    st.integers(0, 2**62),
)
@settings(max_examples=25)
def test_law_the_fold_is_the_weighted_sum_of_members(
    rank: int, shape: tuple[int, ...], mirrored: bool, key: int
) -> None:
    groups, sigma = 5, 0.3
    noise = noise_of(key, shape, rank, groups, 1 << 20)
    center = np.ones(shape, np.float32)
    members = written_out(noise.column(center, sigma, mirrored))
    weights_G = np.linspace(-1, 2, groups)
    changes = ((members[0::2] if mirrored else members) - center) / sigma
    expected = np.tensordot(weights_G, changes, axes=1)
    np.testing.assert_allclose(noise.fold(weights_G), expected, rtol=1e-4, atol=1e-4)


def test_any_part_of_the_noise_can_be_made_alone() -> None:
    noise = FactorNoise(5, (4, 7), 2, groups=9, kept=False)
    whole, part = noise(0, 9), noise(3, 6)
    for one, other in zip(whole, part, strict=True):
        assert np.array_equal(one[3:6], other)


def test_kept_and_regenerated_noise_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lowrank, "_BLOCK", 60)
    kept = noise_of(5, (4, 7), 2, 9, keep=10_000)
    again = noise_of(5, (4, 7), 2, 9, keep=100)
    assert kept.memory == 4 * 9 * 2 * 11
    assert again.memory == 0
    weights_G = np.arange(9.0)
    assert np.array_equal(kept.fold(weights_G), again.fold(weights_G))
    center = np.zeros((4, 7), np.float32)
    assert np.array_equal(
        written_out(kept.column(center, 1.0, True)), written_out(again.column(center, 1.0, True))
    )


def test_the_size_of_a_block_does_not_change_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    for noise in (FactorNoise(1, (5, 3), 2, 40), EntryNoise(1, (5, 3), 40)):
        whole = noise.fold(np.linspace(-1, 1, 40))
        with monkeypatch.context() as patch:
            patch.setattr(lowrank, "_BLOCK", 50)
            np.testing.assert_allclose(noise.fold(np.linspace(-1, 1, 40)), whole, rtol=1e-5, atol=1e-5)


def test_vectors_and_small_matrices_get_a_number_for_every_entry() -> None:
    for shape, rank in (((7,), 1), ((2, 9), 2), ((9, 1), 1), ((4, 4), None)):
        assert isinstance(noise_of(0, shape, rank, 3, 1 << 20), EntryNoise)
    assert isinstance(noise_of(0, (3, 2, 2), 2, 3, 1 << 20), FactorNoise)
    column = EntryNoise(0, (7,), 3).column(np.ones(7, np.float32), 0.5, mirrored=True)
    assert isinstance(column, np.ndarray)
    np.testing.assert_allclose(column[0::2] + column[1::2], 2.0, rtol=1e-6)


def test_the_fold_takes_torch_tensors_as_well() -> None:
    torch = pytest.importorskip("torch")
    noise = FactorNoise(2, (3, 5), 2, 4)
    left, right = (np.ascontiguousarray(side.transpose(0, 2, 1)) for side in noise(0, 4))
    weights = np.arange(4, dtype=np.float32)
    there = fold(torch.from_numpy(left), torch.from_numpy(right), torch.from_numpy(weights)).numpy()
    np.testing.assert_allclose(there / math.sqrt(2), noise.fold(weights.astype(float)), rtol=1e-5, atol=1e-6)


def test_a_population_that_no_memory_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory", lambda: 1000.0)
    center = np.zeros((8, 8), np.float32)
    with pytest.raises(DoesNotFit, match="population of 8 members with full-rank noise"):
        noise_of(0, (8, 8), None, 4, 1 << 20).column(center, 1.0, mirrored=True)
    assert len(noise_of(0, (8, 8), 1, 4, 1 << 20).column(center, 1.0, mirrored=True)) == 8


def test_how_arrays_are_seen_as_matrices() -> None:
    assert rows_and_columns((8, 3, 5, 5)) == (8, 75)
    assert rows_and_columns((8, 3)) == (8, 3)
    assert rows_and_columns((8,)) == (1, 8)
    assert rows_and_columns(()) == (1, 1)
