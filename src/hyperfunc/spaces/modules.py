"""``ModuleParam``: the weights of an unmodified torch module as a parameter group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from hyperfunc.errors import SpaceError, did_you_mean
from hyperfunc.spaces.frozen import FrozenModule, group_in, like, write
from hyperfunc.spaces.knobs import Knob, Matrix

__all__ = ["ModuleParam", "Train", "chosen_names"]

Train = str | Iterable[str] | Callable[[str, Tensor], bool] | None
"""Which parameters are meant: all, by name or glob pattern, or by a test of name and tensor."""


class ModuleParam(Mapping[str, Any]):
    """Weights for one torch module; :meth:`create` makes the type for it.

    An instance holds the weights of one candidate, as a mapping from parameter name to tensor. Called
    with a module's inputs, it gives the module's outputs under these weights. The module is never
    changed: it may be used meanwhile, from the thread that evaluates.

    Args:
        values: parameter name to array or tensor, for every trained parameter. Arrays take the
            parameter's device and type. Tensors pass through unchanged, so that they may be batched by
            ``torch.vmap`` or low-rank, and what is frozen follows their device and type.

    Example::

        net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).eval()
        Net = ModuleParam.create(net)

        @hyperfunction(hp_type=Net, optimize_hparams=True)
        def classify(x, *, hp):
            return hp(x)

        result = HyperSystem([classify]).optimize(train, metric)
        Net.of(result.best).write_to(net)
    """

    _frozen: ClassVar[FrozenModule]
    _knobs: ClassVar[dict[str, Knob]] = {}

    def __init__(self, values: Mapping[str, Any]) -> None:
        if not self._knobs:
            raise SpaceError("ModuleParam has no module; use a type made by ModuleParam.create(module)")
        if values.keys() != self._knobs.keys():
            odd = min(values.keys() ^ self._knobs.keys())
            what = "lacks" if odd in self._knobs else "got the unknown"
            raise SpaceError(f"{type(self).__name__} {what} {odd!r}; it has {', '.join(self._knobs)}")
        own = self._frozen.parameters
        self._values = {name: like(value, own[name]) for name, value in values.items()}
        # A knob has an axis at least; a parameter may be a lone number.
        shaped = {n: v if own[n].ndim else v.reshape(()) for n, v in self._values.items()}
        name, value = next(iter(self._values.items()))
        self._weights = self._frozen.weights(self._frozen.held(name, value), shaped)

    @classmethod
    def create(cls, module: nn.Module, train: Train = None, biases: bool = False) -> type[ModuleParam]:
        """A new type for the weights of a module; its knobs start at the module's weights of now.

        Every trained parameter is a matrix knob under its own name. Parameters of two or more axes get
        low-rank noise of rank 1 (a convolution's weight is seen as [out, in * kh * kw]), others
        full-rank noise. What is not trained is shared by all candidates and belongs to the program's
        fingerprint, with the module's code; results that a ledger holds for other weights are not taken.

        Args:
            module: in the mode it is to run in; call ``eval()`` first where dropout or batch
                normalization matter.
            train: the parameters that are learnt: ``None`` for all of two or more axes; a name or glob
                pattern such as ``"head.*"``, or a list of them; or ``test(name, tensor) -> bool``. A
                pattern and a test select biases and normalization parameters as well as matrices.
            biases: with ``train=None``, learn the parameters of fewer than two axes too. Each of them
                costs a population more time than a matrix does.

        Raises:
            SpaceError: nothing can be trained, a name that the module does not have, or weights that
                are not finite.
        """
        frozen = FrozenModule(module)
        names = chosen_names(frozen.parameters, _filter(train, biases), frozen.name)
        if not names:
            raise SpaceError(
                f"{frozen.name} has no trainable matrices under train={train!r}; give names out of "
                f"{', '.join(frozen.parameters) or 'none, for it has no parameters'}"
            )
        knobs = {name: _knob(name, frozen.parameters[name], frozen.name) for name in names}
        frozen.freeze(knobs)
        title = f"{cls.__name__}_{frozen.name}_{frozen.digest}"
        return type(title, (cls,), {"_frozen": frozen, "_knobs": knobs, "__module__": __name__})

    @classmethod
    def of(cls, values: Mapping[str, Any], function: str | None = None) -> Self:
        """The weights that a candidate holds.

        Args:
            values: a candidate, such as ``system.candidate`` or ``result.best``.
            function: the hyperfunction that has this group; needed only when several have.

        Raises:
            SpaceError: no function of the candidate has this group, or several have.
        """
        return cls(group_in(values, frozenset(cls._knobs), function, cls.__name__))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the module returns for these inputs under these weights."""
        return self._frozen(self._weights, args, kwargs)

    def write_to(self, module: nn.Module) -> None:
        """Copy these weights into a module that is built like the one the type was created from.

        Raises:
            SpaceError: a parameter is missing or has another shape; nothing is written then.
        """
        own = self._frozen.parameters
        write({name: value.reshape(own[name].shape) for name, value in self._values.items()}, module)

    @classmethod
    def __knobs__(cls) -> dict[str, Knob]:
        """One matrix knob per trained parameter; :func:`~hyperfunc.spaces.group_knobs` asks here."""
        if not cls._knobs:
            raise SpaceError("ModuleParam has no module; use a type made by ModuleParam.create(module)")
        return cls._knobs

    @classmethod
    def __build__(cls, values: Mapping[str, Any]) -> Self:
        """An instance from a candidate's values; :func:`~hyperfunc.spaces.build_group` asks here."""
        return cls(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    # As a mapping it would compare tensor by tensor, which has no one answer.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"


def chosen_names(known: Mapping[str, Tensor], train: Train, owner: str) -> list[str]:
    """The names that a filter selects, in the order of ``known``.

    Raises:
        SpaceError: a name that is not known, or a pattern that no name matches.
    """
    if callable(train):
        return [name for name, tensor in known.items() if train(name, tensor)]
    patterns = [train] if isinstance(train, str) else list(train or ())
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            hint = did_you_mean(pattern, known) or f"; it has {', '.join(known) or 'none'}"
            raise SpaceError(f"{owner} has nothing named {pattern!r} to train{hint}")
    return [name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _filter(train: Train, biases: bool) -> Train:
    if train is not None:
        return train
    return lambda _, tensor: tensor.is_floating_point() and (biases or tensor.ndim >= 2)


def _knob(name: str, parameter: Tensor, owner: str) -> Matrix:
    if not parameter.is_floating_point() or not parameter.numel():
        raise SpaceError(
            f"{name!r} of {owner} is a {parameter.dtype} of shape {tuple(parameter.shape)}; "
            "leave out of train what holds no real numbers"
        )
    start = parameter.detach().cpu().float()
    shape = tuple(start.shape) or (1,)
    return Matrix(shape, start.reshape(shape).numpy(), noise_rank=1 if len(shape) >= 2 else None)
