"""Consultations of a run when things go wrong: nothing that was paid is lost, and what is shown is true."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.runs.test_consulting import MODEL, Adding, Keeping, Model, Writer, data, facts, metric, optimize

from hyperfunc import Example, HyperSystem, Ledger, ScoreResult, hyperfunction, llm_completion
from hyperfunc.errors import InfrastructureError, ProposerError
from hyperfunc.llm.client import Request, Response
from hyperfunc.llm.registry import register_client, unregister_client
from hyperfunc.optimizers import SNES, NoOp, Slots
from hyperfunc.optimizers.proposers import ProposalRequest, Proposed, Reflection, TextProposer
from hyperfunc.optimizers.reflective import Reflective
from hyperfunc.spaces import Real

WRITER = "test/writer"


@pytest.fixture
def model() -> Iterator[Model]:
    client = Model()
    register_client(MODEL, client)
    yield client
    unregister_client(MODEL)


@pytest.fixture
def writer() -> Iterator[Writer]:
    client = Writer()
    register_client(WRITER, client, price=lambda request: 0.02)
    yield client
    unregister_client(WRITER)


class Failing(Writer):
    """A reflector whose server goes away at a request."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    async def complete(self, request: Request) -> Response:
        await asyncio.sleep(0.001)
        if self.calls == self.at:
            raise InfrastructureError("the server is gone")
        return await super().complete(request)


class Slow(Model):
    """Counts what arrives, whether or not it is answered, and takes its time."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.arrived = 0

    async def complete(self, request: Request) -> Response:
        self.arrived += 1
        await asyncio.sleep(0.01)
        return await super().complete(request)


@pytest.mark.parametrize("at", [0, 1, 5, 9])
def test_a_reflector_that_cannot_be_reached_ends_the_run_and_nothing_paid_is_lost(
    at: int, tmp_path: Path
) -> None:
    paid: list[int] = []

    def run(where: str, writer: Writer, client: Slow) -> Any:
        register_client(MODEL, client)
        register_client(WRITER, writer)
        try:
            return optimize(Reflection(WRITER), tmp_path / where, max_concurrency=16)
        finally:
            unregister_client(MODEL)
            unregister_client(WRITER)
            paid.append(client.arrived + writer.calls)

    # Another class would be another client, whose answers are not those of this one.
    whole = run("whole", Failing(-1), Slow())
    broken, client = Failing(at), Slow(1)
    with pytest.raises(InfrastructureError) as caught:
        run("broken", broken, client)
    assert any("go on with run_id='r'" in note for note in caught.value.__notes__)
    assert facts(run("broken", Failing(-1), Slow(2))) == facts(whole)
    assert paid[1] + paid[2] == paid[0], "what was answered before is not asked for again"


@pytest.mark.parametrize("seed", range(6))
def test_tokens_and_dollars_are_never_overshot(
    seed: int, model: Model, writer: Writer, tmp_path: Path
) -> None:
    register_client(MODEL, model, price=lambda request: 0.001)
    luck = random.Random(seed)
    dollars, tokens = luck.uniform(0.1, 1.5), luck.randrange(3000, 60000)
    result = optimize(
        Reflection(WRITER, max_tokens=20), tmp_path, budget=f"${dollars}, {tokens} tokens",
        max_concurrency=luck.choice([1, 16, 200]), seed=seed,
    )  # fmt: skip
    spent = len(model.seen) * 0.001 + writer.calls * 0.01
    assert result.spend.dollars <= dollars
    assert result.spend.tokens <= tokens
    assert spent == pytest.approx(result.spend.dollars)
    assert len(model.seen) * 2 + writer.calls * 320 == result.spend.tokens


def moody(
    example: Example, pred: str, trace: Any = None, pred_name: Any = None, pred_trace: Any = None
) -> Any:
    if pred_name == "right":
        raise RuntimeError("no idea")
    return metric(example, pred, trace, pred_name, pred_trace)


class Stop(Exception):
    pass


class StopAt:
    def __init__(self, step: int) -> None:
        self.step = step

    def __getattr__(self, name: str) -> Any:
        return lambda payload: self._step(payload) if name == "on_step" else None

    def _step(self, record: Any) -> None:
        if record.step == self.step:
            raise Stop


def moody_run(ledger: Path, **options: Any) -> Any:
    return Keeping(ledger=ledger).optimize(
        data()[:12], moody, validation=data()[12:16], test=data()[16:], optimizer=Reflective(Adding()),
        budget="100 evaluations", run_id="r", **options,
    )  # fmt: skip


def test_feedback_that_cannot_be_had_is_a_warning_and_the_same_after_a_resume(
    model: Model, tmp_path: Path
) -> None:
    whole = moody_run(tmp_path / "a")
    about = [w for w in whole.warnings if "no feedback about" in w]
    assert about == ["the metric gave no feedback about right: RuntimeError: no idea"]
    with pytest.raises(Stop):
        moody_run(tmp_path / "b", callbacks=[StopAt(len(whole.history) - 2)])
    assert facts(moody_run(tmp_path / "b")) == facts(whole)


def test_cells_of_an_older_run_without_calls_get_their_calls_and_cost_nothing(
    model: Model, tmp_path: Path
) -> None:
    with Ledger.open(tmp_path) as ledger:
        Keeping(ledger=ledger).optimize(
            data()[:12], metric, validation=data()[12:16], test=data()[16:], optimizer=NoOp(), seed=3
        )
        Keeping(ledger=ledger).evaluate(data()[:12], metric, seed=3, ledger=ledger)
        before = set(model.seen)
        model.seen.clear()
        proposer = Adding()
        optimize(proposer, ledger)
    assert proposer.requests
    assert all(record.exchanges for request in proposer.requests for record in request.records)
    assert not before & set(model.seen)


class Keen(TextProposer):
    """Has a setting, and counts."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.asked = 0

    async def propose(self, request: ProposalRequest) -> Proposed:
        self.asked += 1
        return Proposed(
            ({name: f"{request.values[name]} {self.word}{self.asked}" for name in request.names},)
        )


