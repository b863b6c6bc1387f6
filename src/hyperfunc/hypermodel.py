"""``system.model``: the numeric knobs of a system as one flat torch parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .values import Values

__all__ = ["HyperModel"]


class HyperModel:
    """A view of a system's numbers; nothing is copied.

    Args:
        values: of the system.
    """

    def __init__(self, values: Values) -> None:
        self._values = values
        self._made: tuple[Any, Any] | None = None

    @property
    def hp(self) -> Any:
        """A float32 ``torch.nn.Parameter`` of shape (D,) in raw units, over the system's own memory.

        Writing into it changes the system. A function that registers later makes it longer: read it
        again then.

        Raises:
            ModuleNotFoundError: torch is not installed.
        """
        import torch

        flat = self._values.flat
        if self._made is None or self._made[0] is not flat:
            self._made = (flat, torch.nn.Parameter(torch.from_numpy(flat)))
        return self._made[1]

    @property
    def slices(self) -> Mapping[str, slice]:
        """Which part of :attr:`hp` belongs to which function."""
        parts: dict[str, slice] = {}
        for name, part in self._values.space.slices.items():
            owner = name.partition(".")[0]
            known = parts.get(owner, part)
            parts[owner] = slice(min(known.start, part.start), max(known.stop, part.stop))
        return parts

    def parameters(self) -> list[Any]:
        """The one parameter, as torch optimizers take it."""
        return [self.hp]
