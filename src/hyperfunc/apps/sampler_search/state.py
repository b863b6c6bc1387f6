"""A search under way: what it does, with whom, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from hyperfunc.spaces import Candidate

from .config import SearchConfig
from .families import Setting
from .probing import Knowledge
from .results import ResultFile
from .servers import Server
from .space import SettingSpace
from .strategies import Plan

__all__ = ["SearchState"]


@dataclass
class SearchState:
    """A search under way.

    Args:
        config: what it does.
        server: that writes.
        known: of the server.
        families: that are searched.
        prompts, retest_prompts: texts to write on.
        plan: what is tried.
        space: where.
        file: of the results.
        run_id: of the run.
    """

    config: SearchConfig
    server: Server
    known: Knowledge
    families: tuple[str, ...]
    prompts: tuple[str, ...]
    retest_prompts: tuple[str, ...]
    plan: Plan
    space: SettingSpace
    file: ResultFile
    run_id: str
    notes: tuple[str, ...] = ()
    tried: dict[str, tuple[Setting, float]] = field(default_factory=dict)
    order: tuple[Candidate, ...] = ()

    @property
    def texts(self) -> int:
        """How many texts the search writes, those of the retest apart."""
        return self.plan.settings * len(self.prompts) * self.config.samples_per_config
