"""Examples from files: JSONL, CSV, TSV and Parquet, chosen by the file's suffix."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hyperfunc.errors import DatasetError

from .columns import Columns, example_of_row
from .example import Example
from .parquet import parquet_rows

__all__ = ["load_examples"]

Rows = Iterator[tuple[int, Mapping[str, Any]]]


def load_examples(path: str | Path, columns: Columns | None = None) -> tuple[Example, ...]:
    """Read a file of examples, by its suffix.

    - ``.csv``, ``.tsv``: a header, then one example a row; every cell is text unless ``columns`` converts it.
    - ``.parquet``, ``.pq``: one example a row; needs ``pip install 'hyperfunc[parquet]'``.
    - any other: JSONL, one ``{"inputs": {...}, "expected": ...}`` a line, beside which ``group``, ``id``,
      ``tags``, ``weight`` and ``fn_name`` may stand.

    A row without ``inputs`` is taken whole: its key ``expected`` is the expectation and every other key an
    argument, unless ``columns`` says otherwise. Text is UTF-8.

    Args:
        path: the file.
        columns: which column is what.

    Raises:
        DatasetError: the file cannot be read, or holds no examples; the message names the line.
    """
    suffix = Path(path).suffix.lower()
    noun = "row" if suffix in (".parquet", ".pq") else "line"
    examples = []
    for number, row in _READERS.get(suffix, _json_rows)(Path(path)):
        try:
            examples.append(example_of_row(row, columns or (Columns() if suffix in _TEXT else None)))
        except DatasetError as exc:
            raise DatasetError(f"{noun} {number} of {path}: {exc}") from exc
    if not examples:
        raise DatasetError(f"the dataset {path} is empty; give at least one example")
    return tuple(examples)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        line = exc.object.count(b"\n", 0, exc.start) + 1
        raise DatasetError(f"cannot read the dataset {path}: line {line} is not UTF-8") from exc
    except (OSError, ValueError) as exc:
        raise DatasetError(f"cannot read the dataset {path}: {exc}") from exc


def _json_rows(path: Path) -> Rows:
    # Not splitlines(): a JSON string may contain further characters that Unicode calls line ends.
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_object)
        except DatasetError as exc:
            raise DatasetError(f"line {number} of {path}: {exc}") from None
        except RecursionError:
            raise DatasetError(f"line {number} of {path} is not JSON: it is nested too deeply") from None
        except ValueError as exc:
            raise DatasetError(f"line {number} of {path} is not JSON: {exc}") from exc
        if not isinstance(row, dict):
            raise DatasetError(f"line {number} of {path} is not a JSON object")
        yield number, row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise DatasetError(f"the name {twice!r} stands twice in one object")
    return found


def _separated_rows(path: Path, delimiter: str) -> Rows:
    # Line ends stay, because a quoted cell may contain them.
    reader = csv.reader(_text(path).splitlines(keepends=True), delimiter=delimiter, strict=True)
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            start, begun = reader.line_num + 1, start
            if not header:
                header = _header(cells, f"line {begun} of {path}")
            elif any(cells):
                if len(cells) != len(header):
                    raise DatasetError(
                        f"line {begun} of {path} has {len(cells)} cells, and the header {len(header)}"
                    )
                yield begun, dict(zip(header, cells, strict=True))
    except csv.Error as exc:
        raise DatasetError(f"line {start} of {path} is no row of cells: {exc}") from exc


def _header(cells: list[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if names and not all(names):
        raise DatasetError(f"{where}: column {names.index('') + 1} of the header has no name")
    if twice:
        raise DatasetError(f"{where}: the header names the column {twice[0]!r} twice")
    return names


def _csv_rows(path: Path) -> Rows:
    return _separated_rows(path, ",")


def _tsv_rows(path: Path) -> Rows:
    return _separated_rows(path, "\t")


_TEXT = (".csv", ".tsv")
_READERS: Mapping[str, Callable[[Path], Rows]] = {
    ".csv": _csv_rows,
    ".tsv": _tsv_rows,
    ".parquet": parquet_rows,
    ".pq": parquet_rows,
}
