"""Whatever is sent, the server answers, refuses with a sentence, or knows no such model; it never fails."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.llm.serving.asking import NAME, Site

from hyperfunc.llm.serving.fields import EMPTY, NO_EFFECT, SWITCHES, WINDOWS
from hyperfunc.llm.serving.kobold import SAMPLERS as KOBOLD
from hyperfunc.llm.serving.openai import SAMPLERS as OPENAI

NAMES = sorted(
    {*EMPTY, *NO_EFFECT, *SWITCHES, *WINDOWS, *KOBOLD, *OPENAI}
    | {"model", "messages", "stop", "stop_sequence", "seed", "sampler_seed", "n", "logprobs", "top_logprobs"}
    | {"max_tokens", "max_length", "max_completion_tokens", "max_context_length", "memory", "stream"}
    | {"stream_options", "tools", "response_format", "samplers", "sampler_order", "rep_pen_slope"}
)
numbers = st.integers(-3, 300) | st.floats(allow_nan=True) | st.just(10**400)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=20) | st.just(NAME)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
)
bodies = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), values, max_size=5)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/completions",
        "/v1/chat/completions",
        "/api/v1/generate",
        "/api/extra/generate/stream",
        "/api/extra/tokencount",
    ],
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, prompt=values | st.text())
def test_no_body_makes_it_fail(site: Site, path: str, body: dict[str, Any], prompt: Any) -> None:
    usual = {
        "prompt": prompt,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 3,
        "max_length": 3,
    }
    answer = site.post(path, json.dumps({**usual, **body}).encode())
    assert answer.status in (200, 400, 404)
    if answer.status != 200:
        refusal = answer.json
        sentence = refusal["error"]["message"] if "error" in refusal else refusal["detail"]["msg"]
        assert re.search(r"\w+ \w+", sentence)
        assert "Traceback" not in sentence
