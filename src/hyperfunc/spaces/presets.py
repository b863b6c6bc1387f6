"""Ready parameter groups: sampling of language models, adapters, weights."""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.rng import generator
from hyperfunc.spaces.groups import as_array, as_tensor, build_group, group_knobs
from hyperfunc.spaces.knobs import Integer, Knob, Matrix, Real
from hyperfunc.spaces.knobs.numeric import as_float32

__all__ = ["AdapterMeta", "LMParam", "LoRAWeight", "SamplerParam", "build_group", "group_knobs"]


class _Numbers:
    """Reads and writes a group of numbers as one vector, in raw units and in the order of its fields."""

    @classmethod
    def dim(cls) -> int:
        """How many numbers are learnt."""
        return len(group_knobs(cls))

    @classmethod
    def shape(cls) -> tuple[int, ...]:
        """``(dim(),)``."""
        return (cls.dim(),)

    @classmethod
    def noise_rank(cls) -> int | None:
        """``None``: a vector has full-rank noise."""
        return None

    @classmethod
    def default_init(cls) -> Any:
        """The defaults as a float32 tensor [dim]; an array where torch is not installed."""
        return as_tensor(np.array([knob.default for knob in group_knobs(cls).values()], np.float32))

    @classmethod
    def from_tensor(cls, tensor: Any) -> Self:
        """The group with these numbers, [dim], in raw units. Bounds are not checked here."""
        numbers = as_array(tensor).reshape(-1)
        knobs = group_knobs(cls)
        if len(numbers) != len(knobs):
            raise SpaceError(f"{cls.__name__} has {len(knobs)} numbers, but got {len(numbers)}")
        pairs = zip(knobs.items(), numbers.tolist(), strict=True)
        return cls(**{name: _number(knob, number) for (name, knob), number in pairs})

    def to_tensor(self, device: Any = None, dtype: Any = None) -> Any:
        """The numbers as a tensor [dim], float32 unless said otherwise; an array without torch."""
        numbers = np.array([getattr(self, name) for name in group_knobs(type(self))], np.float32)
        return _moved(as_tensor(numbers), device, dtype)


def _moved(tensor: Any, device: Any, dtype: Any) -> Any:
    return tensor if isinstance(tensor, np.ndarray) else tensor.to(device=device, dtype=dtype)


def _number(knob: Knob, number: float) -> float | int:
    return round(number) if isinstance(knob, Integer) else as_float32(number)


