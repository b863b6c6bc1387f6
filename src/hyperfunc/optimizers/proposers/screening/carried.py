"""Whether a proposal gives instructions that come from the data."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain

from hyperfunc.optimizers.proposers.screening.addresses import named
from hyperfunc.optimizers.proposers.screening.disguises import decoded, readings
from hyperfunc.optimizers.proposers.screening.evidence import Evidence
from hyperfunc.optimizers.proposers.screening.families import HARD, is_warning, kinds
from hyperfunc.optimizers.proposers.screening.languages import languages, scripts
from hyperfunc.optimizers.proposers.screening.orders import RUN, phrases_of
from hyperfunc.optimizers.proposers.screening.words import content_words, sentences, spoken

__all__ = ["carried_over"]

_BREAK = re.compile(r"(?<=[.!?:;])\s+(?=[^a-z\s])|\n\s{0,99}\n|\n(?=[ \t]{0,99}(?:[-*+•#>]|\d{1,3}[.)]))")
"""Between passages: a line that goes on in the next one is no end of a sentence."""

_LETTERS = 4
_LINE = 3
_ENOUGH = ((3, 0.6), (2, 0.4), (1, 0.5))
"""How many words that carry meaning, and which share of them, make a sentence the one of the data; the graver
that one is, the fewer."""


_SELDOM = 3
"""In how many orders a word may stand that tells one from the others."""


def carried_over(text: str, own: str, evidence: Evidence) -> str:
    """Which instruction of the data a text carries over; or nothing.

    Args:
        text: that was proposed.
        own: what the author of the prompt wrote, and what was screened before.
        evidence: of the records that the proposal was written from.
    """
    theirs = spoken(own)
    new = [part for part in sentences(text) if spoken(part) not in theirs]
    if not new:
        return ""
    return (
        named(" ".join([text, *decoded(text)])).new(named(own), evidence.names)
        or _of_kind(new, own)
        or _coded(new)
        or _fenced_code(text, theirs, evidence)
        or _ordered(new, theirs, evidence)
        or _in_other_words(new, own, evidence)
    )


def _of_kind(new: list[str], own: str) -> str:
    """Kinds of instructions that nobody needs to improve a prompt."""
    allowed = kinds(spoken(own))
    for passage in _BREAK.split("\n".join(new)):
        for words in readings(passage):
            for kind in sorted(kinds(words, warned=False) & HARD.keys() - allowed):
                return f"{HARD[kind]}; that is no part of the task"
    return ""


def _coded(new: list[str]) -> str:
    if any(decoded("\n".join(new))):
        return "holds encoded text; write what is meant in plain words"
    return ""


def _fenced_code(text: str, theirs: str, evidence: Evidence) -> str:
    """Code of the data."""
    for block in text.split("```")[1::2]:
        for line in map(spoken, block.splitlines()):
            new = len(line.split()) >= _LINE and line not in theirs
            if new and any(line in each for each in evidence.spoken):
                return "holds code of the data; leave it out"
    return ""


def _ordered(new: list[str], theirs: str, evidence: Evidence) -> str:
    """Sentences that are those of the data, or nearly."""
    known = frozenset(content_words(theirs)) | evidence.trusted
    index = _Index(evidence, theirs, known)
    if any(index.holds(words, part) for part in new for words in readings(part, backwards=False)):
        return "gives an instruction that stands in the data; state only what feedback shows to be missing"
    return ""


class _Index:
    """Orders of the data by what they hold."""

    def __init__(self, evidence: Evidence, theirs: str, known: frozenset[str]) -> None:
        orders = evidence.orders
        self.known = known
        self.orders = orders
        self.runs = {run for run in evidence.runs if run not in theirs}
        self.phrases = {order.words for order in orders if order.short and order.words not in theirs}
        self.phrases |= evidence.marks - {""}
        self.names = {phrase for order in orders for phrase in order.payload}
        for found in (self.phrases, self.names):
            found -= {each for each in found if f" {each} " in f" {theirs} " or self._trusted(each)}
        self.stems: dict[str, list[int]] = {}
        for place, order in enumerate(orders):
            for stem in order.content - known:
                self.stems.setdefault(stem, []).append(place)

    def _trusted(self, phrase: str) -> bool:
        stems = content_words(phrase)
        return bool(stems) and self.known.issuperset(stems)

    def holds(self, words: str, part: str) -> bool:
        """Whether a sentence, spoken and as it is written, is made of an order."""
        padded = f" {words} "
        split = words.split()
        if any(" ".join(split[place : place + RUN]) in self.runs for place in range(len(split) - RUN + 1)):
            return True
        if any(f" {phrase} " in padded for phrase in self.phrases):
            return True
        if any(" " in name and f" {name} " in padded for name in self.names):
            return True
        if self.names.intersection(phrases_of(part)):
            return True
        stems = frozenset(content_words(words)) - self.known
        seldom = [places for stem in stems if len(places := self.stems.get(stem, [])) <= _SELDOM]
        shared = Counter(chain.from_iterable(seldom))
        warns = is_warning(words)
        for place, count in shared.items():
            least, share = _ENOUGH[0 if warns else self.orders[place].grave]
            if count >= least and count >= share * len(stems):
                return True
        return False


def _in_other_words(new: list[str], own: str, evidence: Evidence) -> str:
    """Scripts and languages that the prompt does not have and the data has in places."""
    familiar = set(scripts(own)).union(*map(languages, sentences(own)))
    foreign = evidence.foreign - familiar
    letters = scripts("\n".join(new))
    if any(letters.get(script, 0) >= _LETTERS for script in foreign):
        return "is partly in a script of the data that the prompt does not use"
    for part in new:
        found = languages(part)
        if found and found <= foreign and len(spoken(part).split()) >= _LETTERS:
            return "is partly in a language of the data that the prompt does not use"
    return ""
