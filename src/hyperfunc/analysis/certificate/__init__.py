"""Certificates: what a run may claim, what it rests on, and how to make it again."""

from .figures import Figures, Pair, figures_of, figures_of_resamples
from .record import Certificate
from .verifying import Mismatch, Verification, verify

__all__ = [
    "Certificate",
    "Figures",
    "Mismatch",
    "Pair",
    "Verification",
    "figures_of",
    "figures_of_resamples",
    "verify",
]
