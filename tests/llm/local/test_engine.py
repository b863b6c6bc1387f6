"""Laws of generation: a result depends on its request alone, and equals the plain network's."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.llm.local.tiny import TINY, tiny_engine, tiny_transformer, tiny_weights
from tests.llm.local.torch_reference import reference_logprobs, tensors

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Sampling
from hyperfunc.llm.local.engine import Engine, check_job
from hyperfunc.llm.local.jobs import Generation, Job
from hyperfunc.llm.local.prefix_cache import BLOCK, PrefixCache, chain_keys
from hyperfunc.llm.local.registry import WEIGHTS, local_model, local_model_names
from hyperfunc.llm.local.tokenizer import Tokenizer
from hyperfunc.llm.local.transformer import Architecture, Transformer

OPENINGS = {
    "local/prose": ["In the beginning", "And the king of", "Blessed are", "Now the men of Judah went up"],
    "local/office": ["Say which team handles the ticket", "Read the invoice.", "Write a reply", "Answer"],
}


def random_job(rng: random.Random, prefixes: list[list[int]], vocab: int, longest: int) -> Job:
    suffix = [rng.randrange(3, vocab) for _ in range(rng.randint(1, longest))]
    return Job(
        ids=(*rng.choice(prefixes), *suffix),
        seed=rng.randrange(100),
        logprobs=rng.choice([None, 0, 3]),
        stop=rng.choice([(), ("e",)]),
        sampling=Sampling(
            temperature=rng.choice([0.0, 0.7, 1.0, 1.6]),
            top_p=rng.choice([None, 0.9]),
            min_p=rng.choice([None, 0.02]),
            top_k=rng.choice([None, 20]),
            frequency_penalty=rng.choice([None, 0.5]),
            max_tokens=rng.randint(1, 12),
        ),
    )


@pytest.fixture(scope="module")
def tiny_jobs() -> list[Job]:
    rng = random.Random(0)
    prefixes = [[rng.randrange(3, 259) for _ in range(n)] for n in (0, 17, 40, 64)]
    prefixes.append([*prefixes[3][:48], 5, 6, 7] * 1)
    return [random_job(rng, prefixes, 259, 30) for _ in range(40)]


@pytest.fixture(scope="module")
def tiny_alone(tiny_jobs: list[Job]) -> list[Generation]:
    return [tiny_engine(max_rows=1).generate([job])[0] for job in tiny_jobs]


@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_result_never_depends_on_the_batch_or_the_cache(
    tiny_jobs: list[Job], tiny_alone: list[Generation], data: st.DataObject
) -> None:
    places = data.draw(st.permutations(range(len(tiny_jobs))))[: data.draw(st.integers(1, len(tiny_jobs)))]
    cache = PrefixCache(data.draw(st.sampled_from([0, 20_000, 10_000_000])))
    engine = tiny_engine(data.draw(st.sampled_from([1, 2, 5, 16, 40])), cache)
    for _ in range(2):
        results = engine.generate([tiny_jobs[place] for place in places])
        assert results == [tiny_alone[place] for place in places]


def test_the_real_model_is_batch_invariant_too() -> None:
    model = local_model("local/prose")
    rng = random.Random(3)
    prefixes = [[rng.randrange(3, 2048) for _ in range(n)] for n in (0, 50, 130)]
    jobs = [random_job(rng, prefixes, 2048, 20) for _ in range(24)]

    def run(order: list[int], rows: int, cache: PrefixCache) -> dict[int, Generation]:
        engine = Engine(model.transformer, model.tokenizer, cache, max_rows=rows)
        return dict(zip(order, engine.generate([jobs[i] for i in order]), strict=True))

    shared = PrefixCache(1 << 24)
    first = run(list(range(24)), 24, shared)
    assert shared.bytes > 0
    for rows, cache in ((7, shared), (13, PrefixCache(0))):
        order = rng.sample(range(24), 15)
        again = run(order, rows, cache)
        assert all(again[i] == first[i] for i in order)
    assert shared.hits > 0


def parity(model: Transformer, tokenizer: Tokenizer, weights: dict[str, np.ndarray], jobs: list[Job]) -> None:
    results = Engine(model, tokenizer, PrefixCache(1 << 22), max_rows=32).generate(jobs)
    w = tensors(weights)
    for job, result in zip(jobs, results, strict=True):
        ids = [*job.ids, *result.ids]
        with torch.no_grad():
            logprobs = reference_logprobs(model.architecture, w, ids)[len(job.ids) - 1 : -1]
        allowed = logprobs.clone()
        allowed[:, [tokenizer.pad_id, tokenizer.bos_id]] = -torch.inf
        assert allowed.argmax(1).tolist() == list(result.ids)
        assert result.logprobs is not None
        for place, (token, index) in enumerate(zip(result.logprobs, result.ids, strict=True)):
            assert abs(token.logprob - float(logprobs[place, index])) < 1e-4
            best = logprobs[place].topk(len(token.top)).values.tolist()
            assert [value for _, value in token.top] == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("name", local_model_names())
def test_greedy_output_equals_torch_token_for_token(name: str) -> None:
    model = local_model(name)
    with np.load(WEIGHTS / f"{name.removeprefix('local/')}.npz") as file:
        weights = dict(file)
    rng = random.Random(1)
    words = [model.tokenizer.encode(text) for text in OPENINGS[name]]
    noise = [
        [rng.randrange(3, model.tokenizer.vocab_size) for _ in range(rng.randint(0, 40))] for _ in range(50)
    ]
    jobs = [
        Job(ids=(1, *extra, *words[i % 4]), sampling=Sampling(temperature=0, max_tokens=12), logprobs=2)
        for i, extra in enumerate(noise)
    ]
    parity(model.transformer, model.tokenizer, weights, jobs)


def test_greedy_output_with_token_shift_equals_torch() -> None:
    rng = random.Random(2)
    prompts = [tuple(rng.randrange(3, 259) for _ in range(n)) for n in (1, 2, 3, 17, 60)]
    jobs = [Job(ids=ids, sampling=Sampling(temperature=0, max_tokens=20), logprobs=1) for ids in prompts]
    parity(tiny_transformer(), Tokenizer([]), tiny_weights(), jobs)


def test_stop_texts_end_the_completion_and_are_cut_off() -> None:
    model = local_model("local/prose")
    engine = Engine(model.transformer, model.tokenizer, PrefixCache(0))
    ids = model.encode(()) + tuple(model.tokenizer.encode("And it came to pass"))
    free = engine.generate([Job(ids=ids, seed=4, sampling=Sampling(max_tokens=60))])[0]
    middle = free.text[20:24]
    stopped = engine.generate([Job(ids=ids, seed=4, sampling=Sampling(max_tokens=60), stop=("@", middle))])[0]
    assert stopped.finish_reason == "stop"
    assert stopped.text == free.text[: free.text.index(middle)]
    assert stopped.ids == free.ids[: len(stopped.ids)]
    assert free.finish_reason == "length"
    assert len(free.ids) == 60


def test_seeds_repeat_and_differ() -> None:
    jobs = [Job(ids=(50, 60), seed=seed, sampling=Sampling(max_tokens=20)) for seed in (1, 2, 1)]
    first, other, again = tiny_engine().generate(jobs)
    assert first == again
    assert first.ids != other.ids
    longer = tiny_engine().generate([Job(ids=(50, 60), seed=1, sampling=Sampling(max_tokens=30))])[0]
    assert longer.ids[:20] == first.ids or len(first.ids) < 20


def test_a_presence_penalty_forbids_repetition_of_prompt_and_completion() -> None:
    sampling = Sampling(presence_penalty=1e6, max_tokens=60)
    result = tiny_engine().generate([Job(ids=(50, 60, 61), seed=1, sampling=sampling)])[0]
    produced = [50, 60, 61, *result.ids]
    assert len(set(produced)) == len(produced)


def test_the_context_is_filled_but_never_exceeded() -> None:
    job = Job(ids=tuple(range(3, 123)), sampling=Sampling(min_p=0.0, frequency_penalty=9.0), seed=3)
    result = tiny_engine().generate([job])[0]
    assert result.finish_reason == "stop" or len(result.ids) == TINY.context - 120
    with pytest.raises(ModelError, match="128"):
        tiny_engine().generate([Job(ids=(3,) * 128)])
    with pytest.raises(ModelError, match="empty"):
        check_job(Job(ids=()), 128)
    with pytest.raises(ModelError, match="max_tokens=0"):
        check_job(Job(ids=(3,), sampling=Sampling(max_tokens=0)), 128)


def test_special_tokens_are_never_drawn() -> None:
    uniform = Sampling(temperature=1e6, max_tokens=40)
    jobs = [Job(ids=(9, 8), seed=seed, sampling=uniform) for seed in range(60)]
    drawn = {index for result in tiny_engine(60).generate(jobs) for index in result.ids}
    assert not drawn & {0, 1}
    assert 2 in drawn


def test_a_discarded_row_leaves_the_others_alone() -> None:
    jobs = [Job(ids=(50 + i, 60), seed=i, sampling=Sampling(max_tokens=15)) for i in range(5)]
    expected = tiny_engine().generate(jobs)
    engine = tiny_engine()
    rows = engine.admit(jobs)
    engine.step()
    engine.discard(lambda completion: completion is rows[1])
    while engine.active:
        engine.step()
    assert [row.generation() for row in (rows[0], *rows[2:])] == [expected[0], *expected[2:]]


def test_a_cache_forgets_the_least_recently_used_block() -> None:
    block = np.zeros((2, 1, 1, BLOCK, 4))
    size = block.astype(np.float32).nbytes
    cache = PrefixCache(2 * size)
    keys = chain_keys(list(range(3 * BLOCK)))
    for key in keys[:2]:
        cache.put([key], block)
    assert len(cache.longest(keys[:1])) == 1
    cache.put(keys[2:], block)
    assert len(cache.longest(keys[:1])) == 1
    assert cache.longest(keys[1:2]) == []
    assert cache.bytes == 2 * size


def test_a_block_is_named_by_everything_before_it() -> None:
    a, b = list(range(40)), [99, *range(1, 40)]
    assert len(chain_keys(a)) == 2
    assert not set(chain_keys(a)) & set(chain_keys(b))
    assert chain_keys(a)[:1] == chain_keys(a[:20])


def test_weights_that_do_not_fit_are_refused() -> None:
    weights = tiny_weights()
    with pytest.raises(ModelError, match="norm"):
        Transformer(TINY, {name: value for name, value in weights.items() if name != "norm"})
    with pytest.raises(ModelError, match="embed"):
        Transformer(TINY, weights | {"embed": np.full((259, 24), np.nan)})
    with pytest.raises(ModelError, match="unknown architecture fields"):
        Architecture.from_json({"vocab": 3, "depth": 2})
