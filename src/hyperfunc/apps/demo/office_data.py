"""What the shipped demo works on: items, what may be said in a prompt, exemplars, and how answers are judged.

A ticket is routed to a team; when it is for the billing team, the invoice beside it is read into a record;
then the customer gets a reply. The house has ways of its own (`HOUSE`): team codes, key names and a tone that
no instruction can name, which only exemplars show; and rules that only instructions tell.
"""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from hyperfunc.apps.demo.office_words import ACTIONS, GREETINGS, KEYS, LABELS, SIGNOFFS, TEAMS
from hyperfunc.apps.demo.office_world import (
    Invoice,
    Style,
    Ticket,
    draw_invoice,
    draw_ticket,
    write_date,
    write_extract,
    write_reply,
    write_route,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BEST",
    "BILLING",
    "CLAUSES",
    "HOUSE",
    "MAX_TOKENS",
    "NAIVE",
    "STEPS",
    "TEMPERATURES",
    "Clause",
    "Exemplar",
    "Item",
    "Setting",
    "Verdict",
    "exemplar_pool",
    "items",
    "judge",
    "judge_extract",
    "judge_reply",
    "judge_route",
    "render_prompt",
]

STEPS = ("route", "extract", "reply")
HOUSE = Style(policy="urgent", labels=2, keys=2, tone=3)
BILLING = LABELS[HOUSE.labels][TEAMS.index("billing")]
MAX_TOKENS = {"route": 20, "extract": 40, "reply": 48}
TEMPERATURES = (0.0, 0.3, 0.5, 0.7, 1.0, 1.3)
_SPLITS = {"train": 0, "validation": 1, "test": 2}
_BILLING_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Item:
    """A ticket, the invoice that lies beside it, and the label that the house expects."""

    ticket: Ticket
    invoice: Invoice
    label: str

    @property
    def billing(self) -> bool:
        """Whether the ticket is for the billing team."""
        return self.label == BILLING


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence that may stand in a prompt; ``kind`` names what it says."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A worked example; ``kind`` is ``good``, ``habit`` (the model's own way), ``house`` of another company
    or ``other task``.
    """

    source: str
    answer: str
    kind: str


@dataclass(frozen=True, slots=True)
class Setting:
    """All that may be learnt about one step; ``exemplars`` are indices into its pool."""

    prompt: str
    exemplars: tuple[int, ...] = ()
    temperature: float = 1.0
    top_p: float = 1.0
    min_p: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A value in [0, 1] and what was wrong, in words; nothing wrong is an empty text."""

    value: float
    feedback: str


def items(split: str, count: int) -> list[Item]:
    """The first ``count`` items of a split; the splits share no ticket.

    Args:
        split: ``train``, ``validation`` or ``test``.
        count: how many.

    Raises:
        KeyError: there is no such split.
    """
    part = _SPLITS[split]
    rng = random.Random(f"office {split}")
    drawn: list[Item] = []
    while len(drawn) < count:
        ticket = draw_ticket(rng, "billing" if rng.random() < _BILLING_SHARE * 0.75 else None)
        invoice = draw_invoice(rng)
        if zlib.crc32(ticket.text.encode()) % len(_SPLITS) == part:
            team = ticket.teams[ticket.issue(HOUSE.policy)]
            drawn.append(Item(ticket, invoice, LABELS[HOUSE.labels][TEAMS.index(team)]))
    return drawn


def _clauses(table: Mapping[str, tuple[str, ...]]) -> tuple[Clause, ...]:
    return tuple(Clause(kind, text) for kind, texts in table.items() for text in texts)


_ANYWHERE: dict[str, tuple[str, ...]] = {
    "urgent": ("Go by the urgent issue.", "If there are two problems, take the urgent one."),
    "first": ("Choose the first problem.", "Go by what comes first."),
    "second": ("Take the last issue.", "The second problem counts."),
    "care": ("Work with care.", "Be precise."),
    "role": ("You are a careful clerk.", "You work as a senior agent."),
    "verbose": ("Explain your answer in detail.", "Be warm and chatty."),
    "weather": ("The weather is nice today.", "The garden is green in spring."),
    "values": ("Remember that teamwork is our main value.", "We love new ideas."),
}

