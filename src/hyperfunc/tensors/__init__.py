"""Many members of a population in one batch: low-rank weights, their products, attention, chunking."""

from . import convolution, embedding, multihead, views  # noqa: F401
from .kernels import perturbed_linear
from .lowrank import LowRank
from .population import run_population

__all__ = ["LowRank", "perturbed_linear", "run_population"]
