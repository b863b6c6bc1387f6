"""Configuration files: read strictly, so that no setting is lost without a word."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hyperfunc.errors import SpaceError, did_you_mean
from hyperfunc.llm.models_file import read_mapping
from hyperfunc.llm.providers.parameters import bounds_of

from .config import ALL, KEYS, STRATEGIES, SearchConfig
from .families import WHOLE, Family, Range, Span, family_named

__all__ = ["SHIPPED", "load_config"]

SHIPPED = Path(__file__).parent / "configs" / "default.yaml"
"""The configuration that is used when nobody names another one."""

_ALIASES = {"judge_model": "judge"}
_SPAN = ("min", "max", "log", "points")


def load_config(path: Path | None = None, section: str | None = None) -> SearchConfig:
    """Read a configuration.

    Keys at the root hold for all; a mapping under any other name is a section, whose keys go before those of
    the root where the section is chosen. All sections are checked, chosen or not.

    Args:
        path: a YAML or JSON file; the shipped one when left out.
        section: the section to use; none when left out.

    Raises:
        ModelError: the file cannot be read.
        SpaceError: a key or a section that does not exist, or a value of another kind.

    Example::

        load_config(section="quick_test").samples_per_config
    """
    file = path or SHIPPED
    whole = read_mapping(file)
    names = [*KEYS, *_ALIASES]
    sections = {
        str(name): part for name, part in whole.items() if name not in names and isinstance(part, Mapping)
    }
    root = {name: value for name, value in whole.items() if str(name) not in sections}
    shared = _read(root, str(file))
    made = {
        name: {**shared, **_read(part, f"{file}: {name}", did_you_mean(name, names))}
        for name, part in sections.items()
    }
    configs = {name: SearchConfig(**values).check() for name, values in made.items()}
    if section is None:
        return SearchConfig(**shared).check()
    if section not in configs:
        known = ", ".join(configs) or "none"
        hint = did_you_mean(section, configs) or ";"
        raise SpaceError(f"{file} has no section {section!r}{hint} its sections are: {known}")
    return configs[section]


def _read(given: Mapping[Any, Any], where: str, hint: str = "") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for raw, value in given.items():
        name = _ALIASES.get(str(raw), str(raw))
        if name not in KEYS:
            near = did_you_mean(str(raw), [*KEYS, *_ALIASES])
            meant = f", or is the section's own name a mistake{hint}" if hint and not near else ""
            raise SpaceError(
                f"{where} has {str(raw)!r}, which is not known{near or meant or ';'} the keys are "
                f"{', '.join(KEYS)}"
            )
        if name in values:
            raise SpaceError(f"{where} says {name} twice, as {raw!r} and under its other name; keep one")
        if value is not None:
            values[name] = _READERS[name](value, f"{where}: {name}")
    return values


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SpaceError(f"{where} is {value!r}; write a text")
    return value


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpaceError(f"{where} is {value!r}; write a whole number")
    return value


def _strategy(value: Any, where: str) -> str:
    if value not in STRATEGIES:
        hint = did_you_mean(str(value), STRATEGIES) or ";"
        raise SpaceError(f"{where} is {value!r}{hint} choose one of {', '.join(STRATEGIES)}")
    return str(value)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise SpaceError(f"{where} is {value!r:.60}; write a list of texts")
    return tuple(_text(item, f"{where}, entry {number}") for number, item in enumerate(value, 1))


def _families(value: Any, where: str) -> tuple[str, ...]:
    if value == ALL:
        return ()
    names = _texts(value, where)
    for name in names:
        _family(name, where)
    return tuple(dict.fromkeys(names))


def _family(name: str, where: str) -> Family:
    try:
        return family_named(name)
    except SpaceError as error:
        raise SpaceError(f"{where}: {error}") from None


def _ranges(value: Any, where: str) -> dict[str, dict[str, Range]]:
    ranges: dict[str, dict[str, Range]] = {}
    for family, named in _mapping(value, where).items():
        known = _family(str(family), where).parameters
        ranges[str(family)] = {}
        for name, range_ in _mapping(named, f"{where}: {family}").items():
            if name not in known:
                hint = did_you_mean(str(name), known) or ";"
                raise SpaceError(f"{where}: {family} has no {name!r}{hint} it has {', '.join(known)}")
            ranges[str(family)][str(name)] = _range(str(name), range_, f"{where}: {family}: {name}")
    return ranges


def _range(name: str, value: Any, where: str) -> Range:
    if isinstance(value, Mapping):
        return _span(name, value, where)
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise SpaceError(f"{where} is an empty list; write values, or {{min: ..., max: ...}}")
    numbers = [_number(name, item, where) for item in listed]
    if len(set(numbers)) < len(numbers):
        raise SpaceError(f"{where} lists a value twice; each is tried once")
    return tuple(numbers)


def _span(name: str, value: Mapping[Any, Any], where: str) -> Span:
    for key in value:
        if key not in _SPAN:
            hint = did_you_mean(str(key), _SPAN) or ";"
            raise SpaceError(f"{where} has {key!r}, which is not known{hint} it may have {', '.join(_SPAN)}")
    for key in ("min", "max"):
        if key not in value:
            raise SpaceError(f"{where} has no {key}; write {{min: ..., max: ...}}")
    low, high = (_number(name, value[key], where) for key in ("min", "max"))
    log, points = value.get("log", False), value.get("points", 5)
    if not isinstance(log, bool):
        raise SpaceError(f"{where}: log is {log!r}; write true or false")
    if not low < high or (log and low <= 0):
        below = " and be above 0 on a logarithmic scale" if log else ""
        raise SpaceError(f"{where} goes from {low:g} to {high:g}; min must be below max{below}")
    if _whole(points, f"{where}: points") < 1:
        raise SpaceError(f"{where}: points is {points}; give at least 1")
    return Span(low, high, log, points)


def _number(name: str, value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SpaceError(f"{where} has {value!r}; write numbers")
    low, high = bounds_of(name)
    if not low <= value <= high or (name in WHOLE and value != int(value)):
        kind = "a whole number" if name in WHOLE else "a number"
        raise SpaceError(f"{where} has {value!r}; give {kind} in [{low:g}, {high:g}]")
    return int(value) if name in WHOLE else float(value)


def _mapping(value: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping) or not value:
        raise SpaceError(f"{where} is {value!r:.60}; write names with values")
    return value


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "model": _text,
    "judge": _text,
    "search_strategy": _strategy,
    "n_iterations": _whole,
    "samples_per_config": _whole,
    "max_length": _whole,
    "seed": _whole,
    "sampler_types": _families,
    "parameter_ranges": _ranges,
    "test_prompts": _texts,
    "retest_prompts": _texts,
    "retest_samples": _whole,
    "parallel_workers": _whole,
    "output_dir": _text,
}
