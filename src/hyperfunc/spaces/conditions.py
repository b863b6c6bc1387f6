"""Which knobs of a space are active, and what inactive ones are held at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import OutOfBounds, SpaceError, did_you_mean
from hyperfunc.spaces.knobs import Choice, Integer, Knob

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Conditions"]


class Conditions:
    """The conditions of some knobs, those first that others depend on.

    Args:
        knobs: name to knob, frozen ones included.
        held: names of those that have one value for good and are left alone.
        strict: whether a condition on a knob that is not there is an error; else it does not count, as in
            a part of a space whose other part has that knob.

    Raises:
        SpaceError: a condition that cannot be checked, or that depends on itself.
    """

    __slots__ = ("_knobs", "_rules")

    def __init__(self, knobs: Mapping[str, Knob], held: Mapping[str, Any], strict: bool = False) -> None:
        self._knobs = knobs
        found: dict[str, tuple[str, tuple[Any, ...]]] = {}
        for name, knob in knobs.items():
            if knob.when is not None and (parent := _parent(name, knob, knobs, strict)) is not None:
                found[name] = parent, _values(name, knob, parent, knobs[parent])
        ordered = _ordered({name: parent for name, (parent, _) in found.items()})
        self._rules = tuple((name, *found[name]) for name in ordered if name not in held)

    def __bool__(self) -> bool:
        return bool(self._rules)

    @property
    def names(self) -> tuple[str, ...]:
        """Knobs that have a condition, those first that others depend on."""
        return tuple(name for name, _, _ in self._rules)

    @property
    def parents(self) -> frozenset[str]:
        """Knobs that conditions are about."""
        return frozenset(parent for _, parent, _ in self._rules)

    def inactive(self, values: Mapping[str, Any]) -> frozenset[str]:
        """Names of the knobs that do not matter for these values."""
        off: set[str] = set()
        for name, parent, allowed in self._rules:
            if parent in off or not _among(values[parent], allowed):
                off.add(name)
        return frozenset(off)

    def settle(self, values: dict[str, Any]) -> dict[str, Any]:
        """The same dictionary, with inactive knobs at their defaults."""
        if self._rules:
            values.update((name, self._knobs[name].default) for name in self.inactive(values))
        return values

    def settle_columns(self, columns: dict[str, Any], base: Mapping[str, Any], count: int) -> dict[str, Any]:
        """Columns of a population with inactive values at their defaults."""
        if not self._rules or not columns.keys() & (self.parents | set(self.names)):
            return columns
        full = {name: columns.get(name, [base[name]] * count) for name in {*self.names, *self.parents}}
        rows = [self.settle({name: full[name][k] for name in full}) for k in range(count)]
        settled = {name: [row[name] for row in rows] for name in self.names}
        changed = {
            name: column for name, column in settled.items()
            if name in columns or any(value != base[name] for value in column)
        }  # fmt: skip
        return columns | changed

    def active_units(
        self, units_KU: NDArray[np.float64], names: Sequence[str], base: Mapping[str, Any]
    ) -> NDArray[np.bool_]:
        """Which coordinates of the unit cube matter, [K, U], at places [K, U]."""
        active: dict[str, NDArray[np.bool_]] = {}
        places = {name: place for place, name in enumerate(names)}
        for name, parent, allowed in self._rules:
            if parent in places:
                on = _holds(self._knobs[parent], units_KU[:, places[parent]], allowed)
            else:
                on = np.full(len(units_KU), _among(base[parent], allowed))
            active[name] = on & active.get(parent, np.array(True))
        found = np.ones(units_KU.shape, bool)
        for name in active.keys() & places.keys():
            found[:, places[name]] = active[name]
        return found


def _holds(knob: Knob, units_K: NDArray[np.float64], allowed: tuple[Any, ...]) -> NDArray[np.bool_]:
    """Where a knob has one of the allowed values, [K]."""
    if not isinstance(knob, Choice):
        return np.array([_among(knob.from_unit(unit), allowed) for unit in units_K.tolist()], bool)
    count = len(knob.options)
    places_K = np.clip((units_K * count).astype(np.int64), 0, count - 1)
    return np.array([_among(option, allowed) for option in knob.options], bool)[places_K]


def _among(value: Any, allowed: tuple[Any, ...]) -> bool:
    return any(type(value) is type(other) and value == other for other in allowed)


def _parent(name: str, knob: Knob, knobs: Mapping[str, Knob], strict: bool) -> str | None:
    """The knob that a condition is about: beside the knob, else in a folder above."""
    assert knob.when is not None
    folder = name.split(".")[:-1]
    for depth in range(len(folder), -1, -1):
        wanted = ".".join([*folder[:depth], knob.when.knob])
        if wanted in knobs:
            return wanted
    if strict:
        hint = did_you_mean(knob.when.knob, knobs)
        raise SpaceError(f"knob {name!r} depends on {knob.when.knob!r}, which the space does not have{hint}")
    return None


def _values(name: str, knob: Knob, parent: str, other: Knob) -> tuple[Any, ...]:
    assert knob.when is not None
    if not isinstance(other, Choice | Integer):
        raise SpaceError(f"knob {name!r} depends on {parent!r}, a {other.kind}; use a Choice or an Integer")
    try:
        return tuple(other.canonical(value, parent) for value in knob.when.values)
    except OutOfBounds as error:
        raise SpaceError(f"knob {name!r} waits for what cannot be: {error}") from error


def _ordered(parents: Mapping[str, str]) -> list[str]:
    ordered: list[str] = []
    for name in parents:
        chain = [name]
        while (above := parents.get(chain[-1])) is not None:
            if above in chain:
                raise SpaceError(f"the conditions of {' and '.join(map(repr, chain))} go round in a circle")
            chain.append(above)
        ordered += [link for link in reversed(chain) if link in parents and link not in ordered]
    return ordered
