"""The progress bars of DSPy, where programs run in several threads at once.

``dspy.Parallel`` and ``dspy.Evaluate`` clear tqdm's list of bars before they make one of their own, without
tqdm's lock (``dspy/utils/parallelizer.py``, seen in 3.4.1). A bar that another thread is making at that
moment is then missing from the list, and tqdm raises a ``KeyError`` in the middle of a program that did
nothing wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

__all__ = ["bars_for_threads"]


class _Bars(WeakSet[Any]):
    """A list of bars that may be cleared by one thread while others use it.

    It has no lock: tqdm holds its own around most uses, and the garbage collector closes lost bars, which
    takes that lock, at any moment.
    """

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                return iter(list(super().__iter__()))
            except RuntimeError:  # another thread changed it meanwhile
                continue

    def remove(self, item: Any) -> None:
        """Without complaint about what is gone already."""
        self.discard(item)


def bars_for_threads() -> None:
    """Let programs that show progress, or only make a bar they never show, run side by side."""
    import tqdm

    bars = getattr(tqdm.tqdm, "_instances", None)
    if isinstance(bars, WeakSet) and not isinstance(bars, _Bars):
        tqdm.tqdm._instances = _Bars(bars)
