"""The conditional space of a search, and the system that writes texts under one of its settings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import SpaceError
from hyperfunc.evaluation import Example
from hyperfunc.llm import llm_completion
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.spaces import Candidate, Choice, Integer, Knob, Real
from hyperfunc.spaces.knobs.when import When
from hyperfunc.system import HyperSystem

from .config import SearchConfig
from .families import WHOLE, Range, Setting, Span

__all__ = ["SettingSpace", "examples", "fixed_writer", "writer"]

_FUNCTION = "write"
_FAMILY = "sampler"


@dataclass(frozen=True)
class SettingSpace:
    """Families with the ranges of their parameters, as one space: a family, and what matters under it.

    Args:
        families: names, at least one.
        ranges: by family and parameter.

    Raises:
        SpaceError: there is one setting only.
    """

    families: tuple[str, ...]
    ranges: Mapping[str, Mapping[str, Range]]

    def __post_init__(self) -> None:
        if not self.knobs():
            raise SpaceError("the ranges leave one setting only; give a parameter at least two values")

    @classmethod
    def of(cls, config: SearchConfig, families: Sequence[str]) -> SettingSpace:
        """The space of a configuration."""
        return cls(tuple(families), {name: config.ranges(name) for name in families})

    def knobs(self) -> dict[str, Knob]:
        """The knobs by field name; those of a family matter only under it."""
        several = len(self.families) > 1
        knobs: dict[str, Knob] = {_FAMILY: Choice(self.families)} if several else {}
        for family in self.families:
            when = When(_FAMILY, family) if several else None
            for name, range_ in self.ranges[family].items():
                if (knob := _knob(name, range_, when)) is not None:
                    knobs[f"{family}_{name}"] = knob
        return knobs

    def setting(self, values: Mapping[str, Any]) -> Setting:
        """The setting that values of the knobs mean."""
        family = values.get(_FAMILY, self.families[0])
        parameters = {}
        for name, range_ in self.ranges[family].items():
            value = values.get(f"{family}_{name}")
            if value is None:
                value = range_.low if isinstance(range_, Span) else range_[0]
            parameters[name] = int(value) if name in WHOLE else float(value)
        return Setting(family, parameters)

    def setting_of(self, candidate: Candidate) -> Setting:
        """The setting of a candidate of the writer."""
        prefix = f"{_FUNCTION}.hp."
        return self.setting({name.removeprefix(prefix): value for name, value in candidate.items()})

    def changes(self, setting: Setting) -> dict[str, Any]:
        """The values of the writer's knobs that mean a setting of this space."""
        knobs = self.knobs()
        given: dict[str, Any] = {_FAMILY: setting.sampler}
        given |= {f"{setting.sampler}_{name}": value for name, value in setting.parameters.items()}
        return {f"{_FUNCTION}.hp.{name}": value for name, value in given.items() if name in knobs}


def _knob(name: str, range_: Range, when: When | None) -> Knob | None:
    """A knob; ``None`` for a single value, of which there is nothing to learn."""
    if not isinstance(range_, Span):
        return Choice(range_, when=when) if len(range_) > 1 else None
    scale = "log" if range_.log else "linear"
    if name in WHOLE:
        return Integer(int(range_.low), int(range_.high), scale=scale, when=when)  # type: ignore[arg-type]
    return Real(range_.low, range_.high, scale=scale, when=when)  # type: ignore[arg-type]


def writer(model: str, space: SettingSpace) -> HyperSystem:
    """A system that continues or answers a text.

    Args:
        model: that writes.
        space: of its settings.
    """
    return _writer(model, _group(space))


def _writer(model: str, group: type) -> HyperSystem:
    async def write(text: str, take: int, length: int, *, hp: Any) -> str:  # noqa: ARG001 - luck alone
        return (await llm_completion(model, text, hp.sampling(length))).text

    function = HyperFunction(
        write, name=_FUNCTION, hp_type=group, optimize_hparams=True, optimize_prompt=False, model=model
    )
    return HyperSystem([function])


def _group(space: SettingSpace) -> type:
    class Sampler:
        """The parameter group: its knobs are those of the space, and what is built is a setting."""

        @classmethod
        def __knobs__(cls) -> dict[str, Knob]:
            return space.knobs()

        @classmethod
        def __build__(cls, values: Mapping[str, Any]) -> Setting:
            return space.setting(values)

    return Sampler


def examples(prompts: Sequence[str], takes: int, length: int) -> list[Example]:
    """Each prompt, ``takes`` times; takes of one prompt differ by their luck alone.

    Args:
        prompts: texts.
        takes: texts for each.
        length: longest text in tokens.
    """
    return [
        Example({"text": prompt, "take": take, "length": length}, None, group=prompt)
        for take in range(takes)
        for prompt in prompts
    ]


def fixed_writer(model: str, settings: Sequence[Setting]) -> tuple[HyperSystem, list[Candidate]]:
    """A system that writes under given settings, and the candidate of each.

    Args:
        model: that writes.
        settings: of any families, at least one.
    """
    options = tuple(json.dumps([s.sampler, dict(s.parameters)], sort_keys=True) for s in settings)
    # A choice has two options at least; the model's own distribution is there to be the other.
    known = tuple(dict.fromkeys((*options, json.dumps(["none", {"temperature": 1.0}]), "")))
    system = _writer(model, _listed(known))
    name = next(iter(system.space))
    return system, [system.candidate.replace({name: option}) for option in options]


def _listed(options: tuple[str, ...]) -> type:
    class Sampler:
        """The parameter group: one of a few settings."""

        @classmethod
        def __knobs__(cls) -> dict[str, Knob]:
            return {"setting": Choice(options)}

        @classmethod
        def __build__(cls, values: Mapping[str, Any]) -> Setting:
            sampler, parameters = json.loads(values["setting"])
            return Setting(sampler, parameters)

    return Sampler
