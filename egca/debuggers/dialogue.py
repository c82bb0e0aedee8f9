"""One conversation with a model about one program: its turns, what it took, what came of it."""

from __future__ import annotations

import ast
import time
from dataclasses import asdict
from typing import Any

from egca.errors import ReplyError
from egca.localization.claims import NO_VALUE, Claim
from egca.localization.examination import Examination
from egca.localization.result import Opinion
from egca.prompts import Message, Prompt
from egca.providers import ChatModel, Reply, Sampling, parsed

_MAX_REASON = 500  # characters of a model's reason that are kept
_MAX_LITERAL = 10_000


class Dialogue:
    """Turns with a model.

    Args:
        debugger: the name of who asks. messages: how it begins, rendered from the prompt.
    """

    def __init__(
        self,
        debugger: str,
        model: ChatModel,
        prompt: Prompt,
        messages: list[Message],
        sampling: Sampling,
    ) -> None:
        self.debugger = debugger
        self.model = model
        self.prompt = prompt
        self.messages = messages
        self.sampling = sampling
        self.refused: list[str] = []
        self.replies: list[Reply] = []
        self._started = time.perf_counter()

    async def ask(self) -> Any:
        """The value of the model's next turn, by the prompt's schema.

        Raises: ReplyError for an answer that is none; ProviderError when there is no reply.
        """
        schema = self.prompt.schema or {}
        reply = await self.model.acomplete(self.messages, self.sampling, schema)
        self.replies.append(reply)
        self.messages.append(Message("assistant", reply.text))
        return parsed(reply.text, schema)

    def say(self, text: str) -> None:
        """The next turn of ours."""
        self.messages.append(Message("user", text))

    def refuse(self, reason: str) -> None:
        """Keep why an answer did not stand."""
        self.refused.append(reason)

    @property
    def n_tokens(self) -> int:
        """Tokens so far, of prompts and replies."""
        return sum(reply.prompt_tokens + reply.completion_tokens for reply in self.replies)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started

    def opinion(self, outcome: str, reason: str = "", confidence: float | None = None) -> Opinion:
        """What is kept of it beside the localization."""
        prices = [reply.cost_usd for reply in self.replies if not reply.is_cached]
        known = [price for price in prices if price is not None]
        return Opinion(
            debugger=self.debugger,
            model=self.model.name,
            prompt=self.prompt.id,
            prompt_sha256=self.prompt.digest,
            sampling=asdict(self.sampling),
            outcome=outcome,
            reason=" ".join(reason.split())[:_MAX_REASON],
            confidence=confidence,
            refused=tuple(self.refused),
            n_replies=len(self.replies),
            n_cached=sum(reply.is_cached for reply in self.replies),
            prompt_tokens=sum(reply.prompt_tokens for reply in self.replies),
            completion_tokens=sum(reply.completion_tokens for reply in self.replies),
            cost_usd=None if len(known) < len(prices) else sum(known),
            seconds=self.seconds,
            transcript=tuple(self.messages),
        )


def claim_of(answer: dict[str, Any], at: Examination) -> Claim:
    """The claim that an answer makes. Raises: ReplyError if it names a step that is none."""
    step = answer.get("step")
    event = None if step is None else event_of(step, at)
    return Claim(
        line=answer["line"],
        end_line=answer.get("end_line"),
        expression=answer.get("expression") or "",
        event=event,
        value=NO_VALUE if event is None else _literal(answer.get("expected")),
    )


def event_of(step: int, at: Examination) -> int:
    """The event of the candidate at a step, numbered from 1. Raises: ReplyError."""
    if not 1 <= step <= len(at.steps):
        raise ReplyError(f"there is no step {step}; the steps are 1 to {len(at.steps)}")
    row = at.steps[step - 1].candidate
    if row is None or row.index < 0:
        raise ReplyError(f"at step {step} only the correct program does something")
    return row.index


def literal(text: str) -> Any:
    """The value of a Python literal. Raises: ReplyError."""
    try:
        if len(text) > _MAX_LITERAL:
            raise ValueError("too long")
        return ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise ReplyError(f"{text[:60]!r} is no Python literal") from None


def _literal(text: str | None) -> Any:
    """A value that was named in passing: what cannot be read is none."""
    if text is None:
        return NO_VALUE
    try:
        return literal(text)
    except ReplyError:
        return NO_VALUE
