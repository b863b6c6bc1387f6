"""Exact samplers on logits, in llama.cpp's order and with its definitions.

The order is: repetition, frequency and presence penalties; top_n_sigma; top_k; typical_p; top_p; min_p;
temperature last. Truncation therefore sees the model's own probabilities, whatever the temperature. Equal
values at the edge of a truncation are kept in the order of their ids.

Everything here works row by row: a row's result never depends on its neighbors.

Source:
    llama.cpp's samplers; Holtzman et al. (2020) for top_p, Meister et al. (2023) for typical_p, Nguyen et
    al. (2024) for min_p, Tang et al. (2024) for top_n_sigma, Keskar et al. (2019) for the penalty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Sampling

__all__ = ["NEUTRAL", "distribution", "draw", "probabilities", "sampler_row", "stream_key", "uniform"]

Array = NDArray[np.float64]
Counts = NDArray[np.int32]
_Mask = NDArray[np.bool_]
_Keep = Callable[[Array, Array], _Mask]

NEUTRAL: dict[str, float] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "top_n_sigma": 0.0,
    "repetition_penalty": 1.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
}
_ABSENT = ("xtc_probability", "dry_multiplier")
_COLUMN = {name: index for index, name in enumerate(NEUTRAL)}
_LOWEST = {"temperature": 0.0, "top_p": 0.0, "top_k": 0.0, "min_p": 0.0, "typical_p": 0.0}
_HIGHEST = {"top_p": 1.0, "min_p": 1.0, "typical_p": 1.0}


def sampler_row(sampling: Sampling) -> Array:
    """The parameters as one row in the order of :data:`NEUTRAL`; what is not set is neutral.

    Raises:
        ModelError: a value is outside its range, or asks for a sampler that is not here.
    """
    for name in _ABSENT:
        if sampling.given().get(name, 0):
            raise ModelError(
                f"the embedded models cannot do {name}: leave it at 0, or use llama.cpp or KoboldCpp"
            )
    values = NEUTRAL | {name: float(value) for name, value in sampling.given().items() if name in NEUTRAL}
    for name, value in values.items():
        low, high = _LOWEST.get(name, -np.inf), _HIGHEST.get(name, np.inf)
        if not low <= value <= high or np.isnan(value):
            raise ModelError(f"sampling parameter {name}={value:g} must lie in [{low:g}, {high:g}]")
    if values["repetition_penalty"] <= 0:
        raise ModelError(
            f"repetition_penalty={values['repetition_penalty']:g} must be positive; 1 is neutral"
        )
    return np.array(list(values.values()))


def distribution(logits: Array, sampling: Sampling, seen: Iterable[int] = ()) -> Array:
    """The final distribution of one next token.

    Args:
        logits: ``[V]``, the model's raw scores.
        sampling: which samplers take part.
        seen: ids of the tokens so far, prompt included; only penalties look at them.

    Returns:
        Probabilities ``[V]``; removed tokens have exactly 0.

    Example::

        distribution(np.log([0.5, 0.3, 0.2]), Sampling(top_k=2))     # [0.625, 0.375, 0]
    """
    row = np.asarray(logits, np.float64)
    counts = np.bincount(np.fromiter(seen, int, -1), minlength=len(row)).astype(np.int32)
    final: Array = probabilities(row[None], sampler_row(sampling)[None], counts[None])[0]
    return final


def probabilities(logits_BV: Array, parameters_BP: Array, counts_BV: Counts) -> Array:
    """Final distributions of a batch, each row under its own parameters.

    Args:
        logits_BV: raw scores; not changed.
        parameters_BP: rows of :func:`sampler_row`.
        counts_BV: how often each token was seen; read only where a penalty is set.

    Returns:
        Probabilities ``[B, V]``.
    """
    x = np.array(logits_BV)
    value = {name: parameters_BP[:, [index]] for name, index in _COLUMN.items()}
    _penalize(x, value, counts_BV)
    _truncate(x, value["top_n_sigma"], value["top_n_sigma"] > 0, _n_sigma)
    _truncate(x, value["top_k"], (value["top_k"] > 0) & (value["top_k"] < x.shape[1]), _top_k)
    _truncate(x, value["typical_p"], value["typical_p"] < 1, _typical)
    _truncate(x, value["top_p"], value["top_p"] < 1, _top_p)
    _truncate(x, value["min_p"], value["min_p"] > 0, _min_p)
    return _softmax(_temper(x, value["temperature"]))


def draw(probabilities_BV: Array, uniform_B: Array) -> NDArray[np.intp]:
    """Inverse cumulative distribution: the first token whose cumulative share exceeds the uniform number."""
    cumulative = np.cumsum(probabilities_BV, axis=1)
    total = cumulative[:, -1]
    target = np.minimum(uniform_B * total, np.nextafter(total, 0.0))
    chosen: NDArray[np.intp] = (cumulative <= target[:, None]).sum(1)
    return chosen


def stream_key(seed: int) -> int:
    """The 64-bit key of a request's stream of uniform numbers."""
    return int.from_bytes(hashlib.blake2b(repr(seed).encode(), digest_size=8).digest(), "big")


