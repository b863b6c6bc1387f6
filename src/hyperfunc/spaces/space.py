"""A named set of knobs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import SpaceError, UnknownKnob, did_you_mean
from hyperfunc.spaces.candidate import Candidate, Column, Population
from hyperfunc.spaces.conditions import Conditions
from hyperfunc.spaces.knobs import Knob

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hyperfunc.types import JSON

__all__ = ["Predicate", "Space"]

Predicate = Callable[[str, Knob], bool]
"""Says of a knob's name and the knob whether it is meant."""

_NAME = re.compile(r"[^\s.]+(\.[^\s.]+)*")


class Space(Mapping[str, Knob]):
    """What may be learnt: knobs under dotted names, in a fixed order. Immutable.

    Args:
        knobs: name to knob; names such as ``route.prompt``, without blanks or empty parts.

    Raises:
        SpaceError: a name that cannot be used, or something that is not a knob.

    Example::

        >>> from hyperfunc.spaces import Real, Text
        >>> space = Space({"route.prompt": Text("Say the team."), "route.hp.temperature": Real(0, 2)})
        >>> space.candidate({"route.hp.temperature": 0.5})["route.prompt"]
        'Say the team.'
    """

    def __init__(self, knobs: Mapping[str, Knob]) -> None:
        for name, knob in knobs.items():
            if not _NAME.fullmatch(name):
                raise SpaceError(f"knob name {name!r} cannot be used; join words without blanks by dots")
            if not isinstance(knob, Knob):
                raise SpaceError(f"{name!r} is not a knob but a {type(knob).__name__}")
        Conditions(knobs, {}, strict=True)
        self._set(dict(knobs), {}, {}, tuple(knobs))

    def _set(
        self, knobs: dict[str, Knob], frozen: dict[str, Knob], fixed: dict[str, Any], origin: tuple[str, ...]
    ) -> None:
        self._knobs = knobs
        self._frozen = frozen
        self._fixed = fixed
        self._origin = origin
        self._start = {name: knob.default for name, knob in knobs.items()} | fixed
        self._default: Candidate | None = None
        self._conditions = Conditions(knobs | frozen, fixed)
        self._unit_names = tuple(name for name, knob in knobs.items() if knob.in_unit_cube)
        ends = np.cumsum([0, *(knob.size for knob in knobs.values())]).tolist()
        spans = zip(knobs.items(), ends, ends[1:], strict=False)
        self._slices = {name: slice(low, high) for (name, knob), low, high in spans if knob.size}
        self._fingerprint = ""

    def _part(self, names: Iterable[str], frozen: dict[str, Knob], fixed: dict[str, Any]) -> Space:
        part = object.__new__(Space)
        part._set({name: self._knobs[name] for name in names}, frozen, fixed, self._origin)
        return part

    # What is in it

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the learnable knobs, in order."""
        return tuple(self._knobs)

    @property
    def fixed(self) -> Mapping[str, Any]:
        """Values of frozen knobs; every candidate has them, nobody may change them."""
        return MappingProxyType(self._fixed)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal characters of what decides which values are allowed, and in which order."""
        if not self._fingerprint:
            frozen = {name: self._frozen[name].to_json(value) for name, value in self._fixed.items()}
            text = json.dumps([list(self.describe().items()), frozen], sort_keys=True)
            self._fingerprint = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return self._fingerprint

    def describe(self) -> dict[str, JSON]:
        """The learnable knobs as JSON, by name."""
        return {name: knob.describe() for name, knob in self._knobs.items()}

    def knob(self, name: str) -> Knob:
        """The knob of this name, learnable or frozen.

        Raises:
            UnknownKnob: there is none; the message names the nearest.
        """
        return self._frozen[name] if name in self._frozen else self[name]

    def __getitem__(self, name: str) -> Knob:
        try:
            return self._knobs[name]
        except KeyError:
            raise self._unknown(name) from None

    def _unknown(self, name: str) -> UnknownKnob:
        known = [*self._knobs, *self._frozen]
        hint = did_you_mean(str(name), known) or f"; it has {', '.join(known[:8]) or 'none'}"
        return UnknownKnob(f"this space has no knob {name!r}{hint}")

    def __contains__(self, name: object) -> bool:
        return name in self._knobs

    def __iter__(self) -> Iterator[str]:
        return iter(self._knobs)

    def __len__(self) -> int:
        return len(self._knobs)

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, Space) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        knobs = ", ".join(f"{name}: {knob.kind}" for name, knob in self._knobs.items())
        return f"Space({knobs}{f'; {len(self._fixed)} frozen' if self._fixed else ''})"

    # Candidates

    @property
    def default(self) -> Candidate:
        """Every knob at its default."""
        if self._default is None:
            self._default = Candidate(self, self._start)
        return self._default

    def candidate(
        self,
        values: Mapping[str, Any] = MappingProxyType({}),
        parents: tuple[str, ...] = (),
        base: Candidate | None = None,
    ) -> Candidate:
        """A candidate with these values; a knob that does not matter beside them has its default.

        Args:
            values: knob name to value; a frozen knob may be named only with the value it has.
            parents: ids of the candidates it was made from.
            base: supplies the knobs that ``values`` does not name; defaults where not given.

        Raises:
            UnknownKnob: a name that the space does not have.
            SpaceError: a value that its knob does not allow.
        """
        merged = self._values_of(base)
        for name, value in values.items():
            if name in self._knobs:
                merged[name] = self._knobs[name].canonical(value, name)
            else:
                self._check_frozen(name, value)
        return Candidate(self, self._conditions.settle(merged), parents)

    def _values_of(self, base: Candidate | None) -> dict[str, Any]:
        if base is None:
            return dict(self._start)
        if base.space is self:
            return dict(base._values)
        shared = (name for name in self._knobs if name in base)
        return self._start | {name: self._knobs[name].canonical(base[name], name) for name in shared}

    def _check_frozen(self, name: str, value: object) -> None:
        if name not in self._frozen:
            raise self._unknown(name)
        knob, held = self._frozen[name], self._fixed[name]
        if knob.to_json(knob.canonical(value, name)) != knob.to_json(held):
            raise SpaceError(f"knob {name!r} is frozen at {held!r}; leave it out, or do not freeze it")

    def sample(self, rng: np.random.Generator) -> Candidate:
        """A random candidate: every knob on its own, uniform on its scale."""
        drawn = self._start | {name: knob.sample(rng) for name, knob in self._knobs.items()}
        return Candidate(self, self._conditions.settle(drawn))

    def active(self, candidate: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the learnable knobs that matter for these values, in order; see :class:`When`."""
        off = self._conditions.inactive(candidate)
        return tuple(name for name in self._knobs if name not in off)

    @property
    def conditions(self) -> Conditions:
        """Which knobs matter only while others have certain values."""
        return self._conditions

    def population(
        self,
        columns: Mapping[str, Column],
        base: Candidate | None = None,
        throwaway: bool = False,
    ) -> Population:
        """Candidates from stacked values; see :class:`Population`."""
        return Population(self, columns, base or self.default, throwaway)

    # The flat vector: raw units, float32

    @property
    def dim(self) -> int:
        """Length D of the flat numeric vector."""
        return sum(knob.size for knob in self._knobs.values())

    @property
    def slices(self) -> Mapping[str, slice]:
        """Which part of the flat vector belongs to which numeric knob."""
        return MappingProxyType(self._slices)

    def ravel(self, candidate: Mapping[str, Any]) -> NDArray[np.float32]:
        """The numbers of a candidate in raw units, float32 [D], in the order of names."""
        flat = np.empty(self.dim, np.float32)
        for name, place in self._slices.items():
            flat[place] = np.ravel(candidate[name])
        return flat

    def unravel(self, vector: ArrayLike, base: Candidate | None = None) -> Candidate:
        """The candidate with these numbers, the inverse of :meth:`ravel`.

        Args:
            vector: raw units, [D]; an integer knob takes the nearest whole number.
            base: supplies what is not a number; the default when not given.

        Raises:
            SpaceError: the wrong length, or a number that its knob does not allow.
        """
        flat = np.asarray(vector, np.float32)
        if flat.shape != (self.dim,):
            raise SpaceError(f"this space has {self.dim} numbers, but the vector has shape {flat.shape}")
        values = {name: _from_flat(self._knobs[name], flat[place]) for name, place in self._slices.items()}
        return self.candidate(values, parents=(base.id,) if base else (), base=base)

    # The unit cube: real, integer and choice knobs, float64

    @property
    def unit_names(self) -> tuple[str, ...]:
        """Names of the knobs that are coordinates of the unit cube."""
        return self._unit_names

    @property
    def unit_dim(self) -> int:
        """Number U of coordinates of the unit cube."""
        return len(self._unit_names)

    def to_unit(self, candidate: Mapping[str, Any]) -> NDArray[np.float64]:
        """Where a candidate lies in the unit cube, float64 [U]; matrices are not part of it."""
        return np.array([self._knobs[name].to_unit(candidate[name]) for name in self._unit_names], np.float64)

    def from_unit(self, units: ArrayLike, base: Candidate | None = None) -> Candidate:
        """The candidate at a place in the unit cube.

        Args:
            units: [U]; places outside of [0, 1] are clipped.
            base: supplies everything else. A coordinate that equals the base's own keeps the base's
                value exactly, so that ``from_unit(to_unit(c), base=c)`` is ``c``.
        """
        base = base or self.default
        columns = self._unit_columns(np.asarray(units)[None], base)
        values = {name: column[0] for name, column in columns.items()}
        return self.candidate(values, parents=(base.id,), base=base)

    def unit_population(
        self,
        units_KU: ArrayLike,
        base: Candidate | None = None,
        matrices: Mapping[str, Column] = MappingProxyType({}),
        throwaway: bool = False,
    ) -> Population:
        """Candidates at K places of the unit cube, with stacked matrices [K, *shape] beside them."""
        base = base or self.default
        columns = self._unit_columns(np.asarray(units_KU), base)
        return Population(self, {**columns, **matrices}, base, throwaway)

    def active_units(self, units_KU: ArrayLike, base: Candidate | None = None) -> NDArray[np.bool_]:
        """Which coordinates matter, [K, U], at K places of the unit cube; see :class:`When`."""
        places_KU = np.asarray(units_KU, np.float64)
        return self._conditions.active_units(places_KU, self._unit_names, base or self.default)

    def _unit_columns(self, units_KU: NDArray[Any], base: Candidate) -> dict[str, list[Any]]:
        if units_KU.ndim != 2 or units_KU.shape[1] != self.unit_dim:
            raise SpaceError(f"the unit cube has {self.unit_dim} coordinates, but got shape {units_KU.shape}")
        columns = {}
        for name, units_K in zip(self._unit_names, units_KU.T.tolist(), strict=True):
            knob, held = self._knobs[name], base[name]
            home = knob.to_unit(held)
            columns[name] = [held if unit == home else knob.from_unit(unit) for unit in units_K]
        return columns

    # Parts

    def partition(self, predicate: Predicate) -> tuple[Space, Space]:
        """The knobs that are meant, and the rest; :meth:`combine` puts them together again."""
        meant = [name for name, knob in self._knobs.items() if predicate(name, knob)]
        rest = [name for name in self._knobs if name not in meant]
        return tuple(self._part(names, self._frozen, self._fixed) for names in (meant, rest))  # type: ignore[return-value]

    def combine(self, other: Space) -> Space:
        """Both spaces as one. Parts of one partition get their common order back.

        Raises:
            SpaceError: a name is in both, or a knob is frozen at different values.
        """
        shared = (self._knobs.keys() & (other._knobs.keys() | other._fixed.keys())) | (
            self._fixed.keys() & other._knobs.keys()
        )
        if shared:
            raise SpaceError(f"knob {min(shared)!r} is in both spaces; rename it in one of them")
        for name in self._fixed.keys() & other._fixed.keys():
            self._check_frozen(name, other._fixed[name])
        knobs = self._knobs | other._knobs
        if self._origin == other._origin:
            knobs = {name: knobs[name] for name in self._origin if name in knobs}
        whole = object.__new__(Space)
        origin = self._origin if self._origin == other._origin else tuple(knobs)
        whole._set(knobs, self._frozen | other._frozen, self._fixed | other._fixed, origin)
        return whole

    def freeze(self, which: Iterable[str] | Predicate, values: Mapping[str, Any] | None = None) -> Space:
        """A space in which some knobs are no longer learnable.

        Args:
            which: names, or a predicate of name and knob.
            values: what they are frozen at; a knob it does not name is frozen at its default.

        Raises:
            UnknownKnob: a name that the space does not have.
            SpaceError: a value that its knob does not allow.
        """
        if callable(which):
            names = [name for name, knob in self._knobs.items() if which(name, knob)]
        else:
            names = [which] if isinstance(which, str) else list(which)
        frozen = {name: self[name] for name in names}
        given = values or {}
        fixed = {
            name: knob.canonical(given[name], name) if name in given else knob.default
            for name, knob in frozen.items()
        }
        rest = [name for name in self._knobs if name not in names]
        return self._part(rest, self._frozen | frozen, self._fixed | fixed)


def _from_flat(knob: Knob, numbers: NDArray[np.float32]) -> object:
    if knob.kind == "matrix":
        return numbers.reshape(knob.default.shape)
    number = float(numbers[0])
    return round(number) if knob.kind == "integer" and number == number else number
