"""The report of a search for sampling settings, from its result files.

Example::

    found = analysis(read_results(["results/hyper_search_auto_20260131_093015.json"]))
    print(terminal(found))
"""

from .analyzing import analysis
from .exporting import export_yaml
from .findings import Analysis
from .markdown import markdown
from .page import page
from .reading import read_results
from .records import Retest, Search, Setting, Text
from .servers import ServerExport, exports
from .terminal import terminal

__all__ = [
    "Analysis",
    "Retest",
    "Search",
    "ServerExport",
    "Setting",
    "Text",
    "analysis",
    "export_yaml",
    "exports",
    "markdown",
    "page",
    "read_results",
    "terminal",
]
