"""Python code of others, run in a process of its own under limits."""

from .running import Outcome, Sandbox

__all__ = ["Outcome", "Sandbox"]
