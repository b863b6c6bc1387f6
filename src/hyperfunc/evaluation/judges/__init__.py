"""Judges: scorers that ask a model, how well to believe them, and how to compare and rank by them."""

from .calibration import Calibration, acalibrate, calibrate
from .code import CodeCorrectnessJudge, CodeTests
from .judge import LLMJudge
from .pairwise import Comparison, PairwiseJudge
from .panel import JudgePanel
from .presets import (
    CODE_CORRECTNESS,
    CONVERSATION,
    CREATIVE_WRITING,
    FACTUAL_ACCURACY,
    INSTRUCTION_FOLLOWING,
    SUMMARIZATION,
    ConversationJudge,
    CreativeWritingJudge,
    FactualAccuracyJudge,
    InstructionFollowingJudge,
    SummarizationJudge,
)
from .rubric import Criterion, Rubric
from .studies import Judgements, Retest, Sample, ajudge_texts, aretest, judge_texts, retest
from .tournament import Match, Tournament, atournament, tournament

__all__ = [
    "CODE_CORRECTNESS",
    "CONVERSATION",
    "CREATIVE_WRITING",
    "Calibration",
    "CodeCorrectnessJudge",
    "CodeTests",
    "Comparison",
    "ConversationJudge",
    "CreativeWritingJudge",
    "Criterion",
    "FACTUAL_ACCURACY",
    "FactualAccuracyJudge",
    "INSTRUCTION_FOLLOWING",
    "InstructionFollowingJudge",
    "JudgePanel",
    "Judgements",
    "LLMJudge",
    "Match",
    "PairwiseJudge",
    "Retest",
    "Rubric",
    "SUMMARIZATION",
    "Sample",
    "SummarizationJudge",
    "Tournament",
    "acalibrate",
    "ajudge_texts",
    "aretest",
    "atournament",
    "calibrate",
    "judge_texts",
    "retest",
    "tournament",
]
