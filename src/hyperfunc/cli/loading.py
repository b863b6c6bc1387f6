"""What the user names as ``module:name``: systems and metrics."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hyperfunc.errors import did_you_mean

if TYPE_CHECKING:
    from hyperfunc.system import HyperSystem

__all__ = ["load_metric", "load_system"]


def load_system(name: str) -> HyperSystem:
    """A system from its ``module:name``; a class is called without arguments.

    A module of the user lies where the command is called, which a console script does not search by itself.

    Raises:
        UsageError: there is none of this name.
    """
    from hyperfunc.system import HyperSystem

    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    found = _find(name, "MODULE:SYSTEM")
    if isinstance(found, type) and issubclass(found, HyperSystem):
        found = found()
    if not isinstance(found, HyperSystem):
        raise click.UsageError(f"{name} is {_article(found)}, and a HyperSystem is needed")
    return found


def load_metric(name: str) -> Any:
    """A metric from its short name or its ``module:name``.

    Raises:
        UsageError: there is none of this name.
        MetricError: it is no metric.
    """
    from hyperfunc.evaluation import ContainsMatch, ExactMatch, JSONFields
    from hyperfunc.evaluation.metrics import as_metric

    short = {"exact": ExactMatch, "contains": ContainsMatch, "json": JSONFields}
    if name in short:
        return short[name]()
    if ":" not in name:
        hint = did_you_mean(name, short)
        raise click.UsageError(
            f"the metric {name!r} is none of {', '.join(short)} and no MODULE:FUNCTION{hint}"
        )
    return as_metric(_find(name, "MODULE:FUNCTION"))


def _find(name: str, form: str) -> Any:
    module_name, colon, path = name.partition(":")
    if not colon or not module_name or not path:
        raise click.UsageError(f"{name!r} is not of the form {form}")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise click.UsageError(
                f"there is no module {module_name!r} in this folder or installed"
            ) from error
        raise
    for part in path.split("."):
        if not hasattr(found, part):
            hint = did_you_mean(part, [key for key in vars(found) if not key.startswith("_")])
            raise click.UsageError(f"{module_name} has no {path!r}{hint}")
        found = getattr(found, part)
    return found


def _article(value: Any) -> str:
    kind = "class" if isinstance(value, type) else type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
