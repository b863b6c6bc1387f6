"""Experiments: recorded evaluations, and how they are found again."""

from .kept import experiment_in, heads_in
from .naming import LAST, find, named
from .record import ExampleScore, Experiment

__all__ = ["LAST", "ExampleScore", "Experiment", "experiment_in", "find", "heads_in", "named"]
