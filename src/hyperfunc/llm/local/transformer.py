"""The forward pass of a small Llama-like model in numpy, with exact sums.

Tokens of all sequences form one flat row of vectors; only attention knows which belong together. Every
product-sum is exact (see ``exact.py``) and everything else works value by value, so a token's result is
the same to the last bit whatever else is computed beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hyperfunc.errors import ModelError
from hyperfunc.llm.local.exact import (
    DOUBLE_BITS,
    Array,
    ExactLinear,
    power_above,
    row_lengths,
    row_power_above,
    snap,
    sum_of_squares,
)

__all__ = ["Architecture", "Attend", "Transformer"]

Ids = NDArray[np.intp]
Attend = Callable[[int, Array, Array, Array], Array]
"""``(layer, q, k, v) -> mixed values``, all ``[tokens, heads, head width]``."""

PROBABILITY_BITS = 21
_KEY_BITS = 23
_WIDEST_HEAD = 128
_BLOCK_NAMES = ("norm1", "q", "k", "v", "o", "norm2", "gate", "up", "down")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Sizes and constants of a model.

    Args:
        vocab: number of token ids.
        width: residual width.
        layers: number of blocks.
        heads: attention heads; ``width / heads`` is even and at most 128.
        hidden: width inside the gated feed-forward part.
        context: longest text in tokens, prompt and completion together.
        rope_base: base of the rotary frequencies.
        norm_eps: added to the mean square before the root.
        token_shift: whether the input also sees the two tokens before.
        tied: whether one matrix serves as input and output embedding.
    """

    vocab: int
    width: int
    layers: int
    heads: int
    hidden: int
    context: int
    rope_base: float = 10000.0
    norm_eps: float = 1e-5
    token_shift: bool = False
    tied: bool = True

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Architecture:
        """Read the fields of a model's configuration; unknown ones are an error."""
        known = {f.name for f in fields(cls)}
        if unknown := set(values) - known:
            raise ModelError(f"unknown architecture fields {sorted(unknown)}; known are {sorted(known)}")
        return cls(**values)  # type: ignore[arg-type]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every array of the weight file and its shape."""
        d, f = self.width, self.hidden
        block = ((d,), (d, d), (d, d), (d, d), (d, d), (d,), (f, d), (f, d), (d, f))
        named = {"embed": (self.vocab, d), "norm": (d,)}
        named |= {} if self.tied else {"unembed": (self.vocab, d)}
        named |= {"shift1": (d, d), "shift2": (d, d)} if self.token_shift else {}
        for layer in range(self.layers):
            names = (f"blocks.{layer}.{name}" for name in _BLOCK_NAMES)
            named |= dict(zip(names, block, strict=True))
        return named


@dataclass(frozen=True)
class _Block:
    qkv: ExactLinear
    o: ExactLinear
    gate_up: ExactLinear
    down: ExactLinear
    value_ceiling: float