@dataclasses.dataclass(frozen=True)
class LMParam(_Numbers):
    """Sampling of a language model. Defaults are the providers' neutral values.

    Args:
        temperature: in [0, 2]; 0 is greedy.
        top_p: nucleus mass in (0, 1]; 1 keeps all.
        presence_penalty, frequency_penalty: in [-2, 2]; 0 is neutral.
        max_tokens_frac: share of the longest completion, in (0, 1].
        max_tokens: longest completion in tokens, of which the share is taken; 256 when left out; not learnt.
        stop: texts that end a completion; not learnt.
        seed: of the provider; not learnt.
    """

    temperature: Annotated[float, Real(0.0, 2.0)] = 1.0
    top_p: Annotated[float, Real(0.01, 1.0)] = 1.0
    presence_penalty: Annotated[float, Real(-2.0, 2.0)] = 0.0
    frequency_penalty: Annotated[float, Real(-2.0, 2.0)] = 0.0
    max_tokens_frac: Annotated[float, Real(0.001, 1.0, scale="log")] = 1.0
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclasses.dataclass(frozen=True)
class SamplerParam(_Numbers):
    """Samplers of local model servers. Defaults are neutral: they keep the model's distribution.

    Args:
        temperature: in [0, 2]; 0 is greedy.
        top_p: nucleus mass in (0, 1]; 1 keeps all.
        min_p: share of the top probability in [0, 1]; 0 keeps all.
        top_k: number of tokens kept, 0 to 200; 0 keeps all.
        typical_p: locally typical mass in (0, 1]; 1 keeps all.
        top_n_sigma: standard deviations below the top logit, 0 to 5; 0 keeps all.
        repetition_penalty: divisor of the positive logits of seen tokens, in [1, 2]; 1 is neutral.
        frequency_penalty, presence_penalty: in [-2, 2]; 0 is neutral.
        max_tokens: longest completion in tokens; not learnt.
        stop: texts that end a completion; not learnt.
        seed: of the server; not learnt.
    """

    temperature: Annotated[float, Real(0.0, 2.0)] = 1.0
    top_p: Annotated[float, Real(0.01, 1.0)] = 1.0
    min_p: Annotated[float, Real(0.0, 1.0)] = 0.0
    top_k: Annotated[int, Integer(0, 200)] = 0
    typical_p: Annotated[float, Real(0.01, 1.0)] = 1.0
    top_n_sigma: Annotated[float, Real(0.0, 5.0)] = 0.0
    repetition_penalty: Annotated[float, Real(1.0, 2.0)] = 1.0
    frequency_penalty: Annotated[float, Real(-2.0, 2.0)] = 0.0
    presence_penalty: Annotated[float, Real(-2.0, 2.0)] = 0.0
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclasses.dataclass(frozen=True)
class AdapterMeta(_Numbers):
    """How strongly an adapter acts.

    Args:
        scale: factor of the adapter's output, in [0, 4].
        dropout_keep: share of units kept, in [0, 1].
        gate_bias: added to the gate's logit, in [-4, 4].
        priority: weight among several adapters, in [0, 1].
    """

    scale: Annotated[float, Real(0.0, 4.0)] = 1.0
    dropout_keep: Annotated[float, Real(0.0, 1.0)] = 1.0
    gate_bias: Annotated[float, Real(-4.0, 4.0)] = 0.0
    priority: Annotated[float, Real(0.0, 1.0)] = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class LoRAWeight:
    """A weight matrix that is tried with low-rank changes. :meth:`create` makes the type for a shape.

    Args:
        weight: the matrix [out, in]: a tensor when torch is installed, else an array.

    Example::

        >>> Head = LoRAWeight.create(2, 3)
        >>> Head.dim(), Head.shape(), Head.noise_rank()
        (6, (2, 3), 4)
    """

    weight: Any

    out_dim: ClassVar[int] = 0
    in_dim: ClassVar[int] = 0
    rank: ClassVar[int] = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", as_tensor(self.weight))

    @classmethod
    def create(cls, out_dim: int, in_dim: int, noise_rank: int = 4) -> type[LoRAWeight]:
        """A new type for matrices of one shape.

        Args:
            out_dim: rows, at least 1.
            in_dim: columns, at least 1.
            noise_rank: rank of the changes that are tried, at least 1.

        Raises:
            SpaceError: a number below 1.
        """
        if min(out_dim, in_dim, noise_rank) < 1:
            shown = f"{out_dim} x {in_dim} with noise rank {noise_rank}"
            raise SpaceError(f"a weight of {shown} cannot be; give numbers of at least 1")
        members = {"out_dim": out_dim, "in_dim": in_dim, "rank": noise_rank, "__module__": __name__}
        return type(f"LoRAWeight_{out_dim}x{in_dim}", (cls,), members)

    @classmethod
    def __knobs__(cls) -> dict[str, Knob]:
        """The one knob ``weight``; :func:`group_knobs` asks here."""
        return {"weight": Matrix(cls.shape(), cls._start(), noise_rank=cls.noise_rank())}

    @classmethod
    def _start(cls) -> np.ndarray:
        # Zeros would be a saddle for two weights in a row; the shape is the seed, so nothing is random.
        spread = math.sqrt(2.0 / sum(cls.shape()))
        return generator("LoRAWeight", *cls.shape()).normal(size=cls.shape()) * spread

    @classmethod
    def dim(cls) -> int:
        """The number of entries."""
        return math.prod(cls.shape())

    @classmethod
    def shape(cls) -> tuple[int, ...]:
        """``(out_dim, in_dim)``."""
        if not cls.out_dim:
            raise SpaceError("LoRAWeight has no shape; use a type made by LoRAWeight.create(out, in)")
        return (cls.out_dim, cls.in_dim)

    @classmethod
    def noise_rank(cls) -> int | None:
        """The rank of the changes that are tried."""
        return cls.rank

    @classmethod
    def default_init(cls) -> Any:
        """The start: small numbers that depend on the shape alone."""
        return as_tensor(cls._start().astype(np.float32))

    @classmethod
    def from_tensor(cls, tensor: Any) -> Self:
        """The group with this weight; a flat vector is folded to the shape."""
        return cls(tensor.reshape(cls.shape()))

    def to_tensor(self, device: Any = None, dtype: Any = None) -> Any:
        """The weight as a tensor."""
        return _moved(self.weight, device, dtype)
