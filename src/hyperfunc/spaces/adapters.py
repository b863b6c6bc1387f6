"""``LoRAAdapter``: low-rank changes to named layers of a frozen torch module, as a parameter group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from hyperfunc.errors import SpaceError
from hyperfunc.rng import generator
from hyperfunc.spaces.frozen import FrozenModule, group_in, like, write
from hyperfunc.spaces.knobs import Knob, Matrix
from hyperfunc.spaces.modules import chosen_names
from hyperfunc.spaces.presets import AdapterMeta
from hyperfunc.tensors import LowRank

__all__ = ["AdaptedModule", "LoRAAdapter", "combined"]

Factors = tuple[Tensor, Tensor]
"""Left [rows, r] and right [columns, r] of a change ``left @ right.T``."""


class AdaptedModule:
    """A frozen module with low-rank changes to some weights; called with the module's inputs.

    Args:
        module: the frozen module.
        changes: weight name to factors, left [rows, r] and right [columns, r]; a weight of more than
            two axes is seen as rows [shape[0]] by columns [the rest].
    """

    def __init__(self, module: FrozenModule, changes: Mapping[str, Factors]) -> None:
        self._module = module
        self._changes = changes
        name, (left, _) = next(iter(changes.items()))
        self._held = module.held(name, left)
        changed = {name: LowRank.of(self._held[name], *factors) for name, factors in changes.items()}
        self._weights = module.weights(self._held, changed)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the module returns for these inputs with the changes in place."""
        return self._module(self._weights, args, kwargs)

    def merge(self) -> dict[str, Tensor]:
        """The changed weights written out, by parameter name."""
        held = self._held
        return {
            name: held[name] + (left @ right.mT).reshape(held[name].shape)
            for name, (left, right) in self._changes.items()
        }

    def write_to(self, module: nn.Module) -> None:
        """Copy the merged weights into a copy of the frozen module.

        Raises:
            SpaceError: it is the frozen module itself, or a parameter is missing or has another shape.
        """
        if module is self._module.module:
            raise SpaceError(
                f"this {self._module.name} is the frozen module that the adapter changes at each call; "
                "write into a copy.deepcopy of it, or the change would act twice"
            )
        write(self.merge(), module)


class LoRAAdapter:
    """A low-rank adapter for some layers of a frozen module; :meth:`create` makes the type for it.

    A layer with the weight W acts as W + (alpha / rank) * B @ A. B starts at zero, so the start is the
    frozen module. The product is never written out.

    Args:
        values: factor name, such as ``encoder.0.A``, to array or tensor.

    Example::

        Adapter = LoRAAdapter.create(net, "encoder.*", rank=4)

        @hyperfunction(hp_type=AdapterMeta, optimize_hparams=True)
        def strength(*, hp):
            return hp

        @hyperfunction(hp_type=Adapter, optimize_hparams=True)
        def classify(x, meta, *, hp):
            return hp.with_meta(meta)(x)       # or hp(x), at full strength

    Source: Hu et al., "LoRA: low-rank adaptation of large language models" (2021), section 4.1.
    """

    _frozen: ClassVar[FrozenModule]
    _knobs: ClassVar[dict[str, Knob]] = {}
    _layers: ClassVar[dict[str, str]] = {}
    _scale: ClassVar[float] = 1.0

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._check_made()
        if values.keys() != self._knobs.keys():
            odd = min(values.keys() ^ self._knobs.keys())
            what = "lacks" if odd in self._knobs else "got the unknown"
            raise SpaceError(f"{type(self).__name__} {what} {odd!r}; it has {', '.join(self._knobs)}")
        own = self._frozen.parameters
        self._factors: dict[str, Factors] = {}
        for layer, weight in self._layers.items():
            A, B = (like(values[f"{_dotted(layer)}{part}"], own[weight]) for part in "AB")
            self._factors[weight] = (B * self._scale, A.mT)
        self._plain: AdaptedModule | None = None

    @classmethod
    def create(
        cls,
        module: nn.Module,
        layers: str | Iterable[str],
        rank: int = 8,
        alpha: float | None = None,
    ) -> type[LoRAAdapter]:
        """A new type for the adapter of a module.

        Each layer has the two knobs ``<layer>.A`` [rank, in], small Gaussian numbers that depend on the
        layer's name and shape alone, and ``<layer>.B`` [out, rank], zeros. A convolution's weight is
        seen as [out, in * kh * kw]; of a ``MultiheadAttention`` the joint input projection is adapted,
        and its ``out_proj`` is a layer of its own. A weight that layers share is adapted in all of
        them, under the name of the first.

        Args:
            module: in the mode it is to run in.
            layers: a name or glob pattern, such as ``"encoder.*"``, or a list of them, out of the
                layers that have a weight matrix.
            rank: of the change, at least 1.
            alpha: the change is scaled by alpha / rank; ``None`` means ``rank``, so a scale of 1.

        Raises:
            SpaceError: a layer that the module does not have, a rank below 1, or an alpha that is not
                finite.
        """
        strength = float(rank) if alpha is None else float(alpha)
        if rank < 1 or not math.isfinite(strength):
            raise SpaceError(
                f"rank is {rank} and alpha is {alpha}; give a rank of at least 1, a finite alpha"
            )
        frozen = FrozenModule(module)
        weights = _weights(frozen)
        names = chosen_names({n: frozen.parameters[w] for n, w in weights.items()}, layers, frozen.name)
        if not names:
            raise SpaceError(
                f"layers={layers!r} names no layer of {frozen.name}; it has {', '.join(weights)}"
            )
        knobs: dict[str, Knob] = {}
        for layer in names:
            shape = tuple(frozen.parameters[weights[layer]].shape)
            rows, columns = shape[0], math.prod(shape[1:])
            noise = generator("LoRAAdapter", layer, rank, columns).normal(size=(rank, columns))
            knobs[f"{_dotted(layer)}A"] = _knob(noise / math.sqrt(columns))
            knobs[f"{_dotted(layer)}B"] = _knob(np.zeros((rows, rank)))
        frozen.freeze({})
        chosen = {layer: weights[layer] for layer in names}
        title = f"{cls.__name__}_{frozen.name}_r{rank}_a{strength:g}_{frozen.digest}"
        members = {"_frozen": frozen, "_knobs": knobs, "_layers": chosen, "_scale": strength / rank}
        return type(title, (cls,), {**members, "__module__": __name__})

    @classmethod
    def of(cls, values: Mapping[str, Any], function: str | None = None) -> Self:
        """The adapter that a candidate holds; see :meth:`ModuleParam.of`."""
        return cls(group_in(values, frozenset(cls._knobs), function, cls.__name__))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the adapted module returns for these inputs, at full strength."""
        if self._plain is None:
            self._plain = AdaptedModule(self._frozen, self._factors)
        return self._plain(*args, **kwargs)

    def with_meta(self, meta: AdapterMeta) -> AdaptedModule:
        """The module with the adapter at the strength that ``meta`` says; see :func:`combined`."""
        return combined([(self, meta)])

    def merge(self) -> dict[str, Tensor]:
        """The adapted weights written out, by parameter name, at full strength."""
        return AdaptedModule(self._frozen, self._factors).merge()

    def write_to(self, module: nn.Module) -> None:
        """Copy the merged weights into a copy of the frozen module; see :class:`AdaptedModule`."""
        AdaptedModule(self._frozen, self._factors).write_to(module)

    @classmethod
    def _check_made(cls) -> None:
        if not cls._knobs:
            raise SpaceError(
                "LoRAAdapter has no layers; use a type made by LoRAAdapter.create(module, layers)"
            )

    @classmethod
    def __knobs__(cls) -> dict[str, Knob]:
        """Two matrix knobs per layer; :func:`~hyperfunc.spaces.group_knobs` asks here."""
        cls._check_made()
        return cls._knobs

    @classmethod
    def __build__(cls, values: Mapping[str, Any]) -> Self:
        """An instance from a candidate's values; :func:`~hyperfunc.spaces.build_group` asks here."""
        return cls(values)


