"""The checks of single parameters: few short calls whose answers differ if and only if the parameter acts.

A high temperature makes answers differ from seed to seed. Under it, an extreme truncation that acts makes
them equal. A strong penalty that acts changes the greedy continuation of a text that repeats itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from hyperfunc.llm.probe.asking import Asker, Refused
from hyperfunc.llm.probe.report import Finding, Status

__all__ = ["PROMPT", "SEEDS", "TOKENS", "Baseline", "baseline", "find_all"]

PROMPT = "And it came to pass in those days, that"
REPEATING = "The cat sat on the mat. The cat sat on the mat. The cat sat on the mat. The cat sat on the"
SEEDS = (11, 12, 13)
TOKENS = 12
_REPEATING_TOKENS = 24
_HOT = (3.0, 2.0)
_ALIKE, _APART = 0.4, 0.3

_TRUNCATIONS: Mapping[str, tuple[float, ...]] = {
    "top_k": (1,),
    "top_p": (1e-6, 0.01),
    "min_p": (0.9999, 0.99),
    "typical_p": (1e-6, 0.01),
    "top_n_sigma": (1e-3, 0.01),
}
"""Values that leave one token, the most extreme first; a server may refuse those."""

_PENALTIES: Mapping[str, tuple[float, ...]] = {
    "repetition_penalty": (1.8, 10.0),
    "frequency_penalty": (2.0, 50.0),
    "presence_penalty": (2.0, 50.0),
    "dry_multiplier": (5.0, 50.0),
    "xtc_probability": (1.0,),
}
"""Values within every server's range first; a sure model needs more to change its mind."""

_COMPANIONS: Mapping[str, Mapping[str, Any]] = {
    "dry_multiplier": {"dry_base": 1.75, "dry_allowed_length": 2},
    # Whatever is likelier than this goes as long as something else is, too.
    "xtc_probability": {"xtc_threshold": 0.01},
}
_OPEN_ENDED = ("xtc_probability",)
"""What shows where several tokens are likely, and not where one is sure."""


@dataclass(frozen=True)
class Baseline:
    """How the server answers before anything is tried.

    Args:
        hot: a temperature at which answers differ; ``None`` when none is accepted.
        texts: one for each of :data:`SEEDS`, at that temperature.
        cold: one for each at temperature 0; empty when it was refused.
        steady: fields under which the same answer comes each time; ``None`` when there are none.
    """

    hot: float | None
    texts: tuple[str, ...]
    cold: tuple[str, ...]
    steady: Mapping[str, Any] | None

    @property
    def heat(self) -> dict[str, Any]:
        """The fields that make answers differ."""
        return {} if self.hot is None else {"temperature": self.hot}

    @property
    def varied(self) -> bool:
        """Whether answers differ from seed to seed."""
        return len(set(self.texts)) > 1


async def baseline(asker: Asker) -> Baseline:
    """Ask hot and cold, and find what keeps answers steady."""
    # Where no temperature is accepted, the server's own is the best there is.
    for hot in (*_HOT, None):
        heat = {} if hot is None else {"temperature": hot}
        texts = await asker.texts(PROMPT, TOKENS, heat, SEEDS)
        if not isinstance(texts, Refused):
            break
    warm = () if isinstance(texts, Refused) else tuple(texts)
    found = await asker.texts(PROMPT, TOKENS, {"temperature": 0}, SEEDS)
    cold = () if isinstance(found, Refused) else tuple(found)
    steady = await _steady(asker, cold)
    return Baseline(hot, warm, cold, steady)


async def _steady(asker: Asker, cold: Sequence[str]) -> Mapping[str, Any] | None:
    if cold and len(set(cold)) == 1:
        return {"temperature": 0, **asker.seed(SEEDS[0])}
    for fields in ({**asker.seed(SEEDS[0])}, {"top_k": 1}):
        texts = [await asker.ask(PROMPT, TOKENS, fields) for _ in range(2)]
        if len({str(text) for text in texts}) == 1 and not isinstance(texts[0], Refused):
            return fields
    return None


