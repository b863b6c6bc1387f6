"""A dataset that is not read by accident: each look needs a reason and is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from hyperfunc.errors import DatasetError

from .collection import Dataset

__all__ = ["Sealed"]

T = TypeVar("T")


class Sealed:
    """A dataset whose examples are read through :meth:`open` only.

    Its size and version may be known; going through it, indexing it, or giving it where examples are
    needed is an error. It guards against mistakes, not against someone who wants to look.

    Args:
        data: what to seal.

    Example::

        test = Sealed(parts.test)
        examples = test.open("certificate of run 12")
    """

    def __init__(self, data: Dataset) -> None:
        self.__data = data
        self.__looks: tuple[str, ...] = ()

    @property
    def looks(self) -> tuple[str, ...]:
        """The reason of each look so far, in order."""
        return self.__looks

    @property
    def size(self) -> int:
        """How many examples there are."""
        return len(self.__data)

    @property
    def version(self) -> str | None:
        """The content version of the dataset."""
        return self.__data.version

    def open(self, reason: str) -> Dataset:
        """The examples, for a reason that is kept.

        Raises:
            DatasetError: the reason is empty.
        """
        if not (reason and reason.strip()):
            raise DatasetError("a sealed dataset is opened for a reason: say it in a few words")
        self.__looks = (*self.__looks, reason.strip())
        return self.__data

    def check(self, what: Callable[[Dataset], T]) -> T:
        """What a function says that tells nothing of outcomes, such as whether inputs fit a program."""
        return what(self.__data)

    def __repr__(self) -> str:
        return f"Sealed({self.size} examples, {len(self.looks)} looks)"

    def _refuse(self, *args: object) -> NoReturn:
        raise DatasetError("this dataset is sealed: only the certificate reads it, by open(reason)")

    __iter__ = __len__ = __getitem__ = __contains__ = __reversed__ = _refuse
    __reduce_ex__ = _refuse
