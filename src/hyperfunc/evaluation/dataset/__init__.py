"""Datasets: examples, what reads them, how they are split, and what overlaps."""

from .collection import Dataset, Split
from .columns import Columns
from .example import Example
from .listing import as_examples
from .loading import load_examples
from .overlap import Match, Overlap
from .sealed import Sealed
from .splitting import split_examples

__all__ = [
    "Columns",
    "Dataset",
    "Example",
    "Match",
    "Overlap",
    "Sealed",
    "Split",
    "as_examples",
    "load_examples",
    "split_examples",
]
