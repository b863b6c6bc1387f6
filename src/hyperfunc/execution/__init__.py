"""How it runs: lanes of many candidates at once, under limits, with everything paid for kept."""

from .account import Account, Charge
from .engine import Engine, Program, Settings

__all__ = ["Account", "Charge", "Engine", "Program", "Settings"]
