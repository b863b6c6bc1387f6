"""Tests against a neighbor are collected where it is installed: ``make neighbors`` sees to that."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [f"{name}/*" for name in ("jax",) if importlib.util.find_spec(name) is None]
