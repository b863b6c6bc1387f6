"""How it runs: lanes of many candidates at once, under limits, with everything paid for kept."""

from .account import Account, Charge
from .engine import Engine, Program, Settings
from .folding import Evaluation, Evaluations, Execution, fold
from .fused.fuser import Fuser

__all__ = [
    "Account",
    "Charge",
    "Engine",
    "Evaluation",
    "Evaluations",
    "Execution",
    "Fuser",
    "Program",
    "Settings",
    "fold",
]