async def find_all(asker: Asker, base: Baseline) -> list[Finding]:
    """Check every parameter under every name it may have."""
    found = [_temperature(base)]
    found += [await _seed(asker, base, field) for field in asker.dialect.fields_of("seed")]
    for parameter in _TRUNCATIONS:
        for field in asker.dialect.fields_of(parameter):
            found.append(await _truncation(asker, base, parameter, field))
    for parameter in _PENALTIES:
        for field in asker.dialect.fields_of(parameter):
            found.append(await _penalty(asker, base, parameter, field))
    found.append(await _stop(asker, base))
    found.append(await _max_tokens(asker, base))
    return found


def _temperature(base: Baseline) -> Finding:
    name = "temperature"
    if base.hot is None:
        return _finding(name, name, Status.REJECTED, "no temperature is accepted")
    if not base.cold:
        return _finding(name, name, Status.UNKNOWN, "temperature 0 is refused")
    if _nearly(base.cold, base.texts):
        return _finding(name, name, Status.UNKNOWN, "answers at temperature 0 begin alike and then differ")
    if len(set(base.cold)) > 1:
        return _finding(name, name, Status.IGNORED, "answers differ from seed to seed at temperature 0")
    if set(base.texts) == set(base.cold):
        return _finding(name, name, Status.IGNORED, f"the same answer at temperatures 0 and {base.hot:g}")
    return _finding(name, name, Status.HONORED, f"one answer at temperature 0, others at {base.hot:g}")


async def _seed(asker: Asker, base: Baseline, field: str) -> Finding:
    texts = []
    for seed in (SEEDS[0], SEEDS[0], SEEDS[1]):
        said = await asker.ask(PROMPT, TOKENS, {**base.heat, field: seed})
        if isinstance(said, Refused):
            return _finding(field, "seed", Status.REJECTED, said.sentence)
        texts.append(said.text)
    if texts[0] != texts[1]:
        return _finding(field, "seed", Status.IGNORED, "the same seed gives different answers")
    if texts[1] != texts[2]:
        return _finding(field, "seed", Status.HONORED, "the same seed repeats its answer, another does not")
    return _finding(field, "seed", Status.UNKNOWN, "every answer is the same, whatever the seed")


async def _truncation(asker: Asker, base: Baseline, parameter: str, field: str) -> Finding:
    sentence = ""
    for value in _TRUNCATIONS[parameter]:
        fields = {**base.heat, field: value}
        said = await asker.ask(
            PROMPT, TOKENS, {**fields, **asker.seed(SEEDS[0])}, without=_own(asker, parameter)
        )
        if isinstance(said, Refused):
            sentence = said.sentence
            continue
        echoed = _echoed(said.settings, field, value)
        texts = [said.text]
        for seed in SEEDS[1:]:
            more = await asker.ask(
                PROMPT, TOKENS, {**fields, **asker.seed(seed)}, without=_own(asker, parameter)
            )
            texts += [] if isinstance(more, Refused) else [more.text]
        status, evidence = _judged(base, texts, f"{field}={value:g}")
        return _finding(field, parameter, status, evidence, echoed)
    return _finding(field, parameter, Status.REJECTED, sentence)


def _judged(base: Baseline, texts: Sequence[str], what: str) -> tuple[Status, str]:
    alike = len(set(texts)) == 1
    hot = "at the server's own temperature" if base.hot is None else f"at temperature {base.hot:g}"
    if base.varied:
        if alike:
            return Status.HONORED, f"{what} makes all answers equal {hot}"
        if _nearly(texts, base.texts):
            return Status.UNKNOWN, f"with {what} answers begin alike and then differ"
        return Status.IGNORED, f"answers still differ with {what} {hot}"
    if tuple(texts) == base.texts:
        return Status.UNKNOWN, f"every answer is the same, with {what} and without"
    return Status.HONORED, f"{what} changes the answer"


def _nearly(texts: Sequence[str], others: Sequence[str]) -> bool:
    """Whether answers differ as those of a server that rounds differently from call to call."""
    share = _shared(texts)
    return len(set(texts)) > 1 and share >= _ALIKE and share >= _shared(others) + _APART


