"""``HyperSystem``: the façade people hold. It gathers hyperfunctions, declares a space, and runs."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hyperfunc.errors import DuplicateName, MissingInput, ProgramError, SpaceError, did_you_mean
from hyperfunc.evaluation.dataset import Example, as_examples
from hyperfunc.evaluation.metrics import as_metric
from hyperfunc.execution import Engine, Program, Settings
from hyperfunc.ledger import Ledger
from hyperfunc.program.binding import Binding, DirectFrame, current_frame, entered
from hyperfunc.program.discovery import reach
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.program.loops import finish
from hyperfunc.runs.folding import Evaluation, fold
from hyperfunc.spaces import Candidate, Knob, Population, Space
from hyperfunc.values import Values

if TYPE_CHECKING:
    from hyperfunc.hypermodel import HyperModel
    from hyperfunc.ledger.budget import Budget
    from hyperfunc.optimizers.base import Optimizer
    from hyperfunc.runs.callbacks import Callback
    from hyperfunc.runs.result import Result
    from hyperfunc.runs.stopping import StopCondition

__all__ = ["HyperSystem"]


class _OwnKnob:
    """A knob that a system class declares: reads as its value on an instance."""

    def __init__(self, name: str, knob: Knob) -> None:
        self.name = name
        self.knob = knob

    def __get__(self, system: HyperSystem | None, owner: type) -> Any:
        if system is None:
            return self.knob
        frame = current_frame()
        if frame is None or frame.binding.owner is not system:
            return system.candidate[self.name]
        return frame.knob(self.name)

    def __set__(self, system: HyperSystem, value: Any) -> None:
        system._values.write(self.name, value)


class HyperSystem:
    """A trainable program: hyperfunctions plus a ``run``.

    Subclass it with a ``run`` (sync or ``async``), or give functions and name one per example. A knob
    assigned in the class body is learnt as well and reads as its value on the instance::

        class Support(HyperSystem):
            threshold = Real(0, 1, default=0.5)

            async def run(self, ticket: str) -> str:
                team, sure = await route(ticket)
                return await reply(ticket, team) if sure > self.threshold else "a person will answer"

    Args:
        functions: hyperfunctions; those that ``run`` refers to are found by themselves.
        prompt_optimizer: what learns the texts; ``None`` is automatic.
        system_optimizer: what learns the numbers; ``None`` is automatic.
        ledger: a folder or file for everything that is paid; ``.hyperfunc/`` by default.

    Raises:
        DuplicateName: two functions share a name.
    """

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
        self.prompt_optimizer = None
        self.system_optimizer = None
        self.ledger = None
        return self

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

    def _check_name(self, fn: HyperFunction) -> None:
        taken = [n for n in self._values.space if n == fn.name or n.startswith(f"{fn.name}.")]
        if taken or "." in fn.name:
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
        return [] if type(self).run is HyperSystem.run else [type(self).run]

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

    # Running it

    def run(self, *args: Any, **inputs: Any) -> Any:
        """What one example runs; override it. Without one, the function an example names is called."""
        raise NotImplementedError

    def bind(self, candidate: Candidate) -> Binding:
        """The values of a candidate, laid out for the functions that take them."""
        return Binding(candidate, self._functions, self._admit, self)

    def _admit(self, fn: HyperFunction) -> Mapping[str, Any]:
        """A function that a run reached for the first time."""
        known = self._functions.get(fn.name)
        if known is fn:
            return fn.defaults
        if self._frozen and known is None:
            self._late.add(fn.name)
            return fn.defaults
        self.register_hyperfunction(fn)
        return fn.defaults

    def _entry(self, name: str | None) -> Callable[..., Any]:
        if self._roots():
            return self.run
        self._search()
        if name is not None:
            fn = self.get_hyperfunction(name)
        elif len(self._functions) == 1:
            fn = next(iter(self._functions.values()))
        else:
            raise ProgramError(
                f"this system has {len(self._functions)} functions and no run; name one in each "
                'example, Example("name", inputs, expected), or write a run'
            )
        return _awaiting(fn) if fn.is_async else fn

    def __call__(self, **inputs: Any) -> Any:
        """Run it once with its own values and return the result, from synchronous code."""
        entry = self._entry(None)
        binding = self._production()
        if inspect.iscoroutinefunction(entry):
            with entered(DirectFrame(binding)):
                return finish(entry(**inputs))
        with entered(DirectFrame(binding, waits=True)):
            return entry(**inputs)

    async def acall(self, **inputs: Any) -> Any:
        """Run it once with its own values, from code that runs an event loop."""
        entry = self._entry(None)
        binding = self._production()
        if inspect.iscoroutinefunction(entry):
            with entered(DirectFrame(binding)):
                return await entry(**inputs)
        from hyperfunc.program.policy import run_thread

        with entered(DirectFrame(binding, waits=True)):
            return await run_thread(partial(entry, **inputs))

    async def execute(self, inputs: Mapping[str, Any]) -> Any:
        """:meth:`acall` with the inputs as one mapping."""
        return await self.acall(**inputs)

    def _production(self) -> Binding:
        candidate = self.candidate
        known: tuple[Candidate, Binding] | None = self.__dict__.get("_bound")
        if known is None or known[0] is not candidate:
            known = self.__dict__["_bound"] = (candidate, self.bind(candidate))
        return known[1]

    def program(self) -> Program:
        """What a lane of this system runs."""
        self._search()
        roots = self._roots() or list(self._functions.values())
        hosts = any(not fn.is_async and not fn.inline for fn in self._functions.values())
        code = reach(roots, type(self)).fingerprint
        return Program(lambda example: self._entry(example.fn_name), code, hosts)

    def _checked(self, data: Iterable[Any]) -> tuple[Example, ...]:
        examples = as_examples(data)
        signatures: dict[str | None, tuple[frozenset[str], frozenset[str] | None]] = {}
        for number, example in enumerate(examples):
            name = example.fn_name
            if name not in signatures:
                entry = self._entry(name)
                fn = entry if isinstance(entry, HyperFunction) else self._functions.get(name or "")
                signatures[name] = _arguments(entry.fn if isinstance(entry, HyperFunction) else entry, fn)
            needed, allowed = signatures[name]
            _check_inputs(name or "run", needed, allowed, example, number)
        return examples

    # Judging it

    def evaluate(self, examples: Iterable[Any], metric: Any, **options: Any) -> Evaluation:
        """The value of the metric over the examples; see :meth:`aevaluate` for the options."""
        return finish(self.aevaluate(examples, metric, **options))

    def evaluate_population(
        self, candidates: Population | Sequence[Candidate | Mapping[str, Any]], examples: Iterable[Any],
        metric: Any, **options: Any,
    ) -> list[Evaluation]:  # fmt: skip
        """What :meth:`evaluate` gives for each candidate, at once; see :meth:`aevaluate`."""
        return finish(self.aevaluate_population(candidates, examples, metric, **options))

    async def aevaluate(
        self,
        examples: Iterable[Any],
        metric: Any,
        *,
        candidate: Candidate | Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Evaluation:
        """Run every example and judge the predictions. Nothing is changed by it.

        Args:
            examples: examples, or ``(inputs, expected)`` pairs.
            metric: a scorer, ``metric(example, pred)`` per item, or ``metric(preds, expected)`` over
                the set; higher is better.
            candidate: values to use instead of the system's own.
            options: ``repeats`` (each example that many times, each with its own luck), ``seed``,
                ``max_concurrency`` (calls in flight, 512), ``max_batch_size`` (lanes that live at
                once), ``timeout_s`` (of one lane), ``ledger`` (nothing is kept without one),
                ``execution`` (``"auto"`` or ``"plain"``).

        Returns:
            A float with ``.cells`` (one per lane), ``.failures`` and ``.missing``.

        Raises:
            DatasetError, MissingInput, MetricError, UnknownKnob, OutOfBounds: what was given is wrong.
            InfrastructureError: no cell could be filled.
        """
        chosen = self._as_candidate(candidate)
        return (await self.aevaluate_population([chosen], examples, metric, **options))[0]

    async def aevaluate_population(
        self,
        candidates: Population | Sequence[Candidate | Mapping[str, Any]],
        examples: Iterable[Any],
        metric: Any,
        *,
        repeats: int = 1,
        seed: int = 0,
        max_concurrency: int = 512,
        max_batch_size: int = 4096,
        timeout_s: float | None = None,
        execution: str = "auto",
        ledger: str | Path | Ledger | None = None,
    ) -> list[Evaluation]:
        """The async twin of :meth:`evaluate_population`; see :meth:`aevaluate` for the options."""
        if execution not in ("auto", "plain"):
            raise ProgramError(f'execution is "auto" or "plain", and got {execution!r}')
        if min(repeats, max_concurrency, max_batch_size) < 1:
            raise ProgramError("repeats, max_concurrency and max_batch_size are at least 1")
        judge = as_metric(metric)
        data = self._checked(examples)
        chosen = [self._as_candidate(c) for c in candidates]
        if not chosen:
            raise SpaceError("the population is empty; give at least one candidate")
        settings = Settings(seed, max_concurrency, max_batch_size, timeout_s)
        opened = Ledger.open(ledger) if isinstance(ledger, str | Path) else ledger
        try:
            engine = Engine(self.program(), settings, opened)
            bound = [(c.id, self.bind(c)) for c in chosen]
            rows = await engine.fill(bound, data, judge, repeats=range(repeats), origin="evaluate")
        finally:
            if opened is not None and opened is not ledger:
                opened.close()
        return [await fold(judge, row, data, repeats) for row in rows]

    # Training it

    def optimize(self, train: Iterable[Any], metric: Any, **options: Any) -> Result:
        """Train the system; see :meth:`aoptimize` for the options. Waits until it is done."""
        from hyperfunc.runs.loop import new_run_id

        options["run_id"] = options.get("run_id") or new_run_id()
        try:
            return finish(self.aoptimize(train, metric, **options))
        except KeyboardInterrupt as error:
            error.add_note(f"progress is kept; go on with run_id={options['run_id']!r}")
            raise

    async def aoptimize(
        self,
        train: Iterable[Any],
        metric: Any,
        *,
        validation: Iterable[Any] | None = None,
        budget: str | Budget | None = None,
        optimizer: Optimizer | None = None,
        seed: int = 0,
        ledger: str | Path | Ledger | None = None,
        run_id: str | None = None,
        max_concurrency: int = 512,
        callbacks: Sequence[Callback] = (),
        stop: Sequence[StopCondition] = (),
        notes: Mapping[str, Any] | None = None,
    ) -> Result:
        """Improve the system's values against the metric and leave the recommended ones in it.

        Args:
            train: examples to learn from.
            metric: as in :meth:`aevaluate`.
            validation: held-out examples, touched once at the end to confirm the winner against the
                start; about a third of ``train`` is held out when left out and there are enough.
            budget: such as ``"2000 calls, $5, 30 min"``; never exceeded.
            optimizer: overrides both slots of the system.
            seed: fixes every random choice.
            ledger: a folder or file; the system's, else ``.hyperfunc/``.
            run_id: of a run to go on with; a new one by default.
            max_concurrency: calls in flight at once.
            callbacks: told about every step.
            stop: conditions from :mod:`hyperfunc.runs.stopping` that may end it early.
            notes: JSON kept with the run.

        Returns:
            Best and start, both held-out scores, the gain with its interval, history and spend.

        Raises:
            BudgetTooSmall: the budget cannot pay one evaluation.
            ProgramError: nothing can be learnt, or no learnable function is reached.
        """
        from hyperfunc.runs.job import Job
        from hyperfunc.runs.loop import run_job

        held = None if validation is None else self._checked(validation)
        job = Job(
            system=self,
            train=self._checked(train),
            validation=held,
            metric=as_metric(metric),
            budget=budget,
            optimizer=optimizer,
            seed=seed,
            ledger=ledger if ledger is not None else self.ledger,
            run_id=run_id,
            settings=Settings(seed, max_concurrency),
            callbacks=tuple(callbacks),
            stop=tuple(stop),
            notes=dict(notes or {}),
        )
        self.fix_space(True)
        try:
            result = await run_job(job)
        finally:
            self.fix_space(False)
            late, self._late = self._late, set()
        if late:
            warnings.warn(
                f"reached only after the space was fixed, so run on defaults: {', '.join(sorted(late))}",
                stacklevel=2,
            )
        self.candidate = result.best
        return result

    # Keeping it

    def save(self, path: str | Path) -> None:
        """Write the values as JSON."""
        text = json.dumps({"hyperfunc": 1, "values": self.candidate.to_json()}, indent=2, ensure_ascii=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    def load(self, path: str | Path) -> None:
        """Read values that :meth:`save` or ``Result.export`` wrote; nothing in the file is executed.

        Raises:
            SpaceError: the file cannot be read or does not fit this system.
        """
        try:
            row = json.loads(Path(path).read_text(encoding="utf-8"))
            values = row["values"]
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise SpaceError(f"cannot read values from {path}: {exc}") from exc
        if not isinstance(values, dict):
            raise SpaceError(f"cannot read values from {path}: its values are no object")
        self.candidate = Candidate.from_json(self.space, values)


def _awaiting(fn: HyperFunction) -> Callable[..., Any]:
    async def run(**inputs: Any) -> Any:
        return await fn(**inputs)

    run.__signature__ = inspect.signature(fn.fn)  # type: ignore[attr-defined]
    return run


def _arguments(
    target: Callable[..., Any], fn: HyperFunction | None
) -> tuple[frozenset[str], frozenset[str] | None]:
    """Names that an example must give, and those it may give (``None``: any)."""
    parameters = inspect.signature(target).parameters
    injected = {"prompt", "exemplars", fn.hp_param} if fn is not None else set()
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    named = [p for p in parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    needed = frozenset(p.name for p in named if p.default is p.empty and p.name not in injected)
    return needed, None if open_ended else frozenset(p.name for p in named)


def _check_inputs(
    name: str, needed: frozenset[str], allowed: frozenset[str] | None, example: Example, number: int
) -> None:
    given = example.inputs.keys()
    missing = sorted(needed - given)
    extra = [] if allowed is None else sorted(given - allowed)
    if missing or extra:
        what = f"lacks the argument {missing[0]!r}" if missing else f"has an unknown argument {extra[0]!r}"
        raise MissingInput(f"example {number} {what} of {name}({', '.join(sorted(allowed or needed))})")


def _where(fn: HyperFunction) -> str:
    return f"{fn.fn.__module__}.{fn.fn.__qualname__}"
