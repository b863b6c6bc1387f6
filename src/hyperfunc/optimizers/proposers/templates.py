"""Prompt templates: filled in once, so that nothing in a text that is put in is ever put in again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hyperfunc.errors import ProposerError, did_you_mean

__all__ = ["check_template", "filled"]

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}")


def check_template(template: object, blocks: Mapping[str, bool], words: Sequence[str] = ()) -> None:
    """Refuse a template that would not say what it should.

    Args:
        template: with placeholders such as ``{current}``; ``{{current}}`` stands for the braces themselves.
        blocks: placeholders that stand alone on a line, and whether the template needs them.
        words: placeholders that may stand inside a line.

    Raises:
        ProposerError: it is no text, lacks a placeholder, has one that does not exist, or has one for a
            block inside a line.
    """
    known = ", ".join(f"{{{name}}}" for name in (*blocks, *words))
    if not isinstance(template, str):
        raise ProposerError(f"a template is a text, but got a {type(template).__name__}")
    found = [match[2] for match in _PLACEHOLDER.finditer(template) if match[2]]
    for name in found:
        if name not in blocks and name not in words:
            hint = did_you_mean(name, [*blocks, *words]) or ";"
            raise ProposerError(
                f"the template has {{{name}}}, which is no placeholder{hint} there are {known}, and "
                f"{{{{{name}}}}} stands for the braces themselves"
            )
    for name, needed in blocks.items():
        lone = sum(line.strip() == f"{{{name}}}" for line in template.split("\n"))
        if lone != found.count(name):
            raise ProposerError(
                f"the template has {{{name}}} inside a line; it stands for several lines, so put it "
                "on one of its own"
            )
        if needed and lone != 1:
            raise ProposerError(
                f"the template has {{{name}}} {lone} times; put it on a line of its own, once"
            )


def filled(template: str, blocks: Mapping[str, str], words: Mapping[str, str]) -> str:
    """A checked template with everything in its place, in a single pass.

    A block that is empty goes with its line and the blank one after it.
    """
    lines: list[str] = []
    skip_blank = False
    for line in template.split("\n"):
        name = line.strip()[1:-1]
        if line.strip() == f"{{{name}}}" and name in blocks:
            skip_blank = not blocks[name]
            lines += [blocks[name]] if blocks[name] else []
        elif not (skip_blank and not line.strip()):
            skip_blank = False
            lines.append(_in_line(line, words))
    return "\n".join(lines).strip("\n")


def _in_line(line: str, words: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: f"{{{found[1]}}}" if found[1] else words[found[2]], line)
