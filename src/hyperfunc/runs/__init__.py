"""The one loop: ask, fill, tell, confirm; and what a run returns."""

from .callbacks import Callback
from .everywhere import stop_watching, watch_every_run
from .result import Result, RunInfo, StepRecord

__all__ = ["Callback", "Result", "RunInfo", "StepRecord", "stop_watching", "watch_every_run"]
