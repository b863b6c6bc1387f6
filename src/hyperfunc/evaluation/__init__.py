"""What is judged: examples, scorers, metrics, and the statistics of comparisons."""

from .dataset import Example, as_examples, load_examples, split_examples
from .metrics import Metric, as_metric, batched_metric, over_set, per_item
from .scorers import ContainsMatch, ExactMatch, JSONFields, Scorer

__all__ = [
    "ContainsMatch",
    "ExactMatch",
    "Example",
    "JSONFields",
    "Metric",
    "Scorer",
    "as_examples",
    "as_metric",
    "batched_metric",
    "load_examples",
    "over_set",
    "per_item",
    "split_examples",
]
