"""Immutable values for a space, one at a time or stacked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import SpaceError, UnknownKnob, did_you_mean
from hyperfunc.spaces.diff import Change, format_diff
from hyperfunc.spaces.knobs import Exemplar, Matrix
from hyperfunc.spaces.stacks import LowRankStack

if TYPE_CHECKING:
    from hyperfunc.spaces.space import Space
    from hyperfunc.types import JSON

__all__ = ["Candidate", "Change", "Column", "Population", "format_diff"]

Column = Sequence[Any] | np.ndarray | LowRankStack
"""One value per member of a population."""


def _written(value: object) -> JSON:
    """What stands in a candidate's hash for a value that JSON does not know."""
    if isinstance(value, Exemplar):
        return {"exemplar": value.text}
    if isinstance(value, np.ndarray):
        digest = hashlib.blake2b(value.tobytes(), digest_size=16).hexdigest()
        return {"shape": list(value.shape), "blake2b": digest}
    raise TypeError(f"a candidate cannot hold a {type(value).__name__}")


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_written)


class Candidate(Mapping[str, Any]):
    """Values for every knob of a space. Made by a :class:`Space`, never changed.

    A candidate is a mapping from knob name to value. Two candidates are equal when their values are:
    neither the space object, nor the order of names, nor the parents take part in :attr:`id`.

    Example::

        >>> from hyperfunc.spaces import Real, Space
        >>> start = Space({"t": Real(0, 2, default=1.0)}).default
        >>> start.replace({"t": 0.5})["t"]
        0.5
    """

    __slots__ = ("_id", "_parents", "_space", "_values")

    def __init__(self, space: Space, values: dict[str, Any], parents: tuple[str, ...] = ()) -> None:
        self._space = space
        self._values = values
        self._parents = parents
        self._id = ""

    @property
    def id(self) -> str:
        """16 hexadecimal characters that depend on the values alone."""
        if not self._id:
            text = _ENCODER.encode(self._values)
            self._id = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return self._id

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the candidates this one was made from."""
        return self._parents

    @property
    def space(self) -> Space:
        """The space that made it."""
        return self._space

    def replace(self, changes: Mapping[str, Any]) -> Candidate:
        """A child that differs in some knobs.

        Args:
            changes: knob name to new value.

        Raises:
            UnknownKnob: a name that the space does not have.
            SpaceError: a value that its knob does not allow.
        """
        return self._space.candidate(changes, parents=(self.id,), base=self)

    def diff(self, other: Mapping[str, Any]) -> list[Change]:
        """The knobs whose values differ: ``before`` is this side, ``after`` the other."""
        names = [*self._values, *(name for name in other if name not in self._values)]
        pairs = ((name, self._values.get(name), other.get(name)) for name in names)
        return [Change(name, mine, theirs) for name, mine, theirs in pairs if not _same(mine, theirs)]

    def to_json(self) -> dict[str, JSON]:
        """Every knob's name and value as JSON, frozen ones included."""
        return {name: self._space.knob(name).to_json(value) for name, value in self._values.items()}

    @classmethod
    def from_json(cls, space: Space, values: Mapping[str, JSON]) -> Candidate:
        """The candidate that :meth:`to_json` wrote, checked against a space.

        Raises:
            UnknownKnob: a name that the space does not have.
            SpaceError: a value that its knob does not allow.
        """
        return space.candidate({name: space.knob(name).from_json(value) for name, value in values.items()})

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            hint = did_you_mean(name, self._values)
            raise UnknownKnob(f"this candidate has no knob {name!r}{hint}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, Candidate) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Candidate({self.id}, {self._values!r})"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return type(one) is type(other) and bool(one == other)


class Population:
    """Candidates to evaluate together, held as stacked columns; members are made when asked for.

    Args:
        space: the space of all members.
        columns: knob name to one value per member: a list of K values, an array whose first axis has
            length K, or for a matrix knob a :class:`~hyperfunc.spaces.stacks.LowRankStack`.
        base: supplies every knob that has no column, and is the parent of every member.
        throwaway: members are evaluated and forgotten, as in an evolution strategy.

    Raises:
        UnknownKnob: a column for a knob that the space does not have.
        SpaceError: columns of different lengths, none at all, or a value its knob does not allow.

    Example::

        >>> from hyperfunc.spaces import Real, Space
        >>> space = Space({"t": Real(0, 2)})
        >>> [member["t"] for member in space.population({"t": [0.5, 1.5]})]
        [0.5, 1.5]
    """

    __slots__ = ("_base", "_columns", "_members", "_space", "throwaway")

    def __init__(
        self,
        space: Space,
        columns: Mapping[str, Column],
        base: Candidate,
        throwaway: bool = False,
    ) -> None:
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) != 1:
            raise SpaceError(f"the columns of a population need one common length, but got {lengths}")
        self._space = space
        self._base = space.candidate({}, base=base)
        count = next(iter(lengths.values()))
        made = {name: _column(space, name, column) for name, column in columns.items()}
        self._columns = space.conditions.settle_columns(made, self._base, count)
        self._members: list[Candidate | None] = [None] * count
        self.throwaway = throwaway

    @property
    def space(self) -> Space:
        """The space of all members."""
        return self._space

    @property
    def base(self) -> Candidate:
        """The candidate that supplies what has no column."""
        return self._base

    @property
    def columns(self) -> Mapping[str, Column]:
        """Canonical values per knob; a matrix knob's is a float32 array [K, *shape] or a low-rank stack."""
        return self._columns

    def ids(self) -> tuple[str, ...]:
        """The members' ids, in order."""
        return tuple(member.id for member in self)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, index: int) -> Candidate:
        member = self._members[index]
        if member is None:
            values = dict(self._base._values)
            values.update((name, column[index]) for name, column in self._columns.items())
            member = self._members[index] = Candidate(self._space, values, (self._base.id,))
        return member

    def __iter__(self) -> Iterator[Candidate]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"Population({len(self)} members, columns {list(self._columns)})"


def _column(space: Space, name: str, column: Column) -> Column:
    knob = space[name]
    if isinstance(knob, Matrix):
        return knob.stack(column, name)
    if isinstance(column, LowRankStack):
        raise SpaceError(f"{name!r} is a {knob.kind}, and only a matrix can have a low-rank stack as column")
    return [knob.canonical(value, name) for value in column]