def uniform(key: int, index: int) -> float:
    """Number ``index`` of a stream, in [0, 1), by counter: it depends on nothing else.

    Source:
        Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators" (SplitMix64).
    """
    mask = (1 << 64) - 1
    z = (key + (index + 1) * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return ((z ^ (z >> 31)) >> 11) * 2.0**-53


def _penalize(x: Array, value: dict[str, Array], counts_BV: Counts) -> None:
    names = ("repetition_penalty", "frequency_penalty", "presence_penalty")
    active = np.any([value[name][:, 0] != NEUTRAL[name] for name in names], axis=0)
    rows = np.flatnonzero(active)
    if not rows.size:
        return
    repetition, frequency, presence = (value[name][rows] for name in names)
    counts = counts_BV[rows]
    seen = counts > 0
    part = x[rows]
    scaled = np.where(part > 0, part / repetition, part * repetition)
    x[rows] = np.where(seen, scaled, part) - counts * frequency - seen * presence


def _truncate(x: Array, limit: Array, active: _Mask, keep: _Keep) -> None:
    rows = np.flatnonzero(active)
    if rows.size:
        part = x[rows]
        part[~keep(part, limit[rows])] = -np.inf
        x[rows] = part


def _n_sigma(x: Array, n: Array) -> _Mask:
    alive = np.isfinite(x)
    number = alive.sum(1, keepdims=True)
    mean = np.where(alive, x, 0.0).sum(1, keepdims=True) / number
    spread = np.sqrt((np.where(alive, x - mean, 0.0) ** 2).sum(1, keepdims=True) / number)
    near: _Mask = x >= x.max(1, keepdims=True) - n * spread
    return near


def _top_k(x: Array, k: Array) -> _Mask:
    return _first_in_order(-x, np.maximum(k[:, 0], 1).astype(int))


def _typical(x: Array, mass: Array) -> _Mask:
    p = _softmax(x)
    surprise = -np.log(np.where(p > 0, p, 1.0))
    entropy = (p * surprise).sum(1, keepdims=True)
    distance = np.where(p > 0, np.abs(surprise - entropy), np.inf)
    order = np.argsort(distance, axis=1, kind="stable")
    reached = np.cumsum(np.take_along_axis(p, order, 1), axis=1)
    # llama.cpp stops after the first token at which the mass is exceeded, not merely reached.
    number = np.minimum((reached <= mass).sum(1) + 1, (p > 0).sum(1))
    return _first_in_order(distance, number)


def _top_p(x: Array, mass: Array) -> _Mask:
    p = _softmax(x)
    reached = np.cumsum(-np.sort(-p, axis=1), axis=1)
    number = np.minimum((reached < mass).sum(1) + 1, (p > 0).sum(1))
    return _first_in_order(-p, number)


def _min_p(x: Array, share: Array) -> _Mask:
    kept: _Mask = x >= x.max(1, keepdims=True) + np.log(share)
    return kept


def _first_in_order(key: Array, number: NDArray[np.intp]) -> _Mask:
    """Mark the ``number`` smallest keys of every row; equal keys at the edge go by position."""
    edge = np.take_along_axis(np.sort(key, axis=1), number[:, None] - 1, 1)
    keep = key <= edge
    for row in np.flatnonzero(keep.sum(1) > number):
        keep[row] = False
        keep[row, np.argsort(key[row], kind="stable")[: number[row]]] = True
    return keep


def _temper(x: Array, temperature: Array) -> Array:
    greedy = np.flatnonzero(temperature[:, 0] <= 0)
    if greedy.size:
        best = x[greedy].argmax(1)
        x[greedy] = -np.inf
        x[greedy, best] = 0.0
    if np.any(temperature != 1.0):
        x -= x.max(1, keepdims=True)
        # Next to zero, a temperature sends every other token to minus infinity, as it should.
        with np.errstate(over="ignore"):
            x /= np.where(temperature <= 0, 1.0, temperature)
    return x


def _softmax(x: Array) -> Array:
    e: Array = np.exp(x - x.max(1, keepdims=True))
    e /= e.sum(1, keepdims=True)
    return e
