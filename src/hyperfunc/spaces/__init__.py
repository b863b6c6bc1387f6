"""What may be learnt: knobs, spaces of named knobs, and immutable candidates."""

from hyperfunc.spaces.candidate import Candidate, Change, Population, format_diff
from hyperfunc.spaces.groups import held_tensors
from hyperfunc.spaces.knobs import Choice, Exemplar, Exemplars, Integer, Knob, Matrix, Real, Text, When
from hyperfunc.spaces.presets import (
    AdapterMeta,
    LMParam,
    LoRAWeight,
    SamplerParam,
    build_group,
    group_knobs,
)
from hyperfunc.spaces.space import Space
from hyperfunc.spaces.stacks import LowRankStack

__all__ = [
    "AdapterMeta",
    "Candidate",
    "Change",
    "Choice",
    "Exemplar",
    "Exemplars",
    "Integer",
    "Knob",
    "LMParam",
    "LoRAWeight",
    "LowRankStack",
    "Matrix",
    "Population",
    "Real",
    "SamplerParam",
    "Space",
    "Text",
    "When",
    "build_group",
    "format_diff",
    "group_knobs",
    "held_tensors",
]
