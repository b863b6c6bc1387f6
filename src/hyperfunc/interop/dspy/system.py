"""``from_dspy``: a program of DSPy as a system."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from hyperfunc.errors import ProgramError
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.interop.components import Component
from hyperfunc.interop.fingerprints import settings_of, source_of
from hyperfunc.interop.names import component_name
from hyperfunc.program.binding import DirectFrame, current_frame
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.program.policy import Policy
from hyperfunc.spaces import Candidate, Knob
from hyperfunc.system import HyperSystem

from .attaching import fields_of
from .examples import from_dspy_examples
from .library import library
from .metering import metered
from .metrics import from_dspy_metric
from .predictors import Learnt, knobs_of, named_predictors
from .running import Copies, copy_with
from .threads import settings_for_lane

__all__ = ["DSPySystem", "from_dspy"]

_UNTOLD = frozenset({"callbacks", "demos", "history", "lm", "signature", "stage", "traces", "train"})


def from_dspy(
    module: Any,
    *,
    examples: Iterable[Any] = (),
    demos: bool = False,
    max_demos: int = 4,
    config: Iterable[str] | Mapping[str, Knob | None] = (),
) -> DSPySystem:
    """A program of DSPy as a system: each predictor is a component, and its instructions a knob.

    The module is never changed: lanes run deep copies of it, in threads (or on the event loop when it has
    only an ``aforward``). Its language models are asked through DSPy, with DSPy's cache and settings, and
    their calls count in budgets.

    Args:
        module: a ``dspy.Module``. Predictors of sub-modules that were compiled (``_compiled``) stay frozen.
        examples: ``dspy.Example`` s that demos may be chosen from, where they have all fields of a predictor.
        demos: learn the demonstrations of each predictor (``<predictor>.exemplars``).
        max_demos: the most that one predictor may have.
        config: call settings to learn (``<predictor>.hp.<setting>``): names such as ``"temperature"``, or
            a mapping from names to knobs.

    Returns:
        A system with the module's own values.

    Raises:
        ProgramError: DSPy is not installed, or this is no module.
        SpaceError: it has no predictor that can be learnt, or a demo is no JSON.

    Example::

        system = from_dspy(dspy.ChainOfThought("question -> answer"))
        score = system.evaluate(system.examples(devset), system.metric(exact_match))
    """
    names: Mapping[str, Knob | None] = config if isinstance(config, Mapping) else dict.fromkeys(config)
    return DSPySystem(module, Learnt(demos, max_demos, names), tuple(examples))


class DSPySystem(HyperSystem):
    """A program of DSPy as a system; :func:`from_dspy` makes it.

    Args:
        module: a ``dspy.Module``.
        learnt: what beside instructions.
        pool: examples that may become demos.
    """

    def __init__(self, module: Any, learnt: Learnt, pool: Iterable[Any] = ()) -> None:
        dspy = library()
        if not isinstance(module, dspy.Module):
            raise ProgramError(f"from_dspy takes a dspy.Module, and got {type(module).__name__}")
        demos = [example for example in pool if isinstance(example, dspy.Example)]
        self._predictors = named_predictors(module)
        self._components = {
            name: Component(
                component_name(name), predictor.signature.instructions,
                knobs_of(name, predictor, learnt, demos),
            )
            for name, predictor in self._predictors.items()
        }  # fmt: skip
        self._module = module
        taken = {component.name for component in self._components.values()}
        self._program = _program_of(module, Copies(module, self._components), taken)
        super().__init__([*self._components.values(), self._program])

    def run(self, **inputs: Any) -> Any:
        """Run the program; in an evaluation the fields of its prediction come back as a dict."""
        return self._program(**inputs)

    @property
    def predictors(self) -> dict[str, str]:
        """DSPy's name of each predictor, by the name of its component."""
        return {component.name: name for name, component in self._components.items()}

    def examples(self, examples: Iterable[Any]) -> tuple[Example, ...]:
        """Examples of DSPy as those of this system.

        Raises:
            DatasetError: one does not say which of its fields are inputs.
        """
        return from_dspy_examples(examples)

    def metric(self, metric: Callable[..., Any], *, warn_on_score_mismatch: bool = True) -> Metric:
        """A metric in a convention of DSPy; see :func:`~hyperfunc.interop.dspy.from_dspy_metric`."""
        return from_dspy_metric(metric, self._predictors, warn_on_score_mismatch=warn_on_score_mismatch)

    def module(self, candidate: Candidate | Mapping[str, Any] | None = None) -> Any:
        """A deep copy of the program with the values of a candidate, or with the system's own.

        It is a plain module of its own class; ``save`` and ``load`` are DSPy's. DSPy does not save what is in
        ``config``.
        """
        return copy_with(self._module, self._components, self._as_candidate(candidate))

    def settings(self) -> str:
        """What beside the knobs makes the results: code, fields and settings of the module, its models."""
        return repr([super().settings(), *_facts(self._module)])


def _program_of(module: Any, copies: Copies, taken: set[str]) -> HyperFunction:
    """The whole program as a hyperfunction, so that the limit on calls in flight holds for its runs."""
    name = "program"
    while name in taken:
        name += "_"
    if not hasattr(type(module), "forward"):
        return HyperFunction(_on_the_loop(copies), name=name, share=False)
    return HyperFunction(_in_a_thread(copies), name=name, share=False, policy=Policy(blocking=True))


def _in_a_thread(copies: Copies) -> Callable[..., Any]:
    def program(**inputs: Any) -> Any:
        with _context():
            return _told(copies.get(_values())(**inputs))

    return program


def _on_the_loop(copies: Copies) -> Callable[..., Any]:
    async def program(**inputs: Any) -> Any:
        with _context():
            return _told(await copies.get(_values()).acall(**inputs))

    return program


def _context() -> Any:
    dspy = library()
    return settings_for_lane(trace=[], lm=metered(dspy.settings.lm))


def _values() -> Mapping[str, Any]:
    frame = current_frame()
    return {} if frame is None else frame.binding.values


def _told(prediction: Any) -> Any:
    """What a run returns: the ledger keeps plain values, and people want DSPy's own."""
    return prediction if isinstance(current_frame(), DirectFrame) else fields_of(prediction)


def _facts(module: Any) -> Iterator[str]:
    dspy = library()
    yield json.dumps([_model(dspy.settings.lm), type(dspy.settings.adapter).__name__])
    for name, part in module.named_sub_modules():
        yield repr([name, _source(type(part)), settings_of(part, _UNTOLD)])
        if isinstance(part, dspy.Predict):
            yield json.dumps(
                [part.signature.dump_state(), [repr(demo) for demo in part.demos], _model(part.lm)],
                default=repr, sort_keys=True,
            )  # fmt: skip


def _source(kind: type) -> str:
    if kind.__module__.partition(".")[0] == "dspy":
        return f"{kind.__qualname__} {library().__version__}"
    return source_of(kind)


def _model(lm: Any) -> Any:
    return json.loads(json.dumps(lm.dump_state(), default=repr)) if hasattr(lm, "dump_state") else repr(lm)
