"""hyperfunc trains compound AI systems: plain Python functions that call models, tools and each other.

Names resolve on first use, so importing the package loads the standard library only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hyperfunc.analysis.comparison import compare as compare
    from hyperfunc.analysis.experiment import Experiment as Experiment
    from hyperfunc.analysis.gate import EvalGate as EvalGate
    from hyperfunc.errors import HyperfuncError as HyperfuncError
    from hyperfunc.evaluation import (
        ClassificationAccuracy as ClassificationAccuracy,
    )
    from hyperfunc.evaluation import (
        CompositeScorer as CompositeScorer,
    )
    from hyperfunc.evaluation import (
        ContainsMatch as ContainsMatch,
    )
    from hyperfunc.evaluation import (
        Dataset as Dataset,
    )
    from hyperfunc.evaluation import (
        ExactMatch as ExactMatch,
    )
    from hyperfunc.evaluation import (
        Example as Example,
    )
    from hyperfunc.evaluation import (
        FieldF1 as FieldF1,
    )
    from hyperfunc.evaluation import (
        JSONFields as JSONFields,
    )
    from hyperfunc.evaluation import (
        JSONSchemaMatch as JSONSchemaMatch,
    )
    from hyperfunc.evaluation import (
        NumericDistance as NumericDistance,
    )
    from hyperfunc.evaluation import (
        RegexMatch as RegexMatch,
    )
    from hyperfunc.evaluation import (
        Scorer as Scorer,
    )
    from hyperfunc.evaluation import (
        Trajectory as Trajectory,
    )
    from hyperfunc.evaluation import (
        batched_metric as batched_metric,
    )
    from hyperfunc.evaluation import (
        load_examples as load_examples,
    )
    from hyperfunc.evaluation import (
        over_set as over_set,
    )
    from hyperfunc.evaluation import (
        per_item as per_item,
    )
    from hyperfunc.evaluation.judges import (
        CodeCorrectnessJudge as CodeCorrectnessJudge,
    )
    from hyperfunc.evaluation.judges import (
        ConversationJudge as ConversationJudge,
    )
    from hyperfunc.evaluation.judges import (
        CreativeWritingJudge as CreativeWritingJudge,
    )
    from hyperfunc.evaluation.judges import (
        Criterion as Criterion,
    )
    from hyperfunc.evaluation.judges import (
        FactualAccuracyJudge as FactualAccuracyJudge,
    )
    from hyperfunc.evaluation.judges import (
        InstructionFollowingJudge as InstructionFollowingJudge,
    )
    from hyperfunc.evaluation.judges import (
        JudgePanel as JudgePanel,
    )
    from hyperfunc.evaluation.judges import (
        LLMJudge as LLMJudge,
    )
    from hyperfunc.evaluation.judges import (
        PairwiseJudge as PairwiseJudge,
    )
    from hyperfunc.evaluation.judges import (
        Rubric as Rubric,
    )
    from hyperfunc.evaluation.judges import (
        SummarizationJudge as SummarizationJudge,
    )
    from hyperfunc.execution import Evaluation as Evaluation
    from hyperfunc.execution import Evaluations as Evaluations
    from hyperfunc.ledger import Budget as Budget
    from hyperfunc.ledger import Ledger as Ledger
    from hyperfunc.llm import llm_completion as llm_completion
    from hyperfunc.llm import register_client as register_client
    from hyperfunc.llm.factory import make_llm_completion as make_llm_completion
    from hyperfunc.llm.limiter import AdaptiveRateLimiter as AdaptiveRateLimiter
    from hyperfunc.optimizers import (
        SNES as SNES,
    )
    from hyperfunc.optimizers import (
        EditSearch as EditSearch,
    )
    from hyperfunc.optimizers import (
        Eggroll as Eggroll,
    )
    from hyperfunc.optimizers import (
        ESHybridSystemOptimizer as ESHybridSystemOptimizer,
    )
    from hyperfunc.optimizers import (
        ExemplarSearch as ExemplarSearch,
    )
    from hyperfunc.optimizers import (
        GEPAPromptOptimizer as GEPAPromptOptimizer,
    )
    from hyperfunc.optimizers import (
        Grid as Grid,
    )
    from hyperfunc.optimizers import (
        Joint as Joint,
    )
    from hyperfunc.optimizers import (
        NoOpPromptOptimizer as NoOpPromptOptimizer,
    )
    from hyperfunc.optimizers import (
        NoOpSystemOptimizer as NoOpSystemOptimizer,
    )
    from hyperfunc.optimizers import (
        NumberSearch as NumberSearch,
    )
    from hyperfunc.optimizers import (
        PromptLearningOptimizer as PromptLearningOptimizer,
    )
    from hyperfunc.optimizers import (
        Racing as Racing,
    )
    from hyperfunc.optimizers import (
        Random as Random,
    )
    from hyperfunc.optimizers import (
        Reflective as Reflective,
    )
    from hyperfunc.optimizers import (
        Search as Search,
    )
    from hyperfunc.optimizers import (
        SurrogateES as SurrogateES,
    )
    from hyperfunc.optimizers import (
        TorchEggrollSystemOptimizer as TorchEggrollSystemOptimizer,
    )
    from hyperfunc.program import (
        CallGraph as CallGraph,
    )
    from hyperfunc.program import (
        HyperFunction as HyperFunction,
    )
    from hyperfunc.program import (
        combine as combine,
    )
    from hyperfunc.program import (
        current_seed as current_seed,
    )
    from hyperfunc.program import (
        hyperfunction as hyperfunction,
    )
    from hyperfunc.program import (
        split as split,
    )
    from hyperfunc.runs import Callback as Callback
    from hyperfunc.runs.result import Result as Result
    from hyperfunc.signatures import InputField as InputField
    from hyperfunc.signatures import OutputField as OutputField
    from hyperfunc.signatures import Predict as Predict
    from hyperfunc.signatures import Signature as Signature
    from hyperfunc.spaces import (
        AdapterMeta as AdapterMeta,
    )
    from hyperfunc.spaces import (
        Candidate as Candidate,
    )
    from hyperfunc.spaces import (
        Choice as Choice,
    )
    from hyperfunc.spaces import (
        Exemplar as Exemplar,
    )
    from hyperfunc.spaces import (
        Exemplars as Exemplars,
    )
    from hyperfunc.spaces import (
        Integer as Integer,
    )
    from hyperfunc.spaces import (
        LMParam as LMParam,
    )
    from hyperfunc.spaces import (
        LoRAWeight as LoRAWeight,
    )
    from hyperfunc.spaces import (
        Matrix as Matrix,
    )
    from hyperfunc.spaces import (
        Real as Real,
    )
    from hyperfunc.spaces import (
        SamplerParam as SamplerParam,
    )
    from hyperfunc.spaces import (
        Space as Space,
    )
    from hyperfunc.spaces import (
        Text as Text,
    )
    from hyperfunc.spaces.adapters import LoRAAdapter as LoRAAdapter
    from hyperfunc.spaces.modules import ModuleParam as ModuleParam
    from hyperfunc.system import HyperSystem as HyperSystem
    from hyperfunc.torch_es import TorchEggrollES as TorchEggrollES
    from hyperfunc.types import Failure as Failure
    from hyperfunc.types import ScoreResult as ScoreResult

__version__ = "0.1.0.dev0"

# One name, one place. An alias is a line here, never a second class.
_HOMES = {
    "AdapterMeta": "spaces",
    "AdaptiveRateLimiter": "llm.limiter",
    "Budget": "ledger",
    "CallGraph": "program",
    "Callback": "runs",
    "Candidate": "spaces",
    "Choice": "spaces",
    "ClassificationAccuracy": "evaluation",
    "CodeCorrectnessJudge": "evaluation.judges",
    "CompositeScorer": "evaluation",
    "ContainsMatch": "evaluation",
    "ConversationJudge": "evaluation.judges",
    "CreativeWritingJudge": "evaluation.judges",
    "Criterion": "evaluation.judges",
    "Dataset": "evaluation",
    "ESHybridSystemOptimizer": "optimizers",
    "EditSearch": "optimizers",
    "Eggroll": "optimizers",
    "EvalGate": "analysis.gate",
    "Evaluation": "execution",
    "Evaluations": "execution",
    "ExactMatch": "evaluation",
    "Example": "evaluation",
    "Exemplar": "spaces",
    "ExemplarSearch": "optimizers",
    "Exemplars": "spaces",
    "Experiment": "analysis.experiment",
    "FactualAccuracyJudge": "evaluation.judges",
    "Failure": "types",
    "FieldF1": "evaluation",
    "GEPAPromptOptimizer": "optimizers",
    "Grid": "optimizers",
    "HyperFunction": "program",
    "HyperSystem": "system",
    "HyperfuncError": "errors",
    "InstructionFollowingJudge": "evaluation.judges",
    "InputField": "signatures",
    "Integer": "spaces",
    "JSONFields": "evaluation",
    "JSONSchemaMatch": "evaluation",
    "Joint": "optimizers",
    "JudgePanel": "evaluation.judges",
    "LLMJudge": "evaluation.judges",
    "LMParam": "spaces",
    "Ledger": "ledger",
    "LoRAAdapter": "spaces.adapters",
    "LoRAWeight": "spaces",
    "Matrix": "spaces",
    "ModuleParam": "spaces.modules",
    "NoOpPromptOptimizer": "optimizers",
    "NoOpSystemOptimizer": "optimizers",
    "NumberSearch": "optimizers",
    "NumericDistance": "evaluation",
    "OutputField": "signatures",
    "PairwiseJudge": "evaluation.judges",
    "Predict": "signatures",
    "PromptLearningOptimizer": "optimizers",
    "Racing": "optimizers",
    "Random": "optimizers",
    "Real": "spaces",
    "RegexMatch": "evaluation",
    "Result": "runs.result",
    "Rubric": "evaluation.judges",
    "Reflective": "optimizers",
    "SNES": "optimizers",
    "SamplerParam": "spaces",
    "ScoreResult": "types",
    "Scorer": "evaluation",
    "Search": "optimizers",
    "Signature": "signatures",
    "Space": "spaces",
    "SummarizationJudge": "evaluation.judges",
    "SurrogateES": "optimizers",
    "Text": "spaces",
    "TorchEggrollES": "torch_es",
    "TorchEggrollSystemOptimizer": "optimizers",
    "Trajectory": "evaluation",
    "batched_metric": "evaluation",
    "combine": "program",
    "compare": "analysis.comparison",
    "current_seed": "program",
    "hyperfunction": "program",
    "llm_completion": "llm",
    "load_examples": "evaluation",
    "make_llm_completion": "llm.factory",
    "over_set": "evaluation",
    "per_item": "evaluation",
    "register_client": "llm",
    "split": "program",
}

__all__ = [  # noqa: PLE0604 - the table is the one list of names
    "__version__",
    *_HOMES,
]


def __getattr__(name: str) -> Any:
    try:
        module = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'hyperfunc' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f"hyperfunc.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
