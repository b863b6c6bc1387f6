"""What an engine is told: the program that lanes run, and how they are run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperfunc.evaluation.dataset import Example
from hyperfunc.program.binding import Binding

if TYPE_CHECKING:
    from .fused.fuser import Fuser

__all__ = ["Program", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How lanes are run.

    Args:
        seed: of the evaluation; with the example, place and repeat it fixes every call's seed.
        concurrency: calls in flight at once.
        max_batch_size: lanes that live at once; it bounds memory, never results. ``None`` is automatic.
        timeout_s: seconds one lane may take, or ``None``.
        execution: ``"auto"``, or the fastest mode allowed: ``"fused"``, ``"waves"`` or ``"plain"``.
        device: where batches of tensors run: ``"auto"`` (the accelerator for functions marked
            ``local_gpu``, where there is one), or a torch device.
        trace: record the calls of each lane and keep them in its cell; lanes then make all of their calls,
            and none is taken from the ledger.
        exchanges: keep the calls of each lane with its cell, for those who learn from them.
    """

    seed: int = 0
    concurrency: int = 512
    max_batch_size: int | None = None
    timeout_s: float | None = None
    execution: str = "auto"
    device: str = "auto"
    trace: bool = False
    exchanges: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """What a lane runs.

    Args:
        entry: from an example to the callable that gets its inputs.
        code: gives the fingerprint of the code.
        hosts: synchronous hyperfunctions of it may have to wait.
        bind: lays values out for the functions.
        fuser: runs it at once where that is possible.
    """

    entry: Callable[[Example], Callable[..., Any]]
    code: Callable[[], str]
    hosts: bool = False
    bind: Callable[[Mapping[str, Any]], Binding] = Binding
    fuser: Fuser | None = None

    @property
    def fingerprint(self) -> str:
        """Of the code."""
        return self.code()