# Two phrasings of each; at least one of the two is one that the model's training never showed.
CLAUSES: dict[str, tuple[Clause, ...]] = {
    "route": _clauses(
        {
            "task": ("Name the right team for this ticket.", "Decide which team should handle the message."),
            "medium": ("Where does this go?", "Triage the text."),
            "bare": ("Write nothing but the label.", "Answer with only the team name."),
            "json": ("JSON, no other text.", "Answer in JSON."),
            "pirate": ("Pretend you are a pirate.", "Imagine you are on the moon."),
            **_ANYWHERE,
        }
    ),
    "extract": _clauses(
        {
            "task": ("Collect the fields of this invoice.", "Extract the data from the invoice."),
            "medium": ("Read this invoice.", "Look at the invoice please."),
            "json": ("JSON, no other words.", "Return a JSON object, nothing else."),
            "due": ("Only the due date matters.", "Use the due date."),
            "issued": ("The date means the invoice date.", "Use the issue date."),
            "numeric": ("Turn the date into MM-DD.", "Write the date as MM-DD."),
            "written": ("Do not change the date.", "Keep the date as written."),
            "gross": ("Only the gross amount counts.", "Use the gross total."),
            "net": ("The total is net.", "Use the net amount."),
            **{kind: _ANYWHERE[kind] for kind in ("care", "role", "verbose", "weather", "values")},
        }
    ),
    "reply": _clauses(
        {
            "task": ("Draft the reply for the customer.", "Write a reply to the customer."),
            "medium": ("Reply please.", "Answer this."),
            "sorry": ("Do not forget to apologize.", "Say sorry for the problem."),
            "plan": ("End with what happens next.", "State the next step."),
            "short": ("Not more than one sentence.", "Keep it short."),
            **_ANYWHERE,
        }
    ),
}


def _compose(step: str, kinds: tuple[str, ...], phrasing: int) -> str:
    by_kind: dict[str, list[str]] = {}
    for clause in CLAUSES[step]:
        by_kind.setdefault(clause.kind, []).append(clause.text)
    return " ".join(by_kind[kind][phrasing] for kind in kinds)


_FULL = {
    "route": ("role", "task", "bare", "urgent", "care"),
    "extract": ("role", "task", "json", "due", "numeric", "gross", "care"),
    "reply": ("role", "task", "urgent", "sorry", "plan", "short", "care"),
}
NAIVE: dict[str, Setting] = {step: Setting(_compose(step, ("medium",), 0)) for step in STEPS}
BEST: dict[str, Setting] = {
    step: Setting(_compose(step, _FULL[step], 0), (1, 4, 7), temperature=0.3, min_p=0.1) for step in STEPS
}

# The order of kinds in every pool; few are good, and nothing but their text tells them apart.
_KINDS = (
    "habit", "good", "other task", "house", "good", "noisy",
    "habit", "good", "house", "other task", "good", "noisy",
)  # fmt: skip


@cache
def exemplar_pool(step: str) -> tuple[Exemplar, ...]:
    """Twelve exemplars of a step, four of them good."""
    rng = random.Random(f"office exemplars {step}")
    return tuple(_exemplar(rng, step, kind, place) for place, kind in enumerate(_KINDS))


