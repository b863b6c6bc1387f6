"""``Signature``: a model call by its typed fields."""

from __future__ import annotations

import inspect
import keyword
import sys
import typing
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from hyperfunc.errors import ProgramError

from .fields import Declared, Field, InputField, Layout, OutputField
from .kinds import kind_of
from .prediction import record_type
from .short_form import parse_short_form

__all__ = ["Signature"]

_INJECTED = ("prompt", "hp", "exemplars")
_OF_RECORDS = ("items", "keys", "values", "get", "to_json", "from_json")


class Signature:
    """What a model is given and what it has to answer, as a class with typed fields.

    The docstring is the instruction: the start of what is learnt. Without one it is a sentence made of the
    names of the fields. Fields keep the order in which they are written; a subclass has those of its bases
    first. A field without an annotation is a ``str``. What a field may be annotated with:
    ``docs/signatures.md``.

    A signature is never instantiated; :class:`~hyperfunc.Predict` calls a model by it. ``QA.Prediction`` is
    the type of what comes back.

    Raises:
        ProgramError: a field cannot be used as it is written; the message names it.

    Example::

        class QA(Signature):
            '''Answer the question from the passages.'''

            question: str = InputField()
            passages: list[str] = InputField(desc="found by a search, best first")
            answer: str = OutputField(desc="a few words")
            sure: float = OutputField(desc="between 0 and 1")
    """

    __layout__: ClassVar[Layout]
    Prediction: ClassVar[Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        raise ProgramError(
            f"{cls.__name__} is a signature; write Predict({cls.__name__}, model=...) to call it"
        )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Names that are local where the class is written are known there and nowhere else.
        around = sys._getframe(1)
        names = {**around.f_globals, **around.f_locals, **vars(cls)}
        own = _own_fields(cls, names)
        base = getattr(cls, "__layout__", None)
        inherited = () if base is None else (*base.inputs, *base.outputs)
        fields = {field.name: (field, field in base.inputs) for field in inherited} if base else {}
        cls._settle({**fields, **own}, base)

    @classmethod
    def _settle(cls, fields: Mapping[str, tuple[Field, bool]], base: Layout | None) -> None:
        inputs = tuple(field for field, is_input in fields.values() if is_input)
        outputs = tuple(field for field, is_input in fields.values() if not is_input)
        _check(cls.__name__, inputs, outputs)
        said = inspect.cleandoc(cls.__doc__ or "") or (base.instruction if base else "")
        layout = Layout(cls.__name__, said or _sentence(inputs, outputs), inputs, outputs)
        cls.__layout__ = layout
        cls.Prediction = record_type(layout, cls.__module__, cls.__qualname__)

    @staticmethod
    def parse(text: str, instruction: str = "", *, name: str = "") -> type[Signature]:
        """A signature from its short form.

        Args:
            text: inputs, an arrow, outputs: ``"question, passages: list[str] -> answer, sure: float"``.
                Fields without a type are texts; types are ``str``, ``int``, ``float``, ``bool``, ``None``,
                ``Any``, ``list[...]``, ``dict[str, ...]``, ``Literal[...]``, ``Optional[...]`` and ``|``.
            instruction: for the model.
            name: of the signature; the names of its outputs when left out.

        Raises:
            ProgramError: the text is no such form.
        """
        inputs, outputs = parse_short_form(text)
        if len({field for field, _ in (*inputs, *outputs)}) < len(inputs) + len(outputs):
            raise ProgramError(f"a field stands twice in the signature {text!r}; give each a name of its own")
        body = {
            **{field: InputField() for field, _ in inputs},
            **{field: OutputField() for field, _ in outputs},
            "__annotations__": dict((*inputs, *outputs)),
            "__doc__": instruction,
            "__module__": __name__,
        }
        return type(name or "_".join(field for field, _ in outputs), (Signature,), body)


def _own_fields(cls: type, names: dict[str, Any]) -> dict[str, tuple[Field, bool]]:
    annotated = inspect.get_annotations(cls)
    declared = {name: value for name, value in vars(cls).items() if isinstance(value, Declared)}
    for name in annotated:
        if name not in declared:
            raise ProgramError(
                f"{name} of the signature {cls.__name__} is neither given nor asked for; write "
                f"{name}: ... = InputField() or OutputField()"
            )
    hints = _hints(cls, {name: annotated.get(name, str) for name in declared}, names)
    return {
        name: (Field(name, kind_of(hints[name], f"{name} of {cls.__name__}"), given.desc), given.is_input)
        for name, given in declared.items()
    }


def _hints(cls: type, annotated: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    holder = type("Hints", (), {"__annotations__": annotated})
    try:
        return typing.get_type_hints(holder, names, names, include_extras=True)
    except NameError as error:
        raise ProgramError(
            f"the annotations of the signature {cls.__name__} cannot be read: {error}; define the type "
            "before it"
        ) from error


def _check(name: str, inputs: tuple[Field, ...], outputs: tuple[Field, ...]) -> None:
    if not inputs or not outputs:
        lacks = "inputs" if not inputs else "outputs"
        raise ProgramError(f"the signature {name} has no {lacks}; declare at least one")
    for fields, taken, why in (
        (inputs, _INJECTED, "is what a Predict is given as its learnt values"),
        (outputs, _OF_RECORDS, "is a method of predictions"),
    ):
        for field in fields:
            if field.name in taken:
                raise ProgramError(f"{field.name} of the signature {name} {why}; call the field otherwise")
    for field in (*inputs, *outputs):
        if field.name.startswith("_") or field.name == "Prediction" or keyword.iskeyword(field.name):
            raise ProgramError(
                f"{field.name} of the signature {name} is no name for a field; call it otherwise"
            )


def _sentence(inputs: tuple[Field, ...], outputs: tuple[Field, ...]) -> str:
    return f"Given {_listed(inputs)}, answer with {_listed(outputs)}."


def _listed(fields: Iterable[Field]) -> str:
    names = [field.name for field in fields]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
