"""Configuration files: every key is read, every mistake is one sentence with what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperfunc.apps.sampler_search.config import KEYS, SearchConfig, as_json, from_json
from hyperfunc.apps.sampler_search.config_file import SHIPPED, load_config
from hyperfunc.apps.sampler_search.families import FAMILIES, Span
from hyperfunc.errors import HyperfuncError, SpaceError
from hyperfunc.llm.models_file import read_mapping

FULL = """
model: some/model
judge: some/judge
search_strategy: grid
n_iterations: 7
samples_per_config: 5
max_length: 33
seed: 11
sampler_types: [min_p, xtc]
parameter_ranges:
  min_p: {temperature: [0.5, 1.0], min_p: {min: 0.01, max: 0.2, log: true, points: 3}}
  xtc: {xtc_probability: 0.5}
test_prompts: [one, two]
retest_prompts: [three]
retest_samples: 9
parallel_workers: 3
output_dir: elsewhere
quick_test:
  n_iterations: 4
  seed: 0
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_key_is_read(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, FULL))
    assert set(read_mapping(tmp_path / "config.yaml")) - {"quick_test"} == set(KEYS)
    assert config == SearchConfig(
        model="some/model", judge="some/judge", search_strategy="grid", n_iterations=7, samples_per_config=5,
        max_length=33, seed=11, sampler_types=("min_p", "xtc"), test_prompts=("one", "two"),
        parameter_ranges={
            "min_p": {"temperature": (0.5, 1.0), "min_p": Span(0.01, 0.2, log=True, points=3)},
            "xtc": {"xtc_probability": (0.5,)},
        },
        retest_prompts=("three",), retest_samples=9, parallel_workers=3, output_dir="elsewhere",
    )  # fmt: skip
    assert from_json(as_json(config)) == config


def test_a_section_goes_before_the_root_and_a_seed_of_0_counts(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, FULL), "quick_test")
    assert (config.n_iterations, config.seed, config.samples_per_config) == (4, 0, 5)


def test_the_judge_has_another_name(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "judge_model: some/judge")).judge == "some/judge"
    with pytest.raises(SpaceError, match="says judge twice"):
        load_config(written(tmp_path, "judge_model: a\njudge: b"))


@pytest.mark.parametrize("section", [None, "quick_test", "intensive_search"])
def test_the_shipped_configurations_load(section: str | None) -> None:
    config = load_config(section=section)
    assert SHIPPED.is_file()
    assert config.n_iterations == {None: 40, "quick_test": 24, "intensive_search": 120}[section]
    assert config.chosen is (section != "intensive_search")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("n_iteration: 3", "'n_iteration', which is not known.*did you mean 'n_iterations'"),
        ("quick_test: {sample_per_config: 3}", "quick_test has 'sample_per_config'.*samples_per_config"),
        ("paramter_ranges: {min_p: {min_p: [0.1]}}", "parameter_ranges"),
        ("search_strategy: bayes", "search_strategy is 'bayes'.*bayesian"),
        ("n_iterations: many", "n_iterations is 'many'; write a whole number"),
        ("n_iterations: 1", "n_iterations is 1; give at least 2"),
        ("n_iterations: true", "n_iterations is True"),
        ("samples_per_config: 0", "samples_per_config is 0; give at least 1"),
        ("max_length: 0", "max_length is 0"),
        ("seed: -1", "seed is -1; give at least 0"),
        ("retest_samples: 0", "retest_samples is 0"),
        ("parallel_workers: 0", "parallel_workers is 0"),
        ("model: 3", "model is 3; write a text"),
        ("judge: [a]", "judge is"),
        ("output_dir: ''", "output_dir is ''"),
        ("sampler_types: [min_q]", "no sampler 'min_q'.*min_p"),
        ("sampler_types: min_p", "write a list"),
        ("test_prompts: []", "test_prompts is"),
        ("test_prompts: [1]", "test_prompts, entry 1"),
        ("retest_prompts: text", "retest_prompts is"),
        ("parameter_ranges: [1]", "parameter_ranges is"),
        ("parameter_ranges: {min_q: {min_p: [0.1]}}", "no sampler 'min_q'"),
        ("parameter_ranges: {min_p: {top_p: [0.1]}}", "min_p has no 'top_p'"),
        ("parameter_ranges: {min_p: {min_p: []}}", "is an empty list"),
        ("parameter_ranges: {min_p: {min_p: [0.1, 0.1]}}", "lists a value twice"),
        ("parameter_ranges: {min_p: {min_p: [2]}}", r"give a number in \[0, 1\]"),
        ("parameter_ranges: {min_p: {min_p: [x]}}", "write numbers"),
        ("parameter_ranges: {top_k: {top_k: [1.5]}}", "give a whole number"),
        ("parameter_ranges: {min_p: {min_p: {low: 0}}}", "has 'low', which is not known"),
        ("parameter_ranges: {min_p: {min_p: {min: 0.1}}}", "has no max"),
        ("parameter_ranges: {min_p: {min_p: {min: 0.2, max: 0.1}}}", "min must be below max"),
        ("parameter_ranges: {min_p: {min_p: {min: 0, max: 0.1, log: true}}}", "above 0 on a logarithmic"),
        ("parameter_ranges: {min_p: {min_p: {min: 0, max: 0.1, log: 3}}}", "log is 3"),
        ("parameter_ranges: {min_p: {min_p: {min: 0, max: 0.1, points: 0}}}", "points is 0"),
        ("seed: 1\nseed: 2", "stands twice"),
        ("- 1", "write names with values"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(HyperfuncError, match=f"(?s){sentence}") as caught:
        load_config(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_section_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"no section 'quick'.*quick_test"):
        load_config(section="quick")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_the_temperature_and_a_parameter_of_its_own(name: str) -> None:
    parameters = FAMILIES[name].parameters
    assert parameters[0] == "temperature"
    assert len(parameters) >= 2
