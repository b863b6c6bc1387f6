"""HTML and SVG made of nested calls, where text is escaped unless it is markup made here."""

from __future__ import annotations

import html

from .text import visible

__all__ = ["Markup", "el", "join"]

VOID = frozenset({"meta", "br", "line", "circle", "rect", "path", "polyline"})


class Markup(str):
    """Text that is already markup; only this module and literals of this package make it."""

    __slots__ = ()


def escape(value: object) -> Markup:
    """A value as text that no parser takes for markup, inside of elements and of quoted attributes."""
    return value if isinstance(value, Markup) else Markup(html.escape(visible(value), quote=True))


def join(*children: object) -> Markup:
    """The children one after the other, escaped; ``None`` is left out."""
    return Markup("".join(escape(child) for child in children if child is not None))


def el(name: str, /, *children: object, **attributes: object) -> Markup:
    """One element.

    Args:
        name: of the element.
        children: what is inside; strings are escaped, ``None`` is left out.
        attributes: ``class_`` is written class, ``stroke_width`` stroke-width; ``None`` is left out.

    Example::

        >>> el("p", "a < b", class_="note")
        '<p class="note">a &lt; b</p>'
    """
    pairs = [
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    start = f"<{name}{''.join(pairs)}>"
    if name in VOID and not children:
        return Markup(start if name in {"meta", "br"} else start[:-1] + "/>")
    return Markup(f"{start}{join(*children)}</{name}>")


def _plain(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