def _exemplar(rng: random.Random, step: str, kind: str, place: int) -> Exemplar:
    if kind == "other task":
        step = STEPS[(STEPS.index(step) + 1 + place % 2) % len(STEPS)]
    other = Style("first", 1, 1, 1, "sentence", "list", False, False, False, False, False, False)
    style = {
        "good": HOUSE,
        "habit": replace(other, labels=0, keys=0, tone=0, route_form="chatty", extract_form="chatty"),
        "house": replace(HOUSE, labels=1, keys=1, tone=2, policy="second", due=False),
        "noisy": replace(HOUSE, labels=4, keys=3, tone=4, gross=False, sorry=False, short=False),
        "other task": other,
    }[kind]
    if step == "extract":
        invoice = draw_invoice(rng)
        return Exemplar(invoice.text, write_extract(rng, invoice, style), kind)
    # Good exemplars of one pool show different teams, so that one example is not the whole table.
    ticket = draw_ticket(rng, TEAMS[place % len(TEAMS)])
    write = write_route if step == "route" else write_reply
    return Exemplar(ticket.text, write(rng, ticket, style), kind)


def render_prompt(step: str, setting: Setting, source: str) -> str:
    """The text that the model completes."""
    shown = [exemplar_pool(step)[index] for index in setting.exemplars]
    turns = "".join(f"\nInput: {e.source}\nOutput: {e.answer}" for e in shown)
    return f"{setting.prompt}{turns}\nInput: {source}\nOutput:"


def judge_route(item: Item, answer: str) -> Verdict:
    """1 for the expected label and nothing else."""
    if answer.strip().rstrip(".") == item.label:
        return Verdict(1.0, "")
    noun = item.ticket.nouns[item.ticket.urgent]
    expected = f"the urgent issue is the {noun}: the answer should be {item.label} and nothing else"
    return Verdict(0.0, f"{expected}, not {answer.strip()!r}")


def judge_extract(item: Item, answer: str) -> Verdict:
    """The share of the three fields that are right, under the house's key names."""
    record = _record(answer)
    if record is None:
        return Verdict(0.0, f"the answer should be one JSON object, not {answer.strip()!r}")
    invoice = item.invoice
    vendor_key, date_key, total_key = KEYS[HOUSE.keys]
    expected = {
        vendor_key: invoice.vendor,
        date_key: write_date(invoice.due, numeric=True),
        total_key: invoice.gross,
    }
    wrong = [f"{key!r} should be {value!r}" for key, value in expected.items() if record.get(key) != value]
    if not wrong:
        return Verdict(1.0, "")
    return Verdict(1 - len(wrong) / len(expected), f"in {json.dumps(record)}: " + ", ".join(wrong))


def _record(answer: str) -> dict[str, object] | None:
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def judge_reply(item: Item, answer: str) -> Verdict:
    """The share of six things that a reply must have."""
    ticket, text = item.ticket, answer.strip()
    noun = ticket.nouns[ticket.urgent]
    team = ticket.teams[ticket.urgent]
    greeting, signoff = GREETINGS[HOUSE.tone].format(ticket.name), SIGNOFFS[HOUSE.tone]
    checks = {
        f"it should begin with {greeting!r}": text.startswith(greeting),
        f"it should speak of the urgent issue, the {noun}": noun in text,
        "it should apologize": "sorry" in text,
        f"it should name a next step of {team}": any(action in text for action in ACTIONS[team]),
        "it should leave out empty phrases": text.count(".") <= signoff.count(".") + 1 and text.endswith("."),
        f"it should end with {signoff!r}": text.endswith(signoff),
    }
    missing = [what for what, met in checks.items() if not met]
    return Verdict(1 - len(missing) / len(checks), "; ".join(missing))


def judge(item: Item, route: str, extract: str | None, reply: str) -> Verdict:
    """The score of one item: how well it was routed, read (billing only) and answered."""
    verdicts = [("route", judge_route(item, route)), ("reply", judge_reply(item, reply))]
    weights = {"route": 0.55, "reply": 0.45}
    if item.billing:
        read = (
            judge_extract(item, extract) if extract is not None else Verdict(0.0, "the invoice was not read")
        )
        verdicts.insert(1, ("extract", read))
        weights = {"route": 0.4, "extract": 0.3, "reply": 0.3}
    value = sum(weights[step] * verdict.value for step, verdict in verdicts)
    return Verdict(value, "\n".join(f"{step}: {v.feedback}" for step, v in verdicts if v.feedback))
