"""Search by BoTorch's Gaussian process: whole batches at once, and a trust region if wanted."""

from hyperfunc.optimizers.botorch_gp.proposer import BoTorch
from hyperfunc.optimizers.botorch_gp.region import TrustRegion

__all__ = ["BoTorch", "TrustRegion"]
