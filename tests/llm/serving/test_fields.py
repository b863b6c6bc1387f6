"""No field is dropped silently, and a wrong one is one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from tests.llm.serving.asking import NAME, Site

PROMPT = {"prompt": "a question", "seed": 3, "max_tokens": 4}

NEUTRAL: dict[str, Any] = {
    "temperature": 1,
    "top_p": 1,
    "top_k": 0,
    "min_p": 0,
    "typical_p": 1,
    "top_n_sigma": -1,
    "repetition_penalty": 1,
    "repeat_last_n": 64,
    "xtc_probability": 0,
    "xtc_threshold": 0.1,
    "dry_multiplier": 0.0,
    "dry_base": 1.75,
    "mirostat": 0,
    "mirostat_tau": 5,
    "adaptive_target": -1.0,
    "min_keep": 0,
    "samplers": ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"],
    "logit_bias": {},
    "grammar": "",
    "user": "somebody",
    "stop": None,
    "response_format": {"type": "text"},
}


def test_neutral_values_of_samplers_that_are_not_here_are_honored(strict_site: Site) -> None:
    assert strict_site.post("/v1/completions", {**PROMPT, **NEUTRAL}).status == 200


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"nsigma": 1.0}, "nsigma"),
        ({"typical": 0.5}, "typical"),
        ({"xtc_probability": 0.5, "xtc_threshold": 0.1}, "xtc_probability, xtc_threshold"),
        ({"mirostat": 2, "mirostat_tau": 3}, "mirostat, mirostat_tau"),
        ({"repetition_penalty": 1.2, "repeat_last_n": 64}, "repeat_last_n"),
        ({"presence_penalty": 0.5, "repeat_last_n": -1, "zeal": 3}, "zeal"),
        ({"logit_bias": {"5": -100}}, "logit_bias"),
        ({"samplers": ["temperature", "top_p"]}, "samplers"),
        ({"samplers": [{}, 3]}, "samplers"),
    ],
)
def test_what_takes_no_part_is_named_or_refused(
    site: Site, strict_site: Site, sent: dict[str, Any], named: str
) -> None:
    answer = site.post("/v1/completions", {**PROMPT, **sent})
    assert (answer.status, answer.ignored, answer.json["ignored_fields"]) == (200, named, named.split(", "))
    streamed = site.post("/v1/completions", {**PROMPT, **sent, "stream": True})
    assert streamed.ignored == named
    refused = strict_site.post("/v1/completions", {**PROMPT, **sent})
    assert refused.status == 400
    assert refused.json["error"]["message"].startswith(f"this route does not know {named};")


def test_a_name_that_no_header_can_carry_is_still_named(site: Site) -> None:
    answer = site.post("/v1/completions", {**PROMPT, "zeal\r\nX-Evil: 1": 1, "Größe": 2})
    assert answer.json["ignored_fields"] == ["Größe", "zeal\r\nX-Evil: 1"]
    assert answer.ignored == "Gr\\xf6\\xdfe, zeal??X-Evil: 1"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "prompt is missing; send a text or a list of texts"),
        ([], "the body must be a JSON object, not []"),
        (b"{nope", "the body is no JSON"),
        ({"prompt": [1, 2]}, "prompt must be a text or a list of texts, not [1, 2]"),
        ({"prompt": "x" * 200}, "the prompt has 200 tokens, but the model reads 128; shorten it"),
        ({**PROMPT, "temperature": "hot"}, "temperature must be a number, not 'hot'"),
        ({**PROMPT, "temperature": -1}, "temperature=-1 must lie in [0, inf]"),
        ({**PROMPT, "top_p": True}, "top_p must be a number, not True"),
        ({**PROMPT, "top_k": 1.5}, "top_k must be a whole number, not 1.5"),
        ({**PROMPT, "seed": 10**400}, "seed must be a number"),
        (b'{"prompt": "x", "min_p": NaN}', "min_p must be a number, not nan"),
        ({**PROMPT, "max_tokens": 0}, "max_tokens must be at least 1, not 0"),
        ({"prompt": ["x"] * 1000, "n": 3}, "prompts times n are more than 2048 answers"),
        ({**PROMPT, "n": 129}, "n must be at least 1 and at most 128, not 129"),
        ({**PROMPT, "stream": "yes"}, "stream must be true or false, not 'yes'"),
        ({**PROMPT, "stop": [1]}, "stop must be a text or a list of texts, not [1]"),
        ({**PROMPT, "stop": ["x"] * 17}, "stop has 17 texts; send at most 16"),
        (
            {**PROMPT, "repeat_penalty": 1.1, "repetition_penalty": 1.2},
            "repeat_penalty was sent beside another name of repetition_penalty; send one of them",
        ),
        ({**PROMPT, "tools": [{"type": "function"}]}, "the embedded models call no tools; leave out tools"),
        ({**PROMPT, "response_format": {"type": "json_object"}}, "the embedded models write plain text"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_field_is_one_sentence(site: Site, body: Any, sentence: str, stream: bool) -> None:
    sent = {"stream": True, **body} if stream and isinstance(body, dict) else body
    answer = site.post("/v1/completions", sent)
    assert answer.status == 400
    assert sentence in answer.json["error"]["message"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "messages", [None, [], "hi", [{"role": "user"}], [{"role": "user", "content": [{}]}]]
)
def test_messages_that_cannot_be_read(site: Site, messages: Any) -> None:
    answer = site.post("/v1/chat/completions", {"messages": messages})
    assert answer.status == 400
    assert '{"role": "user", "content": "a text"}' in answer.json["error"]["message"]


def test_what_does_not_exist(site: Site) -> None:
    model = site.post("/v1/completions", {**PROMPT, "model": "local/tinny"})
    assert model.status == 404
    assert f"did you mean '{NAME}'?" in model.json["error"]["message"]
    route = site.get("/v2/models")
    assert route.status == 404
    assert route.json["error"]["message"] == "there is no /v2/models; use /v1/models"
    assert "/v1/completions" in site.post("/v1/embeddings", PROMPT).json["error"]["message"]
    method = site.get("/v1/completions")
    assert method.status == 405
    assert method.json["error"]["message"] == "/v1/completions does not take GET; use POST"


def test_a_body_that_is_too_long(site: Site) -> None:
    answer = site.post("/v1/completions", {"prompt": "x" * 5_000_000})
    assert answer.status == 413
    assert "send less" in answer.json["error"]["message"]
