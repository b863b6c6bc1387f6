from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.llm.local.tiny import tiny_model

from hyperfunc import ExactMatch, Example, HyperSystem, hyperfunction, llm_completion
from hyperfunc.errors import ModelError, UnknownModel
from hyperfunc.llm.client import Client, Message, Request, Response, Sampling
from hyperfunc.llm.local.client import LocalClient, shared_local_client
from hyperfunc.llm.local.engine import Engine
from hyperfunc.llm.local.jobs import Job
from hyperfunc.llm.local.prefix_cache import PrefixCache
from hyperfunc.llm.local.registry import Template, local_model, local_model_names


def ask(text: str, seed: int | None = 0, tokens: int = 8, **more: object) -> Request:
    return Request(
        model="local/tiny",
        messages=(Message("user", text),),
        seed=seed,
        sampling=Sampling(max_tokens=tokens),
        **more,  # type: ignore[arg-type]
    )


def tiny_client(threads: int = 2, max_rows: int = 4, **model: object) -> LocalClient:
    return LocalClient({"local/tiny": tiny_model(**model)}, threads=threads, max_rows=max_rows)  # type: ignore[arg-type]


async def ask_all(client: LocalClient, requests: list[Request]) -> list[Response]:
    return await asyncio.gather(*(client.complete(request) for request in requests))


def texts(client: LocalClient, requests: list[Request]) -> list[str]:
    return [response.text for response in asyncio.run(ask_all(client, requests))]


REQUESTS = [ask(f"question {i}", seed=i, tokens=3 + i % 9) for i in range(30)]


@pytest.fixture(scope="module")
def alone() -> list[str]:
    return [texts(tiny_client(), [request])[0] for request in REQUESTS]


def test_many_callers_get_what_each_would_get_alone(alone: list[str]) -> None:
    assert isinstance(LocalClient(), Client)
    assert texts(tiny_client(), REQUESTS) == alone


def test_several_loops_one_after_another_and_at_once(alone: list[str]) -> None:
    client = tiny_client()
    assert texts(client, REQUESTS[:5]) == alone[:5]
    assert texts(client, REQUESTS[5:]) == alone[5:]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda i: texts(client, REQUESTS[i::4]), range(4)))
    assert parts == [alone[i::4] for i in range(4)]


def test_cancelling_one_caller_does_not_harm_the_others(alone: list[str]) -> None:
    async def scenario() -> list[str]:
        client = tiny_client(threads=1)
        tasks = [asyncio.create_task(client.complete(request)) for request in REQUESTS]
        tasks[0].cancel()
        await asyncio.wait(tasks[1:2])
        unfinished = next(i for i, task in enumerate(tasks) if not task.done())
        tasks[unfinished].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        cancelled = [i for i, result in enumerate(done) if isinstance(result, asyncio.CancelledError)]
        assert cancelled == [0, unfinished]
        return [result.text if isinstance(result, Response) else alone[i] for i, result in enumerate(done)]

    assert asyncio.run(scenario()) == alone


def test_the_loop_stays_alive_while_a_batch_runs() -> None:
    async def scenario() -> int:
        passes = 0
        task = asyncio.create_task(ask_all(tiny_client(), REQUESTS))
        while not task.done():
            passes += 1
            await asyncio.sleep(0)
        return passes

    assert asyncio.run(scenario()) > 20


def test_requests_made_in_one_go_join_one_batch_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    waves: list[list[Job]] = []
    admit = Engine.admit

    def recorded(engine: Engine, jobs: list[Job]) -> object:
        waves.append(jobs)
        return admit(engine, jobs)

    monkeypatch.setattr(Engine, "admit", recorded)

    async def nested(client: LocalClient, request: Request) -> Response:
        await asyncio.sleep(0)
        return await client.complete(request)

    async def scenario() -> None:
        client = tiny_client(threads=1, max_rows=8)
        pairs = zip(REQUESTS[0:8:2], REQUESTS[1:8:2], strict=True)
        await asyncio.gather(*(part for a, b in pairs for part in (client.complete(a), nested(client, b))))

    asyncio.run(scenario())
    seeds = [[job.seed for job in wave] for wave in waves]
    assert seeds == [[0, 2, 4, 6, 1, 3, 5, 7]]


