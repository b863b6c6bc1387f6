"""Result files as records: those of our own searches, and those of other tools with fewer fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hyperfunc.analysis.report.text import count
from hyperfunc.errors import EvidenceError

from .entries import Entry, entry_of, number, number_pair
from .records import Retest, Search, Setting, Text

__all__ = ["read_results"]

_SAME = ("model", "judge", "server", "hyperfunc")
"""What results must share to be one comparison."""


def read_results(paths: Iterable[str | Path] | str | Path) -> Search:
    """Reads result files of sampler searches; equal configurations of several files are pooled.

    Args:
        paths: ``hyper_search_*.json`` files. Only ``all_results`` with ``parameters`` and ``scores`` is
            needed; everything else makes the report say more.

    Returns:
        The settings with all their texts. Files named twice, and older files of the same run, count once.

    Raises:
        EvidenceError: no file, a file that cannot be read or is no result file, or no score in any of them.

    Example::

        search = read_results("results/hyper_search_auto_20260131_093015.json")
        search.settings[0].mean
    """
    files = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    if not files:
        raise EvidenceError("no result file was named; give files such as results/hyper_search_*.json")
    warnings: list[str] = []
    found = _once([(path, _whole(path)) for path in files], warnings)
    entries: list[Entry] = []
    for path, whole in found:
        entries += _entries(path, whole, warnings, f"{path.name}: " if len(found) > 1 else "")
    if not entries:
        names = ", ".join(path.name for path, _ in found)
        raise EvidenceError(f"{names}: no configuration has a score; run the search again")
    metadata = _shared([_metadata(whole) for _, whole in found], warnings)
    alone = found[0] if len(found) == 1 else None
    best: Mapping[str, Any] = (alone[1].get("best_configuration") or {}) if alone else {}
    return Search(
        settings=_pooled(entries, warnings),
        metadata=metadata,
        sources=tuple(path.name for path, _ in found),
        retest=_retest(alone[0], best) if alone else None,
        recommended=best.get("recommended"),
        why=str(best.get("why") or ""),
        warnings=tuple(warnings),
    )


def _whole(path: Path) -> Mapping[str, Any]:
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EvidenceError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{path} is no JSON ({error}); it may have been cut off") from error
    if not isinstance(whole, dict) or not isinstance(whole.get("all_results"), list):
        raise EvidenceError(
            f"{path} is no result of a sampler search: it has no list 'all_results'; "
            "give files named hyper_search_*.json"
        )
    for name in ("search_metadata", "best_configuration"):
        if not isinstance(whole.get(name) or {}, dict):
            raise EvidenceError(f"{path}: {name!r} must be an object, not {type(whole[name]).__name__}")
    return whole


def _once(
    found: list[tuple[Path, Mapping[str, Any]]], warnings: list[str]
) -> list[tuple[Path, Mapping[str, Any]]]:
    """Each run once, as its file with the most texts: pooling a run with itself would invent evidence."""
    kept: dict[str, tuple[Path, Mapping[str, Any]]] = {}
    for path, whole in sorted(found, key=lambda item: (-_texts(item[1]), str(item[0]))):
        run = str(_metadata(whole).get("run_id") or json.dumps(whole, sort_keys=True))
        if run in kept:
            warnings.append(f"{path.name} holds the same run as {kept[run][0].name} and was left out.")
        else:
            kept[run] = (path, whole)
    return sorted(kept.values(), key=lambda item: str(item[0]))


def _texts(whole: Mapping[str, Any]) -> int:
    scores = [entry.get("scores") for entry in whole["all_results"] if isinstance(entry, dict)]
    return sum(len(values) for values in scores if isinstance(values, list))


def _metadata(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    return whole.get("search_metadata") or {}


def _entries(path: Path, whole: Mapping[str, Any], warnings: list[str], prefix: str) -> list[Entry]:
    if whole.get("complete") is False:
        run = _metadata(whole).get("run_id")
        warnings.append(
            f"{path.name}: the search has not ended, and what stands here as a text is the mean of a "
            f"setting's texts. Go on with it: hyperfunc sampler search --resume {run}"
        )
    prompts = _metadata(whole).get("prompts")
    names = [str(prompt) for prompt in prompts] if isinstance(prompts, list) else []
    luck = _luck(_metadata(whole))
    entries, empty, lost = [], 0, 0
    for place, raw in enumerate(whole["all_results"], 1):
        entry, missing = entry_of(raw, f"{path}: entry {place} of all_results", names, prefix, luck)
        lost += missing
        if entry.texts:
            entries.append(entry)
        else:
            empty += 1
    if empty:
        warnings.append(f"{path.name}: {empty} of its configurations have no score and were left out.")
    if lost:
        warnings.append(f"{path.name}: {lost} scores are missing (failures); they are not counted as scores.")
    return entries


def _luck(metadata: Mapping[str, Any]) -> str:
    """What besides setting, prompt and take makes a text of our own searches and its score; else nothing."""
    if "hyperfunc" not in metadata:
        return ""
    names = ("model", "judge", "server", "hyperfunc", "seed")
    config = metadata.get("config")
    length = config.get("max_length") if isinstance(config, dict) else None
    return json.dumps([*(metadata.get(name) for name in names), length], sort_keys=True, default=str)


def _pooled(entries: list[Entry], warnings: list[str]) -> tuple[Setting, ...]:
    """Equal configurations as one, all in an order that depends on what they are alone.

    A text that two searches of the same luck hold is one text and no new evidence.
    """
    gathered: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        gathered.setdefault(entry.key, []).append(entry)
    settings = []
    twice = 0
    for key in sorted(gathered, key=lambda key: (key[0], _order(gathered[key][0]), key[1])):
        same = gathered[key]
        texts: list[Text] = []
        for entry in sorted(same, key=lambda entry: (-len(entry.texts), entry.texts)):
            seen = set(texts)
            fresh = [text for text in entry.texts if not entry.luck or text not in seen]
            twice += len(entry.texts) - len(fresh)
            texts += fresh
        chances = [entry.p_best for entry in same if entry.p_best is not None]
        settings.append(
            Setting(
                family=same[0].family,
                parameters=same[0].parameters,
                texts=tuple(sorted(texts)),
                entries=len(same),
                seconds=sum(sorted(entry.seconds for entry in same)),
                p_best=chances[0] if len(same) == 1 and chances else None,
                effective=next((entry.effective for entry in same if entry.effective), {}),
            )
        )
    if twice:
        warnings.append(
            f"{count(twice, 'texts')} stand in several files, for the searches had the same model, judge and "
            "seed; each counts once."
        )
    return tuple(settings)


def _order(entry: Entry) -> tuple[float, ...]:
    values = (entry.parameters[name] for name in sorted(entry.parameters))
    return tuple(float(v) for v in values if isinstance(v, int | float))


def _shared(all_metadata: list[Mapping[str, Any]], warnings: list[str]) -> dict[str, Any]:
    """What all files say alike; what they must share and do not is a warning."""
    if len(all_metadata) == 1:
        return dict(all_metadata[0])
    for name in _SAME:
        values = sorted({str(m[name]) for m in all_metadata if m.get(name) is not None})
        if len(values) > 1:
            warnings.append(
                f"The files differ in {name} ({', '.join(values)}): pooled scores compare different things."
            )
    first = all_metadata[0]
    return {n: v for n, v in first.items() if all(n in m and m[n] == v for m in all_metadata)}


def _retest(path: Path, best: Mapping[str, Any]) -> Retest | None:
    raw = best.get("retest")
    if not raw:
        return None
    where = f"{path}: the retest of best_configuration"
    if not isinstance(raw, dict) or not isinstance(best.get("parameters"), dict):
        raise EvidenceError(f"{where} must be an object beside 'parameters'; run the search again")
    mean = number(raw.get("mean_score"), f"{where}: mean_score")
    if mean is None:
        return None
    runner_up, neutral = raw.get("runner_up"), raw.get("neutral")
    plain = neutral if isinstance(neutral, dict) else {}
    return Retest(
        family=str(best.get("sampler_type") or ""),
        parameters=best["parameters"],
        mean=mean,
        interval=number_pair(raw.get("interval"), f"{where}: interval"),
        runner_up=runner_up if isinstance(runner_up, dict) else None,
        difference=number(raw.get("difference"), f"{where}: difference"),
        difference_interval=number_pair(raw.get("difference_interval"), f"{where}: difference_interval"),
        p=number(raw.get("p_holm"), f"{where}: p_holm"),
        neutral=number(plain.get("mean_score"), f"{where}: neutral.mean_score"),
        gain=number(plain.get("difference"), f"{where}: neutral.difference"),
        gain_p=number(plain.get("p_holm"), f"{where}: neutral.p_holm"),
    )
