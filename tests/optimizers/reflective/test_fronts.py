"""Frontiers against GEPA's rule, written down once more without any cleverness."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.optimizers.reflective.playing import Silent, by_words, play, problem, space

from hyperfunc.optimizers.reflective import Pareto, Reflective
from hyperfunc.optimizers.reflective.fronts import Front, shares, winners
from hyperfunc.optimizers.reflective.progress import Pool

FRONTS: tuple[Front, ...] = ("instance", "objective", "hybrid", "cartesian")
SCORES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
ROWS = st.lists(
    st.dictionaries(st.integers(0, 3), st.tuples(SCORES, SCORES, SCORES), min_size=1), min_size=1, max_size=6
)


def pool_of(rows: list[dict[int, tuple[float, float, float]]]) -> Pool:
    start = space(1).default
    members = tuple(start.replace({"part0.prompt": f"text {place}"}) for place in range(len(rows)))
    scores = {m.id: {i: row[0] for i, row in each.items()} for m, each in zip(members, rows, strict=True)}
    objectives = {
        m.id: {i: {"right": row[1], "short": row[2]} for i, row in each.items()}
        for m, each in zip(members, rows, strict=True)
    }
    return Pool(members[0], members, scores, objectives)


def brute_winners(pool: Pool, front: Front) -> dict[Hashable, frozenset[str]]:
    table: dict[Hashable, dict[str, float]] = {}
    for member in pool.members:
        if front in ("instance", "hybrid"):
            for item, score in pool.scores[member.id].items():
                table.setdefault(item, {})[member.id] = score
        rows = pool.objectives[member.id]
        for name in ("right", "short"):
            if front in ("objective", "hybrid"):
                mean = sum(row[name] for row in rows.values()) / len(rows)
                table.setdefault(("mean", name), {})[member.id] = mean
            if front == "cartesian":
                for item, row in rows.items():
                    table.setdefault((item, name), {})[member.id] = row[name]
    return {
        key: frozenset(name for name in row if all(row[name] >= other for other in row.values()))
        for key, row in table.items()
    }


def brute_shares(pool: Pool, places: Mapping[Hashable, frozenset[str]]) -> dict[str, float]:
    """Remove a dominated member, the worst first, and look again from the beginning until none is left."""
    means = {member.id: pool.mean(member) for member in pool.members}
    alive = {name for best in places.values() for name in best}
    removed = True
    while removed:
        removed = False
        for name in sorted(alive, key=lambda name: (means[name], name)):
            mine = [best for best in places.values() if name in best]
            if all(any(other in alive and other != name for other in best) for best in mine):
                alive.remove(name)
                removed = True
                break
    counts = {name: sum(name in best for best in places.values()) for name in alive}
    return {name: count / sum(counts.values()) for name, count in counts.items()}


@given(ROWS, st.sampled_from(FRONTS))
def test_winners_and_shares_are_those_of_the_rule(
    rows: list[dict[int, tuple[float, float, float]]], front: Front
) -> None:
    pool = pool_of(rows)
    places = brute_winners(pool, front)
    assert winners(pool, front) == places
    found, expected = shares(pool, front), brute_shares(pool, places)
    assert found == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(1)
    assert all(any(name in found for name in best) for best in places.values()), "nothing good is lost"


def test_of_two_that_are_equal_everywhere_the_worse_elsewhere_goes() -> None:
    pool = pool_of([{0: (1.0, 0, 0), 1: (0.0, 0, 0)}, {0: (1.0, 0, 0), 1: (0.5, 0, 0)}])
    assert shares(pool, "instance") == {pool.members[1].id: 1.0}


def test_a_pool_without_scores_has_no_front() -> None:
    start = space(1).default
    empty = Pool(start, (start,), {start.id: {}}, {})
    for front in FRONTS:
        assert winners(empty, front) == {}
        assert shares(empty, front) == {}


@pytest.mark.parametrize("front", FRONTS)
def test_objectives_come_from_the_details_of_a_metric(front: Front) -> None:
    optimizer = Reflective(Silent(), parents=Pareto(front, best=0.0), max_proposals=25)
    objectives = {
        "right": by_words,
        "short": lambda candidate, *_: 1 / (1 + len(candidate["part0.prompt"])),
        "nonsense": lambda *_: float("nan"),
    }
    done = play(optimizer, problem(), objectives=objectives, answers=2000)
    known = done.state.own.objectives
    assert set(next(iter(known[problem().start.id].values()))) == {"right", "short"}
    assert len({consult.parents[0].id for consult in done.consults}) > 1
