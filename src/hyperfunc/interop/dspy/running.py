"""Copies of a module that hold the values of a candidate and report their calls."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from hyperfunc.interop.components import Component
from hyperfunc.ledger.keys import content_key

from .attaching import attach
from .library import library
from .metering import metered
from .predictors import named_predictors, write

__all__ = ["Copies", "copy_with"]

_KEPT = 64


def copy_with(module: Any, components: Mapping[str, Component], values: Mapping[str, Any]) -> Any:
    """A deep copy of a module with other values; language models are shared with the original.

    Args:
        module: it is not changed.
        components: by DSPy's name of their predictor.
        values: of a candidate, by knob.
    """
    copied = _copy(module)
    predictors = named_predictors(copied)
    for name, component in components.items():
        write(predictors[name], component.name, values, component.defaults)
    return copied


class Copies:
    """The copies that lanes run, one for each candidate; the most recent ones are kept.

    Args:
        module: the original.
        components: by DSPy's name of their predictor.
    """

    def __init__(self, module: Any, components: Mapping[str, Component]) -> None:
        self._module = module
        self._components = components
        self._made: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, values: Mapping[str, Any]) -> Any:
        """The copy for the values of a candidate."""
        names = [name for component in self._components.values() for name in component.defaults]
        key = content_key("dspy", {name: values.get(name) for name in names})
        with self._lock:
            copied = self._made.pop(key, None)
            if copied is None:
                copied = self._make(values)
            self._made[key] = copied
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return copied

    def _make(self, values: Mapping[str, Any]) -> Any:
        copied = copy_with(self._module, self._components, values)
        for holder in _holders(copied):
            holder.lm = metered(holder.lm)
        # By identity: predictors of equal signature are different components.
        for name, predictor in named_predictors(copied).items():
            attach(predictor, self._components[name])
        return copied


def _copy(module: Any) -> Any:
    """A deep copy that shares language models and begins without a history."""
    memo: dict[int, Any] = {id(holder.lm): holder.lm for holder in _holders(module)}
    histories = [getattr(part, "history", None) for _, part in module.named_sub_modules()]
    memo |= {id(history): [] for history in histories if history is not None}
    try:
        return copy.deepcopy(module, memo)
    except Exception:  # something in it cannot be copied; DSPy's way then copies what can be
        copied = module.deepcopy()
        for ours, theirs in zip(_holders(copied), _holders(module), strict=True):
            ours.lm = theirs.lm
        return copied


def _holders(module: Any) -> Iterator[Any]:
    """Sub-modules that have a language model of their own, frozen ones among them."""
    base = library().BaseLM
    for _, part in module.named_sub_modules():
        if isinstance(getattr(part, "lm", None), base):
            yield part
