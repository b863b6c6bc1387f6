"""MLflow: runs, prompts and artefacts are logged there; nothing is imported or sent until it is asked for.

``HyperfuncPromptOptimizer`` is in ``hyperfunc.interop.mlflow.prompt_optimizer``, which imports MLflow.
"""

from .autologging import autolog

__all__ = ["autolog"]
