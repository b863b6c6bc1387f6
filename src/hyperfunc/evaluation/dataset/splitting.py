"""Which example goes to which part: by groups, by content, and balanced by the choice of a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from hyperfunc.errors import DatasetError
from hyperfunc.ledger.keys import canonical_json
from hyperfunc.rng import seed_of

from .example import Example
from .overlap import near_key

__all__ = [
    "Stratify",
    "balanced_seed",
    "part_of_each",
    "shares_of",
    "split_examples",
    "strata_of",
    "units_of",
]

Stratify = Literal["expected"] | Callable[[Example], object]


def shares_of(train: float | None, validation: float, test: float) -> dict[str, float]:
    """The shares by name; test first, then validation, so that the test part depends on its share only.

    Raises:
        DatasetError: a share lies outside [0, 1], or they do not sum to 1.
    """
    rest = 1.0 - validation - test
    if train is None:
        train = 0.0 if abs(rest) < 1e-9 else rest
    shares = {"test": test, "validation": validation, "train": train}
    if any(not 0 <= share <= 1 for share in shares.values()) or abs(train - rest) > 1e-9:
        raise DatasetError(
            "the shares train, validation and test lie in [0, 1] and sum to 1, "
            f"and got {train:g}, {validation:g} and {test:g}"
        )
    return shares


def units_of(examples: Sequence[Example]) -> list[str]:
    """What is never split apart: a group, or inputs that are the same but for case and white space.

    Raises:
        DatasetError: an example has neither group nor id, and inputs without a content key.
    """
    units = []
    for i, example in enumerate(examples):
        if example.group is not None and example.group != "":
            unit: object = ("group", example.group)
        else:
            unit = near_key(example) or (example.id and ("id", example.id))
        if not unit:
            raise DatasetError(f"example {i} has inputs without a content key: give it a group or an id")
        units.append(repr(unit))
    return units


def part_of_each(units: Sequence[str], shares: Mapping[str, float], seed: int) -> list[str]:
    """The part of each unit, a function of the unit, the seed and the shares alone."""
    known: dict[str, str] = {}
    for unit in units:
        if unit not in known:
            known[unit] = _part(seed_of(seed, "part", unit) / 2**63, shares)
    return [known[unit] for unit in units]


def _part(position: float, shares: Mapping[str, float]) -> str:
    edge = 0.0
    for name, share in shares.items():
        edge += share
        if position < edge:
            return name
    return max(shares, key=lambda name: shares[name])  # rounding left the last edge just below 1


def strata_of(examples: Sequence[Example], by: Stratify) -> list[str]:
    """The stratum of each example: its expectation, or what a function of it says.

    Raises:
        DatasetError: a stratum has no canonical form.
    """
    strata = []
    for i, example in enumerate(examples):
        value = example.expected if by == "expected" else by(example)
        try:
            strata.append(value if isinstance(value, str) else canonical_json(value).decode())
        except (TypeError, ValueError) as exc:
            raise DatasetError(f"example {i} has no stratum: {exc}") from exc
    return strata


def balanced_seed(
    examples: Sequence[Example], shares: Mapping[str, float], by: Stratify, seed: int, tries: int
) -> int:
    """Of ``tries`` seeds from ``seed`` on, the one whose parts hold the strata in the truest shares.

    True is a small sum of (count - expected count)² / expected count over strata and parts.

    Raises:
        DatasetError: every example is a stratum of its own.
    """
    strata = strata_of(examples, by)
    sizes = Counter(strata)
    if len(sizes) == len(strata):
        raise DatasetError(
            f"no two of {len(strata)} examples share a stratum; stratify by a function with fewer values"
        )
    wanted = {(s, part): n * share for s, n in sizes.items() for part, share in shares.items() if share > 0}
    units = units_of(examples)

    def imbalance(candidate: int) -> float:
        counts = Counter(zip(strata, part_of_each(units, shares, candidate), strict=True))
        return sum((counts[cell] - goal) ** 2 / goal for cell, goal in wanted.items())

    return min(range(seed, seed + tries), key=imbalance)


def split_examples(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Hold out about ``share`` of the examples; groups and duplicates stay on one side.

    The units with the lowest hashes are held out until the share is filled, so that the share is met; a
    unit near the edge may change its side when examples are added. :meth:`Dataset.split` never does that.

    Returns:
        ``(rest, held_out)``, both in the given order.
    """
    units = [e.group or e.luck or f"#{i}" for i, e in enumerate(examples)]
    ranked = sorted(set(units), key=lambda unit: seed_of(seed, "split", unit))
    target, taken, held = share * len(examples), 0, set[str]()
    sizes = Counter(units)
    for unit in ranked[:-1]:
        if taken >= target:
            break
        held.add(unit)
        taken += sizes[unit]
    rest = tuple(e for e, unit in zip(examples, units, strict=True) if unit not in held)
    out = tuple(e for e, unit in zip(examples, units, strict=True) if unit in held)
    return rest, out
