"""One example: inputs with what is expected, in two forms."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from functools import cached_property
from typing import Any

from hyperfunc.errors import DatasetError
from hyperfunc.ledger.keys import content_key

__all__ = ["Example"]


class Example:
    """Inputs with what is expected.

    Both forms are valid::

        Example({"ticket": "My parcel is lost"}, "shipping")
        Example("route", {"ticket": "My parcel is lost"}, "shipping")

    The ledger finds an evaluation by :attr:`key`, which depends on function, inputs and expectation alone,
    and random streams by :attr:`luck`, which depends on function and inputs alone. Giving, changing or
    dropping ``group``, ``id``, ``tags`` or ``weight`` therefore never invalidates what was paid for.
    Two examples are equal when all of these are.

    Args:
        fn_name: the hyperfunction that a system without its own ``run`` shall call.
        inputs: argument name to value.
        expected: what the metric compares with.
        group: examples of one group (one customer, one document) are never split apart.
        id: a name for people; an integer becomes its text.
        tags: words to filter by; one string is one tag.
        weight: how much it counts, positive and finite.

    Raises:
        DatasetError: an argument is none of this.
    """

    __slots__ = ("__dict__", "expected", "fn_name", "group", "id", "inputs", "tags", "weight")

    fn_name: str | None
    inputs: Mapping[str, Any]
    expected: Any
    group: str | None
    id: str | None
    tags: frozenset[str]
    weight: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = list(args)
        self.fn_name = given.pop(0) if given and isinstance(given[0], str) else kwargs.pop("fn_name", None)
        self.inputs = given.pop(0) if given else kwargs.pop("inputs", None)
        self.expected = given.pop(0) if given else kwargs.pop("expected", None)
        self.group = _group(kwargs.pop("group", None))
        self.id = _id(kwargs.pop("id", None))
        self.tags = _tags(kwargs.pop("tags", ()))
        self.weight = _weight(kwargs.pop("weight", 1.0))
        if given or kwargs or not isinstance(self.inputs, Mapping):
            raise DatasetError(
                "an example is Example(inputs, expected) or Example(function_name, inputs, expected) "
                f"with inputs a dict of arguments, and got Example{args!r}"
            )

    @cached_property
    def key(self) -> str | None:
        """Content key of inputs and expectation, or ``None`` when they cannot be encoded."""
        try:
            return content_key("example", self.fn_name, dict(self.inputs), self.expected)
        except (TypeError, ValueError):
            return None

    @cached_property
    def luck(self) -> str | None:
        """Content key of the inputs alone: what the seeds of its calls depend on."""
        try:
            return content_key("inputs", self.fn_name, dict(self.inputs))
        except (TypeError, ValueError):
            return None

    @property
    def cluster(self) -> str | None:
        """What its score is dependent with: its group, else all examples of equal inputs.

        ``None`` when it has no group and its inputs cannot be encoded: then nothing but itself.
        """
        return self.luck if self.group is None or self.group == "" else f"group {self.group}"

    def __repr__(self) -> str:
        name = f"{self.fn_name!r}, " if self.fn_name else ""
        known = f", id={self.id!r}" if self.id is not None else ""
        return f"Example({name}{dict(self.inputs)!r}, {self.expected!r}{known})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Example):
            return NotImplemented
        mine = (self.fn_name, self.inputs, self.expected, self.group)
        if mine != (other.fn_name, other.inputs, other.expected, other.group):
            return False
        return (self.id, self.tags, self.weight) == (other.id, other.tags, other.weight)

    __hash__ = object.__hash__


def _group(group: Any) -> Any:
    if not isinstance(group, Hashable):
        raise DatasetError(f"the group of an example is a name, and got {group!r}")
    return group


def _id(name: Any) -> str | None:
    if name is None or isinstance(name, str):
        return name
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    raise DatasetError(f"the id of an example is a text or an integer, and got {name!r}")


def _tags(tags: Any) -> frozenset[str]:
    if tags is None or tags == ():
        return frozenset()
    if isinstance(tags, str):
        return frozenset([tags])
    if not isinstance(tags, Iterable) or isinstance(tags, Mapping):
        raise DatasetError(f"the tags of an example are a list of words, and got {tags!r}")
    words = tuple(tags)
    if wrong := [word for word in words if not isinstance(word, str)]:
        raise DatasetError(f"the tags of an example are words, and one is {wrong[0]!r}")
    return frozenset(words)


def _weight(weight: Any) -> float:
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    try:
        if number and math.isfinite(weight) and weight > 0:
            return float(weight)
    except OverflowError:
        pass
    raise DatasetError(f"the weight of an example is a positive finite number, and got {weight!r}")