def test_a_failing_engine_reaches_every_caller_and_the_next_call_works(
    monkeypatch: pytest.MonkeyPatch, alone: list[str]
) -> None:
    client = tiny_client(threads=1)
    step = Engine.step

    def broken(engine: Engine) -> object:
        raise MemoryError("no room")

    monkeypatch.setattr(Engine, "step", broken)

    async def failing() -> list[object]:
        return list(await asyncio.gather(*(client.complete(r) for r in REQUESTS[:6]), return_exceptions=True))

    assert all(isinstance(result, MemoryError) for result in asyncio.run(failing()))
    monkeypatch.setattr(Engine, "step", step)
    assert texts(client, REQUESTS[:6]) == alone[:6]


def test_a_response_tells_what_was_used() -> None:
    request = ask("hello", tokens=5, logprobs=2)
    response = asyncio.run(tiny_client().complete(request))
    assert response.usage is not None
    assert response.usage.prompt_tokens == 5
    assert response.usage.completion_tokens <= 5
    assert response.logprobs is not None
    assert [len(token.top) for token in response.logprobs] == [2] * response.usage.completion_tokens
    assert (response.cost, response.fingerprint, response.model) == (0.0, "tiny", "local/tiny")
    assert response.latency_s > 0


def test_without_a_seed_answers_differ() -> None:
    assert len(set(texts(tiny_client(), [ask("hello", seed=None, tokens=20) for _ in range(4)]))) > 1


def test_the_template_is_all_that_is_added() -> None:
    template = Template(join="|", suffix="=", bos=True, answer_prefix=" ")
    model = tiny_model(template=template)
    ids = model.encode((Message("system", "a"), Message("user", "b")))
    assert ids[0] == model.tokenizer.bos_id
    assert model.tokenizer.decode(ids) == "a|b="
    assert (model.answer(" yes"), model.answer("yes ")) == ("yes", "yes ")


def test_stop_texts_of_model_and_request_both_count() -> None:
    free = texts(tiny_client(), [ask("hello", tokens=40)])[0]
    by_model = texts(tiny_client(stop=(free[5],)), [ask("hello", tokens=40)])[0]
    by_request = texts(tiny_client(), [ask("hello", tokens=40, stop=("", free[5]))])[0]
    assert by_model == by_request == free[: free.index(free[5])]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ask("x", tools=({"name": "t"},)), "tools"),
        (ask("x", response_format={"type": "json_object"}), "response_format"),
        (ask("x" * 400), "shorten"),
        (ask(""), "empty"),
        (Request(model="local/tony", messages=()), "local/tiny"),
        (ask("x", tokens=0), "max_tokens"),
        (ask("x", logprobs=-1), "logprobs"),
    ],
    ids=["tools", "format", "long", "empty", "name", "tokens", "logprobs"],
)
def test_what_cannot_be_answered_is_refused_at_once(request_: Request, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        asyncio.run(tiny_client().complete(request_))


def test_shipped_models_answer_by_name() -> None:
    client = shared_local_client()
    assert client is shared_local_client()
    assert "local/prose" in local_model_names()
    request = Request(
        model="local/prose",
        messages=(Message("user", "And it came to pass"),),
        sampling=Sampling(temperature=0, max_tokens=6),
    )
    response = asyncio.run(client.complete(request))
    model = local_model("local/prose")
    engine = Engine(model.transformer, model.tokenizer, PrefixCache(0))
    job = Job(ids=model.encode(request.messages), sampling=request.sampling)
    assert response.text == engine.generate([job])[0].text
    assert response.fingerprint == model.fingerprint
    with pytest.raises(ModelError, match="local/prose"):
        local_model("local/prosa")


def test_idle_threads_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperfunc.llm.local.workers._IDLE_SECONDS", 0.01)
    before = set(threading.enumerate())
    texts(tiny_client(), REQUESTS[:3])
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


def test_a_model_that_is_not_there_ends_an_evaluation_and_is_no_score() -> None:
    @hyperfunction
    async def answer(x: str) -> str:
        return (await llm_completion("local/offic", x)).content

    with pytest.raises(UnknownModel, match="did you mean 'local/office'"):
        HyperSystem([answer]).evaluate([Example({"x": "a"}, "a")], ExactMatch())
