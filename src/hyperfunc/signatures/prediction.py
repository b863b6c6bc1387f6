"""What a filled-in signature is: a frozen record with the output fields."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

from hyperfunc.ledger.keys import content_key
from hyperfunc.types import JSON

from .fields import Layout
from .kinds import Mismatch

__all__ = ["Prediction", "record_type"]

_KNOWN: WeakValueDictionary[str, type[Prediction]] = WeakValueDictionary()
"""Types of records by the key of their signature, as long as anybody has them."""


class Prediction(Mapping[str, Any]):
    """The outputs of a signature, in their order, as attributes and as a mapping; nothing can be set.

    Each signature has a type of its own, ``QA.Prediction``, which can be made by hand in a test:
    ``QA.Prediction(answer="Paris")``. Two records are equal when they have equal fields; a ``dict`` of these
    fields is equal as well. In the ledger it is kept as JSON.

    Example::

        answer = await qa(question="Where is the Louvre?")
        answer.city == answer["city"] == dict(answer)["city"]
    """

    __layout__: ClassVar[Layout | None] = None
    __key__: ClassVar[str] = ""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __getitem__(self, name: str) -> Any:
        """A field by name."""
        if name not in self.__dict__:
            raise KeyError(name)
        return self.__dict__[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the fields."""
        return iter(self.__dict__)

    def __len__(self) -> int:
        """How many fields there are."""
        return len(self.__dict__)

    def __hash__(self) -> int:
        """Of the fields, where all of them have one."""
        return hash(tuple(self.__dict__.items()))

    def __repr__(self) -> str:
        """The fields by name."""
        return f"{type(self).__qualname__}({', '.join(f'{n}={v!r}' for n, v in self.__dict__.items())})"

    def to_json(self) -> dict[str, JSON]:
        """The fields as JSON, in their order."""
        if self.__layout__ is None:
            return dict(self)
        return {
            field.name: field.kind.dump(self[field.name], field.name) for field in self.__layout__.outputs
        }

    @staticmethod
    def from_json(key: str, fields: Mapping[str, JSON]) -> Prediction:
        """A record as it was kept.

        Nothing is imported for it: where this process has no signature of that key, or its types take these
        values no longer, the fields are JSON values.

        Args:
            key: of the signature.
            fields: what :meth:`to_json` gave.
        """
        known = _KNOWN.get(key)
        if known is not None and known.__layout__ is not None:
            with contextlib.suppress(Mismatch, KeyError):
                return known(
                    **{f.name: f.kind.load(fields[f.name], f.name) for f in known.__layout__.outputs}
                )
        return _record("Prediction", tuple(fields), Prediction.__module__)(**fields)


def record_type(layout: Layout, module: str, qualname: str) -> type[Prediction]:
    """The type of the records of a signature.

    Args:
        layout: of the signature.
        module, qualname: of the class.
    """
    made = _record(f"{qualname}.Prediction", tuple(field.name for field in layout.outputs), module)
    made.__layout__ = layout
    made.__key__ = content_key(module, qualname, layout.plain())
    _KNOWN[made.__key__] = made
    return made


def _record(qualname: str, names: tuple[str, ...], module: str) -> type[Prediction]:
    # As a frozen dataclass it is shared, keyed and traced like any other record of a program.
    made = dataclasses.make_dataclass(
        "Prediction", [(name, Any) for name in names], bases=(Prediction,), frozen=True, eq=False, repr=False
    )
    made.__module__, made.__qualname__ = module, qualname
    return made
