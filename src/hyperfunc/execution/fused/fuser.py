"""Fused runs: a program of tensor functions runs once, under vmap over candidates and over examples."""

from __future__ import annotations

import copy
import inspect
import operator
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.stacks import is_tensor, stack
from hyperfunc.execution.agreement import agree
from hyperfunc.program.binding import FRAME, Binding, DirectFrame
from hyperfunc.program.hyperfunction import HyperFunction

from .members import Members, Part
from .stacked import CannotFuse, Stacked

if TYPE_CHECKING:
    from hyperfunc.execution.stacking import Group

__all__ = ["Dataset", "Fuser"]

_ATOMS = (str, bytes, int, float, bool, type(None))
_DATASETS, _VERDICTS = 64, 4096
# Inputs that nearly all differ in form are not worth a batch each.
_FORMS = 4


class FusedFrame:
    """The frame of all lanes at once.

    Args:
        binding: values with one more axis, hidden by vmap.
        reached: collects the names of the functions that are called.
    """

    __slots__ = ("binding", "reached")

    def __init__(self, binding: Binding, reached: set[str]) -> None:
        self.binding = binding
        self.reached = reached

    def call(self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function in place."""
        if not fn.inline:
            raise CannotFuse(f"{fn.name} may have to wait")
        self.reached.add(fn.name)
        ready = self.binding.injection(fn)
        return fn.fn(*args, **(fn.merge(ready, args, kwargs) if ready else kwargs))

    def knob(self, name: str) -> Any:
        """The system's own knob by name."""
        return self.binding.values[name]

    def seed(self) -> int | None:
        """Lanes have different seeds."""
        raise CannotFuse("the program reads current_seed()")

    async def complete(self, route: Any, request: Any) -> Any:
        """Models are asked lane by lane."""
        raise CannotFuse("the program asks a model")


class Dataset:
    """Examples laid out for batches.

    Args:
        examples: N of them.
    """

    def __init__(self, examples: tuple[Example, ...]) -> None:
        self.examples = examples
        values = _values(examples)
        # Held, so that their identities stay theirs.
        self._values = values
        self._tensors = [value for value in values if is_tensor(value)]
        self._opaque = any(map(_is_opaque, values))
        self._versions = [] if self._opaque else [tensor._version for tensor in self._tensors]

    @property
    def is_current(self) -> bool:
        """Whether nobody has put other values into the examples, or written into their tensors."""
        if self._opaque or [tensor._version for tensor in self._tensors] != self._versions:
            return False
        return all(map(operator.is_, _values(self.examples), self._values))

    @cached_property
    def groups(self) -> list[Group]:
        """By the form of their inputs.

        Raises:
            CannotFuse: nearly every example has a form of its own.
        """
        from hyperfunc.execution.stacking import group

        made = group([dict(e.inputs) for e in self.examples], lambda n: self.examples[n].fn_name)
        if len(made) > max(_FORMS, len(self.examples) // 4):
            raise CannotFuse(
                f"the inputs of {len(self.examples)} examples have {len(made)} forms; only what differs in "
                "torch tensors of one shape goes together"
            )
        return made

    @cached_property
    def expected(self) -> Any:
        """What is expected, stacked [N, …].

        Raises:
            Unstackable: it differs in kind or shape.
        """
        return stack([e.expected for e in self.examples])


class Fuser:
    """Runs one program at once, and remembers where that was found to be right or impossible.

    Args:
        entry: what an example runs.
        functions: of the program.
        bind: lays values out for the functions.
    """

    def __init__(
        self, entry: Callable[[Example], Callable[..., Any]], functions: Sequence[HyperFunction],
        bind: Callable[[Mapping[str, Any]], Binding],
    ) -> None:  # fmt: skip
        self._entry = entry
        self.functions = functions
        self._bind = bind
        self.judges: dict[tuple[str, int], Any] = {}
        self._verdicts: dict[Any, str] = {}
        self._datasets: dict[tuple[int, ...], Dataset] = {}

    def obstacle(self, examples: Sequence[Example]) -> str:
        """What can be seen to stand in the way without running anything; empty when nothing does."""
        if "torch" not in sys.modules:
            return "torch is not in use"
        waiting = next((fn for fn in self.functions if not fn.inline), None)
        if waiting is not None:
            return f"{waiting.name} may have to wait"
        entries = {e.fn_name: e for e in examples}.values()
        if any(inspect.iscoroutinefunction(self._entry(e)) for e in entries):
            return "run is async"
        return ""

    def run(self, members: Members, dataset: Dataset, *, chunk: int | None, device: str = "auto") -> Stacked:
        """The predictions of all lanes.

        Args:
            members: K candidates.
            dataset: N examples.
            chunk: lanes at once; ``None`` chooses by cache.
            device: where tensors live while it runs; ``"auto"`` takes the accelerator when a function is
                marked ``local_gpu`` and there is one, and leaves them where they are otherwise.

        Raises:
            CannotFuse: with the reason.
        """
        from .nested import predictions

        examples, groups = dataset.examples, dataset.groups
        place = self._device(device)
        reached: set[str] = set()

        def bind(values: Mapping[str, Any]) -> FusedFrame:
            return FusedFrame(self._bind(values), reached)

        materialized: Counter[str] = Counter()
        blocks = []
        for part in members.parts():
            for group in groups:
                if not group.stacked and not part.columns:
                    raise CannotFuse("neither the inputs nor the values that differ are tensors")
                signature = _signature(part, group)
                if reason := self._verdicts.get(signature, ""):
                    raise CannotFuse(reason)
                entry = self._entry(examples[group.indices[0]])
                try:
                    tree, used = predictions(entry, bind, part, group, chunk=chunk, device=place)
                    if signature not in self._verdicts:
                        self._check(part, group, members, examples, tree)
                except CannotFuse as error:
                    if not error.passing:
                        self._verdicts[signature] = str(error)
                    raise
                if len(self._verdicts) > _VERDICTS:
                    self._verdicts.clear()
                self._verdicts[signature] = ""
                materialized.update(used)
                blocks.append((part.places, group.indices, tree))
        return Stacked(blocks, members.count, len(examples), frozenset(reached), materialized)

    def _device(self, device: str) -> str | None:
        if device != "auto":
            return device
        import torch

        marked = any(fn.local_gpu for fn in self.functions)
        return "cuda" if marked and torch.cuda.is_available() else None

    def dataset(self, examples: tuple[Example, ...]) -> Dataset:
        """The examples laid out for batches; remembered as long as what is in them is the same."""
        key = tuple(map(id, examples))
        known = self._datasets.get(key)
        if known is None or not known.is_current:
            if len(self._datasets) >= _DATASETS:
                self._datasets.clear()
            known = self._datasets[key] = Dataset(examples)
        return known

    def _check(
        self, part: Part, group: Group, members: Members, examples: tuple[Example, ...], tree: Any
    ) -> None:
        """Compare a sample of lanes with the plain path."""
        from .nested import lane

        places = part.places or range(members.count)
        for at in sorted({0, part.count // 2, part.count - 1}):
            for i in sorted({0, len(group.indices) - 1}):
                example = examples[group.indices[i]]
                try:
                    plain = self._plain(members[places[at]], example)
                except Exception as error:
                    raise CannotFuse(f"a lane fails with {type(error).__name__}") from error
                if not agree(lane(tree, at, i), plain):
                    raise CannotFuse("a sample of lanes gave another result than the plain path")

    def _plain(self, values: Mapping[str, Any], example: Example) -> Any:
        token = FRAME.set(DirectFrame(self._bind(values), waits=True))
        try:
            return self._entry(example)(**copy.deepcopy(dict(example.inputs)))
        finally:
            FRAME.reset(token)


def _values(examples: tuple[Example, ...]) -> list[Any]:
    return [v for e in examples for v in e.inputs.values()] + [e.expected for e in examples]


def _is_opaque(value: Any) -> bool:
    """Whether nobody can see that it was written into: containers, arrays, tensors on an array's memory."""
    if not is_tensor(value):
        return not isinstance(value, _ATOMS)
    return bool(value.is_inference() or not value.untyped_storage().resizable())


def _signature(part: Part, group: Group) -> Any:
    """What the program can tell apart: everything but the numbers in tensors."""
    constants = [(n, v.shape if isinstance(v, np.ndarray) else repr(v)) for n, v in part.constants.items()]
    columns = [(n, type(c), c.shape[1:]) for n, c in part.columns.items()]
    return (group.form, tuple(constants), tuple(columns))
