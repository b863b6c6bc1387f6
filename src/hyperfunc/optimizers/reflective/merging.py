"""Uniting what two lineages found: a child's changes are made to the best candidate of the moment."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.spaces import Candidate

__all__ = ["Merging", "Rebase", "Uniform", "merged_text"]

# Comparing texts takes time by the square of this.
_MOST_PIECES = 2000


class Merging(Protocol):
    """Unites candidates."""

    def merge(
        self, best: Candidate, parts: Sequence[tuple[Candidate, Candidate]], rng: np.random.Generator
    ) -> Candidate:
        """One candidate from the best and from accepted children.

        Args:
            best: the head of the lineage.
            parts: each the parent that a child was better than, and the child.
            rng: of this merge.

        Returns:
            the best itself when nothing is to be added.
        """
        ...


@dataclass(frozen=True, slots=True)
class Rebase:
    """Makes to the best candidate the changes that led from each parent to its child.

    Texts are merged with :func:`merged_text`. Where the best has nothing in common with the parent any more,
    the child's text is taken with even chances. Other values are taken from the child.
    """

    def merge(
        self, best: Candidate, parts: Sequence[tuple[Candidate, Candidate]], rng: np.random.Generator
    ) -> Candidate:
        """All changes, one child after the other."""
        return _united(best, parts, lambda now, before, after: _changed(now, before, after, rng))


@dataclass(frozen=True, slots=True)
class Uniform:
    """Takes each component from the best or from a child, whichever differs from their forebear.

    Where both differ, one of them is drawn with even chances; scores play no part in it.

    Source: Agrawal et al., GEPA, arXiv:2507.19457, algorithm 4 (system-aware merge).
    """

    def merge(
        self, best: Candidate, parts: Sequence[tuple[Candidate, Candidate]], rng: np.random.Generator
    ) -> Candidate:
        """Whole components."""

        def either(now: Any, before: Any, after: Any) -> Any:
            return after if now == before or rng.random() < 0.5 else now

        return _united(best, parts, either)


def _united(
    best: Candidate, parts: Sequence[tuple[Candidate, Candidate]], change: Callable[[Any, Any, Any], Any]
) -> Candidate:
    """The best with each part's changes; ``change`` says what a value now, before and after them becomes."""
    values: dict[str, Any] = {}
    for parent, child in parts:
        for each in parent.diff(child):
            now = values.get(each.name, best[each.name])
            values[each.name] = change(now, each.before, each.after)
    fresh = {name: value for name, value in values.items() if value != best[name]}
    return best.replace(fresh) if fresh else best


def _changed(now: Any, before: Any, after: Any, rng: np.random.Generator) -> Any:
    """``now`` with what changed from ``before`` to ``after``."""
    if now == before or not isinstance(now, str):
        return after
    merged = merged_text(now, before, after)
    if merged is None:
        return after if rng.random() < 0.5 else now
    return merged


def merged_text(now: str, before: str, after: str) -> str | None:
    """A text with the changes that another one underwent.

    Changes are carried over line by line, or sentence by sentence when all three texts have one line. What
    ``after`` lost goes from ``now``; what it gained is put where it stands there, behind the nearest
    neighbour that ``now`` still has. What ``now`` has of its own stays, and so does the order of what it has.

    Args:
        now: to be changed.
        before, after: the other text; what is between them is carried over.

    Returns:
        ``None`` when ``now`` has nothing of ``before`` any more, so that changes have no place in it, and
        when there are more than 2000 lines or sentences.

    Example::

        >>> merged_text("Be kind. Be quick.", "Be kind.", "Be kind. Say why.")
        'Be kind. Say why. Be quick.'

    Source: three-way merge (Khanna, Kunal and Pierce, "A formal investigation of diff3", 2007), except that
    both sides of a conflict are kept.
    """
    if now == before:
        return after
    apart = any("\n" in text.strip() for text in (now, before, after))
    mine, old, new = (_lines(text) if apart else _sentences(text) for text in (now, before, after))
    gained, lost = _differences(mine, old, new)
    if not gained and not lost:
        return now
    if not {piece for piece in old if piece} & set(mine) or max(map(len, (mine, old, new))) > _MOST_PIECES:
        return None
    return ("\n" if apart else " ").join(_carried(mine, old, new, gained, lost))


def _differences(mine: list[str], old: list[str], new: list[str]) -> tuple[Counter[str], Counter[str]]:
    """Of each piece that ``new`` has more or fewer of than ``old``: how many mine lacks, and has too many."""
    own, before, after = (Counter(piece for piece in pieces if piece) for pieces in (mine, old, new))
    gained = {piece: n - max(own[piece], before[piece]) for piece, n in after.items()}
    lost = {piece: own[piece] - after[piece] for piece, n in before.items() if after[piece] < n}
    return +Counter(gained), +Counter(lost)


def _carried(
    mine: list[str], old: list[str], new: list[str], gained: Counter[str], lost: Counter[str]
) -> list[str]:
    """``mine`` with what was gained between ``old`` and ``new``, and without what was lost."""
    places = _places(old, mine)
    added: dict[int, list[str]] = {}
    gone: set[int] = set()
    for word, low, high, start, end in _matcher(old, new).get_opcodes():
        if word == "equal":
            continue
        taken = _taken(new[start:end], gained)
        added.setdefault(_place(low, high, len(old), places), []).extend(new[start + k] for k in taken)
        mapped = [places[place] for place in range(low, high) if place in places]
        gone |= {mapped[k] for k in _taken([mine[place] for place in mapped], lost)}
    for place in range(len(mine) - 1, -1, -1):  # what mine had moved, or has on its own, too
        if place not in gone and lost[mine[place]] > 0:
            lost[mine[place]] -= 1
            gone.add(place)
    result: list[str] = []
    for place in range(len(mine) + 1):
        result += added.get(place, [])
        result += [piece for piece in mine[place : place + 1] if place not in gone]
    return result


def _taken(block: list[str], wanted: Counter[str]) -> list[int]:
    """Places in a block of what is wanted, which is counted down; with the blank lines beside it."""
    taken = []
    for place, piece in enumerate(block):
        if wanted[piece] > 0:
            wanted[piece] -= 1
            taken.append(place)
    return sorted([*taken, *(k for k, piece in enumerate(block) if not piece)]) if taken else []


def _place(low: int, high: int, size: int, places: Mapping[int, int]) -> int:
    """Where in mine a block goes that replaces ``old[low:high]``."""
    for place in range(low, high):
        if place in places:
            return places[place]
    before = next((places[place] + 1 for place in range(low - 1, -1, -1) if place in places), None)
    if before is not None:
        return before
    return 0 if low == 0 else next(places[place] for place in range(high, size) if place in places)


def _places(old: list[str], mine: list[str]) -> dict[int, int]:
    """For pieces of ``old`` that are still there, their places in ``mine``."""
    blocks = _matcher(old, mine).get_matching_blocks()
    return {block.a + k: block.b + k for block in blocks for k in range(block.size)}


def _matcher(one: list[str], other: list[str]) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, one, other, autojunk=False)


def _lines(text: str) -> list[str]:
    return text.split("\n")


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text.strip())