def test_kept_proposals_belong_to_the_settings_of_their_proposer(model: Model, tmp_path: Path) -> None:
    settings = {"max_proposals": 3}
    runs = [Keen("x"), Keen("x"), Keen("y")]
    first, again, other = (optimize(keen, tmp_path, settings=settings) for keen in runs)
    assert [keen.asked for keen in runs] == [3, 0, 3]
    assert facts(again) == facts(first)
    assert any("begun with another optimizer" in warning for warning in other.warnings)


def worded(word: str, request: ProposalRequest) -> dict[str, str]:
    return {name: f"{request.values[name]} {word}{request.number}" for name in request.names}


def test_a_function_is_known_by_its_code_and_what_it_was_given(model: Model, tmp_path: Path) -> None:
    settings = {"max_proposals": 2}
    results = []
    for word in ("x", "x", "y"):
        model.seen.clear()
        results.append((optimize(partial(worded, word), tmp_path, settings=settings), set(model.seen)))
    (first, _), (again, paid), (_, other) = results
    assert facts(again) == facts(first)
    assert not paid
    assert any(" y0|" in text for text in other)


def test_names_that_were_not_asked_for_and_wrong_values_are_refused_and_said(
    model: Model, tmp_path: Path
) -> None:
    class Wild(TextProposer):
        def __repr__(self) -> str:
            return "Wild()"

        async def propose(self, request: ProposalRequest) -> Any:
            return Proposed(({"left.promt": "x0", "left.prompt": 5, "right.prompt": f"y{request.number}"},))

    result = optimize(Wild(), tmp_path, settings={"max_proposals": 3})
    notes = [step.note for step in result.history if step.note.startswith("write")]
    assert len(notes) == 3
    assert all("1 proposal, refused: left.promt: nobody asked for it" in note for note in notes)


def test_half_a_surrogate_pair_is_refused_and_the_run_goes_on(model: Model, tmp_path: Path) -> None:
    class Torn(TextProposer):
        async def propose(self, request: ProposalRequest) -> Any:
            return [{"left.prompt": "\ud800"}]

    result = optimize(Torn(), tmp_path, settings={"patience": 2})
    assert "half a surrogate pair" in result.stopped


@pytest.mark.parametrize("answer", [None, 5, ["a text"], Proposed(("a text",)), "a text"])  # type: ignore[arg-type]
def test_a_proposer_of_a_class_that_answers_nonsense_is_told_so(
    answer: Any, model: Model, tmp_path: Path
) -> None:
    class Odd(TextProposer):
        async def propose(self, request: ProposalRequest) -> Any:
            return answer

    with pytest.raises(ProposerError, match="the proposer Odd returned"):
        optimize(Odd(), tmp_path)


