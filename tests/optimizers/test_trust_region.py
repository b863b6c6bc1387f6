"""A trust region grows with success, shrinks with failure, and begins anew; its box holds what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import TrustRegion
from hyperfunc.optimizers.bayes.encoding import Encoding
from hyperfunc.optimizers.botorch_gp.region import Box, Region
from hyperfunc.spaces import Choice, Integer, Real, Space, When

RULE = TrustRegion(first=0.4, least=0.15, most=0.8, successes=2, failures=3)


def after(region: Region, *batches: tuple[float, ...], best: float = 0.0) -> Region:
    """The region when batches with these means were sent and scored one after the other."""
    worth = {"start": best}
    for batch in batches:
        names = [f"c{len(worth) + place}" for place in range(len(batch))]
        worth.update(zip(names, batch, strict=True))
        region = RULE.judged(region.sent(names), worth, 2)
    return region


def test_success_in_a_row_doubles_it_up_to_the_most() -> None:
    region = after(RULE.begin("start"), (1.0,))
    assert (region.length, region.successes) == (0.4, 1)
    assert after(RULE.begin("start"), (1.0,), (2.0,)).length == 0.8
    assert after(RULE.begin("start"), *((float(n),) for n in range(1, 9))).length == 0.8
    assert after(RULE.begin("start"), (1.0,), (0.5,), (2.0,)).length == 0.4


def test_candidates_that_fail_in_a_row_halve_it_however_they_are_batched() -> None:
    for batches in ([(-1.0,), (-1.0,), (-1.0,)], [(-1.0, -2.0, -3.0)], [(0.0, -1.0), (0.0005,)]):
        region = after(RULE.begin("start"), *batches)
        assert (region.length, region.failed, region.restarts) == (0.2, 0, 0)
    assert after(RULE.begin("start"), (-1.0, -1.0), (1.0,), (-1.0, -1.0)).length == 0.4


def test_it_begins_anew_when_it_is_tiny_and_forgets_its_members() -> None:
    region = after(RULE.begin("start"), (-1.0,) * 3, (-1.0,) * 3)
    assert region == Region(RULE.first, restarts=1)
    # The first that open a new region are no failure, though an old one was better.
    fresh = region.opened(["new"]).sent(["next"])
    judged = RULE.judged(fresh, {"start": 9.0, "new": 1.0, "next": 2.0}, 2)
    assert (judged.successes, judged.failed) == (1, 0)


def test_a_batch_is_judged_once_and_only_when_something_is_known() -> None:
    waiting = RULE.begin("start").sent(["a", "b"]).sent(["c"])
    assert RULE.judged(waiting, {"start": 0.0}, 2) == waiting
    judged = RULE.judged(waiting, {"start": 0.0, "c": 1.0}, 2)
    assert judged.waiting == (("a", "b"),)
    assert judged.successes == 1
    assert RULE.judged(judged, {"start": 0.0, "c": 1.0}, 2) == judged
    assert RULE.begin("start").sent([]).waiting == ()


def test_without_a_count_patience_grows_with_the_knobs() -> None:
    patient = replace(RULE, failures=None)
    names = [str(n) for n in range(6)]
    region = patient.begin("start").sent(names)
    worth = {"start": 0.0, **dict.fromkeys(names, -1.0)}
    assert patient.judged(region, worth, 7).length == 0.4
    assert patient.judged(region, worth, 6).length == 0.2


@pytest.mark.parametrize(
    "wrong",
    [
        {"least": 0.0},
        {"first": 2.0},
        {"least": 0.9},
        {"most": float("inf")},
        {"successes": 0},
        {"failures": 0},
        {"first": float("nan")},
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(SpaceError):
        TrustRegion(**wrong)  # type: ignore[arg-type]


SPACE = Space(
    {
        "x": Real(0, 1),
        "n": Integer(0, 20),
        "c": Choice(("a", "b", "c")),
        "d": Choice((0, 1)),
        "y": Real(-1, 1, default=0.0, when=When("c", ("a", "b"))),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 1.6))
def test_places_in_the_box_keep_its_sides_and_its_changes(seed: int, length: float) -> None:
    rng = np.random.default_rng(seed)
    encoding = Encoding.of(SPACE)
    centre = encoding.settled(rng.random((1, 5)))[0]
    scales = np.exp(rng.normal(size=5))
    box = Box.of(encoding, length, centre, scales)
    numbers = ~encoding.is_choice_U
    assert np.isclose(np.prod(box.sides_U[numbers]), length ** numbers.sum())
    assert np.argsort(box.sides_U[numbers]).tolist() == np.argsort(scales[numbers]).tolist()
    for places in (box.spread(rng.random((64, 5)), rng), box.confined(rng.random((64, 5)), rng)):
        assert box.allows(places).all()
        assert (places >= 0).all()
        assert (places <= 1).all()
    assert box.allows(centre[None]).all()


def test_a_small_box_changes_one_choice_at_a_time_and_reaches_every_option() -> None:
    encoding = Encoding.of(SPACE)
    centre = encoding.settled(np.full((1, 5), 0.1))[0]
    box = Box.of(encoding, 0.1, centre, np.ones(5))
    rng = np.random.default_rng(0)
    drawn = encoding.settled(box.spread(rng.random((256, 5)), rng))[:, encoding.is_choice_U]
    home = centre[encoding.is_choice_U]
    assert ((drawn != home).sum(1) <= 1).all()
    assert [len(np.unique(column)) for column in drawn.T] == [3, 2]
    everywhere = np.concatenate([centre[None], rng.random((256, 5))])
    assert 0 < box.allows(everywhere).sum() < 257
