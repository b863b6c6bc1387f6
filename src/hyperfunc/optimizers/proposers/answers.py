"""Reading what models answer: the text inside a fence, or JSON. Nothing is guessed, no answer taken whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import BadAnswer
from hyperfunc.llm import Response, parse_answer

__all__ = ["SAMPLE", "delimiter", "fenced_answer", "json_answer", "named_answers", "schema_of_texts"]

SAMPLE = "the new text"
"""What stands for the text where models are shown how to answer; an answer that repeats it is none."""

_SHORTEST = 3
_FENCE = re.compile(r"[ \t]*(`{3,})([^`\n]*)")
_INLINE = re.compile(r"(?<!`)(`{3,})(?!`)([^`\n]+)\1(?!`)")
_TAG = re.compile(r"[A-Za-z][\w+#-]{0,23}(\.\w+)*")
_THOUGHTS = re.compile(r"\s*<(think|thinking)>.*?</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Block:
    """A fence: what stands behind its first mark, its text, its ticks, and its first and last line."""

    info: str
    body: str
    ticks: int
    first: int
    last: int

    @property
    def text(self) -> str:
        """The text without the name of a language."""
        words = self.info and not _TAG.fullmatch(self.info)
        return (f"{self.info}\n{self.body}" if words else self.body).strip()


def delimiter(*texts: str) -> str:
    """A fence mark that cannot be part of any of the texts: longer than every run of backticks in them.

    Example::

        >>> delimiter("plain"), delimiter("with ``` inside")
        ('```', '````')
    """
    longest = max((len(run) for text in texts for run in re.findall("`+", text)), default=0)
    return "`" * max(_SHORTEST, longest + 1)


def fenced_answer(answer: Response | str, mark: str = "```") -> str:
    """The text that a model put between two fences.

    Of several fences those with at least the mark that was asked for count, and of these the longest text.
    Where nothing stands outside of the first and the last of them, all of it is one text with fences inside.
    The name of a language is no part of the text, nor is space around it.

    Args:
        answer: a response, or its text.
        mark: that the model was asked to use.

    Raises:
        BadAnswer: there is no fence, it does not end, it is empty, or the answer was cut off.

    Example::

        >>> fenced_answer("Here it is:\\n```text\\nAnswer briefly.\\n```\\nIt is shorter.")
        'Answer briefly.'
    """
    text = _whole_text(answer)
    blocks = _blocks(text)
    if not blocks:
        inline = _INLINE.findall(text)
        if len(inline) != 1:
            raise BadAnswer("the answer has no fence around the new text")
        found = str(inline[0][1]).strip()
    else:
        found = _chosen(text, [b for b in blocks if b.ticks >= len(mark)] or blocks)
    if not found or found == SAMPLE:
        raise BadAnswer("the answer has nothing of its own inside its fence")
    return found


def named_answers(answer: Response | str, names: Sequence[str]) -> dict[str, str]:
    """The texts of fences that begin with a name, for those of ``names`` that the answer has.

    Raises:
        BadAnswer: there is none, one of them is there twice, or the answer was cut off.
    """
    found: dict[str, str] = {}
    for block in _blocks(_whole_text(answer)):
        if block.info not in names:
            continue
        if block.info in found:
            raise BadAnswer(f"the answer has two fences named {block.info}")
        found[block.info] = block.body.strip()
    texts = {name: text for name, text in found.items() if text and text != SAMPLE}
    if not texts:
        raise BadAnswer("the answer has no fence with the name of a text and a text inside")
    return texts


def json_answer(answer: Response | str, schema: Mapping[str, Any]) -> Any:
    """The JSON of an answer: all of it, or all that is in its fence.

    Raises:
        BadAnswer: it is no JSON, or does not fit the schema.
    """
    text = _whole_text(answer).strip()
    if not text.startswith(("{", "[")) and _blocks(text):
        text = fenced_answer(text)
    return parse_answer(text, schema)


def _whole_text(answer: Response | str) -> str:
    """The text without thoughts before it."""
    if isinstance(answer, str):
        text = answer
    elif answer.finish_reason == "length":
        raise BadAnswer("the answer was cut off by its length; raise max_tokens")
    else:
        text = answer.text
    thoughts = _THOUGHTS.match(text)
    return text[thoughts.end() :] if thoughts else text


def _blocks(text: str) -> list[_Block]:
    """The outermost fences in order; fences that carry a language open a level inside another one.

    Raises:
        BadAnswer: one does not end.
    """
    lines = text.split("\n")
    found: list[_Block] = []
    open_ticks: list[int] = []
    first, info = 0, ""
    for place, line in enumerate(lines):
        fence = _FENCE.fullmatch(line)
        if fence is None:
            continue
        ticks, words = len(fence[1]), fence[2].strip()
        if not open_ticks:
            open_ticks, first, info = [ticks], place, words
        elif ticks < open_ticks[0]:
            continue  # shorter than the fence around it: part of the text
        elif words:
            open_ticks.append(ticks)
        elif ticks >= open_ticks[-1]:
            opened = open_ticks.pop()
            if not open_ticks:
                body = "\n".join(lines[first + 1 : place])
                found.append(_Block(info, body, opened, first, place))
    if open_ticks:
        raise BadAnswer("the answer has a fence that does not end")
    return found


def _chosen(text: str, blocks: Sequence[_Block]) -> str:
    """The text of the one fence that is meant."""
    lines = text.split("\n")
    outside = [*lines[: blocks[0].first], *lines[blocks[-1].last + 1 :]]
    if len(blocks) > 1 and not "".join(outside).strip():
        body = "\n".join(lines[blocks[0].first + 1 : blocks[-1].last])
        return _Block(blocks[0].info, body, blocks[0].ticks, 0, 0).text
    return max(reversed(blocks), key=lambda block: len(block.text)).text


def schema_of_texts(names: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of an object with a text for each name."""
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
        "additionalProperties": False,
    }
