"""``HyperSystem``: the façade people hold. It runs, is judged, and is trained."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import MetricError, MissingInput, ProgramError, SpaceError
from hyperfunc.evaluating import Evaluating, settings_of
from hyperfunc.evaluation.dataset import Dataset, Example, Sealed, as_examples
from hyperfunc.evaluation.metrics import as_metric, over_set
from hyperfunc.execution import Evaluation, Evaluations, Fuser, Program
from hyperfunc.keeping import Keeping
from hyperfunc.ledger import Ledger
from hyperfunc.ledger.keys import content_key
from hyperfunc.program.binding import Binding, DirectFrame, entered
from hyperfunc.program.discovery import reach
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.program.loops import finish
from hyperfunc.spaces import Candidate, Population

if TYPE_CHECKING:
    from hyperfunc.analysis.experiment import Experiment
    from hyperfunc.ledger.budget import Budget
    from hyperfunc.optimizers.base import Optimizer
    from hyperfunc.program.graph import CallGraph
    from hyperfunc.runs.callbacks import Callback
    from hyperfunc.runs.result import Result
    from hyperfunc.runs.stopping import StopCondition

__all__ = ["HyperSystem"]


class HyperSystem(Keeping):
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

    def _roots(self) -> list[Callable[..., Any]]:
        return [] if type(self).run is HyperSystem.run else [type(self).run]

    # Running it

    def run(self, *args: Any, **inputs: Any) -> Any:
        """What one example runs; override it. Without one, the function an example names is called."""
        raise NotImplementedError

    def bind(self, values: Mapping[str, Any]) -> Binding:
        """Values of a candidate, laid out for the functions that take them."""
        return Binding(values, self._functions, self._admit, self)

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
        fn = self._named(name)
        return _awaiting(fn) if fn.is_async else fn

    def _named(self, name: str | None) -> HyperFunction:
        """The function that an example of a system without ``run`` means."""
        if name is not None:
            return self.get_hyperfunction(name)
        if len(self._functions) == 1:
            return next(iter(self._functions.values()))
        raise ProgramError(
            f"this system has {len(self._functions)} functions and no run; name one in each "
            'example, Example("name", inputs, expected), or write a run'
        )

    def __call__(self, **inputs: Any) -> Any:
        """Run it once with its own values and return the result, from synchronous code."""
        entry = self._entry(None)
        binding = self._production()
        if inspect.iscoroutinefunction(entry):
            with entered(DirectFrame(binding, made={})):
                return finish(entry(**inputs))
        with entered(DirectFrame(binding, waits=True, made={})):
            return entry(**inputs)

    async def acall(self, **inputs: Any) -> Any:
        """Run it once with its own values, from code that runs an event loop."""
        entry = self._entry(None)
        binding = self._production()
        if inspect.iscoroutinefunction(entry):
            with entered(DirectFrame(binding, made={})):
                return await entry(**inputs)
        from hyperfunc.program.policy import run_thread

        with entered(DirectFrame(binding, waits=True, made={})):
            return await run_thread(functools.partial(entry, **inputs))

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
        return Program(
            self._entry_of, lambda: content_key(reach(roots, type(self)).fingerprint, self.settings()),
            hosts, self.bind, self._fuser(),
        )  # fmt: skip

    def _entry_of(self, example: Example) -> Callable[..., Any]:
        return self._entry(example.fn_name)

    def _fuser(self) -> Fuser:
        """What runs it at once; it remembers what it found out as long as the functions are the same."""
        functions = tuple(self._functions.values())
        known: tuple[Any, Fuser] | None = self.__dict__.get("_fused")
        if known is None or known[0] != functions:
            known = self.__dict__["_fused"] = (functions, Fuser(self._entry_of, functions, self.bind))
        return known[1]

    def _checked(self, data: Iterable[Any]) -> tuple[Example, ...]:
        examples = as_examples(data)
        # Most examples are alike, so each kind of them is checked once.
        kinds: dict[tuple[Any, ...], int] = {}
        for number, example in enumerate(examples):
            kinds.setdefault((example.fn_name, *example.inputs), number)
        for (name, *_), number in kinds.items():
            entry = self._entry(name)
            fn = None if self._roots() else self._named(name)
            target = fn.fn if fn is not None else getattr(entry, "__func__", entry)
            needed, allowed = _arguments(target, fn, target is not entry and fn is None)
            _check_inputs(name or "run", needed, allowed, examples[number], number)
        return examples

    # Judging it

    def evaluate(self, examples: Iterable[Any], metric: Any, **options: Any) -> Evaluation:
        """The value of the metric over the examples; see :meth:`aevaluate` for the options."""
        chosen = self._as_candidate(options.pop("candidate", None))
        return self.evaluate_population([chosen], examples, metric, **options)[0]

    def evaluate_population(
        self, candidates: Population | Sequence[Candidate | Mapping[str, Any]], examples: Iterable[Any],
        metric: Any, **options: Any,
    ) -> Evaluations:  # fmt: skip
        """What :meth:`evaluate` gives for each candidate, at once; see :meth:`aevaluate`."""
        work = self._evaluating(candidates, examples, metric, **options)
        done = work.now()
        return finish(work.later()) if done is None else done

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
            metric: a scorer, ``metric(example, pred)`` per item, ``metric(preds, expected)`` over the
                set, or a :func:`~hyperfunc.batched_metric`; higher is better. A metric of one item that
                requires ``trace`` judges the calls of its lane, too, and has every lane traced.
            candidate: values to use instead of the system's own.
            options: ``repeats`` (each example that many times, each with its own luck), ``seed``,
                ``max_concurrency`` (calls in flight, 512), ``max_batch_size`` (lanes that live at
                once), ``timeout_s`` (of one lane), ``ledger`` (nothing is kept without one),
                ``execution`` (``"auto"``, or the fastest mode allowed: ``"fused"``, ``"waves"``,
                ``"plain"``), ``device`` (where batches of tensors run) and ``collect_trace`` (record
                each lane's calls: ``.traces`` of the result; every lane then runs on its own, makes
                all of its calls, and none is taken from the ledger).

        Returns:
            A float with ``.cells`` (one per lane), ``.failures``, ``.missing`` and ``.execution``, which
            says how it was run and why not faster.

        Raises:
            DatasetError, MissingInput, MetricError, UnknownKnob, OutOfBounds: what was given is wrong.
            InfrastructureError: no cell could be filled.
        """
        chosen = self._as_candidate(candidate)
        return (await self.aevaluate_population([chosen], examples, metric, **options))[0]

    async def aevaluate_population(
        self, candidates: Population | Sequence[Candidate | Mapping[str, Any]], examples: Iterable[Any],
        metric: Any, **options: Any,
    ) -> Evaluations:  # fmt: skip
        """The async twin of :meth:`evaluate_population`; see :meth:`aevaluate` for the options."""
        work = self._evaluating(candidates, examples, metric, **options)
        done = work.now()
        return await work.later() if done is None else done

    def experiment(self, examples: Iterable[Any], metric: Any, **options: Any) -> Experiment:
        """Evaluate and record it, for comparisons and gates; see :meth:`aexperiment` for the options."""
        return finish(self.aexperiment(examples, metric, **options))

    async def aexperiment(
        self,
        examples: Iterable[Any],
        metric: Any,
        *,
        name: str = "",
        candidate: Candidate | Mapping[str, Any] | None = None,
        repeats: int = 1,
        budget: str | Budget | None = None,
        ledger: str | Path | Ledger | None = None,
        **options: Any,
    ) -> Experiment:
        """Evaluate the system and keep the scores in the ledger, where others can be held against them.

        A second experiment that differs in nothing pays for nothing: the ledger has its cells.

        Args:
            examples: as in :meth:`aevaluate`; ones that the values were not learnt from.
            metric: as in :meth:`aevaluate`. Comparisons need one of single examples.
            name: yours, such as that of a branch; the newest experiment of a name is found by it.
            candidate: values to use instead of the system's own.
            repeats: how often each example is run, each time under its own luck; an example's score is the
                mean.
            budget: such as ``"2000 calls, $5"``; never exceeded.
            ledger: a folder or file; the system's, else ``.hyperfunc/``.
            options: ``seed``, ``max_concurrency``, ``max_batch_size``, ``timeout_s``, ``execution`` and
                ``device``, as in :meth:`aevaluate`.

        Returns:
            The record: ``.score`` with its interval, ``.cells`` by example, ``.compare(other)``.

        Raises:
            BudgetTooSmall: the budget does not pay all examples.
            EvidenceError: a name that means something else.
            InfrastructureError: no example could be scored.
        """
        from hyperfunc.analysis.experiment.record import checked_name
        from hyperfunc.ledger.budget import Budget
        from hyperfunc.runs.experimenting import Plan, run_experiment

        if repeats < 1:
            raise ProgramError(f"repeats is {repeats}; give at least 1")
        plan = Plan(
            system=self,
            values=lambda: self._as_candidate(candidate),
            examples=self._checked(examples),
            metric=as_metric(metric),
            name=checked_name(name),
            repeats=repeats,
            budget=Budget.parse(budget) if budget is not None else Budget(),
            settings=settings_of(**options),
            ledger=ledger if ledger is not None else self.ledger,
        )
        return await run_experiment(plan)

    def _evaluating(
        self, candidates: Population | Sequence[Candidate | Mapping[str, Any]], examples: Iterable[Any],
        metric: Any, *, repeats: int = 1, ledger: str | Path | Ledger | None = None, **options: Any,
    ) -> Evaluating:  # fmt: skip
        judge, settings = as_metric(metric), settings_of(**options)
        data = self._checked(examples)
        chosen: Population | list[Candidate]
        if isinstance(candidates, Population):
            chosen = self._as_population(candidates)
        else:
            chosen = [self._as_candidate(c) for c in candidates]
        return Evaluating(self.program, chosen, data, judge, repeats, settings, ledger)

    def _as_population(self, population: Population) -> Population:
        if population.space is self.space:
            return population
        base = self._as_candidate(population.base)
        known = {n: column for n, column in population.columns.items() if n in self.space}
        if not known:
            raise SpaceError("no column of this population is a knob of this system")
        return self.space.population(known, base, population.throwaway)

    def trace_run(self, inputs: Mapping[str, Any] | Example | None = None, /, **named: Any) -> CallGraph:
        """Run one example with the system's own values and return what it did; see :meth:`atrace_run`."""
        return finish(self.atrace_run(inputs, **named))

    async def atrace_run(
        self, inputs: Mapping[str, Any] | Example | None = None, /, **named: Any
    ) -> CallGraph:  # fmt: skip
        """Run one example with the system's own values and return what it did.

        The program sees real values and its run is that of an evaluation lane, except that every call is
        made, equal ones too, and that texts and numbers of the inputs are equal copies.

        Args:
            inputs: of ``run``, as a mapping or an example.
            named: the same by keyword.

        Returns:
            Calls in order, the data that flows between them, and ``stages()``. When the program fails,
            the graph up to there with its ``error`` set; nothing is raised for it.

        Raises:
            MissingInput: inputs lack an argument or have an unknown one.

        Example::

            graph = system.trace_run(ticket="My parcel is lost")
            [[call.name for call in stage] for stage in graph.stages()]
        """
        given = inputs if isinstance(inputs, Example) else Example({**(inputs or {}), **named}, None)
        if isinstance(inputs, Example) and named:
            raise ProgramError("trace_run takes an example or inputs by keyword, and got both")
        metric = over_set(lambda preds, expected: 0.0)
        work = self._evaluating([self.candidate], [given], metric, execution="plain", collect_trace=True)
        return (await work.traces())[0]

    # Training it

    def optimize(self, train: Iterable[Any], metric: Any = None, **options: Any) -> Result:
        """Train the system; see :meth:`aoptimize` for the options. Waits until it is done."""
        from hyperfunc.runs.everywhere import with_watchers
        from hyperfunc.runs.loop import new_run_id

        # Here, in the caller's thread: under a running loop the run has a thread of its own.
        options["callbacks"] = with_watchers(options.get("callbacks"))
        options["run_id"] = options.get("run_id") or new_run_id()
        try:
            return finish(self.aoptimize(train, metric, **options))
        except KeyboardInterrupt as error:
            if not getattr(error, "__notes__", None):
                error.add_note(f"progress is kept; go on with run_id={options['run_id']!r}")
            raise

    def _scorer(self, optimizer: Optimizer | None) -> Any:
        """The metric of an optimizer that has one."""
        for each in (optimizer, self.prompt_optimizer):
            if (scorer := getattr(each, "scorer", None)) is not None:
                return scorer
        raise MetricError("optimize needs a metric: optimize(train, metric), or an optimizer with a scorer")

    async def aoptimize(
        self,
        train: Iterable[Any],
        metric: Any = None,
        *,
        validation: Iterable[Any] = (),
        test: Iterable[Any] | Sealed | None = None,
        budget: str | Budget | None = None,
        optimizer: Optimizer | None = None,
        seed: int = 0,
        ledger: str | Path | Ledger | None = None,
        run_id: str | None = None,
        max_concurrency: int = 512,
        max_batch_size: int | None = None,
        execution: str = "auto",
        device: str = "auto",
        timeout_s: float | None = None,
        callbacks: Sequence[Callback] | None = None,
        stop: Sequence[StopCondition] = (),
        notes: Mapping[str, Any] | None = None,
        aa: bool = False,
    ) -> Result:
        """Improve the system's values against the metric and leave the recommended ones in it.

        Args:
            train: examples to learn from.
            metric: as in :meth:`aevaluate`; the ``scorer`` of the optimizer when it is left out.
            validation: further examples that the search may look at, such as those on which a reflective
                optimizer compares its candidates; other optimizers learn from them, too.
            test: held-out examples, sealed until the end and read once, for the certificate; about a third
                of ``train`` is sealed when left out and there are enough. With an empty list nothing is
                held out, and nothing is certified.
            budget: such as ``"2000 calls, $5, 30 min"``; never exceeded.
            optimizer: overrides both slots of the system.
            seed: fixes every random choice.
            ledger: a folder or file; the system's, else ``.hyperfunc/``.
            run_id: of a run to go on with; a new one by default.
            max_concurrency: calls in flight at once.
            max_batch_size: lanes that live at once; automatic by default.
            execution: ``"auto"``, or the fastest mode allowed: ``"fused"``, ``"waves"``, ``"plain"``.
            device: where batches of tensors run; automatic by default.
            timeout_s: seconds that one run of the program on one example may take; it fails after that.
            callbacks: told about every step, and after them those of
                :func:`~hyperfunc.runs.watch_every_run`; left out, a line at the foot of a terminal shows how
                the run stands, and with ``()`` nothing does.
            stop: conditions from :mod:`hyperfunc.runs.stopping` that may end it early.
            notes: JSON kept with the run.
            aa: first run the start against a copy of itself under other luck, and report what differs.

        Returns:
            Best and start, both held-out scores, the gain with its interval, history and spend.

        Raises:
            BudgetTooSmall: the budget cannot pay one evaluation.
            ProgramError: nothing can be learnt, no learnable function is reached, or ``optimizer`` is none.
        """
        from hyperfunc.runs.everywhere import with_watchers
        from hyperfunc.runs.job import Job
        from hyperfunc.runs.loop import run_job

        _refuse_unless_optimizer(optimizer)
        sealed = test if isinstance(test, Sealed) or test is None else _sealed(test)
        if sealed is not None and sealed.size:
            sealed.check(self._checked)
        given = tuple(validation)
        job = Job(
            system=self,
            train=self._checked(train),
            validation=self._checked(given) if given else (),
            test=sealed,
            metric=as_metric(self._scorer(optimizer) if metric is None else metric),
            budget=budget,
            optimizer=optimizer,
            seed=seed,
            ledger=ledger if ledger is not None else self.ledger,
            run_id=run_id,
            settings=settings_of(
                seed=seed,
                max_concurrency=max_concurrency,
                max_batch_size=max_batch_size,
                execution=execution,
                device=device,
                timeout_s=timeout_s,
            ),
            callbacks=tuple(with_watchers(callbacks)),
            stop=tuple(stop),
            notes=dict(notes or {}),
            self_test=aa,
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


def _sealed(test: Iterable[Any]) -> Sealed:
    examples = tuple(test)
    return Sealed(Dataset(examples) if examples else Dataset.part(()))


def _awaiting(fn: HyperFunction) -> Callable[..., Any]:
    async def run(**inputs: Any) -> Any:
        return await fn(**inputs)

    run.__signature__ = inspect.signature(fn.fn)  # type: ignore[attr-defined]
    return run


@functools.lru_cache(maxsize=256)
def _arguments(
    target: Callable[..., Any], fn: HyperFunction | None, bound: bool
) -> tuple[frozenset[str], frozenset[str] | None]:
    """Names that an example must give, and those it may give (``None``: any)."""
    parameters = list(inspect.signature(target).parameters.values())[bound:]
    injected = {"prompt", "exemplars", fn.hp_param} if fn is not None else set()
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    needed = frozenset(p.name for p in named if p.default is p.empty and p.name not in injected)
    return needed, None if open_ended else frozenset(p.name for p in named)


def _check_inputs(
    name: str, needed: frozenset[str], allowed: frozenset[str] | None, example: Example, number: int
) -> None:
    given = example.inputs.keys()
    if needed <= given and (allowed is None or given <= allowed):
        return
    missing = sorted(needed - given)
    extra = [] if allowed is None else sorted(given - allowed)
    what = f"lacks the argument {missing[0]!r}" if missing else f"has an unknown argument {extra[0]!r}"
    raise MissingInput(f"example {number} {what} of {name}({', '.join(sorted(allowed or needed))})")


def _refuse_unless_optimizer(given: Any) -> None:
    from hyperfunc.optimizers.base import Optimizer
    from hyperfunc.optimizers.search import Scheduler

    if given is None or isinstance(given, Optimizer):
        return
    shown = repr(given)[:80]
    if isinstance(given, Scheduler):
        raise ProgramError(
            f"optimizer={shown} is a scheduler, which says on what candidates are tried and not which; give "
            f"both parts: Search(Bayesian(), {shown})"
        )
    raise ProgramError(
        f"optimizer={shown} is no optimizer; give an object of hyperfunc.optimizers such as Bayesian(), or "
        "leave it out to have one chosen"
    )
