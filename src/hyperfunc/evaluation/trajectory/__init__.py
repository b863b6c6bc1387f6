"""Trajectories: which calls were made on the way to a prediction, and how far they are those expected."""

from .forms import ToolCall
from .matching import Matcher, same_call, same_name
from .measures import (
    ToolEfficiency,
    TrajectoryAnyOrderMatch,
    TrajectoryExactMatch,
    TrajectoryF1,
    TrajectoryInOrderMatch,
    TrajectoryOrder,
    TrajectoryPrecision,
    TrajectoryRecall,
)
from .record import Trajectory
from .scorer import TrajectoryScorer

__all__ = [
    "Matcher",
    "ToolCall",
    "ToolEfficiency",
    "Trajectory",
    "TrajectoryAnyOrderMatch",
    "TrajectoryExactMatch",
    "TrajectoryF1",
    "TrajectoryInOrderMatch",
    "TrajectoryOrder",
    "TrajectoryPrecision",
    "TrajectoryRecall",
    "TrajectoryScorer",
    "same_call",
    "same_name",
]
