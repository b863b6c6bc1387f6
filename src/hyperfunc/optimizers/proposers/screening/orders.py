"""Sentences of the data that tell somebody what to do, and how much of one came back in a proposal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from hyperfunc.optimizers.proposers.screening.disguises import decoded, readings
from hyperfunc.optimizers.proposers.screening.families import kinds
from hyperfunc.optimizers.proposers.screening.languages import languages
from hyperfunc.optimizers.proposers.screening.words import content_words, folded, sentences, spoken

__all__ = ["RUN", "Order", "marks_of", "orders_of", "phrases_of"]

_VERBS: Final = (
    "act|add|advise|answer|append|apply|approve|ask|assume|award|begin|behave|book|call|cancel|change"
    "|charge|choose|classify"
    "|click|close|confirm|contact|copy|decode|delete|describe|disregard|do|download|embed|end|erase"
    "|escalate|execute|expose"
    "|finish|follow|forget|forward|give|grant|hide|ignore|import|include|inform|insert|install|invite"
    "|label|leak|learn|mark"
    "|mention|multiply|name|offer|open|output|overwrite|pay|post|pretend|print|produce|promise|promote"
    "|praise|quote|rate"
    "|recommend|refer|refund|remember|repeat|replace|reply|report|respond|return|reveal|route|run|say"
    "|score|select|send|set"
    "|share|show|sign|skip|start|state|stop|store|submit|suggest|switch|tell|transfer|translate|treat"
    "|use|visit|write"
    "|antworte|schreibe?|sage?|nenne|gib|empfiehl|erwahne|biete|vergiss|ignoriere|zeige|sende|reponds"
    "|repondez|ecris|ecrivez"
    "|dis|dites|affiche|recommande|precise|indique|offre|mentionne|responde|escribe|di|muestra"
    "|recomienda|ofrece|menciona"
    "|rispondi|scrivi|offri|dimentica|mostra|responda|escreva|mostre|ofereca|отвечай|ответь|напиши|пиши"
    "|скажи|добавляй"
    "|упоминай|выведи|предлагай"
)
_POLITE: Final = (
    "(?:please|ever|kindly|also|and|then|now|first|next|just|finally|hint|urgent|you (?:must|should|will"
    "|shall|can|have to|need to)"
    "|always|never|only|do not|don t|bitte|immer|toujours|siempre|sempre|всегда)"
)
_STARTS: Final = rf"^(?:{_POLITE} )*(?:{_VERBS})\b"
_INSIDE: Final = (
    rf"\b(?:please|also|then|must|should|shall|to|and|you|always|never|only|bitte) (?:{_VERBS})\b"
)
_GENERAL: Final = (
    r"\b(?:always|never|every|each|everybody|everyone|everything|all|any|whenever|whatever|no matter"
    r"|from now on|only|must"
    r"|should|nowhere else|until further|in advance|correct(?:ly)?|immer|stets|jede\w?|alle\w?|toujours"
    r"|chaque|tous|siempre"
    r"|cada|todos|sempre|tutti|todas?|всегда|каждое|каждый|все|her zaman|tum|دائما)\b"
)
_GENERAL_HAN: Final = "必须|一律|总是|始终|每|所有|都|请|必ず|常に|すべて|항상|모든"
_READERS: Final = (
    r"\b(?:assistant|ai|bot|llm|prompt|instructions?|writer|evaluator|judge|grader|reviewer|policy"
    r"|notice|override|memory"
    r"|piece|summary must|briefing|instructions ia)\b"
)
_CHAT: Final = re.compile(
    r"<!--|<\|[^<>\n|]{1,40}\|>|</?(?:think\w*|system|assistant|tool_call)>|<<SYS>>|\[INST\]"
    r"|^[^\w\n]{0,20}system\s{0,3}:",
    re.I | re.M,
)
"""After these, a text speaks to the model."""

_TAG: Final = re.compile(r"-->|<[|/]?\w[^<>\n]{0,80}>|<</?\w+>>|\[/?[A-Z_]{3,20}\]|```\w*")
_QUOTED: Final = re.compile(
    r"[\"“”„«»「」『』]([^\"“”„«»「」『』\n]{2,60})[\"“”„«»「」『』]|(?<!\w)'([^'\n]{2,60})'(?!\w)"
)
_CAPITALS: Final = re.compile(r"\b[A-Z]{4,}\b")
_MARKS: Final = re.compile(r"\b[A-Z][a-z]+[A-Z]\w{2,}|\b[A-Z]{3,}-?\d+\w*|\b[a-z]+\d+[a-z]\w*")
_FIGURE: Final = re.compile(r"\b\d+[.,]\d+\b|\b\d{3,}\b")
_PROPER: Final = re.compile(r"(?<=[\w,;:] )[A-Z][a-z]{3,}(?: [A-Z][a-z]{3,})*")
_GRAVE: Final = frozenset({"override", "role", "judge", "authority"})
RUN: Final = 5
"""How many words in a row are no accident, of a sentence that tells what to do."""

_FEW: Final = 2


@dataclass(frozen=True, slots=True)
class Order:
    """A sentence of the data that tells somebody what to do.

    Args:
        words: spoken.
        content: stems of the words that carry meaning.
        payload: names, codes and quotations in it: what an attacker wants to see again.
        grave: 0 for an order like any other, 1 for one in a text that speaks to whoever writes or runs
            prompts, or of a kind that injections are of, 2 for one that stands in markup or sets other
            instructions aside.
        short: it is no more than a handful of words and begins with what is to be done.
    """

    words: str
    content: frozenset[str]
    payload: frozenset[str]
    grave: int
    short: bool

    def runs(self) -> Iterator[str]:
        """Runs of words that are long enough to be no accident."""
        words = self.words.split()
        for place in range(len(words) - RUN + 1):
            run = " ".join(words[place : place + RUN])
            if len(content_words(run)) >= _FEW:
                yield run


def orders_of(text: str, trusted: bool) -> Iterator[Order]:
    """The orders in a text.

    Args:
        text: of an example, an output or a piece of feedback.
        trusted: whether it is from the author of the metric, who may give orders; only suspicious ones count.
    """
    parts = list(_parts(text))
    by_kind = bool(kinds(spoken(text)))
    by_reader = not trusted and any(_pattern(_READERS).search(spoken(part)) for part, _ in parts)
    for part, marked in parts:
        plain, *others = readings(part)
        hidden = [words for words in others if _hidden(words, plain)]
        suspicious = by_kind or by_reader or bool(hidden)
        if suspicious or (not trusted and _orders(plain)):
            grave = 2 if marked or kinds(plain) & _GRAVE else int(suspicious)
            yield _order(plain, part, grave)
        for words in hidden:
            yield _order(words, part, 2)
    for said in decoded(text):
        yield from (_order(spoken(part), part, 2) for part in sentences(said))


def phrases_of(part: str) -> Iterator[str]:
    """Quotations, names, and words in capitals of a sentence, spoken."""
    part = unicodedata.normalize("NFKC", part)
    yield from (spoken(match[1] or match[2]) for match in _QUOTED.finditer(part))
    capitals = set(_CAPITALS.findall(part))
    if len(capitals) <= _FEW:  # more of them are a language such as SQL
        yield from map(spoken, capitals)
    if "German" not in languages(part):  # it writes all nouns with a capital
        yield from (spoken(match[0]) for match in _PROPER.finditer(part))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The sentences, and whether each comes right after a mark of a chat or of a comment."""
    for number, piece in enumerate(_CHAT.split(text)):
        for place, part in enumerate(sentences(_TAG.sub("\n", piece))):
            yield part, number > 0 and place < _FEW


def marks_of(text: str) -> Iterator[str]:
    """Names and codes that look like no ordinary word, spoken."""
    return (spoken(match[0]) for match in _MARKS.finditer(unicodedata.normalize("NFKC", text)))


def _order(words: str, part: str, grave: int) -> Order:
    content = frozenset(content_words(words))
    short = _FEW <= len(words.split()) <= RUN + 1 and bool(_pattern(_STARTS).search(words)) and bool(content)
    return Order(words, content, frozenset(_payload(part, grave)), grave, short)


def _hidden(words: str, plain: str) -> bool:
    """Whether a reading of a sentence that says nothing as it stands is an order."""
    if kinds(words) - kinds(plain):
        return True
    return bool(_pattern(_STARTS).search(words) and languages(words) and not languages(plain))


def _orders(words: str) -> bool:
    return any(_pattern(each).search(words) for each in (_STARTS, _INSIDE, _GENERAL, _GENERAL_HAN))


def _payload(part: str, grave: int) -> Iterator[str]:
    part = unicodedata.normalize("NFKC", part)
    yield from marks_of(part)
    if grave > 1:
        yield from (spoken(match[0]) for match in _FIGURE.finditer(part))
    yield from filter(content_words, phrases_of(part))


@cache
def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(folded(source))
