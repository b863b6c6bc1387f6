"""Files of ours and of others become the same records; broken ones are one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.apps.sampler_search.reporting.made import PROMPTS, entry, grid, hill, ours, search_of, write

from hyperfunc.apps.sampler_search.reporting import analysis, read_results, terminal
from hyperfunc.apps.sampler_search.reporting.tables import headline
from hyperfunc.errors import EvidenceError


def foreign(seed: int = 0) -> list[dict[str, Any]]:
    """Six texts of two prompts each, as such files hold them, without saying which is which."""
    scores = [7.1, 6.4, 7.3, 6.9, 7.0, 6.2]
    return [
        entry("top_p", {"temperature": 0.9, "top_p": 0.9}, [s + 0.1 * seed for s in scores]),
        entry("min_p", {"temperature": 1.0, "min_p": 0.05}, [s - 0.3 for s in scores]),
        entry("top_p", {"temperature": 0.9, "top_p": 0.9}, [s - 0.2 for s in scores]),
    ]


def test_a_foreign_file_is_read_and_its_repeats_are_pooled(tmp_path: Path) -> None:
    search = search_of(tmp_path, foreign())
    top_p = next(setting for setting in search.settings if setting.family == "top_p")
    assert (len(search.settings), top_p.entries, len(top_p.texts)) == (2, 2, 12)
    found = analysis(search)
    assert found.scale == 10.0
    assert any("prompts of the scores are not in the file" in warning for warning in found.warnings)
    assert "6.717" in terminal(found)  # the pooled mean, not the luckier 6.817


def test_prompts_seeds_and_further_fields_are_read(tmp_path: Path) -> None:
    results = ours(hill, grid()[:2])
    results[0]["effective_parameters"] = {"temperature": 0.4, "min_p": 0.0}
    results[0]["p_best"], results[1]["p_best"] = 0.25, 0.75
    retest = {
        "mean_score": 0.6, "interval": [0.5, 0.7], "difference": 0.1, "difference_interval": [0.05, 0.15],
        "p_holm": 0.01, "runner_up": {"temperature": 0.4, "min_p": 0.06},
    }  # fmt: skip
    best = {**results[1], "retest": retest, "recommended": True, "why": "the retest says so"}
    search = search_of(tmp_path, results, metadata={"prompts": PROMPTS, "model": "local/prose"}, best=best)
    assert search.settings[0].texts[0].prompt == "prompt 0"
    assert search.about("model") == "local/prose"
    assert search.retest is not None
    assert search.retest.difference_interval == (0.05, 0.15)
    found = analysis(search)
    assert found.recommendation.winner
    assert "0.600 on held-out prompts" in found.recommendation.why
    assert ("the search itself said", "use it; the retest says so") in found.overview
    assert sorted(finding.p_best for finding in found.findings) == [0.25, 0.75]
    assert any("min_p 0.02 became 0" in warning for warning in found.warnings)


def test_a_retest_that_tells_nothing_apart_makes_no_winner(tmp_path: Path) -> None:
    results = ours(hill, grid()[:2], noise=0.001)
    retest = {"mean_score": 0.6, "difference": 0.01, "p_holm": 0.4}
    search = search_of(tmp_path, results, best={**results[1], "retest": retest})
    assert not analysis(search).recommendation.winner


def test_the_headline_tells_the_searchs_choice_from_what_is_expected_to_be_best(tmp_path: Path) -> None:
    results = ours(lambda _, p: p["min_p"], [("min_p", {"min_p": v}) for v in (0.1, 0.2, 0.3)])
    retest = {"mean_score": 0.2, "difference": 0.01, "p_holm": 0.4}
    best = "min_p (min_p 0.3) is expected to be best"
    for place, said in ((1, f"the search chose min_p (min_p 0.2), and {best}"), (2, best)):
        found = analysis(search_of(tmp_path, results, best={**results[place], "retest": retest}))
        assert headline(found) == f"No winner; {said}"


@pytest.mark.parametrize(
    ("gain", "p", "said", "winner"),
    [
        (0.2, 0.001, "0.400 there: this setting is better (+0.200, p = 0.001", True),
        (0.01, 0.8, "this setting is not told apart (+0.010, p = 0.8", True),
        (-0.2, 0.001, "this setting is worse", False),
    ],
)
def test_what_no_setting_at_all_scored_is_said_and_may_be_better(
    tmp_path: Path, gain: float, p: float, said: str, winner: bool
) -> None:
    results = ours(lambda _, p: p["min_p"], [("min_p", {"min_p": v}) for v in (0.1, 0.2, 0.3)])
    neutral = {"mean_score": 0.6 - gain, "difference": gain, "p_holm": p}
    retest = {"mean_score": 0.6, "difference": 0.1, "p_holm": 0.01, "neutral": neutral}
    found = analysis(search_of(tmp_path, results, best={**results[1], "retest": retest})).recommendation
    assert said in found.why
    assert found.winner is winner


def test_the_file_of_a_search_that_goes_on_says_so(tmp_path: Path) -> None:
    results = ours(lambda _, p: p["min_p"], [("min_p", {"min_p": v}) for v in (0.1, 0.2, 0.3)])
    path = write(tmp_path / "hyper_search_x.json", results, metadata={"run_id": "r7"})
    whole = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**whole, "complete": False}), encoding="utf-8")
    assert any("has not ended" in line and "--resume r7" in line for line in read_results(path).warnings)


def test_a_retest_that_the_runner_up_wins_says_so(tmp_path: Path) -> None:
    results = ours(hill, grid()[:2], noise=0.001)
    retest = {"mean_score": 0.4, "difference": -0.2, "p_holm": 0.001}
    found = analysis(search_of(tmp_path, results, best={**results[1], "retest": retest})).recommendation
    assert not found.winner
    assert "the runner-up was better there" in found.why


def test_the_server_is_told_in_words(tmp_path: Path) -> None:
    server = {
        "fingerprint": "llama.cpp 1", "says": None, "probe": {"table": {"min_p": "honored"}},
        "known_by": "probe", "order_of_samplers": ["top_k", "min_p"],
    }  # fmt: skip
    found = analysis(search_of(tmp_path, ours(hill, grid()[:3]), metadata={"server": server}))
    said = "fingerprint llama.cpp 1, known by probe, order of samplers top_k min_p"
    assert dict(found.overview)["server"] == said


def test_failures_are_missing_and_never_scores(tmp_path: Path) -> None:
    results = [
        entry("min_p", {"temperature": 1, "min_p": 0.1}, [0.5, None, float("nan"), 0.7]),
        entry("min_p", {"temperature": 2, "min_p": 0.1}, []),
    ]
    search = search_of(tmp_path, results)
    assert [text.score for text in search.settings[0].texts] == [0.5, 0.7]
    assert len(search.settings) == 1
    assert len(search.warnings) == 2


def test_a_run_counts_once_however_often_it_is_named(tmp_path: Path) -> None:
    results = ours(hill, grid()[:3])
    meta = {"run_id": "a", "prompts": PROMPTS}
    whole = write(tmp_path / "a.json", results, metadata=meta)
    part = write(tmp_path / "b.json", results[:1], metadata=meta)
    search = read_results([part, whole, whole])
    assert [len(setting.texts) for setting in search.settings] == [12, 12, 12]
    assert len(search.warnings) == 2


def test_files_are_pooled_by_configuration_and_prompts_by_their_text(tmp_path: Path) -> None:
    first = write(tmp_path / "a.json", ours(hill, grid()[:3]), metadata={"prompts": PROMPTS, "model": "x"})
    other = write(
        tmp_path / "b.json", ours(hill, grid()[1:4], seed=1), metadata={"prompts": PROMPTS, "model": "y"}
    )
    search = read_results([first, other])
    assert [len(setting.texts) for setting in search.settings] == [12, 24, 24, 12]
    assert {text.prompt for setting in search.settings for text in setting.texts} == set(PROMPTS)
    assert any("differ in model (x, y)" in warning for warning in search.warnings)


def test_texts_of_two_searches_with_one_seed_are_no_new_evidence(tmp_path: Path) -> None:
    meta = {"prompts": PROMPTS, "model": "x", "hyperfunc": "1"}
    paths = [
        write(tmp_path / f"{run}.json", ours(hill, grid()[:3]), metadata={**meta, "seed": 0, "run_id": run})
        for run in "ab"
    ]
    search = read_results(paths)
    assert [len(setting.texts) for setting in search.settings] == [12, 12, 12]
    assert any(warning.startswith("36 texts stand in several files") for warning in search.warnings)
    other = ours(hill, grid()[:3], seed=1)
    paths.append(write(tmp_path / "c.json", other, metadata={**meta, "seed": 1, "run_id": "c"}))
    search = read_results(paths)
    assert [len(setting.texts) for setting in search.settings] == [24, 24, 24]
    assert len({text.seed for text in search.settings[0].texts}) == 4  # two texts under each seed


@pytest.mark.parametrize(
    "differs", [{"model": "y"}, {"judge": "j"}, {"config": {"max_length": 9}}, {"hyperfunc": None}]
)
def test_texts_that_only_score_alike_are_texts_of_their_own(tmp_path: Path, differs: dict[str, Any]) -> None:
    meta = {"prompts": PROMPTS, "model": "x", "hyperfunc": "1", "seed": 0, "config": {"max_length": 8}}
    results = [entry("min_p", {"min_p": 0.1}, [7, 7, 6], prompts=[0, 1, 2], seeds=[0, 0, 0])]
    metas = [meta, {**meta, **differs}]
    if differs == {"hyperfunc": None}:  # files of others
        metas = [{name: value for name, value in meta.items() if name != "hyperfunc"}] * 2
    paths = [
        write(tmp_path / f"{n}.json", results, metadata={**each, "run_id": f"{n}"})
        for n, each in enumerate(metas)
    ]
    assert len(read_results(paths).settings[0].texts) == 6


def test_numbered_prompts_of_two_files_are_not_taken_for_the_same(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.json", ours(hill, grid()[:1], seed=n)) for n in range(2)]
    search = read_results(paths)
    assert len({text.prompt for text in search.settings[0].texts}) == 12


RETEST = (
    '{"all_results": [{"parameters": {}, "scores": [1]}], "best_configuration": '
    '{"parameters": {}, "retest": {"mean_score": 1, "interval": 3}}}'
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "no list 'all_results'"),
        ('{"all_results": 3}', "no list 'all_results'"),
        ('{"all_results": [], "search_metadata": []}', "no configuration has a score"),
        ('{"all_results": [], "search_metadata": [1]}', "'search_metadata' must be an object"),
        ('{"all_results": [3]}', "entry 1 of all_results has no object 'parameters'"),
        ('{"all_results": [{"parameters": {}}]}', "no list 'scores'"),
        ('{"all_results": [{"parameters": {}, "scores": ["high"]}]}', "score 1 is 'high', not a number"),
        ('{"all_results": [{"parameters": {}, "scores": [1], "prompts": [1, 2]}]}', "one entry for each"),
        (RETEST, "not a low and a high end"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EvidenceError) as caught:
        read_results(path)
    assert says in str(caught.value)
    assert "broken.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_and_a_missing_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no result file was named"):
        read_results([])
    with pytest.raises(EvidenceError, match=r"gone\.json cannot be read"):
        read_results(tmp_path / "gone.json")


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        ["parameters", "scores", "prompts", "seeds", "sampler_type", "p_best", "evaluation_time"]
    ),
    JSONS,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(["search_metadata", "best_configuration"]), JSONS), st.lists(FIELDS))
def test_whatever_a_file_says_it_is_read_or_refused(
    tmp_path: Path, top: dict[str, Any], rows: list[Any]
) -> None:
    path = tmp_path / "any.json"
    path.write_text(json.dumps({**top, "all_results": rows}), encoding="utf-8")
    try:
        search = read_results(path)
    except EvidenceError:
        return
    assert search.settings
