"""What changed between two candidates, for people."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.spaces.knobs import Exemplar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Change", "format_diff"]


@dataclass(frozen=True, slots=True)
class Change:
    """One knob that differs.

    Args:
        name: the knob.
        before: value on the side that ``diff`` was called on; ``None`` when it has no such knob.
        after: value on the other side.
    """

    name: str
    before: Any
    after: Any


def format_diff(changes: Iterable[Change]) -> str:
    """Changes as plain text: ``-`` and ``+`` lines for words, ``a -> b`` for the rest.

    Args:
        changes: what :meth:`Candidate.diff` returned.

    Returns:
        One block per knob; ``no change`` when there is none.

    Example::

        >>> print(format_diff([Change("answer.hp.temperature", 1.0, 0.2)]))
        answer.hp.temperature: 1.0 -> 0.2
    """
    return "\n".join(_block(change) for change in changes) or "no change"


def _block(change: Change) -> str:
    before, after = change.before, change.after
    if isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
        moved = float(np.linalg.norm(after.astype(np.float64) - before.astype(np.float64)))
        return f"{change.name}: array {list(after.shape)} moved by {moved:.4g}"
    if isinstance(before, tuple) and isinstance(after, tuple):
        return _lines(change.name, [_show(item) for item in before], [_show(item) for item in after])
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > 24:
        return _lines(change.name, before.splitlines(), after.splitlines())
    return f"{change.name}: {before!r} -> {after!r}"


def _lines(name: str, before: list[str], after: list[str]) -> str:
    kept = (line for line in difflib.ndiff(before, after) if not line.startswith("?"))
    return "\n".join([f"{name}:", *(f"  {line}" for line in kept)])


def _show(item: object) -> str:
    if isinstance(item, Exemplar):
        return f"{item.input!r} => {item.output!r}"
    return repr(item)
