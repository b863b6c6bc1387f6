"""Intervals, tests, sequences and plans for comparisons of scores."""

from .agreement import krippendorff_alpha
from .betting import ConfidenceSequence, SequentialTest, confidence_sequence, log_capitals, sequential_test
from .components import Allocation, VarianceComponents, best_allocation, variance_components
from .groups import cluster_means
from .intervals import Interval, mean_interval, paired_interval, standard_error
from .multiplicity import benjamini_hochberg, holm
from .paired_comparisons import Duel, Strengths, bradley_terry
from .permutation import permutation_p, within_group_p
from .power import needed_examples, smallest_difference
from .separation import auc_interval
from .smoothing import BetaPrior, Smoothed, fit_prior, smooth_rates
from .student import student_p, student_quantile

__all__ = [
    "Allocation",
    "BetaPrior",
    "ConfidenceSequence",
    "Duel",
    "Interval",
    "SequentialTest",
    "Smoothed",
    "Strengths",
    "VarianceComponents",
    "auc_interval",
    "benjamini_hochberg",
    "best_allocation",
    "bradley_terry",
    "cluster_means",
    "confidence_sequence",
    "fit_prior",
    "holm",
    "krippendorff_alpha",
    "log_capitals",
    "mean_interval",
    "needed_examples",
    "paired_interval",
    "permutation_p",
    "sequential_test",
    "smallest_difference",
    "smooth_rates",
    "standard_error",
    "student_p",
    "student_quantile",
    "variance_components",
    "within_group_p",
]
