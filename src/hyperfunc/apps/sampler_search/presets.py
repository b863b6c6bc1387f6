"""Exported settings, read back: ``best_overall`` and ``best_by_sampler`` of a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperfunc.errors import SpaceError, did_you_mean
from hyperfunc.llm.models_file import read_mapping
from hyperfunc.llm.providers.parameters import NEUTRAL, bounds_of

from .families import WHOLE, Setting

__all__ = ["read_presets"]

_IGNORED = ("max_tokens", "seed")


def read_presets(path: Path) -> dict[str, Setting]:
    """The settings of an exported file by name, ``best_overall`` first.

    Args:
        path: as ``hyperfunc sampler analyze --export`` writes it.

    Raises:
        ModelError: it is no YAML.
        SpaceError: it has no settings, or a parameter that does not exist.

    Example::

        read_presets(Path("best.yaml"))["best_overall"].parameters
    """
    whole = read_mapping(path)
    by_sampler = whole.get("best_by_sampler") or {}
    if not isinstance(by_sampler, Mapping):
        raise SpaceError(f"{path}: best_by_sampler is {by_sampler!r:.60}; write settings by sampler")
    given = {str(name): entry for name, entry in by_sampler.items()}
    if whole.get("best_overall"):
        given = {"best_overall": whole["best_overall"], **given}
    if not given:
        raise SpaceError(
            f"{path} has neither best_overall nor best_by_sampler; write one with hyperfunc sampler analyze "
            "--export FILE.yaml"
        )
    return {name: _setting(entry, f"{path}: {name}") for name, entry in given.items()}


def _setting(entry: Any, where: str) -> Setting:
    parameters = entry.get("parameters") if isinstance(entry, Mapping) else None
    if not isinstance(parameters, Mapping) or not parameters:
        raise SpaceError(f"{where} has no parameters; write names with numbers")
    kept = {}
    for name, value in parameters.items():
        if name in _IGNORED:
            continue
        if name not in NEUTRAL:
            hint = did_you_mean(str(name), NEUTRAL) or ";"
            raise SpaceError(f"{where} has {name!r}{hint} the parameters are {', '.join(NEUTRAL)}")
        low, high = bounds_of(str(name))
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise SpaceError(f"{where}: {name} is {value!r}; give a number in [{low:g}, {high:g}]")
        kept[str(name)] = int(value) if name in WHOLE else float(value)
    return Setting(str(entry.get("sampler") or "none"), kept)
