"""APE, paraphrase, and crossover by a model: what each shows, and what it proposes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.optimizers.proposers.asked import MODEL, ask, one, record, request, sent

from hyperfunc.errors import ProposerError
from hyperfunc.optimizers.proposers import APE, Crossover, Paraphrase
from hyperfunc.types import Exchange


def pair(number: int) -> Any:
    call = Exchange("route", {"ticket": f"ticket {number}"}, f"team {number}")
    return record(1.0, exchanges=(call,), feedback="SECRET FEEDBACK")


def numbered() -> Any:
    count = iter(range(100))
    return lambda _: f"```\nInstruction {next(count)}.\n```"


def test_ape_infers_from_pairs_alone() -> None:
    about = one("THE PRESENT TEXT", records=tuple(map(pair, range(9))), task="Route tickets.")
    proposer = APE(MODEL, n=3, max_records=4)
    found, client = ask(proposer, about, numbered())
    assert [change["route.prompt"] for change in found.changes] == [f"Instruction {n}." for n in range(3)]
    assert proposer.calls == 6
    for whole in sent(client):
        assert "PRESENT" not in whole
        assert "SECRET" not in whole
        assert whole.count("BEGIN input") == whole.count("BEGIN output") == 4
        assert "| Route tickets." in whole
    assert len(set(client.prompts)) == 3
    assert ask(proposer, about, numbered())[1].requests == client.requests


def test_ape_proposes_nothing_without_pairs() -> None:
    found, client = ask(APE(MODEL), one(records=(record(0.0),)))
    assert (found.changes, found.refused, client.calls) == ((), (), 0)


def test_ape_goes_on_when_one_answer_cannot_be_read() -> None:
    answers = iter(["```\na\n```", "no", "```\nc\n```"])
    found, _ = ask(APE(MODEL, retries=0), one(records=(pair(1),)), lambda _: next(answers))
    assert [change["route.prompt"] for change in found.changes] == ["a", "c"]
    assert len(found.refused) == 1


def test_paraphrase_shows_the_text_and_nothing_of_the_records() -> None:
    about = request(records=(record(),))
    found, client = ask(Paraphrase(MODEL, n=2), about, numbered())
    assert len(found.changes) == 2
    assert {frozenset(change) for change in found.changes} == {frozenset(about.names)}
    assert all("box" not in whole for whole in sent(client))
    assert len({r.seed for r in client.requests}) == 4
    assert ask(Paraphrase(MODEL), one(" "))[1].calls == 0


def test_crossover_by_a_model_shows_other_texts_as_data() -> None:
    others = ({"route.prompt": "Name\n```\nthe team."}, {"route.prompt": "Say the team."}, {"x": "y"})
    found, client = ask(Crossover(MODEL), one(others=others), ["```\nBoth.\n```"])
    assert found.changes == ({"route.prompt": "Both."},)
    (whole,) = sent(client)
    assert whole.split("```")[1] == "\nSay the team.\n"
    assert "| the team." in whole
    assert "other instruction 2" not in whole
    assert ask(Crossover(MODEL), one(others=others[1:]))[1].calls == 0


@pytest.mark.parametrize("kind", [APE, Paraphrase])
def test_a_number_of_proposals_has_to_be_one(kind: Any) -> None:
    with pytest.raises(ProposerError, match="from 1 up"):
        kind(MODEL, n=0)
    assert (Crossover(MODEL, retries=2).calls, Crossover().calls) == (3, 0)
