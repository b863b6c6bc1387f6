"""Scorers: judge one prediction, with a value in [0, 1] and feedback that says what was wrong."""

from .base import CallScorer, Scorer
from .composite import Component, CompositeScorer
from .fields import FieldF1, JSONFields
from .labels import ClassificationAccuracy
from .numeric import NumericDistance
from .schema import JSONSchemaMatch
from .text import ContainsMatch, ExactMatch, RegexMatch

__all__ = [
    "CallScorer",
    "ClassificationAccuracy",
    "Component",
    "CompositeScorer",
    "ContainsMatch",
    "ExactMatch",
    "FieldF1",
    "JSONFields",
    "JSONSchemaMatch",
    "NumericDistance",
    "RegexMatch",
    "Scorer",
]
