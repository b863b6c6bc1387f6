"""Candidates as columns: what is the same for all of them, and what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyperfunc.ledger.keys import content_key
from hyperfunc.spaces import Candidate, LowRankStack, Population, Real

__all__ = ["Members", "Part"]


@dataclass(frozen=True)
class Part:
    """Members that differ in numbers and matrices alone.

    Args:
        places: where they are among all members, in order; ``None`` when these are all.
        constants: values that they share.
        columns: knob name to a low-rank stack, an array [P, *shape], or float32 [P].
        count: P.
    """

    places: tuple[int, ...] | None
    constants: Mapping[str, Any]
    columns: Mapping[str, LowRankStack | np.ndarray]
    count: int


class Members:
    """The candidates of one evaluation.

    Args:
        candidates: a population, or candidates of one space.
    """

    def __init__(self, candidates: Population | Sequence[Candidate]) -> None:
        self.candidates = candidates
        self.count = len(candidates)

    def __getitem__(self, k: int) -> Candidate:
        return self.candidates[k]

    def id(self, k: int) -> str:
        """The content id of a member."""
        return self.candidates[k].id

    def key(self) -> str:
        """Depends on the members' values alone, without making each of them."""
        if not isinstance(self.candidates, Population):
            return content_key("candidates", [c.id for c in self.candidates])
        columns = {n: _digest(c) for n, c in sorted(self.candidates.columns.items())}
        return content_key("population", self.candidates.base.id, columns)

    def parts(self) -> Iterator[Part]:
        """The members, grouped by the values that no tensor can hold."""
        constants, columns = self._laid_out()
        space = self.candidates.space if isinstance(self.candidates, Population) else self[0].space
        numbers: dict[str, LowRankStack | np.ndarray] = {}
        others: dict[str, Sequence[Any]] = {}
        for name, column in columns.items():
            if isinstance(column, LowRankStack | np.ndarray):
                numbers[name] = column
            elif isinstance(space[name], Real):
                numbers[name] = np.asarray(column, np.float32)
            else:
                others[name] = column
        if not others:
            yield Part(None, constants, numbers, self.count)
            return
        groups: dict[tuple[Any, ...], list[int]] = {}
        rows = list(zip(*others.values(), strict=True))
        for k, row in enumerate(rows):
            # With their types, for 1 == True == 1.0.
            groups.setdefault(tuple([(type(value), value) for value in row]), []).append(k)
        for places in groups.values():
            values = rows[places[0]]
            chosen = {
                n: c.take(places) if isinstance(c, LowRankStack) else c[places] for n, c in numbers.items()
            }
            yield Part(
                tuple(places), {**constants, **dict(zip(others, values, strict=True))}, chosen, len(places)
            )  # fmt: skip

    def _laid_out(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What all share, and the columns of what differs."""
        if isinstance(self.candidates, Population):
            columns = dict(self.candidates.columns)
            if self.count == 1:
                return dict(self.candidates[0]), {}
            return {n: v for n, v in self.candidates.base.items() if n not in columns}, columns
        constants: dict[str, Any] = {}
        differing: dict[str, Any] = {}
        for name, first in self.candidates[0].items():
            values = [c[name] for c in self.candidates]
            if isinstance(first, np.ndarray):
                if all(v is first for v in values):
                    constants[name] = first
                else:
                    differing[name] = np.stack(values)
            elif all(v == first and type(v) is type(first) for v in values):
                constants[name] = first
            else:
                differing[name] = values
        return constants, differing


def _taken(column: LowRankStack | np.ndarray, places: list[int]) -> LowRankStack | np.ndarray:
    return column.take(places) if isinstance(column, LowRankStack) else column[places]


def _digest(column: Any) -> Any:
    if isinstance(column, LowRankStack):
        return column.digest().hex()
    if isinstance(column, np.ndarray):
        return hashlib.blake2b(column.tobytes(), digest_size=16).hexdigest()
    return column
