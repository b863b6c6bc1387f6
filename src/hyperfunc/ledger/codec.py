"""How values become what SQLite stores, and back. Documents are JSON; no pickle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import LedgerError

if TYPE_CHECKING:
    from hyperfunc.types import JSON

__all__ = ["Storable", "checked", "dump_json", "load_json", "text"]

Storable = str | bytes | int | float | None

_INT64 = 2**63
_LONGEST = 1_000_000_000  # bytes, SQLite's own limit


def dump_json(value: JSON, what: str) -> bytes:
    """A document as ASCII JSON; NaN and infinities are kept as Python's json writes them.

    Raises:
        LedgerError: a value that JSON does not have; ``what`` says which document.
    """
    try:
        return json.dumps(value, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise LedgerError(f"cannot keep {what} in the ledger: {error}; give JSON values only") from error


def load_json(data: bytes) -> JSON:
    """The document that :func:`dump_json` wrote.

    Raises:
        LedgerError: the bytes are something else.
    """
    try:
        return json.loads(data)
    except ValueError as error:
        raise LedgerError(
            f"cannot read a document of the ledger ({error}): restore a copy of the file"
        ) from error


def checked(row: tuple[Storable, ...], table: str, nullable: int = 0) -> tuple[Storable, ...]:
    """The row in types that SQLite takes and gives back unchanged.

    One bad row would hold up every row of its batch, so it is refused where it is put.

    Args:
        row: the values of one statement.
        table: for messages.
        nullable: that many values at the end may be None.

    Raises:
        LedgerError: a wrong type, a NaN, an integer beyond 64 bits, more than a gigabyte.
    """
    if None in row[: len(row) - nullable]:
        raise LedgerError(f"cannot keep None in the {table} of the ledger: the row is {row!r:.200}")
    return tuple([None if value is None else _checked(value, table) for value in row])


def text(value: str | bytes) -> str:
    """A stored text; see :func:`checked` for why it may be bytes."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def _checked(value: Storable | np.generic, table: str) -> Storable:
    kind = type(value)
    # The usual ones first, by exact type: a thousand lanes are tens of thousands of values.
    if kind is str and value.isascii() and len(value) <= _LONGEST // 4:  # type: ignore[union-attr, arg-type]
        return value  # type: ignore[return-value]
    if isinstance(value, bytes) and len(value) <= _LONGEST:
        return value
    if isinstance(value, str) and len(value) <= _LONGEST // 4:
        try:
            value.encode()
        except UnicodeEncodeError:  # half a surrogate pair, from a cut answer: SQLite's text cannot hold it
            return value.encode("utf-8", "surrogatepass")
        return str(value)
    if isinstance(value, float) and value == value:
        return float(value)
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return int(value)
    if isinstance(value, np.number):
        return _checked(value.item(), table)
    raise LedgerError(f"cannot keep {value!r:.200} ({type(value).__name__}) in the {table} of the ledger")
