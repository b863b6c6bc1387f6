"""Pareto frontiers of a pool: who is best at what, and how often each is chosen for it.

Source: Agrawal et al., GEPA, arXiv:2507.19457, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Literal

from .progress import Pool

__all__ = ["Front", "shares", "winners"]

Front = Literal["instance", "objective", "hybrid", "cartesian"]


def winners(pool: Pool, front: Front) -> dict[Hashable, frozenset[str]]:
    """For everything one can be best at, ids of those that are; equal scores share the place."""
    keys: dict[Hashable, dict[str, float]] = {}
    if front in ("instance", "hybrid"):
        for member in pool.members:
            for item, score in pool.scores[member.id].items():
                keys.setdefault(item, {})[member.id] = score
    if front in ("objective", "hybrid"):
        for member in pool.members:
            for name, mean in _objective_means(pool.objectives.get(member.id, {})).items():
                keys.setdefault(("mean", name), {})[member.id] = mean
    if front == "cartesian":
        for member in pool.members:
            for item, scores in pool.objectives.get(member.id, {}).items():
                for name, score in scores.items():
                    keys.setdefault((item, name), {})[member.id] = score
    tops = {key: max(scores.values()) for key, scores in keys.items()}
    return {
        key: frozenset(name for name, score in scores.items() if score == tops[key])
        for key, scores in keys.items()
    }


def shares(pool: Pool, front: Front) -> dict[str, float]:
    """By id, on what share of the frontier each undominated member is; sums to 1 unless nothing is scored.

    A member is dominated when on everything it is best at somebody else is, too; the worst go first.
    """
    places = winners(pool, front)
    alive = set().union(*places.values()) if places else set()
    means = {member.id: pool.mean(member) for member in pool.members}
    for name in sorted(alive, key=lambda name: (means[name], name)):
        if all(len(best & alive) > 1 for best in places.values() if name in best):
            alive.discard(name)
    counts = {name: sum(name in best for best in places.values()) for name in sorted(alive)}
    total = sum(counts.values())
    return {name: count / total for name, count in counts.items()} if total else {}


def _objective_means(scores: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    columns: dict[str, list[float]] = {}
    for row in scores.values():
        for name, score in row.items():
            columns.setdefault(name, []).append(score)
    return {name: sum(column) / len(column) for name, column in columns.items()}
