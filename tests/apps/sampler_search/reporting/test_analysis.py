"""What is claimed holds: order changes nothing, effects are the known ones, nothing is found in noise."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tests.apps.sampler_search.reporting.made import entry, grid, hill, ours, search_of

from hyperfunc.apps.sampler_search.reporting import Search, Setting, Text, analysis, markdown
from hyperfunc.apps.sampler_search.reporting.adjusting import adjusted
from hyperfunc.apps.sampler_search.reporting.comparing import compare
from hyperfunc.apps.sampler_search.reporting.importance import effects
from hyperfunc.apps.sampler_search.reporting.surrogate import Axis, fit

AXES = (Axis("a", 0, 1), Axis("b", 0, 1))


def known_effects(function: object) -> dict[tuple[str, ...], float]:
    """Effects of a function that was seen without noise on a grid over [0, 1]."""
    ticks = np.linspace(0, 1, 9)
    points_NK = np.stack([part.ravel() for part in np.meshgrid(ticks, ticks)], 1)
    values_N = function(points_NK[:, 0], points_NK[:, 1])  # type: ignore[operator]
    found = effects(fit(points_NK, values_N, np.full(len(values_N), 1e-8)), AXES)
    return {effect.names: effect.share for effect in found}


def test_effects_of_an_additive_function_are_its_own() -> None:
    share = known_effects(lambda a, b: 3 * a + 4 * b)  # variances 9 and 16 of 25
    assert share["a",] == pytest.approx(0.36, abs=0.01)
    assert share["b",] == pytest.approx(0.64, abs=0.01)
    assert share["a", "b"] < 0.005


def test_effects_of_a_pure_interaction_are_all_interaction() -> None:
    share = known_effects(lambda a, b: (a - 0.5) * (b - 0.5))
    assert share["a", "b"] > 0.98


def test_a_flat_surface_has_no_effects(tmp_path: Path) -> None:
    results = [entry("min_p", {"temperature": t, "min_p": 0.1}, [0.5, 0.5]) for t in (0.5, 1, 1.5, 2)]
    found = analysis(search_of(tmp_path, results))
    assert found.families[0].effects == ()
    assert not found.recommendation.winner


def test_the_order_of_entries_changes_nothing(tmp_path: Path) -> None:
    results = ours(hill, grid())
    results += ours(hill, grid()[:4], seed=3)
    expected = markdown(analysis(search_of(tmp_path, results)))
    for seed in range(3):
        random.Random(seed).shuffle(results)
        for result in results:
            order = random.Random(seed).sample(range(12), 12)
            for name in ("scores", "prompts", "seeds"):
                result[name] = [result[name][place] for place in order]
        assert markdown(analysis(search_of(tmp_path, results))) == expected


def test_the_best_is_found_where_it_is_and_the_region_around_it(tmp_path: Path) -> None:
    found = analysis(search_of(tmp_path, ours(hill, grid(), noise=0.03, repeats=4)))
    for family in found.families:
        assert family.best.setting.parameters["temperature"] == 1.2
        assert family.effects[0].names == ("temperature",)
    assert sum(finding.p_best for finding in found.findings) == pytest.approx(1)
    inside = [finding.setting.parameters["temperature"] for finding in found.region]
    assert inside
    assert 0.4 not in inside


def test_a_setting_that_beats_all_others_is_a_winner(tmp_path: Path) -> None:
    results = ours(lambda _, p: 0.9 if p["temperature"] == 1 else 0.5, [
        ("min_p", {"temperature": t, "min_p": 0.1}) for t in (0.5, 1, 1.5, 2)
    ])  # fmt: skip
    found = analysis(search_of(tmp_path, results))
    assert found.recommendation.winner
    assert found.recommendation.finding.setting.parameters["temperature"] == 1
    assert len(found.region) == 1


def null_search(rng: np.random.Generator, settings: int, paired: bool) -> Search:
    """Settings that are all alike, on prompts that are not."""
    difficulty_P = rng.normal(0.5, 0.1, 6)
    rows = []
    for number in range(settings):
        scores = [(p, k, difficulty_P[p] + rng.normal(0, 0.1)) for p in range(6) for k in range(2)]
        texts = [Text(f"p{p}" if paired else "", str(k) if paired else "", s) for p, k, s in scores]
        rows.append(Setting("min_p", {"temperature": float(number), "min_p": 0.1}, tuple(sorted(texts))))
    return Search(tuple(rows))


@pytest.mark.parametrize(("settings", "paired"), [(2, True), (2, False), (3, True)])
def test_among_equals_there_is_a_winner_in_one_of_twenty_at_most(settings: int, paired: bool) -> None:
    rng = np.random.default_rng(settings + paired)
    runs = 200
    won = sum(analysis(null_search(rng, settings, paired)).recommendation.winner for _ in range(runs))
    assert won <= runs * (0.05 + 2.6 * (0.05 * 0.95 / runs) ** 0.5)


def test_pairing_sees_what_prompts_of_different_difficulty_hide() -> None:
    rng = np.random.default_rng(1)
    difficulty_P = rng.normal(0, 1, 8)
    one, other = (
        tuple(Text(f"p{p}", "0", float(d + gain + rng.normal(0, 0.05))) for p, d in enumerate(difficulty_P))
        for gain in (0.2, 0.0)
    )
    apart = compare(Setting("a", {}, one), Setting("b", {}, other), (1.0, 14))
    assert apart.p < 0.01
    assert apart.low < 0.2 < apart.high
    alone = [tuple(text._replace(prompt="", seed="") for text in side) for side in (one, other)]
    assert compare(Setting("a", {}, alone[0]), Setting("b", {}, alone[1]), (1.0, 14)).p > 0.3


def test_a_single_text_each_tells_nothing(tmp_path: Path) -> None:
    results = [entry("min_p", {"temperature": t, "min_p": 0.1}, [0.1 * t]) for t in (1, 2, 3)]
    found = analysis(search_of(tmp_path, results))
    assert not found.recommendation.winner
    assert found.components.noise_share is None
    assert {finding.p for finding in found.findings} == {1.0}


def test_the_difficulty_of_prompts_is_taken_out_of_means() -> None:
    hard = {0: -1.0, 1: 0.0, 2: 1.0, 3: 2.0}

    def setting(number: int, prompts: tuple[int, ...], level: float) -> Setting:
        texts = tuple(Text(f"p{p}", str(k), level + hard[p]) for p in prompts for k in range(2))
        return Setting("min_p", {"temperature": number}, texts)

    rows = [setting(0, (0, 1, 2), 0.5), setting(1, (1, 2, 3), 0.4), setting(2, (0, 1, 2, 3), 0.3)]
    found = adjusted(rows)
    assert found.by_prompt
    assert np.diff(found.mean_S) == pytest.approx([-0.1, -0.1])
    assert rows[1].mean > rows[0].mean  # what plain means would have said


def test_components_are_those_the_scores_were_made_of(tmp_path: Path) -> None:
    found = analysis(search_of(tmp_path, ours(hill, grid(), noise=0.05, repeats=3))).components
    assert found.text == pytest.approx(0.05, rel=0.15)
    assert found.setting is not None
    assert found.setting > 0.1
    assert found.noise_share is not None
    assert found.noise_share < 0.1
