"""Examples that are there twice, within a dataset or on both sides of a split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hyperfunc.ledger.keys import content_key

from .example import Example

__all__ = ["Match", "Overlap", "find_duplicates", "find_leaks", "near_key"]

Kind = Literal["equal", "conflict", "near", "group"]

_WORDS: Mapping[Kind, str] = {
    "equal": "equal inputs, equal expectation",
    "conflict": "equal inputs, different expectations",
    "near": "inputs that differ in case or white space only",
    "group": "the same group",
}


@dataclass(frozen=True, slots=True)
class Match:
    """Examples that have something in common.

    Args:
        kind: ``equal`` (inputs and expectation), ``conflict`` (equal inputs, different expectations),
            ``near`` (inputs whose texts are equal only after case folding and with single spaces), or
            ``group`` (one group on both sides).
        here: positions in the dataset.
        there: positions in the other dataset; empty when there is only one.
    """

    kind: Kind
    here: tuple[int, ...]
    there: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """What :meth:`Dataset.duplicates` and :meth:`Dataset.leaks` found; false when it is nothing.

    Args:
        matches: one entry per set of examples that have something in common.
        unchecked: how many examples have inputs without a content key, so that nothing is known of them.
    """

    matches: tuple[Match, ...]
    unchecked: int = 0

    def __bool__(self) -> bool:
        return bool(self.matches)

    def of(self, kind: Kind) -> tuple[Match, ...]:
        """The matches of one kind."""
        return tuple(match for match in self.matches if match.kind == kind)

    def __str__(self) -> str:
        lines = []
        for match in self.matches:
            there = f" and {_numbers(match.there)} of the other" if match.there else ""
            lines.append(f"{_WORDS[match.kind]}: {_numbers(match.here)}{there}")
        if self.unchecked:
            lines.append(f"not comparable: {self.unchecked}")
        return "\n".join(lines) or "no overlap"


def find_duplicates(examples: Sequence[Example]) -> Overlap:
    """Examples of one dataset that are there more than once."""
    matches = []
    for bucket in _buckets(examples).values():
        by_inputs = _grouped(bucket, [examples[i].luck for i in bucket])
        repeated = (same for same in by_inputs.values() if len(same) > 1)
        matches += [Match(_kind(examples[i] for i in same), tuple(same)) for same in repeated]
        if len(by_inputs) > 1:
            matches.append(Match("near", tuple(bucket)))
    return Overlap(tuple(matches), _unchecked(examples))


def find_leaks(examples: Sequence[Example], others: Sequence[Example]) -> Overlap:
    """Examples and groups of one dataset that the other has, too."""
    matches = []
    ours, theirs = _buckets(examples), _buckets(others)
    for near in (near for near in ours if near in theirs):
        here = _grouped(ours[near], [examples[i].luck for i in ours[near]])
        there = _grouped(theirs[near], [others[i].luck for i in theirs[near]])
        for luck in (luck for luck in here if luck in there):
            rows = [*(examples[i] for i in here[luck]), *(others[i] for i in there[luck])]
            matches.append(Match(_kind(rows), tuple(here[luck]), tuple(there[luck])))
        if len({*here, *there}) > 1:
            matches.append(Match("near", tuple(ours[near]), tuple(theirs[near])))
    groups, known = (
        _grouped([i for i, e in enumerate(side) if e.group], [e.group for e in side if e.group])
        for side in (examples, others)
    )
    matches += [Match("group", tuple(groups[g]), tuple(known[g])) for g in groups if g in known]
    return Overlap(tuple(matches), _unchecked(examples) + _unchecked(others))


def near_key(example: Example) -> str | None:
    """Content key of the inputs with texts case-folded and white space made single spaces."""
    if example.luck is None:
        return None
    return content_key("near", example.fn_name, _plain(dict(example.inputs)))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.casefold().split())
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _kind(rows: Iterable[Example]) -> Kind:
    return "equal" if len({_expectation(e) for e in rows}) == 1 else "conflict"


def _expectation(example: Example) -> object:
    # An expectation without a content key equals none but itself.
    return id(example) if example.key is None else example.key


def _buckets(examples: Sequence[Example]) -> dict[Any, list[int]]:
    keys = [near_key(e) for e in examples]
    found = _grouped(list(range(len(keys))), keys)
    found.pop(None, None)
    return found


def _grouped(positions: Sequence[int], keys: Sequence[Any]) -> dict[Any, list[int]]:
    found: dict[Any, list[int]] = {}
    for position, key in zip(positions, keys, strict=True):
        found.setdefault(key, []).append(position)
    return found


def _unchecked(examples: Iterable[Example]) -> int:
    return sum(e.luck is None for e in examples)


def _numbers(positions: Sequence[int]) -> str:
    return ", ".join(map(str, positions))
