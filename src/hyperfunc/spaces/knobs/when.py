"""When a knob matters: only while another one has certain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import SpaceError

if TYPE_CHECKING:
    from hyperfunc.types import JSON

__all__ = ["When"]


@dataclass(frozen=True, slots=True)
class When:
    """The condition under which a knob is active; an inactive knob has its default and is not varied.

    Args:
        knob: name of a :class:`~hyperfunc.spaces.Choice` or :class:`~hyperfunc.spaces.Integer`. It is
            looked for beside the knob first: ``family`` for ``write.hp.min_p`` means ``write.hp.family``
            where there is one, else ``write.family``, else ``family``.
        values: with each of them the knob is active; one value, or a tuple of them.

    Raises:
        SpaceError: no value.

    Example::

        >>> from hyperfunc.spaces import Choice, Real, Space
        >>> space = Space({
        ...     "family": Choice(("top_p", "min_p")),
        ...     "min_p": Real(0, 1, default=0.0, when=When("family", "min_p")),
        ... })
        >>> space.candidate({"min_p": 0.2}) == space.default
        True
        >>> space.candidate({"family": "min_p", "min_p": 0.2})["min_p"]
        0.2
    """

    knob: str
    values: Any

    def __post_init__(self) -> None:
        values = tuple(self.values) if isinstance(self.values, tuple | list) else (self.values,)
        if not values:
            raise SpaceError(f"a condition on {self.knob!r} needs at least one value")
        object.__setattr__(self, "values", values)


def described(when: When | None) -> dict[str, JSON]:
    """A condition as a part of a knob's JSON: nothing where there is none."""
    return {} if when is None else {"when": {"knob": when.knob, "values": list(when.values)}}
