"""What is judged: examples, scorers, metrics, and the statistics of comparisons."""

from .dataset import Columns, Dataset, Example, Sealed, as_examples, load_examples, split_examples
from .metrics import Metric, as_metric, batched_metric, over_set, per_item
from .over_cells import CellMetric, calls, cost, latency, pass_at_k_of_cells, tokens
from .over_sets import f1, kappa, mean, pass_at_k, weighted_mean
from .scorers import (
    CallScorer,
    ClassificationAccuracy,
    Component,
    CompositeScorer,
    ContainsMatch,
    ExactMatch,
    FieldF1,
    JSONFields,
    JSONSchemaMatch,
    NumericDistance,
    RegexMatch,
    Scorer,
)

__all__ = [
    "CallScorer",
    "CellMetric",
    "ClassificationAccuracy",
    "Columns",
    "Component",
    "CompositeScorer",
    "ContainsMatch",
    "Dataset",
    "ExactMatch",
    "Example",
    "FieldF1",
    "JSONFields",
    "JSONSchemaMatch",
    "Metric",
    "NumericDistance",
    "RegexMatch",
    "Scorer",
    "Sealed",
    "as_examples",
    "as_metric",
    "batched_metric",
    "calls",
    "cost",
    "f1",
    "kappa",
    "latency",
    "load_examples",
    "mean",
    "over_set",
    "pass_at_k",
    "pass_at_k_of_cells",
    "per_item",
    "split_examples",
    "tokens",
    "weighted_mean",
]
