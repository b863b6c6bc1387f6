"""A report of one run, as data, as one self-contained HTML page, and as Markdown.

Example::

    >>> from hyperfunc.analysis.report import build, render_html
    >>> page = render_html(build(ledger, "20260131-093015-4f2a"))  # doctest: +SKIP
"""

from .data import ReportData, build
from .markdown import render_markdown
from .page import render_html
from .write import write_report

__all__ = ["ReportData", "build", "render_html", "render_markdown", "write_report"]
