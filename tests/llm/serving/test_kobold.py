"""KoboldCpp's own routes, with the names that KoboldCpp gives its samplers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.llm.local.tiny import tiny_model
from tests.llm.serving.asking import NAME, Site

from hyperfunc.llm.client import Message, Request, Sampling
from hyperfunc.llm.local.client import LocalClient

ASKED: dict[str, Any] = {"prompt": "a question", "sampler_seed": 3, "max_length": 12}


def embedded(**sampling: float) -> str:
    request = Request(
        model=NAME,
        messages=(Message("user", "a question"),),
        sampling=Sampling(max_tokens=12, **sampling),  # type: ignore[arg-type]
        seed=3,
    )
    return asyncio.run(LocalClient({NAME: tiny_model()}).complete(request)).text


def generate(site: Site, **more: Any) -> dict[str, Any]:
    answer = site.post("/api/v1/generate", {**ASKED, **more})
    assert answer.status == 200, answer.text
    assert answer.ignored is None
    result: dict[str, Any] = answer.json["results"][0]
    return result


def test_it_gives_the_embedded_answer(site: Site) -> None:
    assert generate(site) == {
        "text": embedded(),
        "finish_reason": "length",
        "prompt_tokens": 10,
        "completion_tokens": 12,
    }
    assert generate(site, prompt="question", memory="a ")["text"] == embedded()


@pytest.mark.parametrize(
    ("field", "value", "parameter"),
    [
        ("temperature", 0.2, "temperature"),
        ("top_p", 0.1, "top_p"),
        ("top_k", 2, "top_k"),
        ("min_p", 0.9, "min_p"),
        ("typical", 0.05, "typical_p"),
        ("nsigma", 0.2, "top_n_sigma"),
        ("rep_pen", 9.0, "repetition_penalty"),
        ("presence_penalty", -2.0, "presence_penalty"),
    ],
)
def test_every_sampler_field_has_its_effect(site: Site, field: str, value: float, parameter: str) -> None:
    wanted = embedded(**{parameter: value})
    assert wanted != embedded()
    assert generate(site, **{field: value})["text"] == wanted


def test_names_that_koboldcpp_does_not_know_are_reported(site: Site) -> None:
    answer = site.post("/api/v1/generate", {**ASKED, "top_n_sigma": 0.2, "seed": 4, "sampler_order": [5, 6]})
    assert answer.json["ignored_fields"] == ["sampler_order", "seed", "top_n_sigma"]
    assert answer.json["results"][0]["text"] == embedded()


def test_what_this_server_does_anyway_is_honored(site: Site) -> None:
    generate(
        site, n=1, trim_stop=True, sampler_order=[6, 0, 1, 3, 4, 2, 5], max_context_length=4096, quiet=True
    )
    generate(site, rep_pen=1.5, rep_pen_range=4096, rep_pen_slope=1, tfs=1, top_a=0, genkey="KCPP1")


def test_minus_one_draws_a_seed(site: Site) -> None:
    assert generate(site, sampler_seed=-1)["text"] != generate(site, sampler_seed=-1)["text"]


def test_stop_sequences(site: Site) -> None:
    whole = embedded()
    result = generate(site, stop_sequence=[whole[5:7]])
    assert (result["text"], result["finish_reason"]) == (whole[: whole.index(whole[5:7])], "stop")


def test_a_stream_joins_to_the_answer(site: Site) -> None:
    answer = site.post("/api/extra/generate/stream", ASKED)
    assert answer.text.startswith("event: message\ndata: ")
    assert "".join(event["token"] for event in answer.events) == embedded()
    assert [event["finish_reason"] for event in answer.events][-1] == "length"


def test_what_the_server_says_of_itself(site: Site) -> None:
    assert site.get("/api/v1/model").json == {"result": NAME}
    assert site.get("/api/v1/config/max_context_length").json == {"value": 128}
    assert site.get("/api/extra/true_max_context_length").json == {"value": 128}
    assert site.get("/api/v1/config/max_length").json == {"value": 64}
    assert site.get("/api/v1/info/version").json["result"]
    assert site.get("/api/extra/version").json["result"] == "hyperfunc"
    assert site.post("/api/extra/tokencount", {"prompt": "abc"}).json == {"value": 3, "ids": [100, 101, 102]}
    before = site.get("/api/extra/perf").json["total_gens"]
    generate(site)
    after = site.get("/api/extra/perf").json
    assert (after["total_gens"], after["last_token_count"], after["queue"], after["idle"]) == (
        before + 1,
        12,
        0,
        1,
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "prompt is missing; send a text"),
        ({**ASKED, "max_length": 0}, "max_length must be at least 1, not 0"),
        ({**ASKED, "max_context_length": 64}, "prompts are never cut here; leave it out"),
        ({**ASKED, "rep_pen": 0}, "repetition_penalty=0 must be positive; 1 is neutral"),
    ],
)
def test_a_wrong_field_is_one_sentence_in_koboldcpps_form(site: Site, body: Any, sentence: str) -> None:
    for path in ("/api/v1/generate", "/api/extra/generate/stream"):
        answer = site.post(path, body)
        assert answer.status == 400
        assert sentence in answer.json["detail"]["msg"]
