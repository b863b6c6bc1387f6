"""Rows of a Parquet file, where pyarrow is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hyperfunc.errors import DatasetError

__all__ = ["parquet_rows"]


def parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a file with their numbers from 1; null is ``None``.

    Raises:
        DatasetError: pyarrow is missing, or the file cannot be read.
    """
    try:
        # pandas would do no good in its place: it reads Parquet by pyarrow, or turns integers into floats.
        import pyarrow.parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as exc:
        raise DatasetError(
            f"reading {path} needs pyarrow; install it with: pip install 'hyperfunc[parquet]'"
        ) from exc
    try:
        rows = pyarrow.parquet.read_table(str(path)).to_pylist()
    except (OSError, ValueError, pyarrow.ArrowException) as exc:
        reason = " ".join(str(exc).split())  # Arrow's messages may have several lines
        raise DatasetError(f"cannot read the dataset {path}: {reason}") from exc
    yield from enumerate(rows, 1)
