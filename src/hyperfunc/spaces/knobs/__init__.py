"""The kinds of learnable leaves: Real, Integer, Choice, Text, Exemplars, Matrix."""

from hyperfunc.spaces.knobs.base import Knob
from hyperfunc.spaces.knobs.choice import Choice
from hyperfunc.spaces.knobs.matrix import Matrix
from hyperfunc.spaces.knobs.numeric import Integer, Real
from hyperfunc.spaces.knobs.when import When
from hyperfunc.spaces.knobs.words import Exemplar, Exemplars, Text

__all__ = ["Choice", "Exemplar", "Exemplars", "Integer", "Knob", "Matrix", "Real", "Text", "When"]
