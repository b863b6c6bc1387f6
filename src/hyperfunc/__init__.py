"""hyperfunc trains compound AI systems: plain Python functions that call models, tools and each other.

Names resolve on first use, so importing the package loads the standard library only.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

# One name, one place. An alias is a line here, never a second class.
_EXPORTS = {
    "AdapterMeta": "spaces",
    "Budget": "ledger",
    "Candidate": "spaces",
    "Choice": "spaces",
    "ContainsMatch": "evaluation",
    "ExactMatch": "evaluation",
    "Example": "evaluation",
    "Exemplar": "spaces",
    "Exemplars": "spaces",
    "Failure": "types",
    "HyperFunction": "program",
    "HyperSystem": "system",
    "HyperfuncError": "errors",
    "Integer": "spaces",
    "JSONFields": "evaluation",
    "LMParam": "spaces",
    "Ledger": "ledger",
    "LoRAWeight": "spaces",
    "Matrix": "spaces",
    "Real": "spaces",
    "Result": "runs.result",
    "SamplerParam": "spaces",
    "ScoreResult": "types",
    "Scorer": "evaluation",
    "Space": "spaces",
    "Text": "spaces",
    "combine": "program",
    "current_seed": "program",
    "hyperfunction": "program",
    "llm_completion": "llm",
    "load_examples": "evaluation",
    "over_set": "evaluation",
    "per_item": "evaluation",
    "register_client": "llm",
    "split": "program",
    "ESHybridSystemOptimizer": "optimizers",
    "NoOpPromptOptimizer": "optimizers",
    "NoOpSystemOptimizer": "optimizers",
    "TorchEggrollSystemOptimizer": "optimizers",
}

__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str) -> Any:
    try:
        module = _EXPORTS[name]
    except KeyError:
        raise AttributeError(f"module 'hyperfunc' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f"hyperfunc.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
