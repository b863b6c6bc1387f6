"""Instruction proposers in the calling convention of GEPA and DSPy as proposers of ours."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from hyperfunc.optimizers.proposers.base import ProposalRequest, Proposed, TextProposer
from hyperfunc.optimizers.proposers.dataset import reflective_dataset
from hyperfunc.program.policy import run_thread

from .names import component_name, part_name

__all__ = ["InstructionProposer", "by_part"]

Dataset = Callable[[ProposalRequest, Sequence[str]], Mapping[str, Any]]


def by_part(request: ProposalRequest, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What such proposers are shown: for each part its calls, with what was said about them.

    Args:
        request: what our proposers are told.
        names: of prompt knobs.

    Returns:
        By part, mappings with ``Inputs``, ``Generated Outputs`` and ``Feedback``.
    """
    return {part_name(name): shown for name, shown in reflective_dataset(request, names).items()}


@dataclass(frozen=True)
class InstructionProposer(TextProposer):
    """Asks a function ``(candidate, reflective_dataset, components_to_update) -> {name: text}``.

    The names are those of the other library. The function runs in a thread; it may be ``async``, too.

    Args:
        function: the proposer.
        dataset: makes what it is shown.
        around: entered in that thread while the function runs.
        name: shown in reports; the function's own by default.
    """

    function: Callable[..., Any] = field(repr=False)
    dataset: Dataset = field(default=by_part, repr=False)
    around: Callable[[], AbstractContextManager[Any]] = field(default=contextlib.nullcontext, repr=False)

    name: str = ""

    def __post_init__(self) -> None:
        title = getattr(self.function, "__qualname__", None) or type(self.function).__qualname__
        object.__setattr__(self, "name", self.name or title)

    @property
    def calls(self) -> int:
        """One, as far as is known."""
        return 1

    async def propose(self, request: ProposalRequest) -> Proposed:
        """One proposal with all texts that the function gave."""
        texts = {name: text for name, text in request.values.items() if name.endswith(".prompt")}
        wanted = [name for name in request.names if name in texts]
        candidate = {part_name(name): text for name, text in texts.items()}
        shown = self.dataset(request, wanted)
        given = await run_thread(lambda: self._ask(candidate, shown, [part_name(name) for name in wanted]))
        if inspect.isawaitable(given):
            given = await given
        if not isinstance(given, Mapping):
            return Proposed((), (f"the proposer returned {type(given).__name__} and not a dict",))
        changes: dict[str, Any] = {}
        refused = []
        for part, text in given.items():
            name = f"{component_name(str(part))}.prompt"
            if name not in wanted or not isinstance(text, str):
                refused.append(f"the proposer gave {text!r:.40} for {part!r}, which is no text asked for")
            elif text != texts[name]:
                changes[name] = text
        return Proposed((changes,) if changes else (), tuple(refused))

    def _ask(self, *arguments: Any) -> Any:
        with self.around():
            return self.function(*arguments)
