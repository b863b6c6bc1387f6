"""What can be learnt of a predictor, read from it and written into a copy: instructions, demos, config."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import SpaceError
from hyperfunc.interop.names import component_name
from hyperfunc.spaces import Exemplar, Exemplars, Knob, Real, Text

from .library import library

__all__ = ["Learnt", "knobs_of", "named_predictors", "write"]

_RANGES: Mapping[str, Knob] = {
    "temperature": Real(0.0, 2.0, default=1.0),
    "top_p": Real(0.01, 1.0, default=1.0),
    "presence_penalty": Real(-2.0, 2.0, default=0.0),
    "frequency_penalty": Real(-2.0, 2.0, default=0.0),
}


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is learnt of predictors beside their instructions.

    Args:
        demos: the demonstrations, chosen from labelled examples.
        max_demos: the most that one predictor may have.
        config: names of call settings, such as ``"temperature"``, or knobs by name.
    """

    demos: bool = False
    max_demos: int = 4
    config: Mapping[str, Knob | None] | None = None

    def numbers(self) -> dict[str, Knob]:
        """The knobs of call settings.

        Raises:
            SpaceError: a name without a known range and without a knob.
        """
        found = {}
        for name, knob in (self.config or {}).items():
            chosen = knob or _RANGES.get(name)
            if chosen is None:
                raise SpaceError(
                    f"the range of {name!r} is not known; give a knob: config={{{name!r}: Real(0, 1)}}"
                )
            found[name] = chosen
        return found


def named_predictors(module: Any) -> dict[str, Any]:
    """The predictors by DSPy's names; those of frozen sub-modules (``_compiled``) are left out.

    Raises:
        SpaceError: it has none.
    """
    found = dict(module.named_predictors())
    if not found:
        raise SpaceError(
            f"{type(module).__name__} has no predictor that can be learnt: those of compiled sub-modules are "
            "frozen, and a module keeps predictors as attributes, in lists or in dicts"
        )
    return found


def knobs_of(name: str, predictor: Any, learnt: Learnt, pool: Iterable[Any]) -> dict[str, Knob]:
    """The knobs of one predictor at its values now.

    Args:
        name: DSPy's.
        predictor: a ``dspy.Predict``.
        learnt: what beside instructions.
        pool: examples that may become demos, if they have all fields of the predictor.
    """
    component = component_name(name)
    knobs: dict[str, Knob] = {f"{component}.prompt": Text(predictor.signature.instructions)}
    if learnt.demos:
        held = tuple(_exemplar(predictor, demo) for demo in predictor.demos)
        labelled = [demo for demo in pool if _fits(predictor, demo)]
        candidates = dict.fromkeys((*held, *(_exemplar(predictor, demo) for demo in labelled)))
        most = max(learnt.max_demos, len(held), 1)
        knobs[f"{component}.exemplars"] = Exemplars(tuple(candidates), held, most)
    for setting, knob in learnt.numbers().items():
        now = predictor.config.get(setting, getattr(predictor.lm, "kwargs", {}).get(setting))
        knobs[f"{component}.hp.{setting}"] = knob if now is None else _at(knob, now, f"{name}.{setting}")
    return knobs


def write(predictor: Any, component: str, values: Mapping[str, Any], start: Mapping[str, Any]) -> None:
    """Put values into a predictor.

    Args:
        predictor: of a copy; it is changed.
        component: its name.
        values: of a candidate.
        start: the values that the predictor was read at; what is equal to them is left alone.
    """
    for name, before in start.items():
        value = values.get(name, before)
        kind = name.removeprefix(f"{component}.")
        if value == before:
            continue
        if kind == "prompt":
            predictor.signature = predictor.signature.with_instructions(value)
        elif kind == "exemplars":
            predictor.demos = [_demo(exemplar) for exemplar in value]
        else:
            predictor.config = {**predictor.config, kind.removeprefix("hp."): value}


def _demo(exemplar: Exemplar) -> Any:
    fields = exemplar.to_json()
    return library().Example({**fields["input"], **fields["output"]}).with_inputs(*fields["input"])


def _exemplar(predictor: Any, demo: Any) -> Exemplar:
    fields = dict(demo.items())
    given = {name: fields.pop(name) for name in predictor.signature.input_fields if name in fields}
    return Exemplar(given, fields)


def _fits(predictor: Any, demo: Any) -> bool:
    return all(name in demo for name in predictor.signature.fields)


def _at(knob: Knob, value: Any, name: str) -> Knob:
    """The knob with another start."""
    return dataclasses.replace(knob, default=knob.canonical(value, name))  # type: ignore[type-var]