@pytest.mark.parametrize("text", ["nul \x00 byte", "x0 " * 6000, "\u202e x0 \ufeff", " "])
def test_odd_texts_neither_break_a_run_nor_its_resume(text: str, model: Model, tmp_path: Path) -> None:
    def write(request: ProposalRequest) -> dict[str, str]:
        return dict.fromkeys(request.names, f"{text} x{request.number % 8} y{request.number % 8}")

    settings = {"max_proposals": 4, "screen": None}
    one = optimize(write, tmp_path, settings=settings)
    assert one.stopped == "all 4 proposals were made"
    assert facts(optimize(write, tmp_path, settings=settings)) == facts(one)


def test_a_limit_that_a_proposer_hides_is_still_a_limit(model: Model, writer: Writer, tmp_path: Path) -> None:
    class Hiding(TextProposer):
        calls = 0

        async def propose(self, request: ProposalRequest) -> Proposed:
            try:
                for number in range(1000):
                    await llm_completion(WRITER, f"```a```add x{number}")
            except Exception as error:
                raise RuntimeError("something went wrong") from error
            return Proposed()

    result = optimize(Hiding(), tmp_path, budget="120 calls")
    assert result.stopped == "the budget of 120 calls pays no further step"
    assert len(model.seen) + writer.calls <= 120


@hyperfunction(optimize_prompt=True)
def say(word: str, *, prompt: str) -> str:
    """Say it."""
    return prompt


class Mixed(HyperSystem):
    """Says a word so loudly."""

    volume = Real(0, 1, default=0.1)

    async def run(self, word: str) -> dict[str, Any]:
        return {"text": say(word), "volume": self.volume}


def heard(example: Example, pred: dict[str, Any]) -> ScoreResult:
    found = example.inputs["word"] in pred["text"].split()
    score = 0.5 * found + 0.5 * (1 - abs(pred["volume"] - 0.8))
    return ScoreResult(score, f"say {example.inputs['word']}")


def test_words_and_numbers_get_better_side_by_side(tmp_path: Path) -> None:
    requests: list[ProposalRequest] = []

    def write(request: ProposalRequest) -> str:
        requests.append(request)
        (name,) = request.names
        asked = dict.fromkeys(record.feedback.removeprefix("say ") for record in request.failures)
        return " ".join(
            [request.values[name], *[w for w in asked if w not in request.values[name].split()][:2]]
        )

    words = ["ant", "bee", "cat", "dog", "emu", "fox"]
    train = [Example({"word": words[n % 6]}, None, id=str(n)) for n in range(18)]
    result = Mixed(ledger=tmp_path).optimize(
        train, heard, test=[], budget="1500 evaluations",
        optimizer=Slots(Reflective(write), SNES(population=6)),
    )  # fmt: skip
    assert result.winner["volume"] == pytest.approx(0.8, abs=0.1)
    assert set(words) <= set(result.winner["say.prompt"].split())
    assert len({request.values["volume"] for request in requests}) > 3
    for request in requests:
        assert len(request.records) >= 4
        for record in request.records:
            assert record.output["text"] == request.values["say.prompt"]
            assert record.score == heard(Example(dict(record.inputs), None), record.output).score
            assert [call.output for call in record.calls("say.prompt")] == [record.output["text"]]


def test_a_system_without_a_docstring_of_its_own_has_no_task(tmp_path: Path) -> None:
    tasks: list[str] = []

    def write(request: ProposalRequest) -> None:
        tasks.append(request.task)

    def right(example: Example, pred: str) -> float:
        return 0.0

    HyperSystem([say], ledger=tmp_path).optimize(
        [Example({"word": str(n)}, None) for n in range(6)], right, test=[],
        optimizer=Reflective(write, max_proposals=1),
    )  # fmt: skip
    assert tasks == [""]


@hyperfunction(optimize_prompt=True)
async def wait(word: str, *, prompt: str) -> str:
    """Wait."""
    if word == "3" or "hang" in prompt:
        await asyncio.Event().wait()
    return prompt


def test_a_rollout_that_hangs_is_a_scored_failure(tmp_path: Path) -> None:
    feedback: list[str] = []

    def write(request: ProposalRequest) -> str:
        feedback.extend(record.feedback for record in request.records)
        return "hang" if request.number == 0 else f"good {request.number}"

    result = HyperSystem([wait], ledger=tmp_path).optimize(
        [Example({"word": str(n)}, None) for n in range(8)], lambda example, pred: float("good" in pred),
        test=[], optimizer=Reflective(write, max_proposals=2), timeout_s=0.2,
    )  # fmt: skip
    assert "good" in result.winner["wait.prompt"]
    assert any("timeout" in text.lower() or "longer" in text.lower() for text in feedback)
