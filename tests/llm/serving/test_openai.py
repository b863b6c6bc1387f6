"""OpenAI-style routes say what the embedded client says."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.llm.local.tiny import tiny_model
from tests.llm.serving.asking import NAME, Site

from hyperfunc.llm.client import Message, Request, Response, Sampling
from hyperfunc.llm.local.client import LocalClient

ASKED: dict[str, Any] = {"model": NAME, "prompt": "a question", "seed": 3, "max_tokens": 12}


def embedded(**more: Any) -> Response:
    given = {
        "messages": (Message("user", "a question"),),
        "sampling": Sampling(max_tokens=12),
        "seed": 3,
        **more,
    }
    client = LocalClient({NAME: tiny_model()})
    return asyncio.run(client.complete(Request(model=NAME, **given)))


def chat(**more: Any) -> dict[str, Any]:
    return {
        "model": NAME,
        "messages": [{"role": "user", "content": "a question"}],
        "seed": 3,
        "max_tokens": 12,
        **more,
    }


def test_models_are_listed(site: Site) -> None:
    assert [model["id"] for model in site.get("/v1/models").json["data"]] == [NAME]


def test_both_routes_give_the_embedded_answer_and_its_usage(site: Site) -> None:
    plain = embedded()
    completion = site.post("/v1/completions", ASKED).json
    conversation = site.post("/v1/chat/completions", chat()).json
    assert completion["choices"][0]["text"] == plain.text
    assert conversation["choices"][0]["message"] == {"role": "assistant", "content": plain.text}
    for answer in (completion, conversation):
        assert answer["choices"][0]["finish_reason"] == plain.finish_reason
        assert answer["usage"] == {"prompt_tokens": 10, "completion_tokens": 12, "total_tokens": 22}
        assert "ignored_fields" not in answer


@pytest.mark.parametrize(
    ("field", "value", "parameter"),
    [
        ("temperature", 0.2, "temperature"),
        ("top_p", 0.1, "top_p"),
        ("top_k", 2, "top_k"),
        ("min_p", 0.9, "min_p"),
        ("typical_p", 0.05, "typical_p"),
        ("top_n_sigma", 0.2, "top_n_sigma"),
        ("repetition_penalty", 9.0, "repetition_penalty"),
        ("repeat_penalty", 9.0, "repetition_penalty"),
        ("frequency_penalty", 2.0, "frequency_penalty"),
        ("presence_penalty", -2.0, "presence_penalty"),
    ],
)
def test_every_sampler_field_has_its_effect(site: Site, field: str, value: float, parameter: str) -> None:
    wanted = embedded(sampling=Sampling(max_tokens=12, **{parameter: value}))  # type: ignore[arg-type]
    assert wanted.text != embedded().text
    assert site.post("/v1/completions", {**ASKED, field: value}).json["choices"][0]["text"] == wanted.text


def test_stop_texts_end_the_answer(site: Site) -> None:
    whole = embedded().text
    choice = site.post("/v1/completions", {**ASKED, "stop": [whole[5:7], "?!"]}).json["choices"][0]
    assert choice["text"] == whole[: whole.index(whole[5:7])]
    assert choice["finish_reason"] == "stop"


def test_several_choices_differ_repeat_and_count_their_prompt_once(site: Site) -> None:
    first, again = (site.post("/v1/completions", {**ASKED, "n": 3}).json for _ in range(2))
    texts = [choice["text"] for choice in first["choices"]]
    assert len(set(texts)) == 3
    assert texts[0] == embedded().text
    assert [choice["text"] for choice in again["choices"]] == texts
    assert first["usage"] == {"prompt_tokens": 10, "completion_tokens": 36, "total_tokens": 46}


def test_a_list_of_prompts_is_answered_in_its_order(site: Site) -> None:
    answer = site.post("/v1/completions", {**ASKED, "prompt": ["one", "a question"]}).json
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert answer["choices"][1]["text"] == embedded().text


def test_log_probabilities_come_in_each_routes_own_form(site: Site) -> None:
    entries = embedded(logprobs=2).logprobs
    assert entries is not None
    legacy = site.post("/v1/completions", {**ASKED, "logprobs": 2}).json["choices"][0]["logprobs"]
    assert legacy["token_logprobs"] == [entry.logprob for entry in entries]
    for top, entry in zip(legacy["top_logprobs"], entries, strict=True):
        assert top == {
            token: max(value for other, value in entry.top if other == token) for token, _ in entry.top
        }
    modern = site.post("/v1/chat/completions", chat(logprobs=True, top_logprobs=2)).json
    content = modern["choices"][0]["logprobs"]["content"]
    assert [(item["token"], item["logprob"]) for item in content] == [(e.token, e.logprob) for e in entries]
    assert [len(item["top_logprobs"]) for item in content] == [2] * 12


def test_a_stream_joins_to_the_answer_and_ends_with_reason_usage_and_mark(site: Site) -> None:
    answer = site.post(
        "/v1/completions", {**ASKED, "stream": True, "stream_options": {"include_usage": True}}
    )
    *chunks, last, usage = answer.events
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == embedded().text
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
    assert last["choices"][0]["finish_reason"] == "length"
    assert usage["usage"]["completion_tokens"] == 12
    assert answer.text.endswith("data: [DONE]\n\n")


def test_streamed_choices_of_a_chat_are_told_apart_by_index(site: Site) -> None:
    whole = site.post("/v1/chat/completions", chat(n=2)).json["choices"]
    said = {0: "", 1: ""}
    roles = []
    for chunk in site.post("/v1/chat/completions", chat(n=2, stream=True)).events:
        choice = chunk["choices"][0]
        roles += [choice["delta"]["role"]] if "role" in choice["delta"] else []
        said[choice["index"]] += choice["delta"].get("content", "")
    assert roles == ["assistant", "assistant"]
    assert said == {choice["index"]: choice["message"]["content"] for choice in whole}


def test_many_callers_at_once_get_what_each_would_get_alone(site: Site) -> None:
    bodies = [{**ASKED, "seed": seed} for seed in range(24)]
    alone = [site.post("/v1/completions", body).json["choices"] for body in bodies]
    with ThreadPoolExecutor(24) as pool:
        together = list(pool.map(lambda body: site.post("/v1/completions", body).json["choices"], bodies))
    assert together == alone


def test_content_may_come_in_parts_of_text(site: Site) -> None:
    parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "question"}]
    answer = site.post("/v1/chat/completions", chat(messages=[{"role": "user", "content": parts}])).json
    assert answer["choices"][0]["message"]["content"] == embedded().text
