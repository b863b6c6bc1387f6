"""The first lines of a report: what was tried, and what a reader has to know before trusting it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from hyperfunc.analysis.report import text

from .findings import Finding
from .records import Search

__all__ = ["caveats", "overview"]

_ABOUT = ("strategy", "model", "judge", "server", "seed", "budget", "run_id", "timestamp")


def overview(search: Search, findings: Sequence[Finding]) -> tuple[tuple[str, str], ...]:
    """Names and values of what was done."""
    settings = search.settings
    entries = sum(setting.entries for setting in settings)
    texts = sum(len(setting.texts) for setting in settings)
    seconds = sum(setting.seconds for setting in settings)
    top = max(settings, key=lambda setting: setting.mean)
    prompts = {t.prompt for setting in settings for t in setting.texts} - {""}
    again = search.metadata.get("retest_texts")
    cost = search.metadata.get("cost")
    pairs = [
        (
            "settings",
            f"{len(settings):,}" + (f" ({entries:,} entries pooled)" if entries > len(settings) else ""),
        ),
        ("texts", f"{texts:,}" + (f", and {again:,} in the retest" if isinstance(again, int) else "")),
        ("prompts", f"{len(prompts):,}" if prompts else "not in the file"),
        ("highest mean measured", text.score(top.mean)),
        ("best, noise taken out", text.score(findings[0].expected)),
        ("time", text.clock(seconds) if seconds and not _timed(cost) else ""),
        *((name.replace("_", " "), _value(search.metadata.get(name))) for name in _ABOUT),
        ("cost, retest included" if _timed(cost) and isinstance(again, int) else "cost", _spent(cost)),
        ("the search itself said", _said(search)),
        ("files", ", ".join(search.sources)),
    ]
    return tuple((name, value) for name, value in pairs if value)


def _timed(cost: object) -> bool:
    """Whether it says how long everything took."""
    return isinstance(cost, dict) and isinstance(cost.get("seconds"), int | float)


def _spent(cost: object) -> str:
    """``1,240 calls, 61,300 tokens, $0.12, 1 min 05 s``; whatever a file of others says, as it is."""
    if not isinstance(cost, dict):
        return _value(cost)
    amounts = {n: v for n, v in cost.items() if isinstance(v, int | float) and v and math.isfinite(v)}
    kinds: dict[str, Callable[[float], str]] = {
        "calls": lambda v: text.count(v, "calls"), "tokens": lambda v: text.count(v, "tokens"),
        "dollars": text.money, "seconds": text.clock,
    }  # fmt: skip
    said = ", ".join(kinds[name](value) for name, value in amounts.items() if name in kinds)
    return said or _value(cost)


def _said(search: Search) -> str:
    """Its own recommendation and reason."""
    if search.recommended is None and not search.why:
        return ""
    words = {True: "use it", False: "no winner", None: ""}
    verdict = words.get(search.recommended) if isinstance(search.recommended, bool | None) else None
    parts = (_value(search.recommended) if verdict is None else verdict, text.shorten(search.why, 200))
    return "; ".join(part for part in parts if part)


def _value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(map(_value, value))
    if isinstance(value, dict):
        # What lies deeper, such as a whole report of the probe, is in the file.
        words = {name: "" if isinstance(item, dict) else _value(item) for name, item in value.items()}
        return ", ".join(
            f"{text.plain(name).replace('_', ' ')} {word}" for name, word in words.items() if word
        )
    return text.shorten(text.plain(value), 120)


def caveats(search: Search, findings: Sequence[Finding]) -> tuple[str, ...]:
    """What the numbers cannot say, one sentence each."""
    settings = search.settings
    texts = [t for setting in settings for t in setting.texts]
    prompts = {t.prompt for t in texts}
    said = []
    if "" in prompts:
        said.append(
            "The prompts of the scores are not in the file: every text counts as a prompt of its own, "
            "which makes intervals too narrow if few prompts were used many times."
        )
    elif len(prompts) < 5:
        count = text.count(len(prompts), "prompts")
        said.append(f"There were only {count}: what is said holds for these, not for others.")
    single = sum(len(setting.texts) < 2 for setting in settings)
    if single:
        said.append(f"{text.count(single, 'settings')} of {len(settings)} rest on a single text.")
    if len(settings) > 1 and max(settings, key=lambda s: s.mean) is not findings[0].setting:
        said.append(
            "The setting with the highest mean is not the one with the highest expected score: "
            "its mean is partly luck."
        )
    ignored = _ignored(search)
    if ignored:
        said.append(f"The server did not use what it was asked for: {', '.join(ignored)}.")
    return tuple(said)


def _ignored(search: Search) -> list[str]:
    """Parameters whose effective value is another one."""
    found: dict[str, None] = {}
    for setting in search.settings:
        for name, asked in setting.parameters.items():
            used = setting.effective.get(name, asked)
            if isinstance(asked, int | float) and isinstance(used, int | float):
                if abs(used - asked) > 1e-4 * max(1.0, abs(asked)):
                    found[f"{name} {asked:g} became {used:g}"] = None
            elif used != asked:
                found[f"{name} {asked} became {used}"] = None
    return list(found)[:5]
