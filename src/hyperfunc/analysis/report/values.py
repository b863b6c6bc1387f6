"""One changed knob as HTML: a word-level difference, exemplars that came and went, a moved number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import text
from .chart import range_figure
from .data import Change
from .diff import list_diff, word_diff
from .markup import Markup, el, join
from .words import matrix_sentence

__all__ = ["change_block"]


def change_block(change: Change) -> Markup:
    """The name of a knob, what kind it is, and how its value changed."""
    body = BODIES.get(change.kind, _other)(change)
    kind = el("span", change.kind, class_="kind") if change.kind else None
    doc = el("p", change.knob["doc"], class_="doc") if change.knob.get("doc") else None
    return el("article", el("h3", el("code", change.name), " ", kind), doc, body, class_="change")


def _text(change: Change) -> Markup:
    tags = {"same": None, "gone": "del", "new": "ins"}
    pieces = word_diff(text.visible(change.before), text.visible(change.after))
    marked = [el(tag, piece.text) if (tag := tags[piece.op]) else piece.text for piece in pieces]
    rewritten = all(piece.op != "same" for piece in pieces)
    shown = (
        [el("p", mark, class_="diff") for mark in marked] if rewritten else [el("p", *marked, class_="diff")]
    )
    if not change.after:
        shown.append(el("p", "Now empty.", class_="quiet"))
    whole = el("details", el("summary", "The new text alone"), el("pre", change.after, class_="prose"))
    return join(*shown, None if rewritten else whole)


def _exemplars(change: Change) -> Markup:
    words = {"same": "kept", "gone": "removed", "new": "added"}
    items = list_diff(_sequence(change.before), _sequence(change.after))
    return el(
        "ul", *[el("li", _pair(item), title=words[op], class_=op) for op, item in items], class_="exemplars"
    )


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _pair(item: Any) -> Markup:
    if isinstance(item, Mapping) and {"input", "output"} <= set(item):
        return join(el("span", item["input"]), el("span", " → ", class_="arrow"), el("b", item["output"]))
    return el("span", item)


def _number(change: Change) -> Markup:
    unit = str(change.knob.get("unit") or "")
    return el(
        "div",
        el("span", text.plain(change.before), class_="was"),
        el("span", " → ", class_="arrow"),
        el("b", text.plain(change.after)),
        f" {unit}" if unit else None,
        range_figure(change.knob, change.before, change.after),
        class_="moved",
    )


def _choice(change: Change) -> Markup:
    options = change.knob.get("options") or [change.before, change.after]
    marks = []
    for option in options:
        class_ = "is" if option == change.after else "was" if option == change.before else None
        marks.append(el("span", text.plain(option), class_=class_))
    return el("div", *marks, class_="options")


def _matrix(change: Change) -> Markup:
    return el("p", matrix_sentence(change))


def _other(change: Change) -> Markup:
    return join(el("pre", change.before, class_="was"), el("pre", change.after))


BODIES: dict[str, Callable[[Change], Markup]] = {
    "text": _text,
    "exemplars": _exemplars,
    "real": _number,
    "integer": _number,
    "choice": _choice,
    "matrix": _matrix,
}
