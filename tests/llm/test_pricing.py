"""Prices: what is unknown is None, yours come before the list, and a bound is a bound."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import ModelError
from hyperfunc.llm import Message, Request, Sampling, Usage
from hyperfunc.llm.model_spec import Price
from hyperfunc.llm.pricing import (
    LISTED,
    cost_of,
    forget_prices,
    load_prices,
    most_cost,
    price_of,
    register_price,
)

MINI = "openai/gpt-4.1-mini"


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    forget_prices()
    yield
    forget_prices()


def used(prompt: int, completion: int, counted: bool = False) -> Usage:
    return Usage(prompt_tokens=prompt, completion_tokens=completion, counted=counted)


def test_the_list_is_dated_and_prices_a_million_tokens() -> None:
    assert cost_of(MINI, used(1_000_000, 500_000)) == pytest.approx(0.40 + 0.80)
    for name, listed in LISTED.items():
        year, month = listed.as_of.split("-")
        assert int(year) >= 2025, name
        assert 1 <= int(month) <= 12, name
        assert 0 < listed.price.input <= listed.price.output, name


@pytest.mark.parametrize("name", ["openai/gpt-4.1-mini-2025-04-14", "mine/unknown", "gpt-4.1-mini", ""])
def test_what_nobody_has_said_is_unknown_and_not_free(name: str) -> None:
    request = Request(model=name, messages=(Message("user", "x"),))
    assert price_of(name) is None
    assert cost_of(name, used(10, 10)) is None
    assert most_cost(name, request) is None


def test_at_another_address_the_list_says_nothing_and_you_still_do() -> None:
    assert cost_of(MINI, used(1, 1), listed=False) is None
    register_price(MINI, input=1, output=2)
    assert cost_of(MINI, used(1_000_000, 0), listed=False) == 1.0


def test_what_is_free_costs_what_you_say() -> None:
    assert cost_of("mine/here", used(1, 1), free=True) == 0.0
    register_price("mine/here", input=1, output=2)
    assert cost_of("mine/here", used(1_000_000, 0), free=True) == 1.0


def test_a_cost_of_tokens_that_were_counted_roughly_would_be_a_guess() -> None:
    assert cost_of(MINI, used(10, 10, counted=True)) is None
    register_price("mine/free", input=0, output=0)
    assert cost_of("mine/free", used(10, 10, counted=True)) == 0.0


def test_some_list_prices_hold_for_short_prompts_only() -> None:
    assert price_of("anthropic/claude-sonnet-4-5", 200_000) is not None
    assert price_of("anthropic/claude-sonnet-4-5", 200_001) is None


def test_the_nearest_word_counts(tmp_path: Path) -> None:
    (tmp_path / "config" / "hyperfunc").mkdir(parents=True)
    user = tmp_path / "config" / "hyperfunc" / "prices.json"
    user.write_text(json.dumps({MINI: {"input": 3, "output": 3}, "mine/a": {"input": 5, "output": 5}}))
    (tmp_path / "prices.yaml").write_text(f"{MINI}: {{input: 7, output: 8.5}}\n")
    assert price_of(MINI) == Price(input=7, output=8.5)
    assert price_of("mine/a") == Price(input=5, output=5)
    register_price(MINI, input=9, output=9)
    assert price_of(MINI) == Price(input=9, output=9)
    forget_prices()
    user.unlink()
    (tmp_path / "prices.yaml").unlink()
    assert price_of(MINI) == LISTED[MINI].price


@pytest.mark.parametrize(
    ("text", "says"),
    [("mine/a: {input: -1, output: 2}", "input is -1"), ("mine/a: 3", "mine/a"), ("", "no prices"),
     ("mine/a: {inputs: 1, output: 2}", "did you mean 'input'"), ("- 1", "names with values"),
     ("mine/a: {input: 1", "cannot be read")],
)  # fmt: skip
def test_a_file_with_something_else_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match=says):
        load_prices(path)
    assert price_of("mine/a") is None


def test_a_file_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"mine/a": {"input": 1, "output": 2}}')
    assert load_prices(path) == {"mine/a": Price(input=1, output=2)}
    assert price_of("mine/a") == Price(input=1, output=2)


def test_a_paid_completion_without_a_length_has_no_bound() -> None:
    endless = Request(model=MINI, messages=(Message("user", "x"),))
    assert most_cost(MINI, endless) is None
    register_price(MINI, input=1, output=0)
    assert most_cost(MINI, endless) is not None
    register_price(MINI, input=0, output=0)
    assert most_cost(MINI, endless) == 0.0


@given(st.text(max_size=40), st.integers(1, 50), st.data())
def test_no_answer_costs_more_than_its_bound(text: str, most: int, data: st.DataObject) -> None:
    # No tokenizer makes more tokens than bytes, and none writes more than it may.
    request = Request(model=MINI, messages=(Message("user", text),), sampling=Sampling(max_tokens=most))
    prompt = data.draw(st.integers(0, len(text.encode())))
    bound, real = most_cost(MINI, request), cost_of(MINI, used(prompt, data.draw(st.integers(0, most))))
    assert bound is not None
    assert real is not None
    assert real <= bound
