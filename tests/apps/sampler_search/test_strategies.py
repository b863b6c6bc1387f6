"""Spaces, strategies, measures and chances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.apps.sampler_search.counting import small

from hyperfunc.apps.demo.prose_metric import prose_metric
from hyperfunc.apps.sampler_search.config import SearchConfig
from hyperfunc.apps.sampler_search.evidence import Scored, best_chances, paired, retested
from hyperfunc.apps.sampler_search.families import FAMILIES, Setting, Span
from hyperfunc.apps.sampler_search.measures import text_scores
from hyperfunc.apps.sampler_search.results import ResultFile, newest_results
from hyperfunc.apps.sampler_search.search import search
from hyperfunc.apps.sampler_search.space import SettingSpace, writer
from hyperfunc.apps.sampler_search.strategies import grid_of, plan_for
from hyperfunc.errors import EvidenceError, SpaceError
from hyperfunc.types import Cell

LISTED = {
    "min_p": {"temperature": (0.5, 1.0, 1.5), "min_p": (0.05, 0.1)},
    "top_p": {"temperature": (1.0,), "top_p": (0.8, 0.9)},
}


def config(**changes: object) -> SearchConfig:
    given = {"sampler_types": ("min_p", "top_p"), "parameter_ranges": LISTED, **changes}
    return SearchConfig(**given)  # type: ignore[arg-type]


def space(of: SearchConfig) -> SettingSpace:
    return SettingSpace.of(of, of.sampler_types)


def test_a_setting_survives_the_way_through_the_space() -> None:
    where = SettingSpace.of(SearchConfig(), tuple(FAMILIES))
    system = writer("local/prose", where)
    for setting in grid_of(where)[::17]:
        found = where.setting_of(system.candidate.replace(where.changes(setting)))
        assert found.sampler == setting.sampler
        assert found.parameters == pytest.approx(setting.parameters, rel=1e-5)


def test_what_does_not_matter_tells_no_candidates_apart() -> None:
    where = space(config())
    start = writer("local/prose", where).candidate
    other = start.replace({"write.hp.sampler": "top_p", "write.hp.min_p_min_p": 0.1})
    assert other == start.replace({"write.hp.sampler": "top_p"})


def test_a_grid_has_exactly_its_points() -> None:
    plan = plan_for(config(search_strategy="grid"), space(config()))
    assert (plan.strategy, plan.settings) == ("grid", 3 * 2 + 2)
    assert len(grid_of(space(config()))) == 8
    assert plan_for(config(search_strategy="grid", n_iterations=5), space(config())).settings == 5


@pytest.mark.parametrize(("strategy", "number"), [("grid", 8), ("random", 7), ("bayesian", 7)])
def test_every_strategy_tries_exactly_as_many_settings(tmp_path: Path, strategy: str, number: int) -> None:
    asked = small(tmp_path, search_strategy=strategy, parameter_ranges=LISTED, samples_per_config=1)
    asked = replace(asked, n_iterations=None if strategy == "grid" else number)
    results = search(asked, ledger=tmp_path / "ledger").whole["all_results"]
    assert len({str(entry["parameters"]) for entry in results}) == len(results) == number


def test_auto_takes_a_small_grid_and_else_a_model() -> None:
    assert plan_for(config(), space(config())).strategy == "grid"
    wide = config(n_iterations=5)
    assert plan_for(wide, space(wide)).strategy == "bayesian"
    open_ = config(parameter_ranges={"min_p": {"min_p": Span(0.01, 0.2)}})
    assert plan_for(open_, space(open_)).strategy == "bayesian"


def test_one_setting_is_no_search() -> None:
    only = {"min_p": {"temperature": (1.0,), "min_p": (0.1,)}}
    with pytest.raises(SpaceError, match="one setting only"):
        SettingSpace(("min_p",), only)


def test_scores_of_texts_have_the_score_of_the_set_as_their_mean() -> None:
    texts = [
        "and the king said unto him, go up unto the house of the lord and worship there.",
        "and the king said unto him, go up unto the house of the lord and worship there.",
        "now there was a man of the land of uz, whose name was job, and he was perfect.",
        "blorp zimble, the the the frand of of.",
    ]
    cells = [Cell("c", str(n), 0, None, prediction=text) for n, text in enumerate(texts)]
    scores = text_scores(cells, None)
    assert np.mean([s for s in scores if s is not None]) == pytest.approx(
        10 * prose_metric().measure(texts).score
    )
    assert scores[0] == scores[1]
    assert None not in scores
    assert (scores[2] or 0) > (scores[1] or 0), "what says something new is worth more than a repetition"
    missing = text_scores([*cells, Cell("c", "x", 0, None, failure="down", prediction=None)], None)
    assert missing == [*scores, None]


def test_leaving_out_a_text_is_measuring_the_others() -> None:
    texts = [f"and it came to pass in the {n} day, that the people went up to the hill." for n in range(5)]
    texts.append("no.")
    whole = prose_metric().scores_without_each(texts)
    for place, score in enumerate(whole):
        others = texts[:place] + texts[place + 1 :]
        assert score == pytest.approx(prose_metric().measure(others).score)


def scored(scores: list[float], name: str = "min_p") -> Scored:
    prompts = tuple(place % 6 for place in range(len(scores)))
    takes = tuple(place // 6 for place in range(len(scores)))
    return Scored(Setting(name, {"temperature": 1.0}), tuple(scores), prompts, takes)


def test_a_clear_winner_is_one_and_equals_are_not() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(4, 6, 24)
    good = scored((base + 2 + rng.normal(0, 0.3, 24)).tolist())
    equal = scored((base + rng.normal(0, 0.3, 24)).tolist())
    row, recommended, why = retested(good, {"runner_up": scored(base.tolist())}, 0)
    assert recommended
    assert row["difference"] == pytest.approx(2, abs=0.3)
    assert row["p_holm"] < 0.01
    better = scored((base + 4).tolist())
    row, recommended, why = retested(good, {"runner_up": scored(base.tolist()), "neutral": better}, 0)
    assert not recommended
    assert why.startswith("temperature 1 with nothing cut off was better there, by ")
    row, recommended, why = retested(scored(base.tolist()), {"runner_up": equal}, 0)
    assert not recommended
    assert why.endswith("not told apart")
    row, recommended, why = retested(scored(base.tolist()), {"runner_up": good}, 0)
    assert not recommended
    assert "the runner-up was better there" in why
    assert best_chances([good, scored(base.tolist())], 0) == [1.0, 0.0]


def test_chances_over_one_prompt_come_from_its_texts_and_a_single_text_has_none() -> None:
    def on_one_prompt(scores: list[float]) -> Scored:
        places = tuple(range(len(scores)))
        return Scored(Setting("min_p", {}), tuple(scores), (0,) * len(scores), places)

    first, other = on_one_prompt([5.0, 7.0, 6.0, 8.0]), on_one_prompt([6.0, 6.0, 7.0, 6.0])
    sure, unsure = best_chances([first, other], 0)
    assert sure is not None
    assert unsure is not None
    assert 0.5 < sure < 0.95
    assert sure + unsure == pytest.approx(1)
    assert best_chances([on_one_prompt([5.0]), on_one_prompt([7.0])], 0) == [None, None]


def test_equals_share_their_chances_and_missing_scores_are_no_prompts() -> None:
    base = scored([5.0, 6.0, 7.0, 5.0, 6.0, 7.0])
    assert best_chances([base, base], 0) == [0.5, 0.5]
    lost = replace(base, scores=(5.0, None, None, None, None, None))
    assert best_chances([lost, replace(lost, scores=(6.0, None, None, None, None, None))], 0) == [None, None]


def test_missing_scores_are_left_out_of_pairs() -> None:
    one = scored([5.0, 6.0, 7.0, 5.0, 6.0, 7.0])
    other = replace(one, scores=(None, 5.0, 6.0, 4.0, 5.0, None))
    found = paired(one, other, 0)
    assert found is not None
    assert found["difference"] == pytest.approx(1)


def test_names_of_results_never_meet(tmp_path: Path) -> None:
    files = [ResultFile.new(tmp_path, "grid").path for _ in range(3)]
    assert len(set(files)) == 3
    assert newest_results(tmp_path) in files
    with pytest.raises(EvidenceError, match="has no results"):
        newest_results(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(EvidenceError, match="--output-dir"):
        ResultFile.new(tmp_path / "file", "grid")
