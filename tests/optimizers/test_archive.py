from __future__ import annotations

import math

import numpy as np
import pytest

from hyperfunc.optimizers import Archive
from hyperfunc.optimizers.archive import Block
from hyperfunc.optimizers.effects import fit_effects, posterior_order
from hyperfunc.spaces import Candidate, Integer, Space

SPACE = Space({"n": Integer(0, 99, default=0)})


def member(number: int) -> Candidate:
    return SPACE.candidate({"n": number})


def blocks(*examples: int) -> list[Block]:
    return [((example,), 0) for example in examples]


def test_adding_leaves_the_old_archive_as_it_was() -> None:
    empty = Archive()
    one = empty.add([member(1)], blocks(0, 1), np.array([[0.5, 1.0]]))
    two = one.add([member(1), member(2)], blocks(1, 2), np.array([[0.0, 0.25], [1.0, math.nan]]))
    assert (len(empty), len(one), len(two)) == (0, 1, 2)
    assert one.scores[member(1).id] == {((0,), 0): 0.5, ((1,), 0): 1.0}
    assert two.scores[member(1).id] == {((0,), 0): 0.5, ((1,), 0): 0.0, ((2,), 0): 0.25}
    assert two.scores[member(2).id] == {((1,), 0): 1.0}


def test_comparisons_are_paired_over_common_cells() -> None:
    archive = Archive().add(
        [member(1), member(2)], blocks(0, 1, 2), np.array([[1, 1, math.nan], [0, 1, 1.0]])
    )
    assert archive.differences(member(1).id, member(2).id).tolist() == [1.0, 0.0]
    assert archive.differences(member(1).id, "nobody").tolist() == []


def test_counts_are_of_examples_even_when_a_set_was_scored() -> None:
    archive = Archive().add([member(1)], [((0, 1, 2), 0)], np.array([[0.5]]))
    assert archive.count(member(1).id) == 3
    assert archive.count("nobody") == 0
    assert archive.table().weights_B.tolist() == [3.0]


def test_the_table_has_a_place_for_everything() -> None:
    archive = Archive().add([member(1)], blocks(4), np.array([[0.5]]))
    archive = archive.add([member(2)], [((4,), 1)], np.array([[1.0]]))
    table = archive.table()
    assert table.ids == (member(1).id, member(2).id)
    assert table.blocks == (((4,), 0), ((4,), 1))
    assert np.array_equal(table.scores_CB, [[0.5, math.nan], [math.nan, 1.0]], equal_nan=True)


@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_effects_are_found_in_any_unit_of_the_score(unit: float) -> None:
    rng = np.random.default_rng(0)
    features_CF = np.hstack([np.ones((60, 1)), rng.integers(0, 2, (60, 6)).astype(float)])
    effects_F = np.array([0.4, 0.3, -0.3, 0.0, 0.0, 0.1, 0.0])
    item_B = rng.normal(0, 0.2, 20)
    scores_CB = np.full((60, 20), np.nan)
    for row in range(60):
        for column in rng.choice(20, 4, replace=False):
            scores_CB[row, column] = features_CF[row] @ effects_F + item_B[column] + rng.normal(0, 0.1)
    fitted = fit_effects(scores_CB * unit, np.ones(20), features_CF, effect=0.8, leftover=0.15)
    assert np.allclose(fitted.weights_F[1:] / unit, effects_F[1:], atol=0.06)
    truth_C = features_CF @ effects_F + item_B.mean()
    assert np.corrcoef(fitted.means_C, truth_C)[0, 1] > 0.97
    draws = np.array([fitted.draw(np.random.default_rng(seed), 9) for seed in range(400)])
    assert np.allclose(draws[:, :7].mean(0), fitted.weights_F, atol=0.02 * unit)
    assert draws[:, 8].std() == pytest.approx(fitted.prior, rel=0.15)


def test_easy_examples_do_not_make_a_good_candidate() -> None:
    hard, easy = blocks(*range(10)), blocks(*range(10, 20))
    everywhere = [member(number) for number in (0, 3, 4, 5)]
    archive = Archive().add(everywhere, [*hard, *easy], np.array([[0.0] * 10 + [1.0] * 10] * 4))
    archive = archive.add([member(1)], hard, np.array([[0.5] * 10]))
    archive = archive.add([member(2)], easy, np.array([[0.9] * 10]))
    assert posterior_order(archive)[0] == member(1)


def test_what_was_never_scored_is_not_ranked() -> None:
    archive = Archive().add([member(1), member(2)], blocks(0), np.array([[math.nan], [0.1]]))
    assert posterior_order(archive) == (member(2),)
    assert posterior_order(Archive()) == ()
