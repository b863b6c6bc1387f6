"""A Predict is a hyperfunction of its own: its names, knobs and requests, and what becomes of its answers."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from tests.signatures.forms import MODEL, QA, Invoice, Line, Team, Triage

from hyperfunc import (
    ExactMatch,
    Exemplar,
    HyperFunction,
    HyperSystem,
    InputField,
    LMParam,
    OutputField,
    Predict,
    SamplerParam,
    Signature,
)
from hyperfunc.errors import BadAnswer, CallError, DuplicateName, ModelError, OutOfBounds, ProgramError
from hyperfunc.llm.client import Request
from hyperfunc.llm.middleware import Recording
from hyperfunc.llm.registry import register_client, route_for, unregister_client
from hyperfunc.llm.structured import enforces_schemas
from hyperfunc.program import Policy
from hyperfunc.program.discovery import reach
from hyperfunc.signatures import Prediction
from hyperfunc.testing import ScriptedClient


@pytest.fixture
def client() -> Iterator[ScriptedClient]:
    with ScriptedClient(lambda request: "Paris").answering(MODEL) as made:
        yield made


def ask(predict: Predict, **inputs: Any) -> Any:
    return asyncio.run(predict(**inputs))


def test_it_answers_with_a_frozen_record(client: ScriptedClient) -> None:
    predict = Predict(QA, MODEL)
    assert isinstance(predict, HyperFunction)
    found = ask(predict, question="Where is the Louvre?")
    assert isinstance(found, Prediction)
    assert isinstance(found, QA.Prediction)
    assert found.answer == found["answer"] == "Paris"
    assert dict(found) == {**found} == found.to_json() == {"answer": "Paris"}
    assert found == QA.Prediction(answer="Paris") == copy.deepcopy(found)
    assert hash(found) == hash(QA.Prediction(answer="Paris"))
    assert list(found) == ["answer"]
    assert repr(found) == "QA.Prediction(answer='Paris')"
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.answer = "London"
    with pytest.raises(KeyError):
        found["__class__"]
    with pytest.raises(AttributeError):
        found.reason  # noqa: B018


def test_what_is_said_is_part_of_the_program() -> None:
    def fingerprint(*args: Any, **settings: Any) -> str:
        return reach([Predict(*args, **{"name": "ask", **settings})]).fingerprint

    class Other(Signature):
        """Answer the question."""

        question: str = InputField()
        answer: str = OutputField(desc="many words")

    other: Any = type("QA", (Other,), {"__doc__": QA.__doc__})
    variants = [
        fingerprint(QA, MODEL), fingerprint(other, MODEL), fingerprint(QA, MODEL, format="text"),
        fingerprint(QA, "other/model"), fingerprint(QA, MODEL, hp=LMParam(max_tokens=9)),
    ]  # fmt: skip
    assert len(set(variants)) == 5
    # Start values and the pool are values of candidates, not the program.
    same = Predict(QA, MODEL, name="ask", hp=LMParam(temperature=0.5), exemplars=[({"question": "a"}, "b")])
    assert reach([same]).fingerprint == variants[0]


def test_its_knobs_are_those_of_other_hyperfunctions() -> None:
    predict = Predict(QA, MODEL, name="ask", hp=LMParam(temperature=0.25, max_tokens=64))
    assert predict.name == "ask"
    assert {"ask.prompt", "ask.exemplars", "ask.hp.temperature"} <= set(predict.knobs) == predict.learnable
    assert predict.knobs["ask.prompt"].default == "Answer the question."
    assert predict.knobs["ask.hp.temperature"].default == 0.25
    fixed = Predict(QA, MODEL, name="ask", optimize_prompt=False, optimize_hparams=False)
    assert fixed.learnable == {"ask.exemplars"}
    assert "ask.hp.top_n_sigma" in Predict(QA, MODEL, name="ask", hp=SamplerParam).knobs


def test_values_reach_the_request_and_only_the_instruction_is_learnt(client: ScriptedClient) -> None:
    predict = Predict(QA, MODEL, name="ask", hp=LMParam(temperature=0.25, max_tokens=64))
    system = HyperSystem([predict])
    shot = Exemplar({"question": "2+2"}, {"answer": "4"})
    system.candidate = {"ask.prompt": "Be brief.", "ask.exemplars": [shot], "ask.hp.temperature": 0.5}
    assert system(question="3+3").answer == "Paris"
    request = client.requests[0]
    said, user, assistant, last = [message.content for message in request.messages]
    assert said.startswith("Be brief.\n\nThe message has:\n- question: text")
    assert (user, assistant, last) == ("=== question ===\n2+2", "4", "=== question ===\n3+3")
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.5, 64)
    assert not any("The message has" in str(value) for value in system.candidate.to_json().values())


def test_json_is_asked_of_clients_that_enforce_schemas_and_the_setting_overrides(
    client: ScriptedClient,
) -> None:
    strict = ScriptedClient(lambda request: '{"answer": "Rome"}', enforces_schemas=True)
    register_client("test/strict", Recording(strict))
    try:
        assert ask(Predict(QA, "test/strict"), question="?").answer == "Rome"
        assert strict.requests[0].response_format is not None
        assert ask(Predict(QA, "test/strict", format="text"), question="?").answer == '{"answer": "Rome"}'
        assert strict.requests[1].response_format is None
    finally:
        unregister_client("test/strict")
    with pytest.raises(BadAnswer, match="expected a JSON object with answer"):
        ask(Predict(QA, MODEL, format="json"), question="?")
    assert client.requests[0].response_format is not None


@pytest.mark.parametrize(
    ("model", "enforces"),
    [
        ("openai/http://127.0.0.1:9/v1#m", False), ("vllm/http://127.0.0.1:9#m", True),
        ("llamacpp/http://127.0.0.1:9", True), ("llamacpp/http://127.0.0.1:9?api=completion", True),
        ("ollama/m", True), ("koboldcpp/http://127.0.0.1:9?template=none", False), ("local/office", False),
    ],
)  # fmt: skip
def test_which_servers_are_known_to_enforce_schemas(model: str, enforces: bool) -> None:
    assert enforces_schemas(route_for(model).client) is enforces


def test_openai_itself_enforces_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "no key")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert enforces_schemas(route_for("openai/some-model-of-a-test").client) is True


def test_inputs_are_checked_before_anything_is_asked(client: ScriptedClient) -> None:
    predict = Predict(Triage, MODEL)
    with pytest.raises(CallError, match=r"Triage: tags: expected JSON \[text, ...\], got \"a\""):
        ask(predict, ticket="x", tags="a")
    with pytest.raises(CallError, match="ticket: expected text, got 5"):
        ask(predict, ticket=5, tags=[])
    with pytest.raises(ProgramError, match="lacks its input 'tags'"):
        ask(predict, ticket="x")
    with pytest.raises(ProgramError, match="has no input 'tag'"):
        ask(predict, ticket="x", tags=[], tag="y")
    with pytest.raises(ProgramError, match=r"by name; call it with \(ticket=..., tags=...\)"):
        asyncio.run(predict("x", []))
    assert client.calls == 0


def test_typed_inputs_are_written_as_json() -> None:
    class Check(Signature):
        invoice: Invoice = InputField()
        team: Team = InputField()
        fine: bool = OutputField()

    client = ScriptedClient(lambda request: "True")
    with client.answering(MODEL):
        predict = Predict(Check, MODEL)
        assert ask(predict, invoice=Invoice([Line("ä", 1)], Team.TECH), team=Team.BILLING).fine is True
        ask(predict, invoice={"lines": [{"name": "ä", "price": 1}], "team": "tech"}, team="billing")
    text = (
        '=== invoice ===\n{"lines": [{"name": "ä", "price": 1.0}], "team": "tech"}\n\n=== team ===\nbilling'
    )
    assert client.prompts == [text, text]


def test_names_of_equal_signatures_never_meet() -> None:
    system = HyperSystem([Predict(QA, MODEL), Predict(QA, MODEL), Predict("q -> answer", MODEL)])
    assert [fn.name for fn in system.hyperfunctions] == ["qa", "qa_2", "answer"]
    assert {"qa.prompt", "qa_2.prompt", "answer.prompt"} <= set(system.space.names)
    # The same program written again has the same names, so what was saved still fits.
    again = HyperSystem([Predict(QA, MODEL), Predict(QA, MODEL), Predict("q -> answer", MODEL)])
    assert again.space.names == system.space.names


def test_attributes_give_their_names() -> None:
    class Chain(HyperSystem):
        draft = Predict(QA, MODEL)
        check = Predict(QA, MODEL, name="checker")

        def __init__(self) -> None:
            self.last = Predict(QA, MODEL)

        async def run(self, question: str) -> Any:
            first = await self.draft(question=question)
            return await self.last(question=(await self.check(question=first.answer)).answer)

    system = Chain()
    assert [fn.name for fn in system.hyperfunctions] == ["draft", "checker"]
    assert system.last.name == "last"
    with ScriptedClient(lambda request: "x").answering(MODEL):
        assert system(question="?").answer == "x"
    assert [fn.name for fn in system.hyperfunctions] == ["draft", "checker", "last"]


def test_given_names_that_clash_are_an_error() -> None:
    with pytest.raises(DuplicateName, match="two functions are named 'ask'"):
        HyperSystem([Predict(QA, MODEL, name="ask"), Predict(QA, MODEL, name="ask")])
    with pytest.raises(DuplicateName, match="'qa'"):
        HyperSystem([Predict(QA, MODEL), Predict(QA, MODEL, name="qa")])
    assert len(HyperSystem([Predict(QA, MODEL, name="qa"), Predict(QA, MODEL)]).hyperfunctions) == 2


def test_exemplars_of_the_pool_are_checked_and_kept_as_json() -> None:
    pool = [
        ({"question": "a"}, "b"),
        ({"question": "a"}, {"answer": "b"}),
        {"question": "a", "answer": "b"},
        Exemplar({"question": "a"}, {"answer": "b"}),
    ]
    knob: Any = Predict(QA, MODEL, name="ask", exemplars=pool, max_exemplars=2).knobs["ask.exemplars"]
    assert knob.pool == (Exemplar({"question": "a"}, {"answer": "b"}),) * 4
    assert knob.max_items == 2
    for wrong in ({"question": "a"}, ({"q": "a"}, "b"), ({"question": 1}, "b"), "text", {**pool[2], "x": 1}):  # type: ignore[dict-item]
        with pytest.raises(ProgramError, match="exemplar 0 of the signature QA"):
            Predict(QA, MODEL, exemplars=[wrong])


def test_settings_that_cannot_be_are_errors() -> None:
    with pytest.raises(ProgramError, match="format='xml'"):
        Predict(QA, MODEL, format="xml")  # type: ignore[arg-type]
    with pytest.raises(ProgramError, match="takes a subclass of Signature"):
        Predict(Signature, MODEL)
    with pytest.raises(ProgramError, match="hp of a Predict is a parameter group"):
        Predict(QA, MODEL, hp={"temperature": 1})
    with pytest.raises(OutOfBounds):
        Predict(QA, MODEL, hp=LMParam(temperature=9.0))
    with pytest.raises(ModelError, match="no client answers"):
        ask(Predict(QA, "nowhere"), question="?")


def test_a_retry_asks_anew_after_an_answer_that_does_not_fit() -> None:
    client = ScriptedClient(["soon", "3"])
    with client.answering(MODEL):
        predict = Predict("q -> days: int", MODEL, policy=Policy(retries=1, backoff_s=0))
        assert ask(predict, q="?").days == 3
    assert client.calls == 2


def test_synchronous_programs_get_the_record() -> None:
    predict = Predict(QA, MODEL, name="ask")

    class Plain(HyperSystem):
        def run(self, question: str) -> str:
            return predict(question=question).answer.upper()

    def script(request: Request) -> str:
        return f"<{request.messages[-1].content.splitlines()[-1]}>"

    with ScriptedClient(script).answering(MODEL):
        system = Plain()
        assert system(question="a") == "<A>"
        found = system.evaluate([({"question": "b"}, "<B>"), ({"question": "c"}, "<C>")], ExactMatch())
        assert float(found) == 1.0
