"""Whether a server applies the temperature before its truncations or after them.

Where the likeliest token has more than the share ``top_p`` at temperature 1, a server that truncates first
keeps that token alone, however hot it is afterwards. A server that heats first spreads the mass over so many
tokens that ``top_p`` keeps several, and its answers differ from seed to seed.
"""

from __future__ import annotations

from hyperfunc.llm.probe.asking import Asker, Refused
from hyperfunc.llm.probe.checks import PROMPT, SEEDS, Baseline

__all__ = ["temperature_place"]

_TOKENS = 8
_SHARES = (0.4, 0.2, 0.1, 0.05)
_SEEDS = (*SEEDS, 14)


async def temperature_place(asker: Asker, base: Baseline) -> str:
    """``last``, ``first``, or ``unknown`` when the answers do not tell."""
    if not base.varied or base.hot is None:
        return "unknown"
    for share in _SHARES:
        if await _answers(asker, 1.0, share) != 1:
            continue
        if await _answers(asker, base.hot, share) == 1:
            return "last"
        # Answers at temperature 1 may agree by luck where two tokens share the mass. A much smaller share
        # then makes hot answers agree on a server that truncates first.
        return "first" if await _answers(asker, base.hot, share / 4) > 1 else "unknown"
    return "unknown"


async def _answers(asker: Asker, temperature: float, share: float) -> int:
    """The number of different answers; 0 when the server refuses."""
    fields = {"temperature": temperature, asker.dialect.names["top_p"]: share}
    texts = await asker.texts(PROMPT, _TOKENS, fields, _SEEDS)
    return 0 if isinstance(texts, Refused) else len(set(texts))
