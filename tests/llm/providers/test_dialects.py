"""Each dialect against a server on this machine: what arrives there, what is read, streams included."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.llm.fault_server import Act, Seen, chat, fault_server

from hyperfunc.errors import BadReply, ModelError, ServerFailed, ServerUnreachable
from hyperfunc.llm.client import Message, Request, Response, Sampling, TokenLogprob
from hyperfunc.llm.http import Attempts
from hyperfunc.llm.providers.server import Piece, ServerClient
from hyperfunc.llm.registry import forget_routes, route_for

SCHEMA = {"type": "object", "properties": {"team": {"type": "string"}}, "required": ["team"]}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def request(**more: Any) -> Request:
    more.setdefault("sampling", Sampling(max_tokens=8))
    return Request(model="m", messages=(Message("user", "Hi"),), **more)


def client(name: str) -> ServerClient:
    forget_routes()
    found = route_for(name).client
    assert isinstance(found, ServerClient)
    found.attempts = Attempts(timeout_s=5, tries=2, backoff_s=0.001)
    return found


def asked(name: str, reply: Any, made: Request) -> tuple[Seen, Response]:
    """What the server got and what came of its reply; ``URL`` in the name is its address."""
    with fault_server(lambda seen: Act(body=reply)) as server:
        answer = asyncio.run(client(name.replace("URL", server.url)).complete(made))
        return server.seen[-1], answer


def streamed(name: str, lines: bytes, made: Request, kind: Any = "stream") -> list[Piece]:
    with fault_server(lambda seen: Act(kind=kind, body=lines)) as server:

        async def main() -> list[Piece]:
            return [piece async for piece in client(name.replace("URL", server.url)).stream(made)]

        return asyncio.run(main())


def sse(*events: Any, done: bool = True) -> bytes:
    texts = [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"] * done
    return "".join(texts).encode()


# OpenAI-style


def test_chat_sends_everything_and_reads_everything() -> None:
    top = [{"token": "yes", "logprob": -0.1}, {"token": "no", "logprob": -2.5}]
    reply = chat("yes", 5, 1)
    reply["choices"][0]["logprobs"] = {"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": top}]}
    made = request(seed=3, stop=("\n",), logprobs=2, response_format=SCHEMA, tools=(TOOL,))
    seen, answer = asked("openai/URL/v1#gpt", reply, made)
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.body == {
        "model": "gpt", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8, "temperature": 1.0,
        "top_p": 1.0, "frequency_penalty": 0.0, "presence_penalty": 0.0, "seed": 3, "stop": ["\n"],
        "logprobs": True, "top_logprobs": 2, "tools": [TOOL],
        "response_format": {
            "type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
    }  # fmt: skip
    assert answer.text == "yes"
    assert answer.logprobs == (TokenLogprob("yes", -0.1, (("yes", -0.1), ("no", -2.5))),)


def test_tool_calls_come_as_they_are() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    reply = {"choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    _, answer = asked("vllm/URL#m", reply, request(tools=(TOOL,)))
    assert (answer.text, answer.tool_calls, answer.finish_reason) == ("", (call,), "tool_calls")


PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
    {"type": "text", "text": "ye"},
    {"type": "text", "text": "s"},
]


def test_a_text_may_come_in_parts_beside_thoughts() -> None:
    _, answer = asked("openai/URL/v1#m", {"choices": [{"message": {"content": PARTS}}]}, request())
    assert answer.text == "yes"
    event = {"choices": [{"delta": {"content": PARTS}, "finish_reason": "stop"}]}
    whole = streamed("openai/URL/v1#m", sse(event), request())[-1].response
    assert whole is not None
    assert whole.text == "yes"
    for content in (["yes"], [{"type": "text"}], [{"type": "text", "text": 3}], [3]):
        with pytest.raises(BadReply):
            asked("openai/URL/v1#m", {"choices": [{"message": {"content": content}}]}, request())


def test_log_probabilities_that_do_not_come_are_an_error() -> None:
    with pytest.raises(ModelError, match="sent no log-probabilities"):
        asked("vllm/URL#m", chat("yes"), request(logprobs=1))


def test_openrouter_is_told_to_drop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-0123456789")
    seen, _ = asked("openrouter/URL/v1#m", chat("yes"), request())
    assert seen.body["provider"] == {"require_parameters": True}
    # An address in a name is not OpenRouter itself.
    assert "authorization" not in seen.headers


def delta(text: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}, **more}]}


def test_a_chat_stream() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}
    lines = sse(delta("Hel"), delta("lo"), delta("", finish_reason="length"), usage)
    pieces = streamed("vllm/URL#m", lines, request())
    assert [piece.text for piece in pieces] == ["Hel", "lo", "", "", ""]
    whole = pieces[-1].response
    assert whole is not None
    assert (whole.text, whole.finish_reason) == ("Hello", "length")
    assert whole.usage is not None
    assert (whole.usage.total_tokens, whole.usage.counted) == (6, False)


ENTRIES = [[{"token": t, "logprob": -0.5, "top_logprobs": [{"token": t, "logprob": -0.5}]}] for t in "ab"]
STREAMS: dict[str, tuple[Any, ...]] = {
    "vllm/URL#m": (
        {"choices": [{"delta": {"content": "a"}, "logprobs": {"content": ENTRIES[0]}}]},
        {"choices": [{"delta": {"content": "b"}, "logprobs": {"content": ENTRIES[1]}}]},
        {"choices": [{"delta": {}, "finish_reason": "stop", "logprobs": None}]},
    ),
    "llamacpp/URL?api=completion&template=none": (
        {"content": "a", "completion_probabilities": ENTRIES[0]},
        {"content": "b", "completion_probabilities": ENTRIES[1]},
        {"content": "", "stop": True},
    ),
    "ollama/URL#m": (
        {"message": {"content": "a"}, "logprobs": ENTRIES[0]},
        {"message": {"content": "b"}, "logprobs": ENTRIES[1], "done": True},
    ),
}


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_log_probabilities_of_a_stream_come_with_its_response(name: str) -> None:
    events = STREAMS[name]
    lines = "".join(json.dumps(event) + "\n" for event in events).encode()
    pieces = streamed(name, lines if "ollama" in name else sse(*events), request(logprobs=1))
    whole = pieces[-1].response
    assert whole is not None
    assert whole.logprobs == tuple(TokenLogprob(token, -0.5, ((token, -0.5),)) for token in "ab")


def test_a_stream_without_the_log_probabilities_that_were_asked_for_is_an_error() -> None:
    with pytest.raises(ModelError, match="sent no log-probabilities"):
        streamed("vllm/URL#m", sse(delta("a", finish_reason="stop")), request(logprobs=1))


def test_a_stream_puts_tool_calls_together() -> None:
    parts = [
        {"index": 0, "id": "1", "function": {"name": "look", "arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ": 1}"}},
    ]
    events = [{"choices": [{"delta": {"tool_calls": [part]}}]} for part in parts]
    whole = streamed("vllm/URL#m", sse(*events, delta("", finish_reason="tool_calls")), request())[
        -1
    ].response
    assert whole is not None
    assert whole.tool_calls == ({"id": "1", "function": {"name": "look", "arguments": '{"a": 1}'}},)


def test_a_stream_that_breaks_off_is_an_error_and_not_an_answer() -> None:
    with pytest.raises((BadReply, ServerUnreachable)):
        streamed("vllm/URL#m", sse(delta("Hel"), delta("lo" * 50)), request(), "broken stream")
    with pytest.raises(BadReply, match="the end of its stream"):
        streamed("vllm/URL#m", sse(delta("Hel"), done=False), request())
    with pytest.raises(BadReply, match="the end of its stream"):
        # KoboldCpp's word for a stream that goes on.
        streamed("vllm/URL#m", sse(delta("Hel", finish_reason="null"), done=False), request())
    with pytest.raises(BadReply, match="no JSON"):
        streamed("vllm/URL#m", b"data: {oops\n\n", request())


def test_a_stream_that_nobody_reads_to_its_end_gives_its_place_back() -> None:
    with fault_server(lambda seen: Act(kind="stream", body=sse(delta("a"), delta("b")))) as server:

        async def main() -> int:
            one = client(f"vllm/{server.url}#m")
            stream = one.stream(request())
            async for _ in stream:
                assert one.endpoint.flying == 1
                break
            await stream.aclose()
            return one.endpoint.flying

        assert asyncio.run(main()) == 0


# llama.cpp


def test_llama_cpp_chat_uses_the_servers_template() -> None:
    seen, _ = asked("llamacpp/URL", chat("yes"), request())
    assert seen.path == "/v1/chat/completions"
    assert "model" not in seen.body
    assert seen.body["samplers"][-1] == "temperature"


NATIVE = {
    "content": "yes", "stop_type": "limit", "tokens_evaluated": 4, "tokens_predicted": 2, "model": "w.gguf",
    "completion_probabilities": [
        {"token": "yes", "logprob": -0.5, "top_logprobs": [{"token": "yes", "logprob": -0.5}]}
    ],
}  # fmt: skip


def test_llama_cpp_completion_with_a_named_template() -> None:
    made = request(stop=("!",), logprobs=1, response_format=SCHEMA, seed=0)
    seen, answer = asked("llamacpp/URL?api=completion&template=chatml", NATIVE, made)
    assert seen.path == "/completion"
    assert seen.body["prompt"] == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert (seen.body["stop"], seen.body["n_predict"], seen.body["seed"]) == (["!", "<|im_end|>"], 8, 0)
    assert seen.body["json_schema"] == SCHEMA
    assert (answer.text, answer.finish_reason) == ("yes", "length")
    assert answer.logprobs == (TokenLogprob("yes", -0.5, (("yes", -0.5),)),)


def test_llama_cpp_completion_asks_the_server_for_the_models_template() -> None:
    def act(seen: Seen) -> Act:
        if seen.path == "/apply-template":
            return Act(body={"prompt": f"<<{seen.body['messages'][0]['content']}>>"})
        return Act(body=NATIVE)

    with fault_server(act) as server:
        asyncio.run(client(f"llamacpp/{server.url}?api=completion").complete(request()))
        assert server.seen[-1].body["prompt"] == "<<Hi>>"
        assert "stop" not in server.seen[-1].body


def test_a_llama_cpp_stream() -> None:
    last = {"content": "", "stop": True, "stop_type": "eos", "tokens_evaluated": 3, "tokens_predicted": 2}
    name = "llamacpp/URL?api=completion&template=none"
    pieces = streamed(name, sse({"content": "a"}, {"content": "b"}, last, done=False), request())
    whole = pieces[-1].response
    assert whole is not None
    assert (whole.text, whole.finish_reason, whole.usage and whole.usage.total_tokens) == ("ab", "stop", 5)
    with pytest.raises(BadReply, match="the end of its stream"):
        streamed(name, sse({"content": "a"}, done=False), request())


def test_raw_text_knows_no_tools() -> None:
    with pytest.raises(ModelError, match="no tool calls"):
        asked("llamacpp/URL?api=completion&template=none", NATIVE, request(tools=(TOOL,)))


# KoboldCpp


def kobold(text: str, **more: Any) -> dict[str, Any]:
    return {"results": [{"text": text, **more}]}


def test_koboldcpp_native() -> None:
    made = request(sampling=Sampling(max_tokens=8, top_n_sigma=1.0), seed=5)
    reply = kobold("yes<|im_end|>", finish_reason="stop", prompt_tokens=9, completion_tokens=2)
    seen, answer = asked("koboldcpp/URL?template=chatml", reply, made)
    assert seen.path == "/api/v1/generate"
    assert seen.body["prompt"] == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert (seen.body["nsigma"], seen.body["sampler_seed"], seen.body["max_length"]) == (1.0, 5, 8)
    assert seen.body["stop_sequence"] == ["<|im_end|>"]
    assert (answer.text, answer.usage and answer.usage.total_tokens) == ("yes", 11)


def test_koboldcpp_counts_where_the_server_does_not() -> None:
    _, answer = asked("koboldcpp/URL?template=none", kobold("yes, I do", finish_reason="length"), request())
    assert answer.finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.counted


def test_koboldcpp_takes_the_template_of_the_models_metadata() -> None:
    def act(seen: Seen) -> Act:
        if seen.path == "/props":
            return Act(body={"chat_template": "{{ '<start_of_turn>' }}"})
        return Act(body=kobold("yes"))

    with fault_server(act) as server:
        one = client(f"koboldcpp/{server.url}")

        async def twice() -> None:
            await one.complete(request())
            await one.complete(request())

        asyncio.run(twice())
        assert [seen.path for seen in server.seen] == ["/props", "/api/v1/generate", "/api/v1/generate"]
        assert server.seen[1].body["stop_sequence"] == ["<end_of_turn>"]


def test_the_look_up_of_a_template_is_tried_again_and_ends() -> None:
    acts = [
        Act(kind="hang"),
        Act(status=500, body={}),
        Act(body={"chat_template": "[INST]"}),
        Act(body=kobold("yes")),
    ]
    with fault_server(lambda seen: acts[seen.number]) as server:
        one = client(f"koboldcpp/{server.url}")
        one.attempts = Attempts(timeout_s=0.1, tries=3, backoff_s=0.001)
        assert asyncio.run(one.complete(request())).text == "yes"
        assert one.endpoint.flying == 0


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (Act(status=404, body={}), "brings no chat template"),
        (Act(body={"chat_template": "{{ content }}"}), "a chat template that is not known"),
    ],
)
def test_koboldcpp_never_guesses_a_template(act: Act, says: str) -> None:
    with fault_server(lambda seen: act) as server:
        with pytest.raises(ModelError, match=f"{says}; name one .*chatml, llama3"):
            asyncio.run(client(f"koboldcpp/{server.url}").complete(request()))
        assert [seen.path for seen in server.seen] == ["/props"]


@pytest.mark.parametrize("more", [{"logprobs": 1}, {"response_format": SCHEMA}, {"tools": (TOOL,)}])
def test_what_koboldcpp_cannot_do_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="KoboldCpp"):
        asked("koboldcpp/URL?template=none", kobold("yes"), request(**more))


def test_a_koboldcpp_stream() -> None:
    tokens = ({"token": "a"}, {"token": "b", "finish_reason": "length"})
    lines = "".join(f"event: message\ndata: {json.dumps(token)}\n\n" for token in tokens).encode()
    whole = streamed("koboldcpp/URL?template=none", lines, request())[-1].response
    assert whole is not None
    assert (whole.text, whole.finish_reason) == ("ab", "length")


@pytest.mark.parametrize("goes_on", [None, "null"])
def test_a_koboldcpp_stream_that_breaks_off_is_an_error_and_not_an_answer(goes_on: str | None) -> None:
    def lines(*reasons: str | None) -> bytes:
        events = [{"token": "a", "finish_reason": reason} for reason in reasons]
        return "".join(f"event: message\ndata: {json.dumps(event)}\n\n" for event in events).encode()

    name = "koboldcpp/URL?template=none"
    with pytest.raises(BadReply, match="the end of its stream"):
        streamed(name, lines(goes_on, goes_on), request())
    pieces = streamed(name, lines(goes_on, "stop"), request())
    assert [piece.finish_reason for piece in pieces[:2]] == [None, "stop"]


@pytest.mark.parametrize(
    ("said", "wrote", "reason"),
    [("length", 8, "length"), ("length", 3, "stop"), ("length", None, "length"), ("stop", 8, "stop")],
)
def test_koboldcpp_says_length_of_what_a_stop_text_ended_too(said: str, wrote: Any, reason: str) -> None:
    reply = kobold("yes", finish_reason=said, prompt_tokens=2, completion_tokens=wrote)
    _, answer = asked("koboldcpp/URL?template=none", reply, request(stop=("!",)))
    assert answer.finish_reason == reason
    _, answer = asked("koboldcpp/URL?template=none", reply, request())
    assert answer.finish_reason == said


FAILED: dict[str, Any] = {"finish_reason": "error"}


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("koboldcpp/URL?template=none", kobold("", **FAILED)),
        ("koboldcpp/URL?template=none", kobold("", finish_reason="length", completion_tokens=0)),
        ("openai/URL/v1#m", {"choices": [{"message": {"content": ""}, **FAILED}]}),
    ],
)
def test_an_answer_that_the_server_could_not_finish_is_its_failure(name: str, reply: Any) -> None:
    with pytest.raises(ServerFailed, match="could not finish its answer"):
        asked(name, reply, request())


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("koboldcpp/URL?template=none", {"token": "", **FAILED}),
        ("openai/URL/v1#m", {"choices": [{"delta": {}, **FAILED}]}),
    ],
)
def test_a_stream_that_the_server_could_not_finish_is_its_failure(name: str, event: Any) -> None:
    with pytest.raises(ServerFailed, match="could not finish its answer"):
        streamed(name, sse(event), request())


# Ollama


def test_ollama() -> None:
    reply = {"message": {"content": "yes"}, "done_reason": "length", "prompt_eval_count": 6, "eval_count": 2}
    seen, answer = asked("ollama/URL#llama3.2", reply, request(seed=4, stop=("x",), response_format=SCHEMA))
    assert seen.path == "/api/chat"
    assert (seen.body["model"], seen.body["stream"], seen.body["format"]) == ("llama3.2", False, SCHEMA)
    assert seen.body["options"] == {
        "temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "typical_p": 1.0, "repeat_penalty": 1.0,
        "frequency_penalty": 0.0, "presence_penalty": 0.0, "repeat_last_n": -1, "mirostat": 0,
        "num_predict": 8, "seed": 4, "stop": ["x"],
    }  # fmt: skip
    assert (answer.text, answer.finish_reason, answer.usage and answer.usage.total_tokens) == (
        "yes",
        "length",
        8,
    )


def test_an_ollama_stream() -> None:
    last = {"message": {"content": "b"}, "done": True, "eval_count": 2, "prompt_eval_count": 1}
    parts = ({"message": {"content": "a"}, "done": False}, last)
    lines = "".join(json.dumps(part) + "\n" for part in parts).encode()
    whole = streamed("ollama/URL#m", lines, request())[-1].response
    assert whole is not None
    assert (whole.text, whole.usage and whole.usage.total_tokens) == ("ab", 3)


def test_ollama_embeddings() -> None:
    with fault_server(lambda seen: Act(body={"embeddings": [[1, 2]], "prompt_eval_count": 3})) as server:
        found = asyncio.run(client(f"ollama/{server.url}#m").embed(["a"]))
        assert (found.vectors, server.seen[0].path) == (((1.0, 2.0),), "/api/embed")


READERS: dict[str, Callable[[], Any]] = {
    "openai/URL/v1#m": lambda: {"choices": [{"message": {"content": "yes", "extra": 1}}]},
    "llamacpp/URL?api=completion&template=none": lambda: {"content": "yes"},
    "koboldcpp/URL?template=none": lambda: {"results": [{"text": "yes"}]},
    "ollama/URL#m": lambda: {"message": {"content": "yes"}},
}


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_reply_without_its_parts_is_a_bad_reply_and_without_usage_is_counted(name: str) -> None:
    _, answer = asked(name, READERS[name](), request())
    assert answer.usage is not None
    assert answer.usage.counted
    without: list[Any] = [
        {}, {"choices": [{}]}, {"content": 3}, {"results": [{"text": None}]}, {"message": "yes"},
    ]  # fmt: skip
    for broken in without:
        with pytest.raises(BadReply):
            asked(name, broken, request())
