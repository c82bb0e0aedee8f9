"""What every chat model takes and gives, whoever serves it.

A model in this process inherits LocalModel (local.py), one behind a network RemoteModel
(remote.py); any other defines `complete`. Retries, caches and prices wrap a
model from outside (wrappers.py) and are no part of one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from egca.errors import InputError
from egca.prompts import Message

Finish = Literal["stop", "length"]
Schema = dict[str, Any]  # a JSON Schema object; schema.py lists the keywords that are understood


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn. temperature 0 takes the likeliest token each time.

    max_tokens bounds the reply, without the prompt. The same seed gives the same reply to the same
    messages, whatever is asked beside them, as far as the model's arithmetic allows. A reply ends
    before the first of the `stop` texts.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise InputError(f"temperature is {self.temperature:g}, but must be a number from 0 on")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p:g}, but must be above 0 and at most 1")
        if self.max_tokens < 1:
            raise InputError(f"max_tokens is {self.max_tokens}, but must be at least 1")
        if "" in self.stop:
            raise InputError("a stop text is empty")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said, and what it took.

    finish_reason: "stop" at its own end or a stop text, "length" at max_tokens. completion_tokens
    counts every token that was sampled, the one that ended it too. seconds: its share of the wall
    time, so that those of a batch add up; of a remote model, its own. cost_usd: None where there is
    no price. logprobs: of each sampled token, where they were asked for and are offered. is_cached:
    it was on disk, and cost nothing.
    """

    text: str
    finish_reason: Finish
    prompt_tokens: int
    completion_tokens: int
    model: str
    seconds: float
    cost_usd: float | None = None
    logprobs: tuple[float, ...] | None = None
    is_cached: bool = False


@dataclass(slots=True)
class Usage:
    """What was asked of a model so far. calls: replies it gave; cached: those that it did not need.

    cost_usd: of the replies that have a price; n_unpriced counts the others. Threads may share one.
    """

    calls: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    n_unpriced: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(
        default_factory=threading.Lock, init=False, repr=False, compare=False
    )

    def count(self, reply: Reply) -> None:
        """Add a reply."""
        with self._lock:
            if reply.is_cached:
                self.cached += 1
                return
            self.calls += 1
            self.prompt_tokens += reply.prompt_tokens
            self.completion_tokens += reply.completion_tokens
            self.cost_usd += reply.cost_usd or 0.0
            self.n_unpriced += reply.cost_usd is None
            self.seconds += reply.seconds

    def __str__(self) -> str:
        parts = [f"{self.calls} calls"]
        parts += [f"{self.cached} from the cache"] * (self.cached > 0)
        parts += [f"{self.prompt_tokens} + {self.completion_tokens} tokens"] * (self.calls > 0)
        parts += [f"${self.cost_usd:.4f}"] * (self.calls > self.n_unpriced)
        return ", ".join(parts)


class ChatModel(Protocol):
    """A model that answers a conversation. name: what it was opened by.

    concurrency: how many calls it takes at once.
    """

    name: str
    concurrency: int = 1

    def complete(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None = None
    ) -> Reply:
        """One reply. Raises: ProviderError when there is none.

        schema: what the reply's text should be JSON of. A model that can be held to it is; the text
        is for `structured.parsed` in any case.
        """
        ...

    def complete_many(
        self,
        batch: Sequence[Sequence[Message]],
        sampling: Sampling,
        schema: Schema | None = None,
    ) -> list[Reply]:
        """A reply to each conversation, in order; one by one where a model knows no batches."""
        if schema is None:  # so that a model that was written without schemas will do
            return [self.complete(messages, sampling) for messages in batch]
        return [self.complete(messages, sampling, schema) for messages in batch]

    async def acomplete(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None = None
    ) -> Reply:
        """One reply, while others are waited for; in a thread where a model knows no better."""
        return await asyncio.to_thread(self.complete, messages, sampling, schema)

    @property
    def identity(self) -> dict[str, object]:
        """What decides its replies besides messages, sampling and schema: a cache goes by it."""
        return {"name": self.name}
