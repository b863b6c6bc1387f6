"""What an artefact says of a request is, byte for byte, what is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.read_artifact import request
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import ExactMatch, Example, HyperFunction, HyperSystem, hyperfunction, make_llm_completion
from hyperfunc.llm.providers.openai_style import OpenAIStyle
from hyperfunc.llm.providers.parameters import OPENAI, OPENROUTER
from hyperfunc.llm.rendering import request_templates
from hyperfunc.llm.secrets import Secret
from hyperfunc.spaces import Exemplar, SamplerParam
from hyperfunc.testing import ScriptedClient

from .fault_server import Act, FaultServer, Seen, chat, fault_server

# Where a server is vague about its samplers, one warning says so; here it is not the point.
pytestmark = pytest.mark.filterwarnings("ignore::hyperfunc.llm.providers.parameters.SamplerWarning")

READER = Path(__file__).resolve().parents[2] / "examples" / "read_artifact.py"
TEXT = 'Where\'s my "parcel"?\n\u2028 <|im_start|> œ 🙂 {place} %s \\n'
POOL = (Exemplar("box?", "shipping"), Exemplar({"ticket": "œ", "n": [1, 2.5]}, {"team": None}))


def answer(seen: Seen) -> Act:
    body = chat("ok")
    return Act(body={**body, "message": body["choices"][0]["message"], "done": True, "done_reason": "stop"})


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with fault_server(answer) as made:
        yield made


def support(model: str, **more: Any) -> HyperSystem:
    settings = {"exemplars": POOL, "temperature": 0.7, "top_p": 0.95, "max_tokens": 64, **more}
    ask = make_llm_completion(model, "Say which team « œ » handles it.", name="answer", **settings)

    class Support(HyperSystem):
        async def run(self, ticket: str) -> str:
            return str((await ask(ticket)).content)

    return Support([ask])


def read_apart(file: Path, text: str) -> bytes:
    """What the reader makes, in a process that cannot import hyperfunc."""
    command = [sys.executable, "-I", "-S", str(READER), str(file), "answer", text]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


ROUTES = {
    "openai/URL/v1#gpt": "/v1/chat/completions",
    "vllm/URL#qwen": "/v1/chat/completions",
    "llamacpp/URL": "/v1/chat/completions",
    "ollama/URL#llama": "/api/chat",
}


def test_the_reader_is_thirty_lines_of_the_standard_library() -> None:
    lines = READER.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 30
    imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert imported <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("route", ROUTES)
def test_the_reader_makes_the_bytes_that_are_sent(route: str, server: FaultServer, tmp_path: Path) -> None:
    system = support(route.replace("URL", server.url), stop=["END"], response_format={"type": "json_object"})
    system.candidate = {
        "answer.prompt": 'Learnt: œ \u2028 "quoted" \\ 🙂',
        "answer.exemplars": POOL,
        "answer.hp.temperature": 1 / 3,
        "answer.hp.frequency_penalty": -0.1,
    }
    file = system.save(tmp_path / "support.json")
    assert system(ticket=TEXT) == "ok"
    sent = server.seen[-1]
    assert read_apart(file, TEXT) == sent.data
    method, path, body = request(file, "answer", TEXT)
    base = "/v1" if route.startswith("openai/") else ""
    assert (method, base + path, body) == (sent.method, ROUTES[route], sent.data)
    assert sent.path == ROUTES[route]
    assert sent.body["messages"][-1]["content"] == TEXT
    assert len(sent.body["messages"]) == 6
    assert sent.body["messages"][3]["content"] == '{"n": [1, 2.5], "ticket": "œ"}'


@settings(max_examples=15)
@given(
    prompt=st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
    text=st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
    temperature=st.floats(0, 2, width=32),
)
def test_it_does_for_any_value(server: FaultServer, tmp_path_factory: Any, prompt: str, text: str,
                               temperature: float) -> None:  # fmt: skip
    system = support(f"openai/{server.url}/v1#gpt")
    system.candidate = {"answer.prompt": prompt, "answer.hp.temperature": temperature}
    file = system.save(tmp_path_factory.mktemp("kept") / "support.json")
    system(ticket=text)
    assert request(file, "answer", text)[2] == server.seen[-1].data


def test_the_artefact_of_a_run_has_its_requests(server: FaultServer, tmp_path: Path) -> None:
    system = support(f"openai/{server.url}/v1#gpt")
    data = [Example({"ticket": f"ticket {n}"}, "ok") for n in range(3)]
    result = system.optimize(data, ExactMatch(), budget="40 calls", ledger=tmp_path / "ledger")
    file = result.export(tmp_path / "support.json")
    system(ticket=TEXT)
    assert read_apart(file, TEXT) == server.seen[-1].data


@pytest.mark.parametrize("table", [OPENAI, OPENROUTER])
def test_neutral_values_that_are_not_sent_are_not_in_it(table: Any) -> None:
    fn = make_llm_completion("openai/x", "p", name="answer", temperature=1.0, top_p=0.5)
    body = OpenAIStyle(model="x", table=table).body(fn.request("hello", {}))
    assert "temperature" not in body
    assert body["top_p"] == 0.5
    assert body["messages"][-1] == {"role": "user", "content": "hello"}


def test_what_cannot_be_told_says_why(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)

    def make(model: str, name: str, **more: Any) -> HyperFunction:
        return make_llm_completion(model, "p", name=name, **more)

    with ScriptedClient(lambda request: "x").answering("test/mine"):
        found = request_templates(
            [
                make("test/mine", "here"),
                make("nobody/knows", "unknown"),
                make("openrouter/x", "keyless"),
                make(f"koboldcpp/{server.url}", "raw", hp_type=SamplerParam, max_tokens=9),
                make(f"llamacpp/{server.url}?api=completion&template=chatml", "one_text"),
                make(f"openai/{server.url}/v1#gpt", "impossible", hp_type=SamplerParam, top_k=7),
                hyperfunction(name="code")(lambda x: x),
            ],
            {},
        )
    reasons = {name: template["unavailable"] for name, template in found.items()}
    assert "ScriptedClient answers it" in reasons["here"]
    assert "nobody/knows" in reasons["unknown"]
    assert "OPENROUTER_API_KEY" in reasons["keyless"]
    assert "has to be asked" in reasons["raw"]
    assert "one text" in reasons["one_text"]
    assert "cannot do top_k=7" in reasons["impossible"]
    assert set(reasons) == set(found) == {"here", "unknown", "keyless", "raw", "one_text", "impossible"}


def test_a_key_never_gets_into_it(server: FaultServer) -> None:
    Secret("sk-secret-of-a-test", "TEST_KEY")
    fn = make_llm_completion(f"openai/{server.url}/v1#gpt", "Use sk-secret-of-a-test.", name="answer")
    found = request_templates([fn], {})
    assert "sk-secret" not in json.dumps(found)
    assert found["answer"] == {"unavailable": "there is a key in it"}


def test_exemplars_are_learnt_only_where_they_are_asked_for(server: FaultServer) -> None:
    model = f"openai/{server.url}/v1#gpt"
    assert not any("exemplars" in n for n in HyperSystem([make_llm_completion(model, "p")]).space)
    fn = make_llm_completion(model, "p", name="a", exemplars=[("1", "2"), ("3", "4")], max_exemplars=1)
    assert HyperSystem([fn]).space["a.exemplars"].describe()["max_items"] == 1
    shown = fn.request([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
                       {"a.exemplars": (Exemplar("1", "2"),)})  # fmt: skip
    assert [(m.role, m.content) for m in shown.messages] == [
        ("system", "p"), ("system", "s"), ("user", "1"), ("assistant", "2"), ("user", "u"),
    ]  # fmt: skip
    names = {make_llm_completion(model, "p", exemplars=e).name for e in (None, [], [("1", "2")])}
    assert len(names) == 3
