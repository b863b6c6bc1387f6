"""Comparison of recorded scores: paired by example, from the ledger and from exported files alone."""

from .comparing import compare
from .record import Comparison, Difference
from .subjects import Reference, Subject, subjects_of

__all__ = ["Comparison", "Difference", "Reference", "Subject", "compare", "subjects_of"]
