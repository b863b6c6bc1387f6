"""How the parked calls of one function are answered: in batches that were checked, else one by one."""

from __future__ import annotations

import functools
import sys
from collections.abc import Hashable, Sequence
from typing import Any

from hyperfunc.execution.agreement import agree
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.spaces import Matrix

from .batching import WrongLength, call_alone, call_batch, shape_of
from .company import ALONE, Call, Owner, Report, Unbatchable, Unseen, Values

__all__ = ["FEWEST", "Runner", "runner_of"]

FEWEST = 4
_CHECKED_FORMS = 16
# Measured: a wave costs a lane what about five small operations cost it in plain Python.
_FEW_OPERATIONS, _LARGE = 6, 4096
# The largest tensor of a batch has about 128 MiB.
_BATCH_NUMBERS = 1 << 25


class Runner:
    """Batches of one function, by the function's own batch implementation.

    Args:
        fn: the function.
        device: where tensors are while a batch runs; ``None`` leaves them where they are.
        frugal: batch only what gains from it.

    Attributes:
        alone: no batch is possible; calls are not parked any more.
        report: what became of the calls.
    """

    fewest = 2

    def __init__(self, fn: HyperFunction, device: str | None = None, frugal: bool = False) -> None:
        self.fn = fn
        self.device = device
        self.frugal = frugal
        self.alone = False
        self.report = Report()
        self._values = Values(fn)
        self._checked: set[Hashable] = set()

    def wants(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether a call should wait for company."""
        return True

    def run(self, calls: Sequence[Call]) -> None:
        """Settle every call."""
        left = list(calls)
        while left:
            if self.alone:
                self._release(left)
                return
            try:
                for key, group in self._groups(left).items():
                    self._run_group(key, group)
                return
            except Unseen as more:
                self._values.see(more.owner)
            except Unbatchable as error:
                self._less(error)
            left = [call for call in left if call.waits]

    def _groups(self, calls: Sequence[Call]) -> dict[Hashable, list[Call]]:
        groups: dict[Hashable, list[Call]] = {}
        for call in calls:
            groups.setdefault((self._form(call), self._values.key(call.binding)), []).append(call)
        return groups

    def _run_group(self, key: Hashable, calls: list[Call]) -> None:
        if len(calls) < self.fewest:
            for call in calls:
                call.settle(ALONE)
            return
        samples: dict[int, Any] = {}
        is_new = key not in self._checked and len(self._checked) < _CHECKED_FORMS
        try:
            if is_new:
                samples[id(calls[0])] = self._plain(calls[0])
            limit = self._limit(calls[0])
            if is_new:
                last = calls[:limit][-1]
                samples[id(last)] = self._plain(last)
        except Exception:
            # Each lane gets its own error; whether a batch is right is seen another time.
            self._release(calls)
            return
        for begin in range(0, len(calls), limit):
            self._run_part(calls[begin : begin + limit], samples)
        self._checked.add(key)

    def _run_part(self, calls: list[Call], samples: dict[int, Any]) -> None:
        reached: dict[Owner, None] = {}
        try:
            results = self._batch(calls, reached)
        except WrongLength as error:
            for call in calls:
                call.fail(str(error))
            return
        except Exception as error:
            self._failed(calls, error)
            self._release(calls)
            return
        for call, result in zip(calls, results, strict=True):
            if id(call) in samples and not agree(result, samples[id(call)]):
                raise Unbatchable("its batch differs from the plain call", final=True)
        self.report.waves += 1
        self.report.batched += len(calls)
        for call, result in zip(calls, results, strict=True):
            _note(call, reached)
            call.settle(result)

    def _release(self, calls: Sequence[Call]) -> None:
        for call in calls:
            if call.waits:
                self.report.fallback += 1
                call.settle(ALONE)

    def _less(self, error: Unbatchable) -> None:
        """Batch less, or not at all."""
        if error.final or self._values.apart:
            self.alone = True
            self.report.reason = str(error)
        else:
            self._values.split()
            self.report.reason = f"one batch per candidate: {error}"

    # What a batch implementation and vmap do differently

    def _form(self, call: Call) -> Hashable:
        return shape_of(call)

    def _limit(self, call: Call) -> int:
        assert self.fn.batched is not None
        return self.fn.batched.max_size or sys.maxsize

    def _batch(self, calls: Sequence[Call], reached: dict[Owner, None]) -> list[Any]:
        return call_batch(self.fn, calls, self._values, reached)

    def _plain(self, call: Call) -> Any:
        return call_alone(self.fn, call, {})

    def _failed(self, calls: Sequence[Call], error: Exception) -> None:
        """The batch raised: whoever is to blame, only their own lane may suffer."""
        self.report.reason = f"a batch of {len(calls)} calls of {self.fn.name} raised {_text(error)}"


class TensorRunner(Runner):
    """Batches of a function that is written for one call, under ``torch.vmap``."""

    fewest = FEWEST
    _largest = 0

    def wants(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether the call has tensors, or the function has matrices."""
        torch = sys.modules.get("torch")
        if torch is None:
            return False
        tensor = torch.Tensor
        for value in (*args, *kwargs.values()) if kwargs else args:
            if isinstance(value, tensor) or _holds(value, tensor):
                return True
        return self._has_matrix

    @functools.cached_property
    def _has_matrix(self) -> bool:
        return any(isinstance(knob, Matrix) for knob in self.fn.knobs.values())

    def _form(self, call: Call) -> Hashable:
        from hyperfunc.execution.stacking import form

        leaves: list[Any] = []
        alike = form((call.args, call.kwargs), leaves)
        call.leaves = tuple(leaves)
        return alike

    def _limit(self, call: Call) -> int:
        size: int = max([self._largest, *[leaf.numel() for leaf in call.leaves]])
        return max(self.fewest, _BATCH_NUMBERS // max(1, size))

    def _batch(self, calls: Sequence[Call], reached: dict[Owner, None]) -> list[Any]:
        from .vmapped import blocks, run_batch

        found: dict[int, Any] = {}
        for block in blocks(self._values, calls):
            results = run_batch(self.fn, block, self._values.owners, reached, self.device)
            found.update(zip(map(id, block.calls), results, strict=True))
        return [found[id(call)] for call in calls]

    def _plain(self, call: Call) -> Any:
        from .vmapped import run_one

        result, work = run_one(self.fn, call, {})
        self._largest = max(self._largest, work.largest)
        is_light = work.operations < _FEW_OPERATIONS and work.largest < _LARGE
        if self.frugal and self.device is None and is_light:
            raise Unbatchable("so little work gains nothing from a batch", final=True)
        return result

    def _failed(self, calls: Sequence[Call], error: Exception) -> None:
        try:
            self._plain(calls[0])
        except Exception as own:
            if type(own) is type(error):
                # The program itself fails on such inputs, and vmap is not to blame.
                return
        raise Unbatchable(_text(error)) from error


def _holds(value: Any, tensor: type) -> bool:
    kind = type(value)
    if kind is list or kind is tuple:
        return any(isinstance(item, tensor) for item in value)
    if kind is dict:
        return any(isinstance(item, tensor) for item in value.values())
    fields = getattr(kind, "__dataclass_fields__", ())
    return any(isinstance(getattr(value, name, None), tensor) for name in fields)


def _note(call: Call, reached: dict[Owner, None]) -> None:
    """The lane, and the calls around this one, have used what the batch used."""
    frame = call.frame
    for owner in reached:
        if isinstance(owner, HyperFunction):
            frame.lane.reached.add(owner.name)
        if frame.record is not None:
            frame.read(owner)


def _text(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def runner_of(fn: HyperFunction, device: str, frugal: bool = False) -> Runner | None:
    """What answers the calls of a function in batches, or ``None`` when nothing can.

    Args:
        fn: the function.
        device: ``"auto"`` (the accelerator for functions marked ``local_gpu`` where there is one), or a
            torch device.
        frugal: batch only what gains from it; otherwise whatever can be batched.
    """
    if fn.batched is not None:
        return Runner(fn)
    # Without `share` its calls do something, each on its own.
    if not fn.inline or not fn.share:
        return None
    return TensorRunner(fn, _place(fn, device), frugal)


def _place(fn: HyperFunction, device: str) -> str | None:
    if device != "auto":
        return device
    torch = sys.modules.get("torch") if fn.local_gpu else None
    return "cuda" if torch is not None and torch.cuda.is_available() else None
