"""Canonical samplers in every server's words: all of them, the neutral ones too, and never a silent drop."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Sampling
from hyperfunc.llm.providers import parameters
from hyperfunc.llm.providers.parameters import (
    COMPATIBLE,
    KOBOLDCPP,
    LITELLM,
    LLAMACPP,
    LLAMACPP_COMPLETION,
    NEUTRAL,
    OLLAMA,
    OPENAI,
    OPENROUTER,
    SWITCH_OF,
    VLLM,
    SamplerWarning,
    Table,
    min_p_first,
    min_p_last,
    wire,
)

TABLES = [COMPATIBLE, KOBOLDCPP, LITELLM, LLAMACPP, LLAMACPP_COMPLETION, OLLAMA, OPENAI, OPENROUTER, VLLM]
SET = Sampling(
    temperature=0.7, top_p=0.9, top_k=40, min_p=0.05, typical_p=0.8, top_n_sigma=1.5, repetition_penalty=1.1,
    frequency_penalty=0.2, presence_penalty=0.3, xtc_probability=0.5, xtc_threshold=0.2, dry_multiplier=0.8,
    dry_base=1.5, dry_allowed_length=3, max_tokens=32,
)  # fmt: skip


@pytest.fixture(autouse=True)
def fresh_warnings() -> Iterator[None]:
    parameters._warned.clear()
    parameters._sampling.cache_clear()
    yield
    parameters._warned.clear()
    parameters._sampling.cache_clear()


def only(table: Table, sampling: Sampling) -> Sampling:
    """The parameters that the table has."""
    given = {k: v for k, v in sampling.given().items() if k in table.names or k == "max_tokens"}
    return Sampling(**given)  # type: ignore[arg-type]


def sent(table: Table, sampling: Sampling, seed: int | None = None) -> dict[str, object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SamplerWarning)
        return wire(table, sampling, seed)


def test_the_llama_cpp_server_gets_its_own_names() -> None:
    assert sent(LLAMACPP_COMPLETION, SET, 7) == {
        "temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "typical_p": 0.8, "top_n_sigma": 1.5,
        "repeat_penalty": 1.1, "frequency_penalty": 0.2, "presence_penalty": 0.3, "n_predict": 32, "seed": 7,
        "samplers": [
            "penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature",
        ],
        "repeat_last_n": 1 << 20, "dry_penalty_last_n": 1 << 20, "xtc_probability": 0.5, "xtc_threshold": 0.2,
        "dry_multiplier": 0.8, "dry_base": 1.5, "dry_allowed_length": 3, "dynatemp_range": 0.0,
        "mirostat": 0, "min_keep": 0,
    }  # fmt: skip


def test_what_was_not_set_is_neutral_for_the_llama_cpp_server() -> None:
    body = sent(LLAMACPP, Sampling())
    names = ("temperature", "top_p", "top_k", "min_p", "typical_p", "top_n_sigma")
    assert [body[name] for name in names] == [1.0, 1.0, 0, 0.0, 1.0, -1.0]
    assert body["max_tokens"] == -1
    assert "seed" not in body


def test_koboldcpp_gets_its_own_names() -> None:
    body = sent(KOBOLDCPP, only(KOBOLDCPP, SET), 7)
    names = (
        "nsigma",
        "typical",
        "rep_pen",
        "sampler_seed",
        "max_length",
        "presence_penalty",
        "sampler_order",
    )
    assert [body[name] for name in names] == [1.5, 0.8, 1.1, 7, 32, 0.3, [6, 0, 1, 3, 4, 2, 5]]
    assert not {"top_n_sigma", "typical_p", "seed", "max_tokens", "repetition_penalty"} & set(body)
    neutral = sent(KOBOLDCPP, Sampling(max_tokens=5))
    assert (neutral["top_p"], neutral["top_k"], neutral["rep_pen"], neutral["sampler_seed"]) == (
        1.0,
        0,
        1.0,
        -1,
    )
    assert (neutral["top_a"], neutral["tfs"], neutral["smoothing_factor"]) == (0.0, 1.0, 0.0)


def test_koboldcpp_needs_a_length() -> None:
    with pytest.raises(ModelError, match="set max_tokens"):
        wire(KOBOLDCPP, Sampling(), None)


def test_openai_gets_nothing_that_its_reasoning_models_refuse() -> None:
    assert sent(OPENAI, Sampling()) == {}
    assert sent(OPENAI, Sampling(temperature=1.0, top_p=1.0, min_p=0.0, max_tokens=9)) == {
        "max_completion_tokens": 9
    }


def test_other_servers_of_that_style_are_told_the_neutral_values() -> None:
    neutral = {"temperature": 1.0, "top_p": 1.0, "frequency_penalty": 0.0, "presence_penalty": 0.0}
    assert sent(COMPATIBLE, Sampling()) == neutral


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.server)
@pytest.mark.parametrize("name", sorted(NEUTRAL.keys() - SWITCH_OF.keys()))
def test_a_parameter_is_sent_or_refused_and_a_neutral_one_is_fine(table: Table, name: str) -> None:
    value = getattr(SET, name)
    asked = Sampling(**{name: value}, max_tokens=4)
    if name in table.names:
        converted = min_p_first(value, 1.0) if name == "min_p" else value
        assert sent(table, asked)[table.names[name]] == converted
    else:
        with pytest.raises(ModelError, match=f"cannot do {name}={value:g}; it honors .*temperature"):
            wire(table, asked, None)
    wire(table, Sampling(**{name: NEUTRAL[name]}, max_tokens=4), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.server)
@pytest.mark.parametrize("name", sorted(SWITCH_OF))
def test_what_says_nothing_while_another_is_off_is_refused_only_with_it(table: Table, name: str) -> None:
    beside = {name: getattr(SET, name)}
    wire(table, Sampling(**beside, max_tokens=4), None)
    switch = SWITCH_OF[name]
    asked = Sampling(**beside, **{switch: getattr(SET, switch)}, max_tokens=4)
    if switch in table.names:
        assert sent(table, asked)[name] == beside[name]
    else:
        with pytest.raises(ModelError, match="cannot do"):
            wire(table, asked, None)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.server)
def test_every_neutral_value_is_in_every_body_of_a_server_with_defaults_of_its_own(table: Table) -> None:
    body = sent(table, Sampling(max_tokens=4))
    assert set(table.names.values()) <= set(body) or not table.sends_neutral
    assert set(table.always) <= set(body)


probabilities = st.lists(st.floats(0.001, 1.0), min_size=2, max_size=12)


@given(probabilities, st.floats(0.05, 3.0), st.floats(0.001, 0.999))
def test_min_p_keeps_the_same_tokens_whether_the_temperature_comes_first_or_last(
    weights: list[float], temperature: float, min_p: float
) -> None:
    p = np.array(weights) / np.sum(weights)
    ratio = p / p.max()
    hot = ratio ** (1 / temperature)
    first = min_p_first(min_p, temperature)
    clear = np.abs(np.log(ratio) - np.log(min_p)) > 1e-9
    assert ((ratio >= min_p) == (hot >= first))[clear].all()
    if first > 1e-300:
        assert min_p_last(first, temperature) == pytest.approx(min_p, rel=1e-6)


def test_vllm_gets_min_p_converted_and_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wire(VLLM, Sampling(temperature=2.0, min_p=0.04), None)["min_p"] == pytest.approx(0.2)
        assert wire(VLLM, Sampling(temperature=0.0, min_p=0.04), None)["min_p"] == 0.04
        assert wire(VLLM, Sampling(temperature=1.0, top_p=0.9), None)["top_p"] == 0.9
        assert wire(VLLM, Sampling(temperature=0.5, top_k=5), None)["top_k"] == 5


def test_what_cannot_be_converted_warns_once() -> None:
    with pytest.warns(SamplerWarning, match="vLLM applies the temperature before truncation.*top_p"):
        wire(VLLM, Sampling(temperature=0.5, top_p=0.9), None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wire(VLLM, Sampling(temperature=0.6, top_p=0.8), None)
    with pytest.warns(SamplerWarning, match="OpenRouter does not say"):
        wire(OPENROUTER, Sampling(temperature=0.5, min_p=0.1), None)


def test_the_cache_gives_nobody_a_body_that_others_change() -> None:
    wire(LLAMACPP, Sampling(), 1)["temperature"] = 9
    assert wire(LLAMACPP, Sampling(), 2)["temperature"] == 1.0


@given(seed=st.integers(-(2**70), 2**70))
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.server)
def test_a_seed_is_one_that_every_server_takes(table: Table, seed: int) -> None:
    number = sent(table, Sampling(max_tokens=1), seed)[table.seed]
    assert isinstance(number, int)
    assert table.least_seed <= number < 2**31
    if table.least_seed <= seed < 2**31:
        assert number == seed


def test_koboldcpp_takes_no_seed_of_ours_for_a_random_one() -> None:
    for seed in (0, -1, 2**31, 2**63):
        number = sent(KOBOLDCPP, Sampling(max_tokens=1), seed)["sampler_seed"]
        assert isinstance(number, int)
        assert number > 0
    assert sent(KOBOLDCPP, Sampling(max_tokens=1))["sampler_seed"] == -1


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.server)
@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1}, {"temperature": float("nan")}, {"temperature": float("inf")}, {"top_p": 1.5},
        {"top_p": "0.5"}, {"top_p": True}, {"top_k": -1}, {"top_k": 2.5}, {"min_p": 2.0}, {"typical_p": -1.0},
        {"repetition_penalty": 0.0}, {"presence_penalty": float("nan")}, {"max_tokens": 0},
        {"max_tokens": 1.5},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_out_of_range_is_refused_for_every_server(table: Table, wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=next(iter(wrong))):
        sent(table, Sampling(**{"max_tokens": 4, **wrong}))
