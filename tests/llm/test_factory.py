"""What make_llm_completion makes has its own values, and a value changes its own request alone."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from hyperfunc import ExactMatch, Example, HyperSystem, Ledger, LMParam, SamplerParam, make_llm_completion
from hyperfunc.errors import DuplicateName, ModelError, OutOfBounds
from hyperfunc.llm import Message, Request
from hyperfunc.program import Policy
from hyperfunc.testing import ScriptedClient

MODEL = "test/factory"


@pytest.fixture
def client() -> Iterator[ScriptedClient]:
    with ScriptedClient(lambda request: request.messages[-1].content).answering(MODEL) as made:
        yield made


def two(**more: Any) -> HyperSystem:
    first = make_llm_completion(MODEL, "Be short.", name="first", temperature=0.2, **more)
    second = make_llm_completion(MODEL, "Be long.", name="second", top_p=0.5)

    class Two(HyperSystem):
        async def run(self, text: str) -> str:
            inner = (await first(text)).content
            return (await second(f"{inner}!")).content

    return Two([first, second])


def asked(system: HyperSystem, client: ScriptedClient, **candidate: Any) -> list[Request]:
    """The two requests of one run, without their seeds."""
    before = client.calls
    found = system.evaluate([Example({"text": "x"}, "x!")], ExactMatch(), candidate=candidate)
    assert float(found) == 1.0
    return [dataclasses.replace(request, seed=None) for request in client.requests[before:]]


def test_two_functions_have_two_sets_of_values(client: ScriptedClient) -> None:
    names = set(two().space.names)
    assert {"first.prompt", "second.prompt", "first.hp.temperature", "second.hp.temperature"} <= names
    one, other = asked(two(), client)
    assert one.messages == (Message("system", "Be short."), Message("user", "x"))
    assert other.messages == (Message("system", "Be long."), Message("user", "x!"))
    assert one.sampling.temperature == pytest.approx(0.2)
    assert one.sampling.top_p == 1.0
    assert (other.sampling.temperature, other.sampling.top_p) == (1.0, 0.5)


CHANGES = {
    "first.prompt": "Be clear.", "second.prompt": "", "first.hp.temperature": 0.75,
    "second.hp.temperature": 0.25, "second.hp.top_p": 0.75, "first.hp.presence_penalty": 1.0,
    "second.hp.frequency_penalty": -1.0, "first.hp.max_tokens_frac": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("knob", CHANGES)
def test_one_value_changes_exactly_its_own_request(client: ScriptedClient, knob: str) -> None:
    system = two()
    before, after = asked(system, client), asked(system, client, **{knob: CHANGES[knob]})
    changed = [a != b for a, b in zip(before, after, strict=True)]
    assert changed == [knob.startswith("first"), knob.startswith("second")]
    own, was = (after[0], before[0]) if changed[0] else (after[1], before[1])
    if knob.endswith("prompt"):
        assert dataclasses.replace(own, messages=was.messages) == was
    else:
        field = "max_tokens" if knob.endswith("frac") else knob.rpartition(".")[2]
        back = dataclasses.replace(own.sampling, **{field: getattr(was.sampling, field)})
        assert dataclasses.replace(own, sampling=back) == was


def test_every_knob_of_the_sampler_group_reaches_its_parameter(client: ScriptedClient) -> None:
    ask = make_llm_completion(MODEL, hp_type=SamplerParam, name="ask")
    start = ask.defaults
    assert all(name.startswith("ask.hp.") for name in start)

    class One(HyperSystem):
        async def run(self, text: str) -> str:
            return (await ask(text)).content

    system = One([ask])
    for name, knob in ask.knobs.items():
        system.evaluate([Example({"text": "x"}, "x")], ExactMatch(), candidate={name: knob.from_unit(0.37)})
        value = getattr(client.requests[-1].sampling, name.rpartition(".")[2])
        assert value == pytest.approx(knob.from_unit(0.37)), name
    assert {n.rpartition(".")[2] for n in start} >= {
        "min_p", "top_k", "typical_p", "top_n_sigma", "repetition_penalty", "frequency_penalty",
        "presence_penalty",
    }  # fmt: skip


def test_a_parameter_chooses_the_group_that_has_it() -> None:
    assert make_llm_completion(MODEL).hp_type is LMParam
    ask = make_llm_completion(MODEL, min_p=0.1, max_tokens=7, name="ask")
    assert ask.hp_type is not None
    assert issubclass(ask.hp_type, SamplerParam)
    assert ask.defaults["ask.hp.min_p"] == pytest.approx(0.1)
    assert ask.hp_type().max_tokens == 7


def test_without_names_two_that_differ_do_not_meet_and_two_that_are_equal_are_named_in_an_error() -> None:
    made = [make_llm_completion(MODEL, text) for text in ("a", "b")]
    made.append(make_llm_completion(MODEL, "a", temperature=0.5))
    made.append(make_llm_completion(MODEL, "a", max_tokens=5))
    assert len({fn.name for fn in made}) == 4
    assert all(fn.name.isidentifier() for fn in made)
    assert make_llm_completion(MODEL, "a").name == made[0].name
    with pytest.raises(DuplicateName, match=made[0].name):
        HyperSystem([made[0], make_llm_completion(MODEL, "a")])


def test_what_is_not_learnt_is_part_of_the_program(client: ScriptedClient) -> None:
    """Cells of a function with other constants must not be found in the ledger."""

    def lengths(ledger: Ledger, **more: Any) -> list[Any]:
        before = client.calls
        two(**more).evaluate([Example({"text": "x"}, "x!")], ExactMatch(), ledger=ledger)
        return [request.sampling.max_tokens for request in client.requests[before:]]

    with Ledger.memory() as ledger:
        assert lengths(ledger, max_tokens=8) == [8, 256]
        assert lengths(ledger, max_tokens=8) == []
        assert lengths(ledger, max_tokens=9) == [9]
        assert lengths(ledger, max_tokens=9, stop="#") == [9]


def test_the_code_of_the_library_is_no_part_of_the_program() -> None:
    """Its state (keys read, routes opened) must not make a run that is resumed another program."""
    from hyperfunc.llm.secrets import Secret
    from hyperfunc.program.discovery import reach

    ask = make_llm_completion(MODEL, "a", name="ask")
    before = reach((ask,)).fingerprint
    Secret("something-new-that-is-a-key")
    assert reach((ask,)).fingerprint == before
    assert reach((make_llm_completion(MODEL, "a", name="ask"),)).fingerprint == before
    assert reach((make_llm_completion(MODEL, "a", name="ask", max_tokens=3),)).fingerprint != before


def test_it_works_outside_of_a_system_and_takes_whole_conversations(client: ScriptedClient) -> None:
    ask = make_llm_completion(MODEL, "Be kind.", temperature=0.5, stop="#", seed=3)
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, Message("user", "c")]
    assert asyncio.run(ask(turns)).content == "c"
    [request] = client.requests
    assert [m.role for m in request.messages] == ["system", "user", "assistant", "user"]
    assert (request.stop, request.seed, request.sampling.temperature) == (("#",), 3, 0.5)
    asyncio.run(ask("x", prompt="Other.", hp=LMParam(temperature=0.25)))
    assert client.requests[-1].messages[0].content == "Other."
    assert client.requests[-1].sampling.temperature == 0.25


def test_it_has_a_runtime_policy() -> None:
    ask = make_llm_completion(MODEL, policy=Policy(retries=2, timeout_s=3))
    assert (ask.policy.retries, ask.policy.timeout_s, ask.model) == (2, 3, MODEL)


def test_parameters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ModelError, match="did you mean 'temperature'"):
        make_llm_completion(MODEL, temprature=0.1)
    with pytest.raises(ModelError, match="LMParam has no 'min_p'"):
        make_llm_completion(MODEL, hp_type=LMParam, min_p=0.1)
    with pytest.raises(OutOfBounds):
        make_llm_completion(MODEL, temperature=9)
