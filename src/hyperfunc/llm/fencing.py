"""Fences: texts as data inside a prompt, so that nothing in them can pass for an instruction.

Each request has a mark of its own, made from the content of all its texts, that none of them contains. A
text stands between a line that begins it and one that ends it, both with the mark, and each of its own
lines begins with the short form of the mark. Whatever could steer a model below the level of words is shown
instead of sent: control tokens of chat templates are broken, invisible characters are written out.

This is what is known as spotlighting by delimiting and marking: Hines et al., "Defending against indirect
prompt injection attacks with spotlighting" (2024), arXiv:2403.14720.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Fenced", "fenced", "shown_as_data"]

_MARK = 20
_SHORT = 4

_CONTROL_TOKENS = (
    r"<[|｜▁][^<>\s]{1,80}?[|｜▁]>"  # <|im_start|>, <|eot_id|>, <｜User｜>
    r"|\[\|[^\[\]\s]{1,80}?\|\]"  # [|user|]
    r"|</?(?:s|bos|eos|sop|eop|pad|unk|mask|cls|sep|think|tool_call|tool_response|endoftext)>"
    r"|<(?:extra_id_|unused|SPECIAL_|reserved_)\d+>|<(?:BOS|EOS|PAD|UNK)_TOKEN>|<seed:\w+>"
    r"|<(?:start|end)_of_(?:turn|image|text)>"
    r"|<</?SYS>>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|CALL_ID|ARGS|THINK|IMG|PREFIX|MIDDLE"
    r"|SUFFIX|gMASK|sMASK|CLS|SEP|MASK|PAD|UNK|BOS|EOS)\]"
)
"""What tokenizers of common models take for control tokens, even in the middle of a user's text."""

_BREAKS = "\r\n|[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]"
_INVISIBLE = (
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0d\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Characters that readers do not see and models do. Joiners that scripts and emoji need are left alone."""


@dataclass(frozen=True, slots=True)
class Fenced:
    """Texts as data.

    Args:
        mark: of this request; no text contains it.
        short: what each line of a text begins with.
        blocks: by name, each fenced.
        defused: how many control tokens and invisible characters were shown instead of sent.
        left_out: how many characters were left out of texts that are too long.
    """

    mark: str
    short: str
    blocks: Mapping[str, str]
    defused: int
    left_out: int

    def __str__(self) -> str:
        return "\n\n".join(self.blocks.values())


def fenced(texts: Mapping[str, str], max_chars: int) -> Fenced:
    """Fence texts.

    Args:
        texts: by name.
        max_chars: of a text that are shown; of a longer one the middle is left out, visibly.

    Returns:
        One block for each text, the same for the same texts in every process.
    """
    cut = {name: _cut(text, max_chars) for name, text in texts.items()}
    shown = {name: tuple(map(shown_as_data, parts)) for name, parts in cut.items()}
    seen = [part for parts in cut.values() for part in parts]
    seen += [text for parts in shown.values() for text, _ in parts]
    mark = _mark(texts, seen)
    short = f"{mark[:_SHORT]}| "
    left_out = {name: len(texts[name]) - sum(map(len, parts)) for name, parts in cut.items()}
    blocks = {
        name: _block(name, [text for text, _ in parts], left_out[name], mark, short)
        for name, parts in shown.items()
    }
    defused = sum(count for parts in shown.values() for _, count in parts)
    return Fenced(mark, short, blocks, defused, sum(left_out.values()))


def shown_as_data(text: str) -> tuple[str, int]:
    """A text in which nothing steers a model or hides from a reader, and how much was changed for it."""
    text, broken = re.subn(_CONTROL_TOKENS, _spaced, text)
    changed = broken
    while broken:  # one token may have stood inside another
        text, broken = re.subn(_CONTROL_TOKENS, _spaced, text)
        changed += broken
    text, written = re.subn(_INVISIBLE, lambda char: f"\\u{{{ord(char[0]):x}}}", text)
    return text, changed + written


def _spaced(token: re.Match[str]) -> str:
    return f"{token[0][0]} {token[0][1:]}"


def _cut(text: str, max_chars: int) -> tuple[str, ...]:
    """The whole text, or its beginning and its end."""
    if len(text) <= max_chars:
        return (text,)
    tail = max_chars // 4
    return text[: max_chars - tail], text[len(text) - tail :]


def _block(name: str, parts: list[str], left_out: int, mark: str, short: str) -> str:
    gap = f"\n({left_out} characters of {name} are left out here)\n"
    body = gap.join("\n".join(short + line for line in re.split(_BREAKS, part)) for part in parts)
    return f"BEGIN {name} {mark}\n{body}\nEND {name} {mark}"


def _mark(texts: Mapping[str, str], seen: list[str]) -> str:
    """A mark that depends on all texts and is in nothing that is seen, however it is disguised."""
    bare = list(map(_bare, seen))
    number = 0
    while True:
        content = json.dumps([number, sorted(texts.items())]).encode()
        mark = hashlib.blake2b(content, digest_size=_MARK // 2).hexdigest()
        if not any(mark in text for text in bare):
            return mark
        number += 1


def _bare(text: str) -> str:
    """Letters and digits alone, in one form and one case."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
