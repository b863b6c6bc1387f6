"""Law: sums are exact, so nothing that changes their order changes a bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.blas import one_blas_thread
from hyperfunc.llm.local.attention import OwnKeys, SharedKeys, attention, causal_mask
from hyperfunc.llm.local.exact import (
    ExactLinear,
    power_above,
    row_lengths,
    row_power_above,
    snap,
    sum_of_squares,
)

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, rows=st.integers(1, 70), scale=st.floats(1e-6, 1e6))
def test_a_product_is_the_same_for_any_batch_and_any_order_of_terms(
    seed: int, rows: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((33, 57)) * scale
    x = rng.standard_normal((rows, 57)) * rng.lognormal(0, 3, (rows, 1))
    layer, lengths = ExactLinear(weight), row_lengths(x)
    together = layer(x.copy(), lengths)
    alone = np.concatenate([layer(x[[row]], lengths[[row]]) for row in range(rows)])
    order = rng.permutation(57)
    shuffled = ExactLinear(weight[:, order])(x[:, order], lengths)
    assert np.array_equal(together, alone)
    assert np.array_equal(together, shuffled)


@given(seed=SEEDS)
def test_a_product_is_close_to_the_unrounded_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight, x = rng.standard_normal((20, 50)), rng.standard_normal((4, 50))
    assert np.allclose(ExactLinear(weight)(x.copy(), row_lengths(x)), x @ weight.T, atol=1e-5)


@given(seed=SEEDS)
def test_sums_of_squares_do_not_depend_on_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((3, 160)) * rng.lognormal(0, 4, (3, 1))
    assert np.array_equal(sum_of_squares(x), sum_of_squares(x[:, rng.permutation(160)]))
    assert np.allclose(sum_of_squares(x), (x**2).sum(1, keepdims=True), rtol=1e-9)


def test_snap_rounds_to_the_nearest_step() -> None:
    assert snap(np.array([0.3, -0.3, 0.125, 7.0]), 0.25).tolist() == [0.25, -0.25, 0.0, 7.0]
    assert row_power_above(np.array([[0.0, -3.0], [0.5, 0.1]])).tolist() == [[4.0], [1.0]]
    assert row_lengths(np.array([[3.0, -4.0], [0.0, 0.0]])).tolist() == [[8.0], [1.0]]
    assert (power_above(0.9), power_above(1.0), power_above(0.0)) == (1.0, 2.0, 1.0)


@given(seed=SEEDS, cut=st.integers(1, 19), padding=st.integers(0, 9))
@settings(max_examples=50)
def test_attention_ignores_how_keys_are_cut_and_padded(seed: int, cut: int, padding: int) -> None:
    rng = np.random.default_rng(seed)
    n, heads, keys, width = 5, 2, 20, 8
    q, k = (snap(rng.standard_normal(shape), 2.0**-20) for shape in ((n, heads, width), (heads, keys, width)))
    v = snap(rng.standard_normal((heads, keys, width)), 2.0**-20)
    whole = attention(q, [SharedKeys(slice(None), k, v)])
    room = np.zeros((n, heads, keys - cut + padding, width))
    own_k, own_v = room.copy(), room.copy()
    own_k[:, :, : keys - cut], own_v[:, :, : keys - cut] = k[:, cut:], v[:, cut:]
    mask = np.where(np.arange(keys - cut + padding) < keys - cut, 0.0, -np.inf)[None, None]
    cut_up = attention(q, [OwnKeys(own_k, own_v, mask), SharedKeys(np.arange(n), k[:, :cut], v[:, :cut])])
    assert np.array_equal(whole, cut_up)


def test_a_causal_mask_hides_later_keys() -> None:
    assert np.isfinite(causal_mask(3)).tolist() == [[True, False, False], [True, True, False], [True] * 3]


def test_blas_threads_are_restored_after_nested_use() -> None:
    from hyperfunc import blas

    found = blas._openblas()
    if found is None:
        return
    before = found[0]()
    with one_blas_thread(), one_blas_thread():
        assert found[0]() == 1
    assert found[0]() == before
