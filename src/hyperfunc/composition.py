"""What a system is made of: its functions, their knobs in one space, and the values it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from hyperfunc.errors import DuplicateName, ProgramError, SpaceError, did_you_mean
from hyperfunc.program.binding import current_frame
from hyperfunc.program.discovery import plain_text, reach
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.spaces import Candidate, Knob, Space
from hyperfunc.values import Values

if TYPE_CHECKING:
    from pathlib import Path

    from hyperfunc.hypermodel import HyperModel
    from hyperfunc.ledger import Ledger
    from hyperfunc.optimizers.base import Optimizer

__all__ = ["Composition"]

_HOUSEKEEPING = ("candidate", "ledger", "prompt_optimizer", "system_optimizer")


class _OwnKnob:
    """A knob that a system class declares: reads as its value on an instance."""

    def __init__(self, name: str, knob: Knob) -> None:
        self.name = name
        self.knob = knob

    def __get__(self, system: Composition | None, owner: type) -> Any:
        if system is None:
            return self.knob
        frame = current_frame()
        if frame is None or frame.binding.owner is not system:
            return system.candidate[self.name]
        return frame.knob(self.name)

    def __set__(self, system: Composition, value: Any) -> None:
        system._values.write(self.name, value)


class Composition:
    """Functions, knobs and values; :class:`~hyperfunc.HyperSystem` makes a program of it."""

    _own: Mapping[str, Knob] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = dict(cls._own)
        for name, value in list(vars(cls).items()):
            if isinstance(value, Knob):
                own[name] = value
                setattr(cls, name, _OwnKnob(name, value))
        cls._own = own

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """An instance that works whatever a subclass's ``__init__`` does."""
        # Set up here, so that a subclass may write its own __init__ without calling this one's.
        self = super().__new__(cls)
        self._functions = {}
        self._values = Values(cls._own)
        self._frozen = False
        self._late = set()
        self._searched = False
        self.__dict__["_settings"] = {}
        self.prompt_optimizer = None
        self.system_optimizer = None
        self.ledger = None
        return self

    _settings: dict[str, Any]
    _functions: dict[str, HyperFunction]
    _values: Values
    _late: set[str]
    _frozen: bool
    _searched: bool
    prompt_optimizer: Optimizer | None
    system_optimizer: Optimizer | None
    ledger: str | Path | Ledger | None

    def __init__(
        self,
        functions: Iterable[HyperFunction] = (),
        *,
        prompt_optimizer: Optimizer | None = None,
        system_optimizer: Optimizer | None = None,
        ledger: str | Path | Ledger | None = None,
    ) -> None:
        self.prompt_optimizer = prompt_optimizer
        self.system_optimizer = system_optimizer
        self.ledger = ledger
        if isinstance(functions, HyperFunction):
            raise ProgramError(
                f"HyperSystem takes a list of functions; write HyperSystem([{functions.name}])"
            )
        for fn in functions:
            self.register_hyperfunction(fn)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if isinstance(value, HyperFunction):
            value.take_name(name, self._is_free)
        # What is set from outside steers the program; what a running program sets is its own affair.
        if not name.startswith("_") and name not in _HOUSEKEEPING and current_frame() is None:
            self._settings[name] = value

    def settings(self) -> str:
        """Text of the plain values that were set on the instance; a part of the program's fingerprint."""
        known = {n: plain_text(v) for n, v in sorted(self._settings.items()) if n not in self._own}
        return repr({name: text for name, text in known.items() if text is not None})

    # What is in it

    def register_hyperfunction(self, fn: HyperFunction, hp_init: Any = None) -> HyperFunction:
        """Add a function; one that is there already is fine.

        Args:
            fn: a hyperfunction.
            hp_init: start values of its parameter group: an instance of the group or a mapping.

        Raises:
            DuplicateName: another function has its name.
        """
        if not isinstance(fn, HyperFunction):
            raise ProgramError(f"{fn!r} is not a hyperfunction; decorate it with @hyperfunction")
        if all(fn is not each for each in self._functions.values()):
            fn.take_name(None, self._is_free)
        known = self._functions.get(fn.name)
        if known is None:
            self._check_name(fn)
            self._functions[fn.name] = fn
            self._values.grow(fn.knobs)
        elif known is not fn:
            raise DuplicateName(
                f"two functions are named {fn.name!r}: {_where(known)} and {_where(fn)}; "
                'give one another name with @hyperfunction(name="...")'
            )
        if hp_init is not None:
            prefix = f"{fn.name}.hp."
            fields = [n.removeprefix(prefix) for n in fn.knobs if n.startswith(prefix)]
            given = hp_init if isinstance(hp_init, Mapping) else {f: getattr(hp_init, f) for f in fields}
            self._values.put(self.candidate.replace({prefix + f: v for f, v in given.items()}))
        return fn

    def _is_free(self, name: str) -> bool:
        knobs = self._values.space
        return name not in self._functions and not any(n == name or n.startswith(f"{name}.") for n in knobs)

    def _check_name(self, fn: HyperFunction) -> None:
        if not self._is_free(fn.name) or "." in fn.name:
            raise DuplicateName(
                f"the name {fn.name!r} of {_where(fn)} clashes with a knob; rename the function"
            )

    def _search(self) -> None:
        """Register what ``run`` and the registered functions refer to."""
        if self._searched:
            return
        roots: list[Callable[..., Any]] = [*self._roots(), *self._functions.values()]
        for fn in reach(roots, type(self)).functions:
            self.register_hyperfunction(fn)
        self._searched = True

    def _roots(self) -> list[Callable[..., Any]]:
        """Where a program begins, when it is not one of the functions."""
        return []

    @property
    def hyperfunctions(self) -> tuple[HyperFunction, ...]:
        """The functions of this system, in order."""
        self._search()
        return tuple(self._functions.values())

    def get_hyperfunction(self, name: str) -> HyperFunction:
        """A function by name."""
        self._search()
        try:
            return self._functions[name]
        except KeyError:
            raise ProgramError(
                f"this system has no function {name!r}{did_you_mean(name, self._functions)}; "
                f"it has {', '.join(self._functions) or 'none'}"
            ) from None

    @property
    def space(self) -> Space:
        """Every knob by dotted name, such as ``route.hp.temperature``."""
        self._search()
        return self._values.space

    @property
    def learnable(self) -> frozenset[str]:
        """Names of the knobs that optimizers change by default."""
        self._search()
        names = {n for fn in self._functions.values() for n in fn.learnable}
        return frozenset(names | set(self._own))

    @property
    def own_knobs(self) -> frozenset[str]:
        """Names of the knobs that the class itself declares."""
        return frozenset(self._own)

    def fix_space(self, fixed: bool) -> None:
        """While it is fixed, a function reached for the first time runs on its defaults."""
        self._frozen = fixed

    @property
    def candidate(self) -> Candidate:
        """A snapshot of the values now."""
        self._search()
        return self._values.snapshot()

    @candidate.setter
    def candidate(self, candidate: Candidate | Mapping[str, Any]) -> None:
        self._search()
        self._values.put(self._as_candidate(candidate))

    def _as_candidate(self, candidate: Candidate | Mapping[str, Any] | None) -> Candidate:
        if candidate is None:
            return self.candidate
        if isinstance(candidate, Candidate) and candidate.space is self.space:
            return candidate
        if isinstance(candidate, Candidate):
            known = {n: candidate[n] for n in candidate if n in self.space}
            return self.space.candidate(known, base=self.candidate)
        if isinstance(candidate, Mapping):
            return self.candidate.replace(candidate)
        raise SpaceError(
            f"a candidate is a Candidate or a dict of knob values, and got {type(candidate).__name__}"
        )

    @property
    def model(self) -> HyperModel:
        """The numeric knobs as one flat torch parameter (``model.hp``, ``model.slices``)."""
        from hyperfunc.hypermodel import HyperModel

        self._search()
        known = self.__dict__.get("_model")
        if known is None:
            known = self.__dict__["_model"] = HyperModel(self._values)
        return known

    @property
    def hp_dim(self) -> int:
        """Length of the flat numeric vector."""
        return self.space.dim

    def get_hp_state(self) -> dict[str, Any]:
        """A copy of the numbers, as a float32 array per function."""
        flat, slices = self._values.flat, self.model.slices
        return {name: flat[part].copy() for name, part in slices.items()}

    def set_hp_state(self, state: Mapping[str, Any]) -> None:
        """Write numbers back that :meth:`get_hp_state` gave (arrays or torch tensors).

        Raises:
            SpaceError: an unknown function, or another number of values.
        """
        slices = self.model.slices
        vector = self._values.flat.copy()
        for name, numbers in state.items():
            part = slices.get(name)
            length = len(numbers)
            if part is None or length != part.stop - part.start:
                need = "no numbers" if part is None else f"{part.stop - part.start} numbers"
                raise SpaceError(f"the state has {length} numbers for {name!r}, and this system has {need}")
            vector[part] = [float(x) for x in numbers]
        self._values.put(self.space.unravel(vector, self.candidate))


def _where(fn: HyperFunction) -> str:
    return f"{fn.fn.__module__}.{fn.fn.__qualname__}"
