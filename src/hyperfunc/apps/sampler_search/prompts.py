"""What is written on when nobody gives prompts: some for the search, and others for the test after it."""

from __future__ import annotations

from hyperfunc.apps.demo.prose_metric import PROMPTS as OPENINGS

__all__ = ["prompts_for"]

_MORE_OPENINGS = (
    "And the king said unto his servants,",
    "Then came the elders of the city,",
    "And the word of the LORD came",
    "Now there was a man of",
    "And it came to pass at evening,",
    "The righteous shall be glad in",
    "And they went up from the river",
    "Hear, O my son, and receive",
    "Then answered the woman and said,",
    "And in the seventh year of",
)
_TASKS = (
    "Write the opening of a story about a lighthouse keeper who finds a letter addressed to nobody.",
    "Describe a market at dawn through the eyes of somebody who is leaving the town forever.",
    "Write a short scene in which two sisters quarrel over a clock that no longer runs.",
    "Tell the moment in which a chess player understands that she has lost, and why she smiles.",
    "Describe rain on a tin roof for somebody who has never heard it.",
)
_MORE_TASKS = (
    "Write the opening of a story about a baker who can taste the mood of a room.",
    "Describe the last evening of a summer fair, after the lights have been turned off.",
    "Write a short scene in which a father teaches his son to lie, for a good reason.",
    "Tell the moment in which a diver decides to go deeper than was agreed.",
    "Describe an old library for somebody who can only smell it.",
)


def prompts_for(embedded: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Prompts of the search, and those of the test after it, which have none in common.

    Args:
        embedded: whether the model continues texts in the language of the King James Bible, as
            ``local/prose`` does, rather than follow instructions.
    """
    return (OPENINGS, _MORE_OPENINGS) if embedded else (_TASKS, _MORE_TASKS)
