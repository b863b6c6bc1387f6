from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Sampling
from hyperfunc.llm.local.samplers import distribution, draw, probabilities, sampler_row, stream_key, uniform

CONFIGURATIONS = [
    Sampling(),
    Sampling(temperature=0.7),
    Sampling(temperature=1.5),
    Sampling(temperature=0.0),
    Sampling(top_k=5),
    Sampling(top_k=1, temperature=2.0),
    Sampling(top_p=0.5),
    Sampling(top_p=0.9, temperature=1.5),
    Sampling(top_p=0.0),
    Sampling(min_p=0.1),
    Sampling(min_p=0.05, temperature=2.0),
    Sampling(min_p=1.0),
    Sampling(typical_p=0.5),
    Sampling(typical_p=0.9, temperature=0.8),
    Sampling(top_n_sigma=1.0),
    Sampling(top_n_sigma=0.5, temperature=2.0),
    Sampling(repetition_penalty=1.3),
    Sampling(frequency_penalty=0.5, presence_penalty=-0.4),
    Sampling(repetition_penalty=0.8, top_k=10, temperature=0.0),
    Sampling(top_n_sigma=2.0, top_k=40, typical_p=0.98, top_p=0.95, min_p=0.02, temperature=0.8),
]
SEEN = [3, 3, 3, 7, 8, 20, 20]


def plain(logits: list[float], s: dict[str, float], seen: list[int]) -> dict[int, float]:
    """The definitions, token by token."""
    alive = dict(enumerate(logits))
    for token in set(seen):
        rho = s.get("repetition_penalty", 1.0)
        alive[token] = alive[token] / rho if alive[token] > 0 else alive[token] * rho
        alive[token] -= seen.count(token) * s.get("frequency_penalty", 0.0) + s.get("presence_penalty", 0.0)
    if s.get("top_n_sigma", 0.0) > 0:
        mean = sum(alive.values()) / len(alive)
        sigma = math.sqrt(sum((value - mean) ** 2 for value in alive.values()) / len(alive))
        edge = max(alive.values()) - s["top_n_sigma"] * sigma
        alive = {token: value for token, value in alive.items() if value >= edge}
    if s.get("top_k", 0) > 0:
        alive = dict(sorted(alive.items(), key=lambda item: -item[1])[: int(s["top_k"])])
    if s.get("typical_p", 1.0) < 1:
        p = softened(alive)
        entropy = -sum(value * math.log(value) for value in p.values())
        order = sorted(p, key=lambda token: abs(-math.log(p[token]) - entropy))
        alive = until(order, p, lambda mass: mass > s["typical_p"], alive)
    if s.get("top_p", 1.0) < 1:
        p = softened(alive)
        order = sorted(p, key=lambda token: -p[token])
        alive = until(order, p, lambda mass: mass >= s["top_p"], alive)
    if s.get("min_p", 0.0) > 0:
        p = softened(alive)
        alive = {t: v for t, v in alive.items() if p[t] >= s["min_p"] * max(p.values()) * (1 - 1e-12)}
    temperature = s.get("temperature", 1.0)
    if temperature <= 0:
        return {max(alive, key=lambda token: alive[token]): 1.0}
    return softened({token: value / temperature for token, value in alive.items()})


def softened(alive: dict[int, float]) -> dict[int, float]:
    top = max(alive.values())
    e = {token: math.exp(value - top) for token, value in alive.items()}
    return {token: value / sum(e.values()) for token, value in e.items()}


def until(order: list[int], p: dict[int, float], enough, alive: dict[int, float]) -> dict[int, float]:  # type: ignore[no-untyped-def]
    kept, mass = {}, 0.0
    for token in order:
        kept[token] = alive[token]
        mass += p[token]
        if enough(mass):
            break
    return kept


@pytest.mark.parametrize("sampling", CONFIGURATIONS, ids=lambda s: str(s.given()))
def test_supports_and_probabilities_equal_the_plain_definitions(sampling: Sampling) -> None:
    for seed in range(5):
        logits = np.random.default_rng(seed).normal(0, 3, 200)
        expected = plain(logits.tolist(), {k: float(v) for k, v in sampling.given().items()}, SEEN)
        p = distribution(logits, sampling, SEEN)
        assert set(np.flatnonzero(p).tolist()) == set(expected)
        assert all(abs(p[token] - value) < 1e-12 for token, value in expected.items())


def test_a_row_of_a_batch_equals_the_row_alone_bit_for_bit() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, (len(CONFIGURATIONS), 300))
    counts = rng.integers(0, 3, logits.shape).astype(np.int32)
    rows = np.stack([sampler_row(s) for s in CONFIGURATIONS])
    together = probabilities(logits, rows, counts)
    for i in range(len(rows)):
        assert np.array_equal(together[i], probabilities(logits[[i]], rows[[i]], counts[[i]])[0])


@given(k=st.integers(1, 9), values=st.lists(st.integers(0, 3), min_size=10, max_size=10))
def test_ties_never_keep_more_than_top_k(k: int, values: list[int]) -> None:
    p = distribution(np.array(values, float), Sampling(top_k=k))
    kept = np.flatnonzero(p).tolist()
    assert kept == sorted(sorted(range(10), key=lambda i: (-values[i], i))[:k])


def test_draws_follow_the_distribution_and_never_leave_its_support() -> None:
    p = distribution(np.log([0.5, 0.2, 0.2, 0.1]), Sampling(min_p=0.3))
    key = stream_key(5)
    u = np.array([uniform(key, index) for index in range(20_000)])
    drawn = draw(np.tile(p, (len(u), 1)), u)
    shares = np.bincount(drawn, minlength=4) / len(u)
    assert shares[3] == 0
    assert np.abs(shares - p).max() < 0.012
    edge = draw(np.array([[0.0, 1.0, 0.0]] * 2), np.array([0.0, 1 - 2.0**-53]))
    assert edge.tolist() == [1, 1]


def test_a_stream_depends_on_seed_and_place_alone() -> None:
    assert uniform(stream_key(1), 7) == uniform(stream_key(1), 7)
    streams = {uniform(stream_key(seed), index) for seed in (-1, 0, 1, 2**80) for index in range(100)}
    assert len(streams) == 400
    assert all(0 <= value < 1 for value in streams)
    assert abs(np.mean(list(streams)) - 0.5) < 0.06


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=-0.1),
        Sampling(top_p=1.1),
        Sampling(min_p=-0.2),
        Sampling(typical_p=math.nan),
        Sampling(top_k=-1),
        Sampling(repetition_penalty=0.0),
    ],
    ids=lambda s: str(s.given()),
)
def test_values_out_of_range_are_named(sampling: Sampling) -> None:
    (name,) = sampling.given()
    with pytest.raises(ModelError, match=name):
        sampler_row(sampling)


def test_a_temperature_next_to_zero_is_greedy() -> None:
    assert distribution(np.array([1.0, 2.0, 0.0]), Sampling(temperature=1e-310)).tolist() == [0.0, 1.0, 0.0]
