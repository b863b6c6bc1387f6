"""What the data of a request says that must not become part of a prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from hyperfunc.optimizers.proposers.base import ProposalRequest, Record
from hyperfunc.optimizers.proposers.screening.addresses import Named, named
from hyperfunc.optimizers.proposers.screening.corpus import leaves
from hyperfunc.optimizers.proposers.screening.disguises import decoded
from hyperfunc.optimizers.proposers.screening.families import kinds
from hyperfunc.optimizers.proposers.screening.languages import languages, scripts
from hyperfunc.optimizers.proposers.screening.orders import Order, marks_of, orders_of
from hyperfunc.optimizers.proposers.screening.words import content_words, sentences, spoken

__all__ = ["Evidence", "evidence_of"]

_MANY = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stands in the records of a request.

    Args:
        orders: sentences that tell somebody what to do, but for those that most records share.
        names: what each text names that can be reached, paid or run.
        kinds: of instructions, over all texts.
        runs: of words in such sentences, but for those that most records share.
        marks: names and codes in some of the records that no ordinary word looks like.
        foreign: scripts and languages that only some of the records use.
        trusted: stems of the words of feedback that nothing is wrong with.
        spoken: all texts, each spoken.
    """

    orders: tuple[Order, ...]
    names: tuple[Named, ...]
    kinds: frozenset[str]
    runs: frozenset[str]
    marks: frozenset[str]
    foreign: frozenset[str]
    trusted: frozenset[str]
    spoken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Traits:
    orders: tuple[Order, ...]
    named: Named
    kinds: frozenset[str]
    runs: frozenset[str]
    marks: frozenset[str]
    written: frozenset[str]
    spoken: str


def evidence_of(request: ProposalRequest) -> Evidence:
    """Read the records of a request."""
    told = [[_traits(text, False) for text in _untrusted(record)] for record in request.records]
    remarks = [_traits(text, True) for record in request.records for text in _remarks(record)]
    every = [traits for each in told for traits in each] + remarks
    most = max(_MANY, (len(told) + 1) // 2)
    often = _count(told, lambda traits: frozenset(order.words for order in traits.orders))
    runs = _count([*told, remarks], lambda traits: traits.runs)
    marks = _count(told, lambda traits: traits.marks)
    written = _count(told, lambda traits: traits.written)
    orders = dict.fromkeys(order for traits in every for order in traits.orders)
    return Evidence(
        orders=tuple(order for order in orders if often[order.words] < most),
        names=tuple(traits.named for traits in every),
        kinds=frozenset[str]().union(*(traits.kinds for traits in every)),
        runs=frozenset(run for run, count in runs.items() if count < most),
        marks=frozenset(one for one, count in marks.items() if count < most),
        foreign=frozenset(one for one, count in written.items() if 2 * count < len(told)),
        trusted=frozenset(stem for each in remarks if not each.orders for stem in content_words(each.spoken)),
        spoken=tuple(traits.spoken for traits in every),
    )


def _count(told: list[list[_Traits]], what: Callable[[_Traits], frozenset[str]]) -> Counter[str]:
    """In how many records each is found."""
    return Counter(one for each in told for one in frozenset[str]().union(*map(what, each)))


def _untrusted(record: Record) -> Iterator[str]:
    for value in (record.inputs, record.expected, record.output):
        yield "\n".join(leaves(value))
    for call in record.exchanges:
        for value in (call.inputs, call.output, call.failure):
            yield "\n".join(leaves(value))


def _remarks(record: Record) -> Iterator[str]:
    yield from (text for text in (record.feedback, *record.advice.values()) if text)


@lru_cache(maxsize=4096)
def _traits(text: str, trusted: bool) -> _Traits:
    """What one text says; the same text comes again with each consultation."""
    whole = " ".join([text, *decoded(text)])
    written = set(scripts(text))
    for part in sentences(text):
        written |= languages(part)
    orders = tuple(orders_of(text, trusted))
    return _Traits(
        orders=orders,
        named=named(whole),
        kinds=kinds(spoken(whole)),
        runs=frozenset(run for order in orders for run in order.runs()),
        marks=frozenset(marks_of(text)),
        written=frozenset(written),
        spoken=spoken(text),
    )
