"""The one loop: ask, fill, tell, confirm; and what a run returns."""

from .callbacks import Callback
from .folding import Evaluation
from .result import Result, RunInfo, StepRecord

__all__ = ["Callback", "Evaluation", "Result", "RunInfo", "StepRecord"]
