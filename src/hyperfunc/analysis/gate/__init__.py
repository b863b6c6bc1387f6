"""A gate for continuous integration: whether what is claimed of a change holds, and what is missing."""

from .gate import EvalGate
from .junit import junit_of_error
from .result import Criterion, GateResult
from .settling import more_examples
from .summary import summary_of_error

__all__ = ["Criterion", "EvalGate", "GateResult", "junit_of_error", "more_examples", "summary_of_error"]
