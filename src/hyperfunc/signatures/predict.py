"""``Predict``: a signature as a hyperfunction."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from hyperfunc.errors import CallError, ProgramError
from hyperfunc.llm.factory import with_starts
from hyperfunc.program.hyperfunction import HyperFunction, Policy
from hyperfunc.spaces import Exemplar, LMParam, group_knobs

# As a module, so that a program's fingerprint stops here and leaves the library's own code out.
from . import asking, rendering
from .fields import Layout
from .prediction import Prediction
from .signature import Signature

__all__ = ["Predict"]

_FORMATS = ("auto", "json", "text")


class Predict(HyperFunction):
    """Calls a model by a signature; each one has values of its own, even beside another of equal signature.

    Call it with the inputs by name; ``await`` it where you would await another async hyperfunction. It
    answers with a :class:`~hyperfunc.signatures.Prediction`, whose attributes are the outputs. An answer in
    which a field is missing or wrong raises :class:`~hyperfunc.errors.BadAnswer`: in an evaluation such an
    example scores 0, with a feedback that names the field, what was expected, and what came.

    Its knobs are ``<name>.prompt`` (the instruction), ``<name>.exemplars`` and ``<name>.hp.<parameter>``;
    what is said about the fields is fixed. How requests look: ``docs/signatures.md``.

    Args:
        signature: a :class:`Signature`, or its short form, such as ``"question -> answer: float"``.
        model: such as ``"local/office"``.
        name: in a system, and the prefix of its knobs. Left out, it is that of the attribute of a class or a
            system that it is assigned to, else that of the signature (``qa`` for ``QA``), with a number where
            a system has that name already (``qa_2``).
        hp: a parameter group, or an instance of one, whose values are the start; :class:`~hyperfunc.LMParam`
            when left out. Its ``max_tokens`` has to hold a whole answer.
        exemplars: the pool that exemplar search draws from: pairs of inputs and outputs, each a mapping by
            field, or one mapping with all fields. The output of a signature with one may stand alone.
        max_exemplars: how many exemplars a candidate may show, at least 1.
        format: ``"json"`` asks for one JSON object under a schema, ``"text"`` for texts under headings, and
            ``"auto"`` for JSON where the model's client is known to enforce schemas and for text elsewhere.
        optimize_prompt: whether the instruction is learnt.
        optimize_hparams: whether the numbers are learnt.
        policy: time limits and retries; retries ask anew after an answer that does not fit.
        share: make equal calls of one evaluation once.
        cache: keep finished calls in the ledger; paid answers are there anyway.

    Raises:
        ProgramError: the signature, an exemplar or a setting cannot be used.

    Example::

        class Triage(Signature):
            '''Say which team handles the ticket.'''

            ticket: str = InputField()
            team: Literal["billing", "shipping", "tech"] = OutputField()

        triage = Predict(Triage, model="openai/gpt-4o-mini", name="triage")

        class Support(HyperSystem):
            async def run(self, ticket: str) -> str:
                return (await triage(ticket=ticket)).team
    """

    signature: type[Signature]
    format: str

    def __init__(
        self,
        signature: type[Signature] | str,
        model: str,
        *,
        name: str | None = None,
        hp: Any = None,
        exemplars: Iterable[Any] = (),
        max_exemplars: int = 4,
        format: Literal["auto", "json", "text"] = "auto",  # noqa: A002 - as users know it
        optimize_prompt: bool = True,
        optimize_hparams: bool = True,
        policy: Policy | None = None,
        share: bool = True,
        cache: bool = False,
    ) -> None:
        made = _signature(signature)
        layout = made.__layout__
        if format not in _FORMATS:
            raise ProgramError(
                f"format={format!r} of a Predict: give one of {', '.join(map(repr, _FORMATS))}"
            )
        group, constants = _group(hp)
        said = [rendering.section(layout, form) for form in ("json", "text")]
        super().__init__(
            _asker(asking.Task(layout, made.Prediction), (model, format, constants, layout.plain(), said)),
            name=name or _snake(layout.name),
            hp_type=group,
            optimize_prompt=optimize_prompt,
            optimize_hparams=optimize_hparams,
            exemplars=[_exemplar(layout, item, number) for number, item in enumerate(exemplars)],
            max_exemplars=max_exemplars,
            model=model,
            policy=policy,
            share=share,
            cache=cache,
        )
        self.signature = made
        self.format = format
        self._is_named = name is not None

    def __set_name__(self, owner: type, name: str) -> None:
        """It is an attribute of a class."""
        self.take_name(name)

    def take_name(self, wanted: str | None, is_free: Callable[[str], bool] = lambda name: True) -> None:
        """Settle its name, unless one was given or it was settled before."""
        if self._is_named:
            return
        base = wanted or self.name
        number = 1
        while not is_free(base if number == 1 else f"{base}_{number}"):
            number += 1
        self._rename(base if number == 1 else f"{base}_{number}")
        self._is_named = True

    def _rename(self, name: str) -> None:
        before = len(self.name)
        self.knobs = {name + knob[before:]: value for knob, value in self.knobs.items()}
        self.defaults = {name + knob[before:]: value for knob, value in self.defaults.items()}
        self.learnable = frozenset(name + knob[before:] for knob in self.learnable)
        self.name = self.__name__ = name


_Settings = tuple[str, str, Mapping[str, Any], Mapping[str, Any], Sequence[str]]


def _asker(task: asking.Task, settings: _Settings) -> Callable[..., Awaitable[Prediction]]:
    """The plain function. ``settings`` is plain data, so that a program's fingerprint sees all of it."""

    async def ask(
        *unnamed: Any, prompt: str, hp: Any, exemplars: Sequence[Exemplar], **inputs: Any
    ) -> Prediction:
        model, form, *_ = settings
        return await asking.answered(task, model, form, (prompt, exemplars, hp), unnamed, inputs)

    layout = task.layout

    learnt = ("prompt", "hp", "exemplars")
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
        for name in (*(field.name for field in layout.inputs), *learnt)
    ]
    ask.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    ask.__doc__ = layout.instruction
    ask.__name__ = ask.__qualname__ = layout.name
    return ask


