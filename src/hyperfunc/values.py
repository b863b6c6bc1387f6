"""The values a system holds: one candidate, with its numbers in one flat float32 buffer.

The buffer is what ``system.model.hp`` shows; writing into it is the one way to change values in place.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from hyperfunc.errors import OutOfBounds
from hyperfunc.spaces import Candidate, Knob, Space

__all__ = ["Values"]


class Values:
    """The current values of a growing space.

    Args:
        knobs: what the space starts with.
    """

    def __init__(self, knobs: Mapping[str, Knob]) -> None:
        self._lock = threading.Lock()
        self._set(Space(knobs).default)

    def _set(self, candidate: Candidate) -> None:
        self._snapshot = candidate
        self.flat = candidate.space.ravel(candidate).copy()
        self._bytes = self.flat.tobytes()

    @property
    def space(self) -> Space:
        """Every knob, learnable or not."""
        return self._snapshot.space

    def snapshot(self) -> Candidate:
        """The values now.

        Raises:
            OutOfBounds: something wrote a number into the flat view that its knob does not allow.
        """
        with self._lock:
            now = self.flat.tobytes()
            if now != self._bytes:
                try:
                    self._snapshot = self.space.unravel(self.flat, self._snapshot)
                except OutOfBounds as exc:
                    raise OutOfBounds(f"model.hp holds a value that is not allowed: {exc}") from exc
                self._bytes = now
            return self._snapshot

    def put(self, candidate: Candidate) -> None:
        """Take over the values of a candidate; knobs it does not have keep theirs."""
        base = self.snapshot()
        with self._lock:
            full = self.space.candidate({n: candidate[n] for n in self.space if n in candidate}, base=base)
            self._snapshot = full
            # In place, so that a view handed out before shows the new values.
            self.flat[:] = self.space.ravel(full)
            self._bytes = self.flat.tobytes()

    def grow(self, knobs: Mapping[str, Knob]) -> None:
        """Add knobs at their defaults; the flat buffer is a new one afterwards."""
        if not knobs:
            return
        base = self.snapshot()
        with self._lock:
            space = Space({**{n: self.space[n] for n in self.space}, **knobs})
            self._set(space.candidate({n: base[n] for n in base}))

    def numbers(self) -> dict[str, np.ndarray]:
        """Slices of the flat buffer by knob name; they share its memory."""
        return {name: self.flat[part] for name, part in self.space.slices.items()}

    def write(self, name: str, value: Any) -> None:
        """Set one knob."""
        self.put(self.snapshot().replace({name: value}))
