"""Fields of a template: none may get lost, and none may come that nobody fills in."""

from __future__ import annotations

import re

__all__ = ["lost_or_new", "placeholders"]

_STYLES = (
    (r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}", "{{%s}}"),
    (r"(?<![\w\\{}$^])\{([A-Za-z_]\w*|\d*)(?:![rsa])?(?::[^{}\s\"']*)?\}(?!\})", "{%s}"),
    (r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", "$%s"),
    (r"%\((\w+)\)[#0\- +\d.]*[a-z]", "%%(%s)s"),
    (r"<<([A-Za-z_]\w*)>>", "<<%s>>"),
)
_PATTERNS = tuple((re.compile(pattern), shown) for pattern, shown in _STYLES)


def placeholders(text: str) -> dict[str, frozenset[str]]:
    """The fields of a text, as they are written, by style; styles that it does not use are left out.

    Example::

        >>> placeholders("Answer {question} for ${name}")
        {'{%s}': frozenset({'{question}'}), '$%s': frozenset({'$name'})}
    """
    found = {
        shown: frozenset(shown % next(filter(None, match.groups()), "") for match in pattern.finditer(text))
        for pattern, shown in _PATTERNS
    }
    return {shown: names for shown, names in found.items() if names}


def lost_or_new(text: str, base: str) -> str:
    """What is wrong with the fields of a text that is to replace another, or nothing.

    In a style that the other text does not use, whatever looks like a field is taken for ordinary text.
    """
    kept = placeholders(text)
    for style, names in placeholders(base).items():
        if gone := names - kept.get(style, frozenset()):
            return f"lost the placeholder {min(gone)}; keep it as it is written"
        if new := kept.get(style, frozenset()) - names:
            return f"has the placeholder {min(new)}, which nothing fills in; leave it out"
    return ""
