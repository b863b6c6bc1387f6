"""Search by a model of the scores: a Gaussian process over numbers, whole numbers and choices."""

from hyperfunc.optimizers.bayes.proposer import Bayesian

__all__ = ["Bayesian"]
