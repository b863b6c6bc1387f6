"""Word-level differences of two texts, and which exemplars came and went."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Literal, NamedTuple

from .text import compact

__all__ = ["Piece", "list_diff", "word_diff"]

MAX_WORDS = 4000
"""Above this the comparison, quadratic in the worst case, gives way to before and after as wholes."""

REWRITTEN = 0.5
"""When less than this share of the shorter text stayed, it was rewritten rather than edited."""

Op = Literal["same", "gone", "new"]


class Piece(NamedTuple):
    """A run of text that stayed, went or came."""

    op: Op
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """What changed between two texts, word by word.

    The pieces that are not new spell ``before``, those that are not gone spell ``after``, exactly.

    Example::

        >>> [tuple(p) for p in word_diff("Say the team.", "Say one team.")]
        [('same', 'Say '), ('gone', 'the'), ('new', 'one'), ('same', ' team.')]
    """
    if before == after:
        return [Piece("same", before)] if before else []
    old, new = _words(before), _words(after)
    if len(old) + len(new) > MAX_WORDS:
        return _change(before, after)
    pieces = _pieces(old, new)
    stayed = sum(len(_words(piece.text)) for piece in pieces if piece.op == "same")
    if stayed < REWRITTEN * min(len(old), len(new)):
        return _change(before, after)
    return pieces


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|\s+|[^\w\s]", text)


def _pieces(old: Sequence[str], new: Sequence[str]) -> list[Piece]:
    """A lone word between two changes belongs to both: phrases read better than confetti."""
    pieces: list[Piece] = []
    gone = came = ""
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for index, (op, i, j, k, m) in enumerate(codes):
        left, right = "".join(old[i:j]), "".join(new[k:m])
        inside_a_change = len(left.split()) < 2 and bool(gone or came) and index + 1 < len(codes)
        if op != "equal" or inside_a_change:
            gone, came = gone + left, came + right
        else:
            pieces += [*_change(gone, came), Piece("same", left)]
            gone = came = ""
    return pieces + _change(gone, came)


def _change(gone: str, came: str) -> list[Piece]:
    return [piece for piece in (Piece("gone", gone), Piece("new", came)) if piece.text]


def list_diff(before: Sequence[Any], after: Sequence[Any]) -> list[tuple[Op, Any]]:
    """Which items of a list stayed, went or came: those of ``after`` in order, then those that went.

    Example::

        >>> list_diff(["a", "b"], ["c", "b"])
        [('new', 'c'), ('same', 'b'), ('gone', 'a')]
    """
    left = [compact(item) for item in before]
    result: list[tuple[Op, Any]] = []
    for item in after:
        key = compact(item)
        if key in left:
            left.remove(key)
            result.append(("same", item))
        else:
            result.append(("new", item))
    for item in before:
        key = compact(item)
        if key in left:
            left.remove(key)
            result.append(("gone", item))
    return result
