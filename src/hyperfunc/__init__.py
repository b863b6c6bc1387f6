"""hyperfunc trains compound AI systems: plain Python functions that call models, tools and each other.

Names resolve on first use, so importing the package loads the standard library only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hyperfunc.errors import HyperfuncError as HyperfuncError
    from hyperfunc.evaluation import (
        ContainsMatch as ContainsMatch,
        ExactMatch as ExactMatch,
        Example as Example,
        JSONFields as JSONFields,
        Scorer as Scorer,
        load_examples as load_examples,
        over_set as over_set,
        per_item as per_item,
    )
    from hyperfunc.ledger import Budget as Budget, Ledger as Ledger
    from hyperfunc.llm import llm_completion as llm_completion, register_client as register_client
    from hyperfunc.optimizers import (
        ESHybridSystemOptimizer as ESHybridSystemOptimizer,
        EditSearch as EditSearch,
        ExemplarSearch as ExemplarSearch,
        Grid as Grid,
        Joint as Joint,
        NoOpPromptOptimizer as NoOpPromptOptimizer,
        NoOpSystemOptimizer as NoOpSystemOptimizer,
        NumberSearch as NumberSearch,
        Random as Random,
        SNES as SNES,
        TorchEggrollSystemOptimizer as TorchEggrollSystemOptimizer,
    )
    from hyperfunc.program import (
        HyperFunction as HyperFunction,
        combine as combine,
        current_seed as current_seed,
        hyperfunction as hyperfunction,
        split as split,
    )
    from hyperfunc.runs import Callback as Callback, Evaluation as Evaluation
    from hyperfunc.runs.result import Result as Result
    from hyperfunc.spaces import (
        AdapterMeta as AdapterMeta,
        Candidate as Candidate,
        Choice as Choice,
        Exemplar as Exemplar,
        Exemplars as Exemplars,
        Integer as Integer,
        LMParam as LMParam,
        LoRAWeight as LoRAWeight,
        Matrix as Matrix,
        Real as Real,
        SamplerParam as SamplerParam,
        Space as Space,
        Text as Text,
    )
    from hyperfunc.system import HyperSystem as HyperSystem
    from hyperfunc.types import Failure as Failure, ScoreResult as ScoreResult

__version__ = "0.1.0.dev0"

# One name, one place. An alias is a line here, never a second class.
_HOMES = {
    "AdapterMeta": "spaces",
    "Budget": "ledger",
    "Callback": "runs",
    "Candidate": "spaces",
    "Choice": "spaces",
    "ContainsMatch": "evaluation",
    "ESHybridSystemOptimizer": "optimizers",
    "EditSearch": "optimizers",
    "Evaluation": "runs",
    "ExactMatch": "evaluation",
    "Example": "evaluation",
    "Exemplar": "spaces",
    "ExemplarSearch": "optimizers",
    "Exemplars": "spaces",
    "Failure": "types",
    "Grid": "optimizers",
    "HyperFunction": "program",
    "HyperSystem": "system",
    "HyperfuncError": "errors",
    "Integer": "spaces",
    "JSONFields": "evaluation",
    "Joint": "optimizers",
    "LMParam": "spaces",
    "Ledger": "ledger",
    "LoRAWeight": "spaces",
    "Matrix": "spaces",
    "NoOpPromptOptimizer": "optimizers",
    "NoOpSystemOptimizer": "optimizers",
    "NumberSearch": "optimizers",
    "Random": "optimizers",
    "Real": "spaces",
    "Result": "runs.result",
    "SNES": "optimizers",
    "SamplerParam": "spaces",
    "ScoreResult": "types",
    "Scorer": "evaluation",
    "Space": "spaces",
    "Text": "spaces",
    "TorchEggrollSystemOptimizer": "optimizers",
    "combine": "program",
    "current_seed": "program",
    "hyperfunction": "program",
    "llm_completion": "llm",
    "load_examples": "evaluation",
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
