"""Predicts in evaluations and runs: failures with feedback, kept cells, and one of two equals that learns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.signatures.forms import MODEL, QA, Invoice, Line, Team, Triage

from hyperfunc import (
    ExactMatch,
    Example,
    HyperSystem,
    InputField,
    JSONFields,
    Ledger,
    LMParam,
    OutputField,
    Predict,
    Random,
    Signature,
)
from hyperfunc.execution.encoding import decode, encode
from hyperfunc.execution.exchanges import exchanges_of
from hyperfunc.llm.client import Request
from hyperfunc.optimizers import Fixed, Search
from hyperfunc.optimizers.proposers.base import component_of
from hyperfunc.signatures import Prediction
from hyperfunc.testing import ScriptedClient
from hyperfunc.types import Failure


class Read(Signature):
    """Read the invoice."""

    text: str = InputField()
    invoice: Invoice = OutputField()


def question(request: Request) -> str:
    return request.messages[-1].content.splitlines()[-1]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def test_a_wrong_field_scores_0_with_a_feedback_and_its_answer_stays_paid(ledger: Ledger) -> None:
    def script(request: Request) -> str:
        return '{"days": "soon"}' if question(request) == "b" else '{"days": 3}'

    def judged(name: str | None = None) -> Any:
        predict = Predict("q -> days: int", MODEL, name=name, hp=LMParam(temperature=0.0))
        return HyperSystem([predict]).evaluate(examples, JSONFields(), ledger=ledger)

    client = ScriptedClient(script, enforces_schemas=True)
    examples = [Example({"q": name}, {"days": 3}) for name in "abc"]
    said = 'BadAnswer: the answer does not fit the signature days: days: expected whole number, got "soon"'
    with client.answering(MODEL):
        found = judged()
        assert [cell.score for cell in found.cells] == [1.0, 0.0, 1.0]
        wrong = found.cells[1]
        assert isinstance(wrong.prediction, Failure)
        assert wrong.prediction.kind == "program"
        assert wrong.failure == wrong.feedback == said
        assert (wrong.calls, wrong.dollars) == (1, 0.0)
        again = judged()
        assert [cell.score for cell in again.cells] == [1.0, 0.0, 1.0]
        assert again.cells[1].feedback == said
        # Another program that asks the same pays nothing for the answer that did not fit.
        assert judged("other").cells[1].failure == said
    assert client.calls == 3


def test_predictions_come_back_from_the_ledger_as_they_were(ledger: Ledger) -> None:
    text = '{"lines": [{"name": "a", "price": 1.5}], "team": "tech"}'
    wanted = Invoice([Line("a", 1.5)], Team.TECH)
    seen: list[Any] = []

    def metric(example: Example, pred: Any, **_: Any) -> float:
        seen.append(pred)
        return float(pred.invoice == wanted)

    def other(example: Example, pred: Any, **_: Any) -> float:
        seen.append(pred)
        return float(pred.invoice.team is Team.TECH)

    client = ScriptedClient(lambda request: text)
    with client.answering(MODEL):
        for judged in (metric, other):
            system = HyperSystem([Predict(Read, MODEL)])
            assert float(system.evaluate([Example({"text": "x"}, None)], judged, ledger=ledger)) == 1.0
    assert client.calls == 1
    assert seen[0] == seen[1] == Read.Prediction(invoice=wanted)
    assert type(seen[1]) is Read.Prediction


def test_a_record_whose_signature_is_gone_is_read_as_json() -> None:
    data = encode({"a": [Read.Prediction(invoice=Invoice([], Team.TECH))]})
    assert data is not None
    key = Read.Prediction.__key__.encode()
    found = decode(data.replace(key, b"0" * len(key)))["a"][0]
    assert isinstance(found, Prediction)
    assert found.to_json() == dict(found) == {"invoice": {"lines": [], "team": "tech"}}
    assert decode(data)["a"][0].invoice.team is Team.TECH


def test_a_record_that_the_program_spoiled_is_not_kept() -> None:
    assert encode(Read.Prediction(invoice="no invoice")) is None


def test_scorers_judge_records_as_mappings() -> None:
    client = ScriptedClient(lambda request: '{"team": "tech", "urgency": 2, "note": null}')
    example = Example({"ticket": "x", "tags": []}, {"team": "tech", "urgency": 2, "note": None})
    with client.answering(MODEL):
        system = HyperSystem([Predict(Triage, MODEL, format="json")])
        assert float(system.evaluate([example], ExactMatch())) == 1.0
        assert float(system.evaluate([example], JSONFields())) == 1.0


def test_exchanges_show_inputs_and_outputs_as_json() -> None:
    text = '{"lines": [], "team": "tech"}'
    read = Predict(Read, MODEL, name="read")
    again = Predict("team: Any, invoice: Any -> answer", MODEL, name="again")

    class Both(HyperSystem):
        async def run(self, text: str) -> str:
            invoice = (await read(text=text)).invoice
            return (await again(team="tech", invoice={"team": invoice.team.value})).answer

    with ScriptedClient(lambda request: text).answering(MODEL):
        graph = Both().trace_run(text="paid")
    first, second = exchanges_of(graph)
    assert (first.function, first.inputs) == ("read", {"text": "paid"})
    assert first.output == {"invoice": {"lines": [], "team": "tech"}}
    assert second.inputs == {"team": "tech", "invoice": {"team": "tech"}}
    assert second.output == {"answer": text}
    assert graph.calls[0].output == Read.Prediction(invoice=Invoice([], Team.TECH))


def test_a_trace_follows_a_field_from_one_call_into_the_next() -> None:
    with ScriptedClient(shouted).answering(MODEL):
        graph = Twice().trace_run(question="what?")
    assert [call.name for call in graph.calls] == ["first", "second"]
    assert {(edge.source, edge.target) for edge in graph.edges} == {(0, 1)}


class Twice(HyperSystem):
    """Two components of one signature, one after the other."""

    first = Predict(
        QA, MODEL, optimize_hparams=False, exemplars=[({"question": "a"}, "A"), ({"question": "b"}, "B")]
    )
    second = Predict(QA, MODEL, optimize_hparams=False)

    async def run(self, question: str) -> str:
        inner = await self.first(question=question)
        return (await self.second(question=inner.answer)).answer


def shouted(request: Request) -> str:
    """Upper case where exemplars show it, else a mark of exclamation."""
    text = question(request)
    return text.upper() if any(m.role == "assistant" for m in request.messages) else f"{text}!"


def test_of_two_equal_signatures_one_learns_and_what_is_saved_fits(tmp_path: Path, ledger: Ledger) -> None:
    examples = [Example({"question": name}, f"{name.upper()}!") for name in "abcdef"]
    client = ScriptedClient(shouted)
    with client.answering(MODEL):
        system = Twice()
        assert {component_of(name) for name in system.space.names} == {"first", "second"}
        search = Search(Random(4), Fixed())
        result = system.optimize(examples, ExactMatch(), optimizer=search, ledger=ledger)
        assert result.best["first.exemplars"]
        assert result.best["second.exemplars"] == ()
        assert result.best["second.prompt"] == result.best["first.prompt"] == "Answer the question."
        assert system(question="z") == "Z!"
        system.save(tmp_path / "twice.json")
        other = Twice()
        assert other(question="z") == "z!!"
        other.load(tmp_path / "twice.json")
        assert other.candidate == system.candidate
        assert other(question="z") == "Z!"
        calls = client.calls
        again = Twice().optimize(examples, ExactMatch(), optimizer=search, ledger=ledger)
        assert again.best == result.best
        assert client.calls == calls
