"""EGGROLL on the weights of a torch module, in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from hyperfunc.errors import ProgramError, SpaceError
from hyperfunc.optimizers.lowrank import Noise, noise_of
from hyperfunc.optimizers.probe import PROBES, choose_sigma, probe_column
from hyperfunc.optimizers.rule import Rule, Unit
from hyperfunc.optimizers.shaping import Shaping
from hyperfunc.optimizers.solvers import Moments, Solver
from hyperfunc.rng import seed_of
from hyperfunc.torch_es.members import Evaluate, one_by_one, together
from hyperfunc.torch_es.noise import DeviceNoise

__all__ = ["TorchEggrollES"]

Filter = Callable[[str, Tensor], bool]
"""Says of a parameter's name and the parameter whether it is trained."""


def _matrices(_name: str, parameter: Tensor) -> bool:
    return parameter.dim() >= 2


class TorchEggrollES:
    """Trains a module by evolution strategies, without gradients and at nearly the cost of inference.

    Each step evaluates a population of perturbed copies of the weights and moves the module's own
    parameters, in place. Steps, units and formulas are those of
    :class:`~hyperfunc.optimizers.eggroll.Eggroll`: sigma and lr are in units of 1 / sqrt(columns) of each
    matrix, and ``lr`` is how far a step goes, whatever the population, sigma and rank.

    The same seed gives the same result for any ``max_batch_size`` and number of threads, up to rounding.
    Parameters of less than 32 bits are trained through float32 copies. On an accelerator noise is drawn
    there, by other random numbers than on the CPU.

    Args:
        model: any module; what it computes for one member has to work under ``torch.vmap`` for steps that
            take inputs, and may be anything for steps that take a function.
        pop_size: members of a step, at least 2; even when ``antithetic``.
        sigma: width of the noise; ``auto`` spends one more evaluation, of 61 members, at the first step
            on finding the largest that leaves the module alive.
        lr: length of a step; ``None`` takes half of sigma.
        rank: of the noise of a matrix, at least 1; ``None`` is full rank.
        device: where to move the module first; ``None`` leaves it where it is.
        param_filter: says of a name and a parameter whether it is trained; by default everything of two
            axes or more. Biases and norms, when chosen, get full noise.
        normalize_fitness: ``shaping`` is by standardised value; by rank otherwise.
        antithetic: members come in pairs with opposite noise.
        seed: of everything random.
        shaping: ``z``, ``rank``, or ``group`` for losses per example; overrides ``normalize_fitness``.
        solver: ``sgd`` or ``adam``.
        unit: ``columns`` as above, or ``raw`` entries.
        reuse: steps that share the noise.
        sigma_decay: factor on sigma per step.
        lr_decay: factor on lr per step.
        weight_decay: share of the weights that lr takes away per step.
        dtype: to compute members in; the parameters' own when not given.
        max_batch_size: members that are evaluated at once; chosen by the size of the memory when ``None``.
        noise_memory: bytes of noise that are kept from evaluating to updating; more is made twice.

    Raises:
        SpaceError: a setting out of its range.
        ProgramError: nothing to train in the module, or weights that are not finite.

    Example::

        >>> model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        >>> es = TorchEggrollES(model, pop_size=16, sigma=0.1, lr=0.1)
        >>> inputs, targets = torch.ones(5, 4), torch.zeros(5, 1)
        >>> before = es.step(inputs=inputs, targets=targets, loss_fn=nn.functional.mse_loss)
        >>> es.step(lambda m: -float(m(inputs).square().mean())) <= 0
        True

    Source: Sarkar et al., "Evolution strategies at the hyperscale" (2025), equation 6 and section 4.
    """

    def __init__(
        self,
        model: nn.Module,
        pop_size: int = 32,
        sigma: float | Literal["auto"] = "auto",
        lr: float | None = None,
        rank: int | None = 1,
        device: torch.device | str | None = None,
        param_filter: Filter | None = None,
        normalize_fitness: bool = True,
        antithetic: bool = True,
        *,
        seed: int = 0,
        shaping: Shaping | None = None,
        solver: Solver = "sgd",
        unit: Unit = "columns",
        reuse: int = 1,
        sigma_decay: float = 1.0,
        lr_decay: float = 1.0,
        weight_decay: float = 0.0,
        dtype: torch.dtype | None = None,
        max_batch_size: int | None = None,
        noise_memory: int = 1 << 28,
    ) -> None:
        if pop_size < 2:
            raise SpaceError(f"pop_size is {pop_size}; give at least 2 members")
        if antithetic and pop_size % 2:
            raise SpaceError(f"pop_size is {pop_size}, but antithetic members are pairs; give an even number")
        if max_batch_size is not None and max_batch_size < 1:
            raise SpaceError(f"max_batch_size is {max_batch_size}; give at least 1, or None")
        self.rule = Rule(
            pop_size, sigma, lr, rank, antithetic, shaping or ("z" if normalize_fitness else "rank"), solver,
            unit, reuse, sigma_decay, lr_decay, weight_decay,
        )  # fmt: skip
        _check_module(model)
        self.model = model if device is None else model.to(device)
        self.seed = seed
        self.dtype = dtype
        self.max_batch_size = max_batch_size
        self.noise_memory = noise_memory
        self.generation = 0
        self.sigma = None if isinstance(sigma, str) else sigma
        self.missing = 0
        self.materialized: Counter[str] = Counter()
        self._moments: dict[str, Moments | None] = {}
        self._trained = _trained(model, param_filter or _matrices)
        self._masters: dict[str, Tensor] = {}

    def step(
        self,
        eval_fn: Callable[[nn.Module], float] | None = None,
        *,
        inputs: Any = None,
        targets: Any = None,
        loss_fn: Callable[[Any, Any], Tensor] | None = None,
    ) -> float:
        """One update of the module, from a fitness function or from a batch.

        Args:
            eval_fn: fitness of the module it is given, higher is better; called once per member while
                the module has the member's weights, which are put back even when it raises.
            inputs: what the module is called with, the same for all members; a tuple is several arguments.
            targets: second argument of ``loss_fn``.
            loss_fn: of the module's output and the targets; a number, or one per example; lower is better.
                Runs once for all members, under ``torch.vmap``.

        Returns:
            mean fitness of the members; NaN when none has one.

        Raises:
            ProgramError: both forms or neither, a module that cannot be evaluated for all members at
                once, or one that has lost a parameter.
            MetricError: a fitness or a loss of the wrong shape.
        """
        self.materialized = Counter()
        self._trained = self._current()
        if eval_fn is not None and loss_fn is None:
            evaluate = one_by_one(self.model, self._trained, eval_fn)
        elif loss_fn is not None and eval_fn is None:
            evaluate = together(
                self.model, self._trained, (inputs, targets, loss_fn),
                dtype=self.dtype, chunk=self.max_batch_size, uses=self.materialized,
            )  # fmt: skip
        else:
            raise ProgramError("a step takes either eval_fn, or inputs, targets and loss_fn; give one")
        with torch.no_grad():
            return self._step(evaluate)

    def _step(self, evaluate: Evaluate) -> float:
        self._masters = {name: self._master(name, parameter) for name, parameter in self._trained.items()}
        if self.sigma is None:
            self.sigma = self._probed(evaluate)
        noise = self._noise()
        columns = {}
        for name, center in self._masters.items():
            width = self.rule.width(tuple(center.shape), self.sigma, self.generation)
            columns[name] = noise[name].column(_home(center), width, self.rule.mirrored)
        values_K, scores_KN = evaluate(columns, self.rule.population)
        if not np.isfinite(values_K).any():
            self._check_shared()
        weights_G = self.rule.folded(
            self.rule.weights(values_K, scores_KN), values_K, sum(t.numel() for t in self._masters.values())
        )
        for name, center in self._masters.items():
            direction = torch.as_tensor(noise[name].fold(weights_G), device=center.device)
            moved, self._moments[name] = self.rule.moved(
                center, direction, self._moments.get(name), self.sigma, self.generation
            )
            self._masters[name] = moved
            self._trained[name].copy_(moved)
        self.generation += 1
        known_K = np.isfinite(values_K)
        self.missing += int((~known_K).sum())
        return float(values_K[known_K].mean()) if known_K.any() else float("nan")

    # Weights

    def _current(self) -> dict[str, Tensor]:
        """The parameters that the module has now: somebody may have put others in their places."""
        known = dict(self.model.named_parameters())
        for name, parameter in self._trained.items():
            if name not in known or known[name].shape != parameter.shape:
                shape = tuple(parameter.shape)
                raise ProgramError(
                    f"{type(self.model).__name__} has no parameter {name!r} of shape {shape} any more; "
                    "make a new TorchEggrollES for it"
                )
        return {name: known[name] for name in self._trained}

    def _master(self, name: str, parameter: Tensor) -> Tensor:
        """The weights in float32. Those of a narrower type are remembered, unless somebody changed them."""
        known = self._masters.get(name)
        if known is not None and torch.equal(known.to(parameter.dtype), parameter):
            return known
        # A copy, because members are centred here while the parameter itself holds one of them.
        master = parameter.detach().to(torch.float32, copy=True)
        _check_finite(name, master)
        return master

    def _check_shared(self) -> None:
        """Look for what keeps every member from having a fitness among the weights that all share."""
        for name, parameter in self.model.named_parameters():
            _check_finite(name, parameter)

    def _noise(self) -> dict[str, Noise | DeviceNoise]:
        """Of every trained parameter, kept in memory as far as it may."""
        left = self.noise_memory
        made: dict[str, Noise | DeviceNoise] = {}
        for name, center in self._masters.items():
            key = seed_of(self.seed, "eggroll", self.generation // self.rule.reuse, name)
            shape, rank, groups = tuple(center.shape), self.rule.rank, self.rule.groups
            if center.device.type == "cpu":
                made[name] = noise_of(key, shape, rank, groups, left)
            else:
                made[name] = DeviceNoise.of(key, shape, rank, groups, left, center.device)
            left -= made[name].memory
        return made

    def _probed(self, evaluate: Evaluate) -> float:
        columns = {}
        for name, center in self._masters.items():
            key, unit = seed_of(self.seed, "eggroll", "probe", name), self.rule.unit_of(tuple(center.shape))
            columns[name] = probe_column(key, center.cpu().numpy(), self.rule.rank, unit)
        return choose_sigma(evaluate(columns, PROBES)[0])


def _check_finite(name: str, weights: Tensor) -> None:
    if not bool(torch.isfinite(weights).all()):
        raise ProgramError(f"parameter {name!r} has weights that are not finite; initialise it first")


def _check_module(model: object) -> None:
    if not isinstance(model, nn.Module):
        raise ProgramError(f"model is a {type(model).__name__}; give a torch.nn.Module")
    for name, parameter in model.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter) or parameter.is_meta:
            raise ProgramError(
                f"parameter {name!r} of {type(model).__name__} has no values yet; initialise the module first"
            )


def _trained(model: nn.Module, chosen: Filter) -> dict[str, Tensor]:
    trained: dict[str, Tensor] = {
        name: p for name, p in model.named_parameters() if chosen(name, p) and p.is_floating_point()
    }
    if not trained:
        have = ", ".join(f"{name} {tuple(p.shape)}" for name, p in model.named_parameters())
        raise ProgramError(
            f"nothing to train in {type(model).__name__}: param_filter takes none of its parameters "
            f"({have or 'it has none'}); by default those with two axes or more are taken"
        )
    return trained


def _home(center: Tensor) -> Any:
    """As numpy where that is the same memory."""
    return center.numpy() if center.device.type == "cpu" else center