def combined(adapters: Sequence[tuple[LoRAAdapter, AdapterMeta]]) -> AdaptedModule:
    """Several adapters of one frozen module at once, each as strong as its meta-parameters say.

    The change of adapter i is multiplied by ::

        scale_i * 2 sigmoid(gate_bias_i) * dropout_keep_i * priority_i / sum_j priority_j

    A ``gate_bias`` of 0 is a gate of 1. ``dropout_keep`` is the expected share of units that dropout
    would keep: it scales the change and nothing is drawn. Priorities are shares among the adapters, so
    a lone adapter has share 1 whatever its priority; priorities that are all 0 count as equal.

    Args:
        adapters: adapters with their meta-parameters, whose numbers may be tensors; at least one.

    Raises:
        SpaceError: no adapter, or adapters of different modules.
    """
    if not adapters:
        raise SpaceError("combined got no adapters; give at least one pair of adapter and AdapterMeta")
    frozen = adapters[0][0]._frozen
    for adapter, _ in adapters:
        if adapter._frozen.module is not frozen.module:
            raise SpaceError(
                f"combined got adapters of different modules, {frozen.name} and {adapter._frozen.name}; "
                "create both for one module"
            )
    priorities = torch.stack([_number(meta.priority) for _, meta in adapters])
    # Branch-free, for priorities may be batched: the small number decides only where all are 0.
    shares = (priorities + _TINY) / (priorities + _TINY).sum()
    parts: dict[str, list[Factors]] = {}
    for (adapter, meta), share in zip(adapters, shares.unbind(), strict=True):
        gate = 2.0 * torch.sigmoid(_number(meta.gate_bias))
        factor = _number(meta.scale) * gate * _number(meta.dropout_keep) * share
        for name, (left, right) in adapter._factors.items():
            parts.setdefault(name, []).append((left * factor.to(left), right))
    return AdaptedModule(frozen, {name: _joined(factors) for name, factors in parts.items()})


_TINY = 1e-12


def _joined(factors: Sequence[Factors]) -> Factors:
    """The sum of changes as one change: the factors side by side."""
    if len(factors) == 1:
        return factors[0]
    return torch.cat([left for left, _ in factors], 1), torch.cat([right for _, right in factors], 1)


def _number(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(float(value))


def _dotted(layer: str) -> str:
    return f"{layer}." if layer else ""


def _knob(start: np.ndarray) -> Matrix:
    # The factors are thin, so noise of full rank costs no more than low-rank noise would.
    return Matrix(start.shape, start.astype(np.float32), noise_rank=None)


def _weights(frozen: FrozenModule) -> dict[str, str]:
    """Layer name to the name of its weight matrix; a weight that layers share belongs to the first."""
    found: dict[str, str] = {}
    for name, layer in frozen.module.named_modules():
        own = dict(layer.named_parameters(recurse=False))
        for weight in ("weight", "in_proj_weight"):
            parameter = own.get(weight)
            if parameter is None or parameter.ndim < 2 or not parameter.is_floating_point():
                continue
            first = frozen.first_name(parameter)
            if first not in found.values():
                found[name] = first
    return found
