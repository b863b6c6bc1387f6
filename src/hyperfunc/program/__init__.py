"""What is called: hyperfunctions, how their values reach them, and which ones a program refers to."""

from .binding import Binding, Frame, current_frame, current_seed
from .graph import Call, CallGraph, Edge
from .hyperfunction import HyperFunction, Policy, hyperfunction
from .primitives import combine, split

__all__ = [
    "Binding",
    "Call",
    "CallGraph",
    "Edge",
    "Frame",
    "HyperFunction",
    "Policy",
    "combine",
    "current_frame",
    "current_seed",
    "hyperfunction",
    "split",
]
