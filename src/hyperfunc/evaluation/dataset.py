"""Examples: inputs with what is expected, in two forms, and how a list of them is checked and split."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from hyperfunc.errors import DatasetError
from hyperfunc.ledger.keys import content_key
from hyperfunc.rng import seed_of

__all__ = ["Example", "as_examples", "load_examples", "split_examples"]


class Example:
    """Inputs with what is expected.

    Both forms are valid::

        Example({"ticket": "My parcel is lost"}, "shipping")
        Example("route", {"ticket": "My parcel is lost"}, "shipping")

    Args:
        fn_name: the hyperfunction that a system without its own ``run`` shall call.
        inputs: argument name to value.
        expected: what the metric compares with.
        group: examples of one group (one customer, one document) are never split apart.
    """

    __slots__ = ("__dict__", "expected", "fn_name", "group", "inputs")

    fn_name: str | None
    inputs: Mapping[str, Any]
    expected: Any
    group: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = list(args)
        self.fn_name = given.pop(0) if given and isinstance(given[0], str) else kwargs.pop("fn_name", None)
        self.inputs = given.pop(0) if given else kwargs.pop("inputs", None)
        self.expected = given.pop(0) if given else kwargs.pop("expected", None)
        self.group = kwargs.pop("group", None)
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

    def __repr__(self) -> str:
        name = f"{self.fn_name!r}, " if self.fn_name else ""
        return f"Example({name}{dict(self.inputs)!r}, {self.expected!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Example):
            return NotImplemented
        mine = (self.fn_name, self.inputs, self.expected, self.group)
        return mine == (other.fn_name, other.inputs, other.expected, other.group)

    __hash__ = object.__hash__


def as_examples(data: Iterable[Any]) -> tuple[Example, ...]:
    """Check a dataset: examples, or ``(inputs, expected)`` pairs, or dicts with those two keys.

    Raises:
        DatasetError: it is empty, or an entry is none of these.
    """
    if isinstance(data, Example | Mapping | str) or not isinstance(data, Iterable):
        raise DatasetError(f"the dataset is one {type(data).__name__}; give a list of examples")
    entries = tuple(data)
    made = set(map(type, entries)) == {Example}
    examples = entries if made else tuple(_as_example(entry, i) for i, entry in enumerate(entries))
    if not examples:
        raise DatasetError("the dataset is empty; give at least one example")
    return examples


def _as_example(entry: Any, index: int) -> Example:
    if isinstance(entry, Example):
        return entry
    if isinstance(entry, Mapping) and "inputs" in entry:
        known = {k: entry[k] for k in ("fn_name", "inputs", "expected", "group") if k in entry}
        if set(entry) <= set(known):
            return Example(**known)
    if isinstance(entry, tuple | list) and len(entry) == 2 and isinstance(entry[0], Mapping):
        return Example(entry[0], entry[1])
    raise DatasetError(
        f"entry {index} of the dataset is {type(entry).__name__}; use Example(inputs, expected), "
        'a pair (inputs, expected), or {"inputs": {...}, "expected": ...}'
    )


def load_examples(path: str | Path) -> tuple[Example, ...]:
    """Read a JSONL file: one ``{"inputs": {...}, "expected": ...}`` a line.

    A line without ``inputs`` is taken whole: its key ``expected`` is the expectation and every other
    key an argument.

    Raises:
        DatasetError: the file cannot be read; the message names the line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise DatasetError(f"cannot read the dataset {path}: {exc}") from exc
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as exc:
            raise DatasetError(f"line {number} of {path} is not JSON: {exc}") from exc
        if not isinstance(row, dict):
            raise DatasetError(f"line {number} of {path} is not a JSON object")
        if "inputs" not in row:
            row = {
                "inputs": {k: v for k, v in row.items() if k != "expected"},
                "expected": row.get("expected"),
            }
        rows.append(row)
    return as_examples(rows)


def split_examples(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Hold out about ``share`` of the examples; groups and duplicates stay on one side.

    An example's side depends on its group or content and the seed, so that it does not change when
    examples are added, as long as both sides stay filled.

    Returns:
        ``(rest, held_out)``, both in the given order.
    """
    units = [e.group or e.luck or f"#{i}" for i, e in enumerate(examples)]
    ranked = sorted(set(units), key=lambda unit: seed_of(seed, "split", unit))
    target, taken, held = share * len(examples), 0, set[str]()
    for unit in ranked[:-1]:
        if taken >= target:
            break
        held.add(unit)
        taken += units.count(unit)
    rest = tuple(e for e, unit in zip(examples, units, strict=True) if unit not in held)
    out = tuple(e for e, unit in zip(examples, units, strict=True) if unit in held)
    return rest, out
