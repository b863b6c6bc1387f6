"""One entry of ``all_results``, checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperfunc.errors import EvidenceError
from hyperfunc.types import JSON

from .records import Text

__all__ = ["Entry", "entry_of", "number", "number_pair"]


_LARGEST = 1e15


@dataclass(frozen=True, slots=True)
class Entry:
    """A configuration as one file has it; equal ones share ``key``, and ``luck`` where texts are, too."""

    family: str
    parameters: Mapping[str, JSON]
    texts: tuple[Text, ...]
    key: tuple[str, str]
    seconds: float = 0.0
    p_best: float | None = None
    effective: Mapping[str, JSON] = field(default_factory=dict)
    luck: str = ""


def entry_of(
    raw: Any, where: str, prompts: Sequence[str], prefix: str = "", luck: str = ""
) -> tuple[Entry, int]:
    """An entry and how many of its scores are missing.

    Args:
        raw: as the file has it.
        where: names the entry in errors.
        prompts: texts of the prompts that the entry's indices mean; may be empty.
        prefix: put before prompts without text, which two files need not mean alike.
        luck: of a search of ours, whose seeds count the texts of a prompt from 0; put before them.

    Raises:
        EvidenceError: it lacks ``parameters`` or ``scores``, or has a score that is no number.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("parameters"), dict):
        raise EvidenceError(f"{where} has no object 'parameters'; the file is no result of a sampler search")
    scores = raw.get("scores")
    if not isinstance(scores, list):
        raise EvidenceError(f"{where} has no list 'scores'; without scores of single texts nothing is known")
    values = [number(score, f"{where}: score {n}") for n, score in enumerate(scores, 1)]
    prompts_N = _labels(raw, "prompts", len(values), where)
    seeds_N = _labels(raw, "seeds", len(values), where)
    texts = tuple(
        Text(_prompt(prompt, prompts, prefix), _word(seed) and luck + _word(seed), value)
        for prompt, seed, value in zip(prompts_N, seeds_N, values, strict=True)
        if value is not None
    )
    parameters = {
        name: _plain(value, f"{where}: {name}") for name, value in sorted(raw["parameters"].items())
    }
    family = str(raw.get("sampler_type") or "") or _family(parameters)
    effective = raw.get("effective_parameters")
    entry = Entry(
        family=family,
        parameters=parameters,
        texts=texts,
        key=(family, json.dumps(parameters, sort_keys=True)),
        seconds=number(raw.get("evaluation_time"), f"{where}: evaluation_time") or 0.0,
        p_best=number(raw.get("p_best"), f"{where}: p_best"),
        effective=effective if isinstance(effective, dict) else {},
        luck=luck,
    )
    return entry, len(values) - len(texts)


def number(value: Any, where: str) -> float | None:
    """A finite number; ``None`` for what is missing, NaN included.

    Raises:
        EvidenceError: it is something else, or so large that its square says nothing.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EvidenceError(f"{where} is {value!r:.60}, not a number; the file is damaged")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if abs(value) > _LARGEST:
        raise EvidenceError(f"{where} is above {_LARGEST:g} in size; the file is damaged")
    return float(value)


def number_pair(value: Any, where: str) -> tuple[float, float] | None:
    """Low and high of an interval, or ``None`` for none.

    Raises:
        EvidenceError: it is something else.
    """
    if value is None:
        return None
    if isinstance(value, dict):
        value = [value.get("low"), value.get("high")]
    if not isinstance(value, list) or len(value) != 2:
        raise EvidenceError(f"{where} is {value!r:.60}, not a low and a high end; the file is damaged")
    low, high = number(value[0], where), number(value[1], where)
    return None if low is None or high is None else (low, high)


def _labels(raw: Mapping[str, Any], name: str, count: int, where: str) -> Sequence[Any]:
    labels = raw.get(name)
    if labels is None:
        return [None] * count
    if not isinstance(labels, list) or len(labels) != count:
        raise EvidenceError(f"{where}: {name!r} must have one entry for each of its {count} scores")
    return labels


def _prompt(label: Any, prompts: Sequence[str], prefix: str) -> str:
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(prompts):
        return prompts[label]
    return _word(label) and prefix + _word(label)


def _word(label: Any) -> str:
    return "" if label is None else label if isinstance(label, str) else json.dumps(label)


def _plain(value: Any, where: str) -> JSON:
    """A number as the same value however it was written: 1 and 1.0 are one setting."""
    if isinstance(value, int | float) and not isinstance(value, bool) and number(value, where) is None:
        raise EvidenceError(f"{where} is no finite number; the file is damaged")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _family(parameters: Mapping[str, JSON]) -> str:
    others = [name for name in parameters if name not in ("temperature", "max_tokens", "seed")]
    return others[0] if others else "temperature"
