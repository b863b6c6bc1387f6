"""What a proposer is shown."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.reflective import MixedBatches
from hyperfunc.rng import generator


@given(
    st.integers(1, 30), st.sets(st.integers(0, 40)), st.integers(0, 500), st.integers(1, 12),
    st.sampled_from([0.0, 0.25, 0.5, 0.99]), st.integers(0, 9),
)  # fmt: skip
def test_batches_have_distinct_examples_and_their_share_of_failures(
    n: int, failing: set[int], drawn: int, size: int, share: float, seed: int
) -> None:
    train = tuple(range(5, 5 + n))
    scores = dict.fromkeys(failing, 0.0)
    batch = MixedBatches(size, share).draw(train, scores, drawn, seed, generator(seed))
    assert len(set(batch.items)) == len(batch.items) == min(size, n)
    assert set(batch.items) <= set(train)
    known = failing & set(train)
    assert len(batch.items) - len(batch.fresh) == min(int(min(size, n) * share), len(known))
    assert set(batch.items) - batch.fresh <= known
    assert batch.drawn >= drawn + len(batch.fresh)
    assert batch == MixedBatches(size, share).draw(train, scores, drawn, seed, generator(seed))


def test_fresh_examples_go_through_all_before_any_comes_again() -> None:
    train, drawn, seen = tuple(range(24)), 0, Counter[int]()
    for _ in range(9):
        batch = MixedBatches(8, 0.0).draw(train, {}, drawn, 0, generator(0))
        drawn = batch.drawn
        seen.update(batch.items)
    assert set(seen.values()) == {3}


def test_orders_differ_by_pass_and_by_seed() -> None:
    def order(seed: int, drawn: int) -> tuple[int, ...]:
        return MixedBatches(24).draw(tuple(range(24)), {}, drawn, seed, generator(0)).items

    assert len({order(0, 0), order(0, 24), order(1, 0)}) == 3


def test_settings_out_of_range_are_refused() -> None:
    for size, failures in ((0, 0.5), (8, 1.0), (8, -0.1), (8, float("nan"))):
        with pytest.raises(SpaceError):
            MixedBatches(size, failures)
