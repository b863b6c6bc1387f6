"""EGGROLL makes the update of the paper's formulas, written down in jax, from the same noise.

Needs jax, which nothing else here does; ``make neighbors`` runs it in an environment of its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hyperfunc.optimizers import Eggroll, Problem, Told
from hyperfunc.optimizers.rule import rate
from hyperfunc.spaces import LowRankStack, Matrix, Space

jax: Any = pytest.importorskip("jax", reason="parity with jax needs jax")
jnp: Any = jax.numpy
# Differences of nearly equal fitness would drown in float32 rounding of the reference.
jax.config.update("jax_enable_x64", True)

pytestmark = pytest.mark.jax

ROWS, COLUMNS, MEMBERS = 12, 20, 32
_RNG = np.random.default_rng(0)
INPUTS = _RNG.normal(size=(40, COLUMNS)).astype(np.float32)
TARGETS = _RNG.normal(size=(40, ROWS)).astype(np.float32)
START = (_RNG.normal(size=(ROWS, COLUMNS)) / math.sqrt(COLUMNS)).astype(np.float32)


def fitness_of_all(weight: Any, left: Any, right: Any, sigma: float) -> Any:
    """[N], a quadratic of the weights: members are x W^T + s sigma / sqrt(r) (x B) A^T, never written out."""

    def one(a: Any, b: Any, sign: Any) -> Any:
        outputs = INPUTS @ weight.T + sign * sigma / math.sqrt(a.shape[1]) * (INPUTS @ b) @ a.T
        return -jnp.mean((outputs - TARGETS) ** 2)

    signs = jnp.tile(jnp.array([1.0, -1.0]), MEMBERS // 2)
    return jax.vmap(one)(jnp.repeat(left, 2, 0), jnp.repeat(right, 2, 0), signs)


def update(weight: Any, left: Any, right: Any, sigma: float, alpha: float) -> Any:
    """Equation 6: M + alpha / N sum_i E_i f_i, with E_i = s_i sigma / sqrt(r) A_i B_i^T and z-scored f."""
    fitness = fitness_of_all(weight, left, right, sigma)
    scores = (fitness - fitness.mean()) / fitness.std()
    signed = scores * jnp.tile(jnp.array([1.0, -1.0]), MEMBERS // 2)
    left, right = jnp.repeat(left, 2, 0), jnp.repeat(right, 2, 0)
    total = jnp.einsum("n,nor,nir->oi", signed, left, right) * sigma / math.sqrt(left.shape[2])
    return weight + alpha / MEMBERS * total


@pytest.mark.parametrize("rank", [1, 4])
@pytest.mark.parametrize("sigma", [0.3, 0.01])
def test_the_update_is_that_of_the_paper(rank: int, sigma: float) -> None:
    optimizer = Eggroll(MEMBERS, sigma, lr=0.1, rank=rank)
    space = Space({"w": Matrix((ROWS, COLUMNS), START)})
    state = optimizer.init(Problem(space, space.default, 1, seed=rank))
    unit = 1 / math.sqrt(COLUMNS)
    alpha = 0.1 * rate(MEMBERS // 2, ROWS * COLUMNS) / sigma
    for _ in range(5):
        ask, state = optimizer.ask(state)
        assert ask is not None
        stack = ask.population.columns["w"]  # type: ignore[union-attr]
        assert isinstance(stack, LowRankStack)
        before = np.asarray(state.own.arrays["w"])
        left, right = (jnp.asarray(side, jnp.float64) for side in stack.factors())
        outputs = [INPUTS.astype(float) @ stack[k].T for k in range(MEMBERS)]
        values_K = np.array([-np.mean((output - TARGETS) ** 2) for output in outputs])
        state = optimizer.tell(state, ask, Told(values_K))
        theirs = (
            np.asarray(update(jnp.asarray(before, jnp.float64), left, right, sigma * unit, alpha)) - before
        )
        ours = state.own.arrays["w"] - before
        assert np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max()
