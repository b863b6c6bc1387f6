"""Tests against a neighbor are collected where it is installed: ``make neighbors`` sees to that."""

from __future__ import annotations

import importlib.util

_NEIGHBORS = ("botorch", "dspy", "jax", "mlflow", "optuna", "pydantic")
# The folders themselves, so that no conftest in one is read: it imports what it is about.
collect_ignore = [name for name in _NEIGHBORS if importlib.util.find_spec(name) is None]
