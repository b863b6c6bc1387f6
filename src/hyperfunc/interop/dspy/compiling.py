"""``Hyperfunc``: training a program of DSPy with one call of ``compile``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import DatasetError, ProgramError
from hyperfunc.ledger import Budget
from hyperfunc.ledger.keys import content_key
from hyperfunc.optimizers.base import Optimizer

from .budgets import MetricCalls
from .details import details_of
from .library import library
from .plan import OptimizerFactory, Plan
from .proposing import instruction_proposer, register_reflection_lm
from .reflecting import reflective
from .system import DSPySystem, from_dspy

if TYPE_CHECKING:
    from hyperfunc.evaluation.dataset import Example
    from hyperfunc.evaluation.metrics import Metric
    from hyperfunc.runs.result import Result
    from hyperfunc.spaces import Knob

__all__ = ["Compiling"]


class Compiling:
    """Trains programs of DSPy.

    In DSPy it is a ``Teleprompter``, so that whatever watches compiles, such as ``mlflow.dspy.autolog``, sees
    those of this class, too. Exactly one of ``auto``, ``max_full_evals`` and ``max_metric_calls`` is given.

    Args:
        metric: ``metric(example, pred, trace=None)`` or ``metric(gold, pred, trace, pred_name,
            pred_trace)``; returns a bool, a number in [0, 1], or ``dspy.Prediction(score=, feedback=)``.
        auto: ``"light"``, ``"medium"`` or ``"heavy"``, as in ``dspy.GEPA``.
        max_full_evals: passes over the training and validation set together.
        max_metric_calls: evaluations of a program on an example; never exceeded.
        reflection_lm: a ``dspy.LM``, a function from a prompt to a text, or the name of a model of ours.
        instruction_proposer: ``(candidate, reflective_dataset, components_to_update) -> {name: text}``,
            asked instead of the reflection LM, which is current while it runs.
        optimizer: of this library, or a function from a :class:`Plan` to one; replaces the reflective
            optimizer.
        num_threads: programs that run at once; ``dspy.settings.num_threads`` by default.
        component_selector: which predictors a proposal rewrites: ``"round_robin"``, ``"all"``,
            ``"credit"``, or an object with ``choose`` as in :mod:`hyperfunc.optimizers`.
        candidate_selection_strategy: ``"pareto"`` or ``"current_best"``; the optimizer's own by default.
        reflection_minibatch_size: examples that one reflection sees; the optimizer's own by default.
        use_merge: unite what different lineages found.
        perfect_score: the score at which nothing is left to improve.
        demos: learn demonstrations from the training examples, too.
        config: call settings to learn, too, such as ``["temperature"]``. DSPy does not save them.
        track_stats: attach ``detailed_results`` to the compiled module.
        track_best_outputs: keep the best outputs in it.
        warn_on_score_mismatch: warn once if the metric scores differently for single predictors.
        log_dir: a folder for everything that is paid; a compile that was interrupted goes on from there.
            ``.hyperfunc/`` by default.
        seed: of every random choice.

    Raises:
        BudgetSyntax: not exactly one budget.
        ProgramError: settings that contradict each other.

    Example::

        optimizer = Hyperfunc(metric=metric, max_metric_calls=400, reflection_lm=dspy.LM("openai/gpt-5"))
        better = optimizer.compile(program, trainset=trainset, valset=valset)
        better.save("better.json")
    """

    def __init__(
        self,
        metric: Callable[..., Any],
        *,
        auto: str | None = None,
        max_full_evals: int | None = None,
        max_metric_calls: int | None = None,
        reflection_lm: Any = None,
        instruction_proposer: Callable[..., Any] | None = None,
        optimizer: Optimizer | OptimizerFactory | None = None,
        num_threads: int | None = None,
        component_selector: Any = "all",
        candidate_selection_strategy: str | None = None,
        reflection_minibatch_size: int | None = None,
        use_merge: bool = True,
        perfect_score: float = 1.0,
        demos: bool = False,
        config: Sequence[str] | Mapping[str, Knob | None] = (),
        track_stats: bool = False,
        track_best_outputs: bool = False,
        warn_on_score_mismatch: bool = True,
        log_dir: str | None = None,
        seed: int | None = 0,
    ) -> None:
        self.budget = MetricCalls(auto, max_full_evals, max_metric_calls)
        if track_best_outputs and not track_stats:
            raise ProgramError("track_best_outputs keeps outputs in detailed_results; give track_stats=True")
        if optimizer is None and reflection_lm is None and instruction_proposer is None:
            raise ProgramError("nobody writes instructions: give reflection_lm, or instruction_proposer")
        self.metric = metric
        self.reflection_lm = reflection_lm
        self.instruction_proposer = instruction_proposer
        self.optimizer = optimizer
        self.num_threads = num_threads
        self.component_selector = component_selector
        self.candidate_selection_strategy = candidate_selection_strategy
        self.reflection_minibatch_size = reflection_minibatch_size
        self.use_merge = use_merge
        self.perfect_score = perfect_score
        self.demos = demos
        self.config = config
        self.track_stats = track_stats
        self.track_best_outputs = track_best_outputs
        self.warn_on_score_mismatch = warn_on_score_mismatch
        self.log_dir = None if log_dir is None else str(log_dir)
        self.seed = seed or 0

    def compile(
        self, student: Any, *, trainset: Sequence[Any], teacher: Any = None,
        valset: Sequence[Any] | None = None, testset: Sequence[Any] | None = None,
    ) -> Any:  # fmt: skip
        """An improved copy of a program.

        Args:
            student: a ``dspy.Module``; it is not changed.
            trainset: examples to learn from.
            teacher: not used by this optimizer.
            valset: examples that candidates are compared on; the training examples when left out.
            testset: examples that nothing is learnt from: only if the 95 % interval of the gain on them lies
                above zero is the program changed. They cost metric calls of the same budget.

        Returns:
            A module of the student's class, saved and loaded as DSPy does it.

        Raises:
            DatasetError: no examples, or examples without input keys.
            BudgetTooSmall: the budget cannot pay the start.
        """
        if teacher is not None:
            raise ProgramError("this optimizer learns from the metric alone; leave out teacher")
        if not trainset:
            raise DatasetError("the trainset is empty; give at least one dspy.Example")
        system = from_dspy(student, examples=trainset, demos=self.demos, config=self.config)
        metric = system.metric(self.metric, warn_on_score_mismatch=self.warn_on_score_mismatch)
        train, validation = system.examples(trainset), system.examples(valset or ())
        result = self._train(system, metric, train, validation, system.examples(testset or ()))
        better = system.module(result.best)
        assert result.ledger is not None
        with result.ledger:
            if not self.track_stats:
                return better
            better.detailed_results = details_of(
                system, result, validation or train, metric, seed=self.seed, log_dir=self.log_dir,
                outputs=self.track_best_outputs,
            )  # fmt: skip
        return better

    def _train(
        self, system: DSPySystem, metric: Metric, train: tuple[Example, ...],
        validation: tuple[Example, ...], test: tuple[Example, ...],
    ) -> Result:  # fmt: skip
        count = self.budget.count(len(system.predictors), len(train), len(validation))
        return system.optimize(
            train,
            metric,
            validation=validation,
            test=test,
            budget=Budget(evaluations=count),
            optimizer=self._optimizer(),
            seed=self.seed,
            ledger=self.log_dir,
            run_id=self._run_id(system, metric, [train, validation, test], count),
            max_concurrency=self.num_threads or library().settings.num_threads,
            execution="plain",
        )

    def _optimizer(self) -> Optimizer:
        if isinstance(self.optimizer, Optimizer):
            return self.optimizer
        proposer = None
        if self.instruction_proposer is not None:
            proposer = instruction_proposer(self.instruction_proposer, self.reflection_lm)
        lm = self.reflection_lm
        plan = Plan(
            proposer=proposer,
            reflection_model=None if lm is None else register_reflection_lm(lm),
            component_selector=self.component_selector,
            candidate_selection=self.candidate_selection_strategy,
            use_merge=self.use_merge,
            minibatch_size=self.reflection_minibatch_size,
            perfect_score=self.perfect_score,
        )
        return (self.optimizer or reflective)(plan)

    def _run_id(self, system: DSPySystem, metric: Metric, examples: Any, count: int) -> str | None:
        """With a log_dir, the same compile has the same name, so that it goes on where it stopped."""
        if self.log_dir is None:
            return None
        keys = [[example.key for example in part] for part in examples]
        what = content_key(
            system.program().fingerprint, system.candidate.to_json(), metric.name, keys, count, self.seed
        )
        return f"dspy-{what[:16]}"
