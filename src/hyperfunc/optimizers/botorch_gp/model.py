"""BoTorch's Gaussian process on the candidates of an archive, and what a further candidate is worth by it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.optimizers.bayes.encoding import Encoding
from hyperfunc.optimizers.bayes.kernel import Kernel
from hyperfunc.optimizers.bayes.process import informative
from hyperfunc.optimizers.bayes.rows import Measured, Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.spaces import Candidate, Space

    Worth = Callable[[NDArray[np.float64]], NDArray[np.float64]]

__all__ = ["Model"]

# Degrees of freedom from which on the noise of examples is taken as known.
_KNOWN_NOISE = 8
_LEAST_NOISE = 1e-4
_DRAWS = 128
_PRUNING_DRAWS = 512
_CHUNK = 512

# BoTorch fits by scipy, whose own tolerance is far below what can be told apart here.
_FIT = {"maxiter": 60, "ftol": 1e-6}


@dataclass(frozen=True, slots=True)
class Model:
    """What BoTorch's ``SingleTaskGP`` believes about every place of a space.

    The noise of every row is given to it where enough examples or repeats say how large it is, and is
    inferred from the scores otherwise.

    Args:
        encoding: where candidates lie.
        rows: what was measured.
        units_RU: where the measured candidates lie in the unit cube.
        process: the fitted model, in standardised units.
        level: mean of the rows.
        unit: their standard deviation.
    """

    encoding: Encoding
    rows: Rows
    units_RU: NDArray[np.float64]
    process: Any
    level: float
    unit: float

    @classmethod
    def of(cls, space: Space, archive: Archive) -> Model | None:
        """Fits it; ``None`` while fewer than two candidates or only equal scores are known."""
        known = Measured.of(space, archive)
        if known is None:
            return None
        encoding, rows, unit = known.encoding, known.rows, known.unit
        noise_R = None
        if rows.freedom >= _KNOWN_NOISE:
            noise_R = np.maximum(rows.noise / rows.counts_R / unit**2, _LEAST_NOISE)
        with _apart():
            process = _fitted(encoding, encoding.columns(known.units_RU), known.values, noise_R)
        return cls(encoding, rows, known.units_RU, process, known.level, unit)

    @property
    def lengths(self) -> NDArray[np.float64]:
        """The length scale of every knob, [U]."""
        lengths_U: NDArray[np.float64] = self.process.covar_module.lengths.detach().numpy()
        return lengths_U

    def at(self, units_NU: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means [N] and standard deviations [N] of scores without noise at settled places, standardised."""
        with _apart():
            posterior = self.process.posterior(_tensor(self.encoding.columns(units_NU)))
            return posterior.mean.numpy().ravel(), posterior.variance.clamp_min(1e-12).sqrt().numpy().ravel()

    def predict(self, candidates: Sequence[Candidate]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means [C] and standard deviations [C] of what candidates are worth on an average example."""
        units = np.array([self.encoding.space.to_unit(candidate) for candidate in candidates])
        means, sds = self.at(units.reshape(len(candidates), -1))
        return self.level + self.unit * means, self.unit * sds

    def ranked(self, caution: float = 0.5) -> tuple[Candidate, ...]:
        """The measured candidates, best first, by mean less ``caution`` standard deviations."""
        means, sds = self.at(self.units_RU)
        worth = np.round(means - caution * sds, 6)
        return tuple(self.rows.candidates[place] for place in np.argsort(-worth, kind="stable"))

    def worth(self, baseline_NU: NDArray[np.float64], pending_NU: NDArray[np.float64], seed: int) -> Worth:
        """By how much a further candidate is expected to lift the best of the baseline and the pending.

        The improvement is taken over joint draws of all of them, so that no score counts as best for having
        been lucky, and a candidate beside a pending one is worth little. What the members of a batch add as
        it grows one by one is together the expected improvement of the whole batch.

        Args:
            baseline_NU: settled places whose best is to be surpassed, at least one.
            pending_NU: settled places whose scores are not known yet.
            seed: of the draws.

        Returns:
            A function from settled places [M, U] to the logarithm of what each is worth, [M].

        Source: Ament et al., "Unexpected improvements to expected improvement for Bayesian optimization"
        (2023), section 4.2; under noise: Letham et al., "Constrained Bayesian optimization with noisy
        experiments" (2019); greedy batches: Wilson, Hutter and Deisenroth, "Maximizing acquisition functions
        for Bayesian optimization" (2018).
        """
        torch = _torch()
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.acquisition.utils import prune_inferior_points
        from botorch.sampling.normal import SobolQMCNormalSampler

        columns = self.encoding.columns

        def draws(count: int) -> Any:
            # With a seed of its own it leaves torch's generator alone.
            return SobolQMCNormalSampler(torch.Size([count]), seed=seed % 2**31)

        with _apart():
            # Pruned here, for BoTorch would do it with a sampler that draws from torch's generator.
            baseline = prune_inferior_points(
                self.process, _tensor(columns(baseline_NU)), sampler=draws(_PRUNING_DRAWS)
            )
            pending = _tensor(columns(pending_NU)) if len(pending_NU) else None
            gain = qLogNoisyExpectedImprovement(
                self.process, baseline, draws(_DRAWS), X_pending=pending, prune_baseline=False
            )

        def worth(units_MU: NDArray[np.float64]) -> NDArray[np.float64]:
            columns_MF = columns(units_MU)
            parts = np.array_split(columns_MF, max(1, -(-len(columns_MF) // _CHUNK)))
            with _apart():
                return np.concatenate([gain(_tensor(part[:, None])).numpy() for part in parts])

        return worth


def _torch() -> Any:
    """Torch, with BoTorch imported, too, so that what it warns of is not heard later."""
    with _quiet():
        import botorch  # noqa: F401
        import torch
    return torch


def _fitted(
    encoding: Encoding,
    columns_RF: NDArray[np.float64],
    values_R: NDArray[np.float64],
    noise_R: NDArray[np.float64] | None,
) -> Any:
    """The process at the most probable parameters, which are fitted to the rows that say most."""
    torch = _torch()
    from botorch.exceptions.errors import ModelFittingError
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood

    from hyperfunc.optimizers.botorch_gp.covariance import Grouped

    def given(rows: Any, **parts: Any) -> Any:
        noise = None if noise_R is None else _tensor(noise_R[rows])[:, None]
        return SingleTaskGP(
            _tensor(columns_RF[rows]),
            _tensor(values_R[rows])[:, None],
            noise,
            outcome_transform=None,
            **parts,
        )

    chosen, groups = informative(values_R), [group.tolist() for group in Kernel.of(encoding).groups]
    process = given(chosen, covar_module=Grouped(encoding, groups))
    with torch.enable_grad():
        try:
            # One attempt, for a second one would begin where torch's generator says.
            fit_gpytorch_mll(
                ExactMarginalLogLikelihood(process.likelihood, process),
                optimizer_kwargs={"options": _FIT},
                max_attempts=1,
            )
        except ModelFittingError:
            # The parameters are then those of the prior, which is better than no model.
            process = given(chosen, covar_module=Grouped(encoding, groups))
    if len(chosen) < len(values_R):
        parts = {"covar_module": process.covar_module, "mean_module": process.mean_module}
        if noise_R is None:
            parts["likelihood"] = process.likelihood
        process = given(np.arange(len(values_R)), **parts)
    return process.eval()


def _tensor(values: NDArray[np.float64]) -> Any:
    return _torch().tensor(np.asarray(values, np.float64), device="cpu")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings: BoTorch's parts use what torch deprecates, and want columns in the unit cube only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _apart() -> Iterator[None]:
    """Whatever modes of torch the caller is in, plain tensors without gradients, and no warnings."""
    torch = _torch()
    with torch.inference_mode(False), torch.no_grad(), _quiet():
        yield
