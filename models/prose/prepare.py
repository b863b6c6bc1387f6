"""The text of `local/prose`: the King James Bible, cut into chapters.

The text is the Debian package ``bible-kjv`` (``apt-get install bible-kjv``); its words are from 1611 and
out of copyright. One chapter is one document, a verse a line; 60 chapters are held out.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Corpus", "chapters", "load_corpus", "read_text"]

HELD_OUT = 60
_VERSE = re.compile(r"^(\d?[A-Za-z]+)(\d+):(\d+) (.*)$")


@dataclass(frozen=True)
class Corpus:
    """Chapters to learn from and chapters never seen in training."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]


def read_text() -> str:
    """All verses as the package prints them: ``Ge1:1 In the beginning ...``.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    program = shutil.which("bible")
    if program is None:
        raise FileNotFoundError("the command 'bible' is missing: apt-get install bible-kjv")
    command = [program, "-f", "gen1:1-rev22:21"]
    # The arguments are constants; without an input the program would wait at a prompt.
    printed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)  # noqa: S603
    return printed.stdout.decode("latin-1")


def chapters(lines: Iterable[str]) -> list[str]:
    """Verses joined to chapters, in the order of the text."""
    verses: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for line in lines:
        if match := _VERSE.match(line):
            book, chapter, _, words = match.groups()
            verses[book, chapter].append(" ".join(words.split()))
    return ["\n".join(found) for found in verses.values()]


def split(documents: list[str], held_out: int = HELD_OUT, seed: int = 0) -> Corpus:
    """Hold out documents at random; which ones depends on the seed and their number alone."""
    chosen = set(random.Random(seed).sample(range(len(documents)), held_out))
    return Corpus(
        train=tuple(text for index, text in enumerate(documents) if index not in chosen),
        held_out=tuple(text for index, text in enumerate(documents) if index in chosen),
    )


def load_corpus() -> Corpus:
    """The corpus of the shipped model: 1,189 chapters, 60 of them held out."""
    return split(chapters(read_text().splitlines()))
