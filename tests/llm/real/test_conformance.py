"""The embedded model and its samplers against llama.cpp on the same weights."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from benchmarks.models.conformance import CASES, MODEL, PROMPTS, Figures, figures
from tests.llm.real.llamacpp import LlamaServer

from hyperfunc.llm.client import Message, Request, Sampling
from hyperfunc.llm.local.client import shared_local_client
from hyperfunc.llm.local.registry import local_model

pytestmark = pytest.mark.llamacpp


@pytest.fixture(scope="module")
def found(llama: LlamaServer) -> Figures:
    return figures(llama, PROMPTS[:1])


def test_log_probabilities_of_the_whole_vocabulary_agree(found: Figures) -> None:
    assert found.logprob_gap < 0.01


@pytest.mark.parametrize("case", CASES)
def test_samplers_give_the_servers_distribution(found: Figures, case: str) -> None:
    limit = 1e-3 if CASES[case].repetition_penalty else 1e-5
    assert found.distances[case, PROMPTS[0]] < limit


NOT_EMBEDDED = {"xtc_probability", "xtc_threshold", "dry_multiplier", "dry_base", "dry_allowed_length"}
"""Samplers that only the real server has."""


def test_the_cases_truncate_and_heat(llama: LlamaServer) -> None:
    assert len(CASES) >= 20
    used = {name for sampling in CASES.values() for name in sampling.given()}
    assert used == set(Sampling.__dataclass_fields__) - {"max_tokens", *NOT_EMBEDDED}


@pytest.mark.parametrize("prompt", ["And it came to pass", "In the beginning", "Then said Jesus unto them,"])
def test_greedy_answers_agree_token_by_token(llama: LlamaServer, prompt: str) -> None:
    messages = (Message("user", prompt),)
    sampling = Sampling(temperature=0, max_tokens=16)
    request = Request(model=MODEL, messages=messages, sampling=sampling, logprobs=5)
    ours = asyncio.run(shared_local_client().complete(request))
    ids = list(local_model(MODEL).encode(messages))
    body = {"prompt": ids, "n_predict": 16, "temperature": 0, "top_k": 0, "n_probs": 5}
    theirs = llama.post("/completion", body)
    assert theirs["content"] == ours.text
    assert ours.logprobs is not None
    for mine, their in zip(ours.logprobs, theirs["completion_probabilities"], strict=True):
        assert mine.logprob == pytest.approx(their["logprob"], abs=0.01)
        listed = [token["logprob"] for token in their["top_logprobs"]]
        np.testing.assert_allclose([value for _, value in mine.top], listed, atol=0.01)


def test_both_tokenizers_cut_plain_text_alike(llama: LlamaServer) -> None:
    for text in (*PROMPTS, "Then he said: 'Go!' And they went; yea, all of them."):
        theirs = llama.post("/tokenize", {"content": text, "add_special": True})["tokens"]
        assert theirs == list(local_model(MODEL).encode((Message("user", text),)))
