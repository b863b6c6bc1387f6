"""The one loop: ask, fill, tell, confirm; and what a run returns."""

from .callbacks import Callback
from .result import Result, RunInfo, StepRecord

__all__ = ["Callback", "Result", "RunInfo", "StepRecord"]
