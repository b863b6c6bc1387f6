"""Who writes new instructions in DSPy's conventions: a reflection LM, or an instruction proposer."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from hyperfunc.errors import BadReply, ProgramError
from hyperfunc.interop.fingerprints import code_of
from hyperfunc.interop.instructions import InstructionProposer
from hyperfunc.ledger.keys import content_key
from hyperfunc.llm.client import Request, Response, Usage
from hyperfunc.llm.registry import register_client
from hyperfunc.program.policy import run_thread

from .library import library
from .metering import Used, heard, metered

__all__ = ["ReflectionClient", "instruction_proposer", "register_reflection_lm"]


class ReflectionClient:
    """A reflection LM as a client, so that its answers are kept, resumed and charged.

    Args:
        lm: a ``dspy.LM``, or any callable from a prompt to a text or a list of texts.
    """

    def __init__(self, lm: Callable[..., Any]) -> None:
        self._lm = metered(lm)

    async def complete(self, request: Request) -> Response:
        """Ask it in a thread; sampling is the LM's own.

        Raises:
            BadReply: it gave no text.
        """
        began = time.perf_counter()
        answer, used = await run_thread(lambda: self._ask(request))
        if inspect.isawaitable(answer):
            answer = await answer
        first = answer[0] if isinstance(answer, list | tuple) and answer else answer
        text = first.get("text") if isinstance(first, Mapping) else first
        if not isinstance(text, str):
            raise BadReply(f"the reflection LM gave {answer!r:.80}; it must give a text or a list of texts")
        prompt, completion = used.tokens
        usage = Usage(prompt_tokens=prompt, completion_tokens=completion) if prompt + completion else None
        return Response(
            text=text, usage=usage, cost=used.dollars if used.usages else None, model=request.model,
            latency_s=time.perf_counter() - began,
        )  # fmt: skip

    def _ask(self, request: Request) -> tuple[Any, Used]:
        # One text, as GEPA and DSPy ask: chat messages of other libraries are no more DSPy's way.
        with heard() as used:
            return self._lm("\n\n".join(message.content for message in request.messages)), used


def register_reflection_lm(lm: Any) -> str:
    """Let a reflection LM answer in this process; a text is the name of a model of ours already.

    Returns:
        The name it answers to.

    Raises:
        ProgramError: it is no text and cannot be called.
    """
    if isinstance(lm, str):
        return lm
    if not callable(lm):
        raise ProgramError(
            f"reflection_lm is {lm!r:.60}; give a dspy.LM, a function of a prompt, or a model's name"
        )
    told = lm.dump_state() if hasattr(lm, "dump_state") else code_of(lm)
    identity = content_key("dspy reflection", json.dumps(told, default=repr, sort_keys=True))
    name = f"dspy/{getattr(lm, 'model', None) or getattr(lm, '__name__', 'reflection')}/{identity[:8]}"
    register_client(name, ReflectionClient(lm), identity=f"{name} {identity}")
    return name


def instruction_proposer(function: Callable[..., Any], lm: Any = None) -> InstructionProposer:
    """A proposer in DSPy's calling convention.

    Args:
        function: ``(candidate, reflective_dataset, components_to_update) -> {name: text}`` with DSPy's names
            of predictors.
        lm: a ``dspy.LM`` that is current while it runs, as its calls of predictors expect. Its calls are
            charged, but not kept.
    """
    dspy = library()
    if not isinstance(lm, dspy.BaseLM):
        return InstructionProposer(function)
    return InstructionProposer(function, around=lambda: dspy.context(lm=metered(lm)))
