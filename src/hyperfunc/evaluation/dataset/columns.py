"""Which column of a table is what, and the example that a row makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hyperfunc.errors import DatasetError, did_you_mean

from .example import Example

__all__ = ["Columns", "example_of_row"]

_NESTED = ("fn_name", "inputs", "expected", "group", "id", "tags", "weight")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column of a table is what.

    Columns called ``id``, ``group``, ``tags`` or ``weight`` are arguments of the program like any other
    unless they are named here, so that a program may have arguments of these names.

    Args:
        expected: the expectation; only this default may be absent, and is then ``None``.
        inputs: the arguments; every column that is named nowhere else when left out.
        id: the name of an example, for people.
        group: what is never split apart (customer, document); an empty cell is no group.
        tags: words to filter by: a list, or a text in which commas separate them.
        weight: how much an example counts; an empty cell counts 1.
        convert: column to a function of its cell, such as ``{"income": float}``: a CSV file has only text.

    Example::

        load_examples("tickets.csv", Columns(expected="label", group="customer", convert={"age": int}))
    """

    expected: str = "expected"
    inputs: tuple[str, ...] | None = None
    id: str | None = None
    group: str | None = None
    tags: str | None = None
    weight: str | None = None
    convert: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def example(self, row: Mapping[str, Any]) -> Example:
        """The example that a row makes.

        Raises:
            DatasetError: a column is missing, or a cell cannot be used.
        """
        special = (self.id, self.group, self.tags, self.weight)
        named = [name for name in special if name is not None]
        needed = [*named, *(self.inputs or ()), *self.convert]
        if self.expected != Columns.expected:
            needed.append(self.expected)
        for name in needed:
            if name not in row:
                raise DatasetError(f"there is no column {name!r}{did_you_mean(name, map(str, row))}")
        cells = {name: self._converted(name, cell) for name, cell in row.items()}
        apart = {*named, self.expected}
        inputs = self.inputs if self.inputs is not None else [name for name in cells if name not in apart]
        return Example(
            inputs={name: cells[name] for name in inputs},
            expected=cells.get(self.expected),
            id=_filled(cells, self.id),
            group=_group(_filled(cells, self.group)),
            tags=_words(_filled(cells, self.tags)),
            weight=_number(_filled(cells, self.weight)),
        )

    def _converted(self, name: str, cell: Any) -> Any:
        change = self.convert.get(name)
        if change is None:
            return cell
        try:
            return change(cell)
        except Exception as exc:  # whatever the user's function raises is a wrong cell
            raise DatasetError(
                f"the cell {cell!r} of column {name!r} cannot be converted: {type(exc).__name__}: {exc}"
            ) from exc


def example_of_row(row: Mapping[str, Any], columns: Columns | None) -> Example:
    """The example of one row.

    A row with ``inputs`` has the arguments in there, and beside it ``expected``, ``group``, ``id``,
    ``tags``, ``weight`` and ``fn_name``. Any other row is taken whole, as ``columns`` says.

    Raises:
        DatasetError: the row is no example.
    """
    if columns is not None or "inputs" not in row:
        return (columns or Columns()).example(row)
    unknown = [str(name) for name in row if name not in _NESTED]
    if unknown:
        hint = did_you_mean(unknown[0], _NESTED)
        raise DatasetError(f"{unknown[0]!r} beside 'inputs' is none of {', '.join(_NESTED)}{hint}")
    return Example(**row)


def _filled(cells: Mapping[str, Any], name: str | None) -> Any:
    cell = None if name is None else cells[name]
    return None if isinstance(cell, str) and not cell.strip() else cell


def _group(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str | int):
        return None if cell is None else str(cell)
    raise DatasetError(f"the group of an example is a text or an integer, and got {cell!r}")


def _words(cell: Any) -> Any:
    if not isinstance(cell, str):
        return () if cell is None else cell
    return [word.strip() for word in cell.split(",") if word.strip()]


def _number(cell: Any) -> Any:
    if cell is None:
        return 1.0
    try:
        return float(cell) if isinstance(cell, str) else cell
    except ValueError:
        return cell  # Example says what is wrong with it