class Transformer:
    """A model ready to run.

    Args:
        architecture: sizes.
        weights: arrays by name, ``[out, in]``; see :meth:`Architecture.shapes`.

    Raises:
        ModelError: an array is missing, has another shape, or holds a value that is not finite.
    """

    def __init__(self, architecture: Architecture, weights: Mapping[str, NDArray[np.floating]]) -> None:
        self.architecture = a = architecture
        w = _checked(a, weights)
        self.head_width = a.width // a.heads
        self._norm_length = power_above(np.sqrt(a.width))
        self._inputs = _input_tables(w)
        self._cos, self._sin = _rotary_tables(a, self.head_width)
        self._blocks = [self._block(w, f"blocks.{layer}.") for layer in range(a.layers)]
        self._unembed = ExactLinear(w["embed" if a.tied else "unembed"] * w["norm"])
        context_bits = int(np.ceil(np.log2(a.context)))
        self._value_bits = DOUBLE_BITS - PROBABILITY_BITS - context_bits

    def inputs(self, ids_N: Ids, before1_N: Ids, before2_N: Ids) -> Array:
        """Input vectors ``[tokens, width]`` of tokens and the two before each (-1 where there is none)."""
        x: Array = self._inputs[0][ids_N]
        for table, before in zip(self._inputs[1:], (before1_N, before2_N), strict=False):
            x += table[before]
        return x

    def run(self, x_ND: Array, positions_N: Ids, attend: Attend) -> Array:
        """Pass vectors through all blocks.

        Args:
            x_ND: input vectors; overwritten.
            positions_N: each token's place in its own text.
            attend: mixes values; told the layer.

        Returns:
            The residual stream ``[tokens, width]``.
        """
        cos, sin = self._cos[positions_N][:, None], self._sin[positions_N][:, None]
        heads = (len(x_ND), 3, self.architecture.heads, self.head_width)
        for layer, block in enumerate(self._blocks):
            qkv = block.qkv(self._normed(x_ND), self._norm_length).reshape(heads)
            turned = _rotated(qkv[:, :2], cos, sin)
            q, k = turned[:, 0], turned[:, 1]
            v = snap(qkv[:, 2], block.value_ceiling * 2.0**-self._value_bits)
            mixed = attend(layer, q, k, v).reshape(x_ND.shape)
            x_ND += block.o(mixed, row_lengths(mixed))
            active = _gated(block.gate_up(self._normed(x_ND), self._norm_length))
            x_ND += block.down(active, row_lengths(active))
        return x_ND

    def logits(self, x_ND: Array) -> Array:
        """Next-token scores ``[tokens, vocab]`` of residual vectors."""
        return self._unembed(self._normed(x_ND), self._norm_length)

    def _normed(self, x_ND: Array) -> Array:
        mean_square = sum_of_squares(x_ND) / self.architecture.width
        return x_ND * (1.0 / np.sqrt(mean_square + self.architecture.norm_eps))

    def _block(self, w: Mapping[str, Array], prefix: str) -> _Block:
        gain1, gain2 = w[prefix + "norm1"], w[prefix + "norm2"]
        value = w[prefix + "v"] * gain1
        query = w[prefix + "q"] * gain1 * self.head_width**-0.5
        # A normed vector is no longer than the root of its width, so no value exceeds this.
        longest = float(np.sqrt((value**2).sum(1).max() * self.architecture.width))
        return _Block(
            qkv=ExactLinear(np.concatenate([query, w[prefix + "k"] * gain1, value])),
            o=ExactLinear(w[prefix + "o"]),
            gate_up=ExactLinear(np.concatenate([w[prefix + "gate"], w[prefix + "up"]]) * gain2),
            down=ExactLinear(w[prefix + "down"]),
            value_ceiling=power_above(longest),
        )


def _checked(a: Architecture, weights: Mapping[str, NDArray[np.floating]]) -> dict[str, Array]:
    shapes = a.shapes()
    if a.width % (2 * a.heads) or a.width // a.heads > _WIDEST_HEAD:
        raise ModelError(f"width {a.width} over {a.heads} heads must give an even head width of at most 128")
    if set(weights) != set(shapes):
        raise ModelError(f"weights do not match the architecture in {sorted(set(weights) ^ set(shapes))}")
    for name, shape in shapes.items():
        if weights[name].shape != shape or not np.isfinite(weights[name]).all():
            raise ModelError(
                f"weight {name!r} of shape {weights[name].shape} must be finite and of shape {shape}"
            )
    return {name: np.asarray(weights[name], np.float64) for name in shapes}


def _input_tables(w: Mapping[str, Array]) -> list[Array]:
    """Embeddings seen from the token itself and from one and two places later; a last row of zeros."""
    embed, none = w["embed"], np.zeros((1, w["embed"].shape[1]))
    shifts = [ExactLinear(w[name]) for name in ("shift1", "shift2") if name in w]
    tables = [embed, *(shift(embed.copy(), row_lengths(embed)) for shift in shifts)]
    return [np.concatenate([table, none]) for table in tables]


def _rotary_tables(a: Architecture, head_width: int) -> tuple[Array, Array]:
    rates = a.rope_base ** (-np.arange(0, head_width, 2) / head_width)
    angles = np.arange(a.context)[:, None, None] * rates
    return np.cos(angles), np.sin(angles)


def _rotated(x_N2HW: Array, cos: Array, sin: Array) -> Array:
    """Turn each pair (element, element half a head later) by the angle of its position, onto a grid."""
    half = x_N2HW.shape[-1] // 2
    real, imaginary = x_N2HW[..., :half], x_N2HW[..., half:]
    turned = np.empty(x_N2HW.shape)
    np.subtract(real * cos, imaginary * sin, out=turned[..., :half])
    np.add(imaginary * cos, real * sin, out=turned[..., half:])
    return snap(turned, row_power_above(turned) * 2.0**-_KEY_BITS)


def _gated(gate_up: Array) -> Array:
    half = gate_up.shape[1] // 2
    gate, up = gate_up[:, :half], gate_up[:, half:]
    with np.errstate(over="ignore"):
        gate = gate / (1.0 + np.exp(-gate))
    gate *= up
    return gate