def _shared(texts: Sequence[str]) -> float:
    """The part of the shortest text with which all begin."""
    same = takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))
    return sum(1 for _ in same) / max(1, min(map(len, texts), default=0))


async def _penalty(asker: Asker, base: Baseline, parameter: str, field: str) -> Finding:
    if base.steady is None:
        return _finding(field, parameter, Status.UNKNOWN, "no setting makes the server repeat an answer")
    prompt = PROMPT if parameter in _OPEN_ENDED else REPEATING
    beside = {**base.steady, **_COMPANIONS.get(parameter, {})}
    plain = await asker.ask(prompt, _REPEATING_TOKENS, base.steady)
    refused, tried, echoed = "", "", None
    for value in _PENALTIES[parameter]:
        said = await asker.ask(
            prompt, _REPEATING_TOKENS, {**beside, field: value}, without=_own(asker, parameter)
        )
        if isinstance(said, Refused) or isinstance(plain, Refused):
            refused = said.sentence if isinstance(said, Refused) else "the plain text is refused"
            continue
        tried, echoed = f"{field}={value:g}", _echoed(said.settings, field, value)
        if said.text != plain.text:
            where = "the greedy answer" if parameter in _OPEN_ENDED else "what follows a repetition"
            return _finding(field, parameter, Status.HONORED, f"{tried} changes {where}", echoed)
    if not tried:
        return _finding(field, parameter, Status.REJECTED, refused)
    if refused:
        evidence = f"{tried} changes nothing, and the server refuses more"
        return _finding(field, parameter, Status.UNKNOWN, evidence, echoed)
    return _finding(field, parameter, Status.IGNORED, f"{tried} changes nothing after a repetition", echoed)


async def _stop(asker: Asker, base: Baseline) -> Finding:
    field = asker.dialect.stop
    plain = await asker.ask(PROMPT, TOKENS, base.steady or {})
    text = "" if isinstance(plain, Refused) else plain.text
    if base.steady is None or len(text) < 8:
        return _finding(field, "stop", Status.UNKNOWN, "there is no steady answer that could be cut")
    middle = len(text) // 2
    stop = text[middle : middle + 3]
    said = await asker.ask(PROMPT, TOKENS, {**base.steady, field: [stop]})
    if isinstance(said, Refused):
        return _finding(field, "stop", Status.REJECTED, said.sentence)
    before = text.index(stop)
    if len(said.text) <= before + len(stop) and text.startswith(said.text):
        return _finding(field, "stop", Status.HONORED, "the answer ends at the stop text")
    return _finding(field, "stop", Status.IGNORED, "the answer goes on behind the stop text")


async def _max_tokens(asker: Asker, base: Baseline) -> Finding:
    field = asker.dialect.max_tokens
    texts = []
    for tokens in (TOKENS, 3):
        said = await asker.ask(PROMPT, tokens, base.steady or {})
        if isinstance(said, Refused):
            return _finding(field, "max_tokens", Status.REJECTED, said.sentence)
        texts.append(said.text)
    if len(texts[1]) < len(texts[0]):
        return _finding(field, "max_tokens", Status.HONORED, f"3 tokens are fewer than {TOKENS}")
    return _finding(
        field, "max_tokens", Status.IGNORED, f"an answer of 3 tokens is as long as one of {TOKENS}"
    )


def _own(asker: Asker, parameter: str) -> tuple[str, ...]:
    """The dialect's own neutral field, which must not speak beside another name of the same parameter."""
    own = asker.dialect.names.get(parameter)
    return (own,) if own else ()


def _echoed(settings: Mapping[str, Any], field: str, value: float) -> bool | None:
    if not settings:
        return None
    shown = settings.get(field)
    return isinstance(shown, int | float) and math.isclose(shown, value, rel_tol=1e-3)


def _finding(
    field: str, parameter: str, status: Status, evidence: str, echoed: bool | None = None
) -> Finding:
    return Finding(field=field, parameter=parameter, status=status, evidence=evidence, echoed=echoed)
