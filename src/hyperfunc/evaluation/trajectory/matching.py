"""Which calls are the same, and how many of two trajectories can be paired, in any order and in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hyperfunc.evaluation.scorers.base import plain
from hyperfunc.evaluation.scorers.structure import same

from .forms import ToolCall

__all__ = ["Matcher", "Pairing", "pair", "same_call", "same_name"]

Matcher = Callable[[ToolCall, ToolCall], bool]
"""Whether a call that was made is the one that is expected: ``matcher(made, expected)``."""


def same_name(made: ToolCall, expected: ToolCall) -> bool:
    """Whether both are calls of one function, whatever the arguments.

    Example::

        >>> same_name(ToolCall("buy", {"item": "lamp"}), ToolCall("buy", {"item": "rug"}))
        True
    """
    return made.name == expected.name


def same_call(made: ToolCall, expected: ToolCall) -> bool:
    """Whether both are calls of one function with equal arguments; an expected name alone takes any.

    Arguments are compared as JSON: 1 equals 1.0, ``True`` does not equal 1, a tuple equals a list.

    Example::

        >>> same_call(ToolCall("buy", {"item": "lamp"}), ToolCall("buy", {"item": "rug"}))
        False
        >>> same_call(ToolCall("buy", {"item": "lamp"}), ToolCall("buy"))
        True
    """
    if made.name != expected.name or expected.arguments is None:
        return made.name == expected.name
    if made.arguments is None:
        return False
    try:
        return same(plain(dict(made.arguments)), plain(dict(expected.arguments)), 0.0)
    except Exception:  # an argument may be any object, and its methods may raise anything
        return False


@dataclass(frozen=True, slots=True)
class Pairing:
    """Calls that were made, by the expected calls they stand for.

    Args:
        partner: number of the made call to that of the expected call, as many as can be paired at all.
        ordered: numbers of made calls, ascending, which have their partners in the same order; as many as
            possible.
        fits: for each made call, how many expected calls it could stand for.
    """

    partner: dict[int, int]
    ordered: tuple[int, ...]
    fits: tuple[int, ...]


def pair(made: Sequence[ToolCall], expected: Sequence[ToolCall], matcher: Matcher) -> Pairing:
    """Pair calls one to one; time grows with the product of both lengths.

    Source: the longest common subsequence by Wagner and Fischer, The string-to-string correction problem,
    Journal of the ACM 21(1), 1974; the largest pairing by augmenting paths, Berge, Two theorems in graph
    theory, PNAS 43(9), 1957.
    """
    fits_MN = [[bool(matcher(call, want)) for want in expected] for call in made]
    ordered = _in_order(fits_MN, len(expected))
    return Pairing(
        _largest(fits_MN, len(expected), dict(ordered)),
        tuple(i for i, _ in ordered),
        tuple(map(sum, fits_MN)),
    )


def _in_order(fits_MN: list[list[bool]], count: int) -> list[tuple[int, int]]:
    """A longest common subsequence, as pairs of positions."""
    made = len(fits_MN)
    longest = [[0] * (count + 1) for _ in range(made + 1)]
    for i in reversed(range(made)):
        for j in reversed(range(count)):
            longest[i][j] = max(
                longest[i + 1][j], longest[i][j + 1], longest[i + 1][j + 1] + 1 if fits_MN[i][j] else 0
            )
    pairs = []
    i = j = 0
    while i < made and j < count:
        if fits_MN[i][j] and longest[i][j] == longest[i + 1][j + 1] + 1:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] == longest[i][j]:
            i += 1
        else:
            j += 1
    return pairs


def _largest(fits_MN: list[list[bool]], count: int, partner: dict[int, int]) -> dict[int, int]:
    """The largest pairing that pairs everything which the given one pairs."""
    taken = {j: i for i, j in partner.items()}
    for start in range(count):
        if start in taken:
            continue
        # Breadth first over expected calls; each made call remembers who reached it.
        reached: dict[int, int] = {}
        queue = [start]
        for j in queue:
            new = [i for i, row in enumerate(fits_MN) if row[j] and i not in reached]
            reached |= dict.fromkeys(new, j)
            free = next((i for i in new if i not in partner), None)
            if free is not None:
                _augment(partner, taken, reached, free)
                break
            queue.extend(partner[i] for i in new)
    return partner


def _augment(partner: dict[int, int], taken: dict[int, int], reached: dict[int, int], end: int) -> None:
    """Hand partners on along the path that ends at a made call without one."""
    at: int | None = end
    while at is not None:
        j = reached[at]
        before = taken.get(j)
        partner[at], taken[j] = j, at
        at = before
