"""What may watch a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperfunc.ledger import Spend

    from .result import Result, RunInfo, StepRecord

__all__ = ["Callback"]


class Callback:
    """Base of everything that watches a run; override what you need.

    A callback that raises ends the run like any other error; what was paid is kept.
    """

    def on_start(self, run: RunInfo) -> None:
        """The run begins or goes on."""

    def on_calls(self, spend: Spend) -> None:
        """The spend changed; called a few times a second while cells are filled."""

    def on_step(self, record: StepRecord) -> None:
        """One ask was filled and told."""

    def on_phase(self, name: str) -> None:
        """``"search"``, then ``"confirmation"``."""

    def on_end(self, result: Result) -> None:
        """The run is over."""

    async def on_close(self) -> Sequence[str]:
        """Called last, and waited for: what a callback still has to finish.

        Returns:
            What the user should know of the watching itself; it joins the result's warnings.
        """
        return ()

    def on_break(self, error: BaseException) -> None:
        """The run broke off by this error, or by an interruption; there will be no end and no close."""
