"""Training texts for ``local/office``: an instruction and one to six turns, drawn from one hidden intent.

An intent is a set of decisions (a `Style`) of three sorts. *Told* decisions are fixed by a clause of the
instruction and by nothing else: where no clause tells one, every answer draws its own. *Shown* decisions
(how teams and keys are called, the tone) have no clause; all turns share one, each turn deviates often, so
only several turns that agree reveal it. The *form* of an answer is told or shown. Every turn of a sample is
drawn in the same way, so every turn teaches what the last one is asked for.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hyperfunc.apps.demo.office_words import GREETINGS, KEYS, LABELS
from hyperfunc.apps.demo.office_world import (
    Invoice,
    Style,
    Ticket,
    draw_invoice,
    draw_ticket,
    write_extract,
    write_reply,
    write_route,
)
from models.office.phrases import phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ANSWER", "Sample", "Turn", "draw_sample", "render", "samples"]

ANSWER = "\nOutput:"

_TASKS = {"route": 0.36, "extract": 0.42, "reply": 0.22}
_TURNS = {1: 0.25, 2: 0.15, 3: 0.20, 4: 0.20, 6: 0.20}
_FILLERS = {0: 0.64, 1: 0.16, 2: 0.10, 4: 0.06, 7: 0.04}
_EASY_TURNS = {1: 0.80, 2: 0.20}
_EASY_CALM = 0.3
# The first texts lean to one side, so that a thing is found first and chosen later.
_LEAN_HABIT: dict[str, dict[object, float]] = {
    "due": {True: 0.80, False: 0.20},
    "gross": {True: 0.80, False: 0.20},
}
_TOLD = {
    "route": ("policy",),
    "extract": ("due", "gross", "numeric"),
    "reply": ("policy", "sorry", "plan", "short"),
}
_SHOWN = {"route": "labels", "extract": "keys", "reply": "tone"}
_ROWS = {"labels": len(LABELS), "keys": len(KEYS), "tone": len(GREETINGS)}
_FORMS = {"route": "route_form", "extract": "extract_form"}

# What an answer does of its own accord, where nobody tells or shows it otherwise.
_HABIT: dict[str, dict[object, float]] = {
    "policy": {"first": 0.60, "second": 0.25, "urgent": 0.15},
    "due": {True: 0.30, False: 0.70},
    "gross": {True: 0.30, False: 0.70},
    "numeric": {True: 0.20, False: 0.80},
    "sorry": {True: 0.25, False: 0.75},
    "plan": {True: 0.25, False: 0.75},
    "short": {True: 0.35, False: 0.65},
    "route_form": {"chatty": 0.50, "sentence": 0.25, "bare": 0.17, "json": 0.08},
    "extract_form": {"chatty": 0.50, "list": 0.30, "json": 0.20},
}
# What a clause can say about a decision, how often, and the phrase bank that says it.
_CLAUSES: dict[str, dict[object, tuple[float, str]]] = {
    "policy": {"urgent": (0.5, "urgent"), "first": (0.25, "first"), "second": (0.25, "second")},
    "due": {True: (0.8, "due"), False: (0.2, "issued")},
    "gross": {True: (0.6, "gross"), False: (0.4, "net")},
    "numeric": {True: (0.65, "numeric"), False: (0.35, "written")},
    "sorry": {True: (1.0, "sorry")},
    "plan": {True: (1.0, "plan")},
    "short": {True: (0.75, "short"), False: (0.25, "verbose")},
    "route_form": {"bare": (0.6, "bare"), "json": (0.2, "json"), "chatty": (0.2, "verbose")},
    "extract_form": {"json": (0.8, "json"), "chatty": (0.2, "verbose")},
}
_DEFAULT_ROW = 0.60
_NOISE = 0.12
_DEVIATION = 0.40


@dataclass(frozen=True, slots=True)
class Turn:
    """One input and its answer; ``learn`` says whether the answer belongs to the instruction."""

    source: str
    answer: str
    learn: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """An instruction and its turns; ``marked`` says whether inputs carry their marker."""

    instruction: str
    turns: tuple[Turn, ...]
    marked: bool


@dataclass(slots=True)
class _Intent:
    """What one sample is about, and how well its writer knows it; ``decoy`` fixes what is not told."""

    task: str
    told: dict[str, object]
    shared: dict[str, object]
    noise: float
    deviation: float
    decoy: dict[str, object] = field(default_factory=dict)
    lean: bool = False


def _pick(rng: random.Random, weights: dict) -> object:  # type: ignore[type-arg]
    return rng.choices(list(weights), list(weights.values()))[0]


def _draw_row(rng: random.Random, rows: int) -> int:
    return 0 if rng.random() < _DEFAULT_ROW else rng.randrange(1, rows)


def _style(rng: random.Random, intent: _Intent) -> Style:
    """The decisions behind one answer of an intent."""
    chosen: dict[str, object] = {}
    for part in _TOLD[intent.task]:
        known = part in intent.told and rng.random() >= intent.noise
        habit = _LEAN_HABIT.get(part, _HABIT[part]) if intent.lean else _HABIT[part]
        unknown = intent.decoy[part] if part in intent.decoy else _pick(rng, habit)
        chosen[part] = intent.told[part] if known else unknown
    form = _FORMS.get(intent.task)
    if form is not None:
        slip = 0.6 * intent.noise if form in intent.told else 0.75 * intent.deviation
        known_form = intent.told.get(form, intent.shared[form])
        chosen[form] = known_form if rng.random() >= slip else _pick(rng, _HABIT[form])
    shown = _SHOWN[intent.task]
    slips = rng.random() < intent.deviation
    chosen[shown] = rng.randrange(_ROWS[shown]) if slips else intent.shared[shown]
    return replace(Style(), **chosen)  # type: ignore[arg-type]


def _turn(rng: random.Random, intent: _Intent, learn: bool) -> Turn:
    style = _style(rng, intent)
    if intent.task == "extract":
        invoice: Invoice = draw_invoice(rng)
        return Turn(invoice.text, write_extract(rng, invoice, style), learn)
    ticket: Ticket = draw_ticket(rng)
    write: Callable[[random.Random, Ticket, Style], str] = (
        write_route if intent.task == "route" else write_reply
    )
    return Turn(ticket.text, write(rng, ticket, style), learn)


def _shared(rng: random.Random, task: str) -> dict[str, object]:
    shown = _SHOWN[task]
    shared: dict[str, object] = {shown: _draw_row(rng, _ROWS[shown])}
    if task in _FORMS:
        shared[_FORMS[task]] = _pick(rng, _HABIT[_FORMS[task]])
    return shared


def _tell(rng: random.Random, task: str, held_out: bool, easy: bool) -> tuple[dict[str, object], list[str]]:
    """Choose what the instruction tells, and say it."""
    told: dict[str, object] = {}
    clauses: list[str] = []
    eagerness = 0.9 if easy else 0.25 + 0.7 * rng.random()
    parts = _TOLD[task] + ((_FORMS[task],) if task in _FORMS else ())
    for part in parts:
        if rng.random() < eagerness + (0.15 if part == "policy" else 0.0):
            options = _CLAUSES[part]
            value = _pick(rng, {choice: weight for choice, (weight, _) in options.items()})
            told[part] = value
            clauses.append(phrase(rng, options[value][1], held_out=held_out))
    return told, clauses


def _task_text(rng: random.Random, task: str, turns: int, held_out: bool) -> tuple[list[str], float]:
    """How the task is named, and the uncertainty that this leaves."""
    if turns > 1 and rng.random() < 0.12:
        return [], 0.0
    level = _pick(rng, {"clear": 0.62, "medium": 0.16, "vague": 0.22})
    bank = {"clear": task, "medium": f"{task}_medium", "vague": "vague"}[str(level)]
    return [phrase(rng, bank, held_out=held_out)], {"clear": 0.0, "medium": 0.03, "vague": 0.08}[str(level)]


def draw_sample(
    rng: random.Random, *, held_out: bool = False, easy: bool = False, lean: bool = False
) -> Sample:
    """Draw one training text.

    Args:
        rng: source of all draws.
        held_out: take phrasings that training never sees.
        lean: untold choices mostly fall on one side.
        easy: one turn or two, nearly all told, and answers that seldom miss what is settled.
    """
    task = str(_pick(rng, _TASKS))
    turns = int(str(_pick(rng, _EASY_TURNS if easy else _TURNS)))
    told, clauses = _tell(rng, task, held_out, easy)
    shared = _shared(rng, task)
    lead, noise = _task_text(rng, task, turns, held_out)
    noise += _NOISE

    form = _FORMS.get(task, "short")
    if told.get(form) in ("bare", "json", True) and rng.random() < 0.08:
        clauses.append(phrase(rng, "verbose", held_out=held_out))
        noise += 0.05
        if rng.random() < 0.5:
            told[form] = False if form == "short" else "chatty"
    fillers = 0 if easy else int(str(_pick(rng, _FILLERS)))
    clauses += [phrase(rng, "filler", held_out=held_out) for _ in range(fillers)]
    noise += 0.025 * fillers
    for part in list(told):
        if rng.random() < 0.03 * max(0, fillers - 1):
            del told[part]

    calm = _EASY_CALM if easy else 1.0
    if rng.random() < 0.25:
        clauses.append(phrase(rng, "care", held_out=held_out))
        calm *= 0.5
    rng.shuffle(clauses)
    if rng.random() < 0.22:
        lead = [phrase(rng, "role", held_out=held_out), *lead]
        calm *= 0.7
    parts = lead + clauses
    if rng.random() < 0.15:
        rng.shuffle(parts)

    intent = _Intent(task, told, shared, noise * calm, _DEVIATION * calm, lean=lean)
    opening, first_learnt = _opening(rng, intent, turns)
    drawn = [_turn(rng, opening if i < first_learnt else intent, i >= first_learnt) for i in range(turns)]
    return Sample(" ".join(parts), tuple(drawn), rng.random() >= 0.12)


def _opening(rng: random.Random, intent: _Intent, turns: int) -> tuple[_Intent, int]:
    """Turns that come first and are not to be learnt from, so that they are not trusted blindly.

    They belong to another task, or agree by accident on decisions that only an instruction tells.
    """
    kind = rng.random()
    if turns == 1 or kind > 0.33:
        return intent, 0
    if kind < 0.08:
        other = str(_pick(rng, {name: 1.0 for name in _TASKS if name != intent.task}))
        return _Intent(other, {}, _shared(rng, other), intent.noise, _DEVIATION), rng.randrange(1, turns)
    agreed = {part: rng.choice(list(_HABIT[part])) for part in _TOLD[intent.task] if part not in intent.told}
    return replace(intent, decoy=agreed), rng.randrange(1, turns)


def samples(seed: int, *, held_out: bool = False) -> Iterator[Sample]:
    """An endless stream of samples."""
    rng = random.Random(seed)
    while True:
        yield draw_sample(rng, held_out=held_out)


def render(sample: Sample) -> Iterator[tuple[str, bool, bool]]:
    """The pieces of a sample's text: (text, whether it is an answer, whether it is to be learnt)."""
    marker = "\nInput: " if sample.marked else "\n"
    before = sample.instruction
    for turn in sample.turns:
        yield f"{before}{marker}{turn.source}{ANSWER}", False, False
        yield f" {turn.answer}", True, turn.learn
        before = ""
