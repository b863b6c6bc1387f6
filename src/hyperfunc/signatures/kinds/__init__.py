"""What the value of a field may be: read from JSON and from text, written as JSON, described to a model."""

from .annotations import kind_of
from .base import Kind, Mismatch, shown

__all__ = ["Kind", "Mismatch", "kind_of", "shown"]
