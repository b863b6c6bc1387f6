"""How many members run at once."""

from __future__ import annotations

from hyperfunc.errors import SpaceError

from .columns import Columns
from .usage import Usage

__all__ = ["Chunks"]

# Numbers of one activation that caches, or a device's memory, hold comfortably.
_CACHED = 1 << 20
_DEVICE = 1 << 26
# Fewer rows than this waste the matrix units.
_FEWEST_ROWS = 256
# Numbers of the largest matrix for all members of a chunk, should something write it out.
_WRITTEN_OUT = 1 << 27
# What a member is taken to have until its rows are known.
_GUESSED_ROWS = 64
_MOST_GUESSED = 1024


class Chunks:
    """Chooses the members of each chunk.

    Args:
        data: the population.
        chunk: members at once, if that is given.
        rows: of a member, if they are known.

    Raises:
        SpaceError: a chunk or rows below 1.
    """

    def __init__(self, data: Columns, chunk: int | None, rows: int | None) -> None:
        for name, value in (("chunk", chunk), ("rows", rows)):
            if value is not None and value < 1:
                raise SpaceError(f"{name} is {value}; give a positive number, or None to have it chosen")
        self._chunk = chunk
        self._rows = rows
        self._step = 2 if data.paired else 1
        self._largest = max((stack.rows * stack.columns for stack in data.stacks.values()), default=1)
        on_device = data.device is not None and data.device.type != "cpu"
        self._target = max(_FEWEST_ROWS, (_DEVICE if on_device else _CACHED) // data.width)

    def size(self, begin: int, usage: Usage) -> int:
        """Members of the chunk that begins here, given what has been used before it."""
        if self._chunk is not None:
            return self._even(self._chunk)
        rows = self._rows or usage.rows
        members = self._target // rows if rows else min(_MOST_GUESSED, self._target // _GUESSED_ROWS)
        if usage.materialized or not begin:
            members = min(members, _WRITTEN_OUT // self._largest)
        return self._even(members)

    def _even(self, members: int) -> int:
        return max(self._step, members - members % self._step)
