"""How alike scores are thought to be, for BoTorch: Matern kernels over choices, over numbers, over both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from gpytorch.constraints import GreaterThan, Positive
from gpytorch.kernels import Kernel
from gpytorch.priors import LogNormalPrior
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hyperfunc.optimizers.bayes.encoding import Encoding

__all__ = ["Grouped"]

_SHORTEST = 0.025
_ROOT5 = math.sqrt(5.0)


class Grouped(Kernel):  # type: ignore[misc]
    """Matern-5/2 with a length scale per knob, as a module of GPyTorch.

    With numbers alone or choices alone there is one group, ``a * M``. With both it is ``a * M_options +
    b * M_numbers + c * M_options * M_numbers``. Kernels of GPyTorch put together would compute each of the
    two twice, and a fit takes most of the time of a proposal.

    Args:
        encoding: where candidates lie; with at least one knob.
        groups: the knobs that are choices and those that are numbers, as far as there are any.

    Source: length scales that grow with the number of knobs: Hvarfner, Hellsten and Nardi, "Vanilla
    Bayesian optimization performs great in high dimensions" (2024); additive and product parts:
    Duvenaud, Nickisch and Rasmussen, "Additive Gaussian processes" (2011).
    """

    has_lengthscale = False

    def __init__(self, encoding: Encoding, groups: Sequence[Sequence[int]]) -> None:
        super().__init__()
        owners = torch.as_tensor(encoding.owners_F)
        self._owners = owners
        self._columns = [torch.isin(owners, torch.as_tensor(group)).nonzero()[:, 0] for group in groups]
        knobs, parts = len(encoding.knobs), 1 if len(groups) == 1 else 3
        lengths = LogNormalPrior(math.sqrt(2.0) + 0.5 * math.log(knobs), math.sqrt(3.0))
        self._positive("lengths", knobs, GreaterThan(_SHORTEST), lengths, math.sqrt(knobs))
        variances = LogNormalPrior(-math.log(parts), 0.8)
        self._positive("variances", parts, Positive(), variances, 1.0 / parts)

    def _positive(self, name: str, count: int, bound: Any, prior: Any, start: float) -> None:
        """Registers a parameter that is kept above a bound."""
        raw = f"raw_{name}"
        self.register_parameter(raw, torch.nn.Parameter(torch.zeros(count, dtype=torch.float64)))
        self.register_constraint(raw, bound)

        def value(kernel: Grouped) -> Tensor:
            return kernel._value(name)

        def put(kernel: Grouped, wanted: Tensor) -> None:
            kernel.initialize(**{raw: bound.inverse_transform(wanted)})

        self.register_prior(f"{name}_prior", prior, value, put)
        put(self, torch.full((count,), start, dtype=torch.float64))

    def _value(self, name: str) -> Tensor:
        value: Tensor = getattr(self, f"raw_{name}_constraint").transform(getattr(self, f"raw_{name}"))
        return value

    @property
    def lengths(self) -> Tensor:
        """The length scale of every knob."""
        return self._value("lengths")

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        """Covariances [..., N, M], or those of equal rows [..., N]."""
        scales_F = self.lengths[self._owners]
        parts = []
        for columns in self._columns:
            one, other = (x[..., columns] / scales_F[columns] for x in (x1, x2))
            parts.append(_matern(_squares(one, other, diag)))
        amounts = self._value("variances")
        if len(parts) == 1:
            return amounts[0] * parts[0]
        options, numbers = parts
        return amounts[0] * options + amounts[1] * numbers + amounts[2] * options * numbers


def _squares(one: Tensor, other: Tensor, diag: bool) -> Tensor:
    if diag:
        return (one - other).square().sum(-1)
    squares = one.square().sum(-1)[..., :, None] + other.square().sum(-1)[..., None, :]
    return squares - 2.0 * one @ other.transpose(-1, -2)


def _matern(squares: Tensor) -> Tensor:
    # A root has no slope at 0, and rounding can leave a square below it.
    far = _ROOT5 * (squares.clamp_min(0.0) + 1e-15).sqrt()
    return (1.0 + far + far.square() / 3.0) * torch.exp(-far)
