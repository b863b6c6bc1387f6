"""Exports mean on each server what was measured, or say that they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.apps.sampler_search.reporting.made import entry, grid, hill, ours, search_of

from hyperfunc.apps.sampler_search.reporting import analysis, export_yaml, exports
from hyperfunc.errors import EvidenceError
from hyperfunc.llm.providers.parameters import Order


def payload(server: str, parameters: dict[str, float], order: Order = "last") -> dict[str, object]:
    found = exports(parameters, order)[server].payload
    assert found is not None
    return dict(found)


@given(
    st.lists(st.floats(-6, 6), min_size=2, max_size=12),
    st.floats(0.2, 3).map(lambda t: round(t, 3)),
    st.floats(0.001, 0.9).map(lambda m: round(m, 4)),
)
def test_vllm_keeps_exactly_the_tokens_that_were_kept(
    logits: list[float], temperature: float, min_p: float
) -> None:
    sent = payload("vLLM", {"temperature": temperature, "min_p": min_p})
    logits_V = np.array(logits)
    last = np.exp(logits_V - logits_V.max())
    first = np.exp((logits_V - logits_V.max()) / temperature)
    near = np.abs(last / min_p - 1) < 1e-6
    assert ((last >= min_p) == (first >= sent["min_p"]))[~near].all()


@pytest.mark.parametrize("min_p", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_there_and_back_is_the_same_setting(min_p: float, temperature: float) -> None:
    there = payload("vLLM", {"temperature": temperature, "min_p": min_p})["min_p"]
    assert isinstance(there, float)
    back = payload("llama.cpp", {"temperature": temperature, "min_p": there}, "first")["min_p"]
    assert back == pytest.approx(min_p, rel=1e-6)


def test_top_k_and_n_sigma_are_the_same_in_both_orders() -> None:
    orders: tuple[Order, ...] = ("last", "first")
    for order in orders:
        sent = payload("llama.cpp", {"temperature": 2.0, "top_k": 40, "top_n_sigma": 1.5}, order)
        assert (sent["top_k"], sent["top_n_sigma"]) == (40, 1.5)
        assert exports({"temperature": 2.0, "top_k": 40}, order)["vLLM"].warnings == ()


@pytest.mark.parametrize("name", ["top_p"])
def test_what_has_no_conversion_is_a_warning_that_names_it(name: str) -> None:
    found = exports({"temperature": 1.5, name: 0.9})
    assert "no exact conversion" in found["vLLM"].warnings[0]
    assert found["vLLM"].warnings[0].startswith(name)
    assert found["llama.cpp"].warnings == found["KoboldCpp"].warnings == ()
    assert "does not say" in found["OpenAI"].warnings[0]
    back = exports({"temperature": 1.5, name: 0.9}, "first")
    assert back["vLLM"].warnings == ()
    assert "no exact conversion" in back["llama.cpp"].warnings[0]


def test_at_temperature_one_all_orders_are_one() -> None:
    found = exports({"temperature": 1.0, "top_p": 0.9})
    assert all(export.warnings == () for export in found.values())


def test_each_server_gets_its_own_names() -> None:
    setting = {"temperature": 1.5, "top_n_sigma": 1.0}
    assert payload("KoboldCpp", setting)["nsigma"] == 1.0
    assert payload("llama.cpp", setting)["top_n_sigma"] == 1.0
    options = payload("Ollama", {"temperature": 0.7, "repetition_penalty": 1.1})["options"]
    assert isinstance(options, dict)
    assert options["repeat_penalty"] == 1.1
    assert payload("OpenRouter", {"temperature": 0.7, "min_p": 0.1})["provider"] == {
        "require_parameters": True
    }
    assert payload("OpenAI", {"temperature": 0.7}) == {"temperature": 0.7}


@pytest.mark.parametrize(
    ("server", "parameters"),
    [
        ("vLLM", {"top_n_sigma": 1.0}),
        ("OpenAI", {"min_p": 0.1}),
        ("Ollama", {"xtc_probability": 0.5}),
        ("OpenRouter", {"dry_multiplier": 0.8}),
        ("KoboldCpp", {"frequency_penalty": 0.5}),
        ("llama.cpp", {"something_else": 1.0}),
    ],
)
def test_a_server_that_cannot_do_it_gets_nothing_and_says_why(
    server: str, parameters: dict[str, float]
) -> None:
    found = exports({"temperature": 1.0, **parameters})[server]
    assert found.payload is None
    assert next(iter(parameters)) in found.warnings[0]


def test_neutral_parameters_are_no_reason_to_refuse() -> None:
    found = exports(
        {"temperature": 0.8, "top_n_sigma": 0.0, "min_p": 0, "xtc_probability": 0, "xtc_threshold": 0.1}
    )
    assert all(export.payload is not None for export in found.values())


def test_xtc_and_dry_join_the_chain_of_llama_cpp() -> None:
    setting = {"temperature": 1.2, "xtc_probability": 0.5, "xtc_threshold": 0.1, "dry_multiplier": 0.8}
    sent = payload("llama.cpp", setting)
    chain = sent["samplers"]
    assert isinstance(chain, list)
    assert chain.index("dry") < chain.index("xtc") < chain.index("temperature")
    assert (sent["xtc_probability"], sent["xtc_threshold"], sent["dry_multiplier"]) == (0.5, 0.1, 0.8)
    assert "KoboldCpp applies XTC after" in exports(setting)["KoboldCpp"].warnings[0]


@pytest.mark.parametrize("value", ["hot", True, float("inf")])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(EvidenceError, match="top_p"):
        exports({"temperature": 1.0, "top_p": value})


def test_what_is_out_of_range_no_server_takes() -> None:
    for export in exports({"temperature": 1.0, "top_p": -1.5}).values():
        assert export.payload is None
        assert "top_p=-1.5" in export.warnings[0]


def test_the_yaml_holds_the_best_of_all_and_of_each_family(tmp_path: Path) -> None:
    found = analysis(search_of(tmp_path, ours(hill, grid()), metadata={"seed": 3}))
    whole = yaml.safe_load(export_yaml(found))
    assert list(whole) == ["best_overall", "best_by_sampler", "search_metadata", "servers"]
    assert set(whole["best_by_sampler"]) == {"min_p", "top_p"}
    best = whole["best_by_sampler"]["min_p"]
    assert list(best) == ["description", "sampler", "parameters", "performance"]
    assert best["parameters"] == dict(
        next(f for f in found.families if f.name == "min_p").best.setting.parameters
    )
    assert whole["search_metadata"]["seed"] == 3
    assert (
        whole["servers"]["llama.cpp"]["parameters"]["temperature"]
        == whole["best_overall"]["parameters"]["temperature"]
    )


def test_yaml_of_foreign_words_runs_nothing(tmp_path: Path) -> None:
    results = [entry("!!python/object/apply:os.system", {"temperature": 1, "k: [": "&a *b"}, [0.5, 0.6])]
    whole = yaml.safe_load(export_yaml(analysis(search_of(tmp_path, results))))
    assert whole["best_overall"]["sampler"] == "!!python/object/apply:os.system"
    assert whole["best_overall"]["parameters"]["k: ["] == "&a *b"
