"""Runs a torch module with other weights in some places, and says by hash what the rest of it is."""

from __future__ import annotations

import hashlib
import threading
import types
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hyperfunc.errors import SpaceError

__all__ = ["FrozenModule", "group_in", "like", "places", "write"]

# functional_call swaps the module's tensors while it runs, so two threads must not do it at once.
_LOCKS: weakref.WeakKeyDictionary[nn.Module, threading.RLock] = weakref.WeakKeyDictionary()
_NEW_LOCK = threading.Lock()


class FrozenModule:
    """A module that is called with some of its parameters replaced and is never changed.

    The module is held by reference: its mode (train or eval) and its other tensors are used as they
    are. In train mode, what it writes into its buffers is dropped after each call.

    Args:
        module: any ``torch.nn.Module``.

    Raises:
        SpaceError: it is no module, or a parameter holds NaN or infinity or has no size or values yet.
    """

    def __init__(self, module: nn.Module) -> None:
        if not isinstance(module, nn.Module):
            raise SpaceError(f"the module is a {type(module).__name__}; give a torch.nn.Module")
        self.module = module
        self.name = type(module).__name__
        self.parameters: dict[str, nn.Parameter] = dict(module.named_parameters())
        for name, parameter in self.parameters.items():
            _check(self.name, name, parameter)
        self._names = places(module)
        with _NEW_LOCK:
            self._lock = _LOCKS.setdefault(module, threading.RLock())

    def freeze(self, replaced: Mapping[str, Any]) -> None:
        """Take note of what stays: everything but the parameters that each call replaces."""
        frozen = {name: p for name, p in self.parameters.items() if name not in replaced}
        self._frozen = frozen
        self._held: dict[str, Tensor] = {**frozen, **dict(self.module.named_buffers())}
        self._moved: dict[tuple[torch.device, torch.dtype], dict[str, Tensor]] = {}
        self._versions = [_version(tensor) for tensor in self._held.values()]
        self.digest = _digest(self.module, self._held)

    def held(self, name: str, value: Tensor) -> dict[str, Tensor]:
        """The frozen part, detached, on the device and in the type that a value for a parameter has.

        Args:
            name: of the parameter that ``value`` is for.
            value: decides; batched and low-rank tensors have a device and a type as well.

        Raises:
            SpaceError: the frozen part was written to since :meth:`freeze`, so its hash is wrong.
        """
        for (held, tensor), version in zip(self._held.items(), self._versions, strict=True):
            if _version(tensor) != version:
                raise SpaceError(
                    f"{held!r} of {self.name} was written to after its parameter group was created; "
                    "create the group anew, so that results of the old weights are not taken for new ones"
                )
        own, place = self.parameters[name], (value.device, value.dtype)
        if place == (own.device, own.dtype):
            # Detached: gradients flow into what is given, never into the module.
            return {frozen: tensor.detach() for frozen, tensor in self._frozen.items()}
        if place not in self._moved:
            self._moved[place] = {held: _to(tensor, *place) for held, tensor in self._held.items()}
        return self._moved[place]

    def weights(self, held: Mapping[str, Tensor], replaced: Mapping[str, Any]) -> dict[str, Tensor]:
        """What the module runs on: every tensor under every name that it has.

        Args:
            held: from :meth:`held`.
            replaced: parameter name to tensor.
        """
        full = {**held, **replaced}
        for name in {**self._frozen, **replaced}:
            full.update(dict.fromkeys(self._names[id(self.parameters[name])], full[name]))
        return full

    def __call__(self, weights: dict[str, Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the module with these weights, as :meth:`weights` gave them."""
        module = self.module
        with self._lock:
            if module.training:
                weights = {**weights, **{n: weights.get(n, b).clone() for n, b in module.named_buffers()}}
            return functional_call(module, weights, args, kwargs, tie_weights=False)

    def first_name(self, parameter: Tensor) -> str:
        """The name under which :attr:`parameters` has one of the module's parameters."""
        return self._names[id(parameter)][0]


def places(module: nn.Module) -> dict[int, list[str]]:
    """The names of every parameter and buffer, by its id: one for each place.

    A module that is a child twice is one place, for ``functional_call`` must not swap it twice.
    """
    names: dict[int, list[str]] = {}
    for path, part in module.named_modules():
        own = (
            *part.named_parameters(recurse=False, remove_duplicate=False),
            *part.named_buffers(recurse=False, remove_duplicate=False),
        )
        for name, tensor in own:
            names.setdefault(id(tensor), []).append(f"{path}.{name}" if path else name)
    return names


def like(value: Any, parameter: Tensor) -> Any:
    """An array as a tensor on the parameter's device and in its type.

    Tensors stay what and where they are, batched or low-rank, but those of knobs, which are float32, take
    the parameter's type as arrays do.
    """
    if isinstance(value, Tensor):
        return value.to(parameter.dtype) if value.dtype is torch.float32 is not parameter.dtype else value
    return torch.tensor(value, dtype=parameter.dtype, device=parameter.device)


def write(values: Mapping[str, Tensor], module: nn.Module) -> None:
    """Copy weights into the parameters of a module that has them under the same names.

    Raises:
        SpaceError: a parameter is missing or has another shape; nothing is written then.
    """
    known = dict(module.named_parameters(remove_duplicate=False))
    for name, value in values.items():
        if name not in known or known[name].shape != value.shape:
            found = f"shape {tuple(known[name].shape)}" if name in known else "no such parameter"
            raise SpaceError(
                f"cannot write {name!r} of shape {tuple(value.shape)} into {type(module).__name__}: it has "
                f"{found}; give a module built like the one the group was created from"
            )
    with torch.no_grad():
        for name, value in values.items():
            known[name].copy_(value)


def group_in(
    values: Mapping[str, Any], names: frozenset[str], function: str | None, kind: str
) -> dict[str, Any]:
    """The values of one parameter group among those of a candidate, by field name.

    Args:
        values: a candidate, by dotted names such as ``classify.hp.0.weight``.
        names: the fields of the group.
        function: the hyperfunction whose group is meant; may be left out when only one has it.
        kind: the group, for messages.

    Raises:
        SpaceError: no function has all the fields, or several have.
    """
    marks = [name.partition(".hp.") for name in values]
    owners = dict.fromkeys(owner for owner, mark, _ in marks if mark)
    fit = [o for o in owners if all(f"{o}.hp.{name}" in values for name in names)]
    chosen = [function] if function in fit else fit if function is None else []
    if len(chosen) != 1:
        which = "a function" if function is None else repr(function)
        raise SpaceError(
            f"cannot tell which values are those of {kind} in {which}; functions that have all of them: "
            f"{', '.join(fit) or 'none'}; name one of these"
        )
    prefix = f"{chosen[0]}.hp."
    return {name: values[prefix + name] for name in names}


def _check(module: str, name: str, parameter: nn.Parameter) -> None:
    if isinstance(parameter, nn.parameter.UninitializedParameter):
        raise SpaceError(f"{name!r} of {module} has no size yet; call the module once before")
    if parameter.is_meta:
        raise SpaceError(f"{name!r} of {module} is on the meta device and has no values; initialise it first")
    if not bool(torch.isfinite(parameter.detach()).all()):
        raise SpaceError(f"{name!r} of {module} holds NaN or infinity; every weight must be a finite number")


def _to(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return tensor.detach().to(device, dtype if tensor.is_floating_point() else None)


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _digest(module: nn.Module, tensors: Mapping[str, Tensor]) -> str:
    """Hash of structure, code of classes that are not torch's, plain attributes and tensors."""
    found = hashlib.blake2b(digest_size=8)
    for name, part in module.named_modules():
        plain = sorted((k, repr(v)) for k, v in vars(part).items() if _is_plain(v))
        found.update(repr((name, type(part).__qualname__, part.extra_repr(), plain)).encode())
        found.update("\n".join(_code(type(part))).encode())
    for name, tensor in tensors.items():
        found.update(repr((name, tuple(tensor.shape), str(tensor.dtype))).encode())
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return isinstance(value, bool | int | float | str)


def _code(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        if base is object or base.__module__.partition(".")[0] == "torch":
            continue
        for name, item in vars(base).items():
            if isinstance(item, types.FunctionType):
                yield name
                yield from _text(item.__code__)


def _text(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _text(constant)
        else:
            # The order of a set of texts differs between processes.
            yield repr(sorted(map(repr, constant))) if isinstance(constant, frozenset) else repr(constant)