def _signature(given: Any) -> type[Signature]:
    if isinstance(given, str):
        return Signature.parse(given)
    if not (isinstance(given, type) and issubclass(given, Signature) and given is not Signature):
        raise ProgramError(
            f"Predict takes a subclass of Signature or a text such as 'question -> answer', and got "
            f"{given!r:.60}"
        )
    return given


def _group(hp: Any) -> tuple[type, Mapping[str, Any]]:
    """The parameter group with its start values, and those of them that are not learnt."""
    if hp is None or isinstance(hp, type):
        return hp or LMParam, {}
    if not dataclasses.is_dataclass(hp):
        raise ProgramError(f"hp of a Predict is a parameter group such as LMParam(), and got {hp!r:.60}")
    known = {field.name: field.default for field in dataclasses.fields(hp) if field.init}
    values = {name: getattr(hp, name) for name in known}
    given = {
        name: v for name, v in values.items() if v is not None and v is not known[name] and v != known[name]
    }
    knobs = group_knobs(type(hp))
    return with_starts(type(hp), given), {name: v for name, v in given.items() if name not in knobs}


def _exemplar(layout: Layout, item: Any, number: int) -> Exemplar:
    """An exemplar of the pool, checked and as JSON."""
    where = f"exemplar {number} of the signature {layout.name}"
    if isinstance(item, Exemplar):
        given, answered = item.input, item.output
    elif isinstance(item, tuple | list) and len(item) == 2:
        given, answered = item
    elif isinstance(item, Mapping):
        names = {field.name for field in layout.inputs}
        given = {name: value for name, value in item.items() if name in names}
        answered = {name: value for name, value in item.items() if name not in names}
    else:
        raise ProgramError(
            f"{where} is {item!r:.60}; give a pair of mappings, or one mapping with all fields"
        )
    try:
        return Exemplar(*rendering.worked(layout, given, answered, where))
    except CallError as error:
        raise ProgramError(str(error)) from error


def _snake(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return parted.strip("_").lower() or "predict"
