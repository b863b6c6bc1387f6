"""A list of examples from whatever holds them in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hyperfunc.errors import DatasetError

from .columns import Columns, example_of_row
from .example import Example

__all__ = ["as_examples"]


def as_examples(data: Iterable[Any], columns: Columns | None = None) -> tuple[Example, ...]:
    """Check a dataset: examples, or ``(inputs, expected)`` pairs, or dicts with those two keys.

    Args:
        data: a list of these, a :class:`Dataset`, or an object of the Hugging Face library ``datasets``
            (one split of it), whose rows are read as :func:`load_examples` reads a line.
        columns: how plain rows are read; needed when the entries are dicts without ``inputs``.

    Raises:
        DatasetError: it is empty, or an entry is none of these.
    """
    if isinstance(data, Example | Mapping | str) or not isinstance(data, Iterable):
        parts = getattr(data, "column_names", None)
        hint = f"one of its splits, such as data[{next(iter(data))!r}]" if parts else "a list of examples"
        raise DatasetError(f"the dataset is one {type(data).__name__}; give {hint}")
    if hasattr(data, "column_names"):
        examples = tuple(_rows(data, columns))
    else:
        entries = tuple(data)
        made = set(map(type, entries)) == {Example}
        examples = entries if made else tuple(_as_example(e, i, columns) for i, e in enumerate(entries))
    if not examples:
        raise DatasetError("the dataset is empty; give at least one example")
    return examples


def _rows(data: Iterable[Any], columns: Columns | None) -> Iterator[Example]:
    for number, row in enumerate(data):
        if not isinstance(row, Mapping):
            raise DatasetError(f"row {number} of the dataset is {type(row).__name__} and no dict of columns")
        try:
            yield example_of_row(row, columns)
        except DatasetError as exc:
            raise DatasetError(f"row {number} of the dataset: {exc}") from exc


def _as_example(entry: Any, index: int, columns: Columns | None) -> Example:
    if isinstance(entry, Example):
        return entry
    if isinstance(entry, Mapping) and (columns is not None or "inputs" in entry):
        try:
            return example_of_row(entry, columns)
        except DatasetError as exc:
            raise DatasetError(f"entry {index} of the dataset: {exc}") from exc
    if isinstance(entry, tuple | list) and len(entry) == 2 and isinstance(entry[0], Mapping):
        return Example(entry[0], entry[1])
    raise DatasetError(
        f"entry {index} of the dataset is {type(entry).__name__}; use Example(inputs, expected), "
        'a pair (inputs, expected), or {"inputs": {...}, "expected": ...}'
    )
