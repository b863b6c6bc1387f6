"""A report as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .data import build
from .markdown import render_markdown
from .page import render_html

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger

__all__ = ["write_report"]


def write_report(ledger: Ledger, run_id: str, path: str | Path) -> Path:
    """Writes the report of a run: Markdown when the name ends in ``.md``, else HTML.

    Args:
        ledger: an open ledger.
        run_id: the run, or the beginning of its id.
        path: of the file; folders are made.

    Returns:
        The path of the file.

    Raises:
        LedgerError: the ledger has no such run.
        OSError: the file cannot be written.
    """
    data = build(ledger, run_id)
    file = Path(path)
    render = render_markdown if file.suffix.lower() in {".md", ".markdown"} else render_html
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(data), encoding="utf-8")
    return file
