"""What models in this process share: one batch at a time, made of all calls that wait.

While a batch is generated, calls of other cases come in; they are the next batch. The thread that
generates is a daemon: Ctrl-C need not wait for a batch that nobody will read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from egca.errors import ProviderError
from egca.prompts import Message
from egca.providers.chat import ChatModel, Reply, Sampling, Schema

DTYPES = ("auto", "float32", "bfloat16", "float16")
MAX_REASON = 200  # characters of a library's message that are shown


def check_dtype(dtype: str) -> None:
    """Raises: ProviderError for one that is none of DTYPES."""
    if dtype not in DTYPES:
        raise ProviderError(f'dtype is "{dtype}", but must be one of {", ".join(DTYPES)}')


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    messages: Sequence[Message]
    sampling: Sampling
    schema: Schema | None
    reply: Future[Reply]

    def goes_with(self, other: _Call) -> bool:
        """Whether one batch may hold both."""
        return (self.sampling, self.schema) == (other.sampling, other.schema)


class LocalModel(ChatModel):
    """A model in this process: a provider defines `_batch`. Threads may share one.

    concurrency: how many calls of acomplete make a batch at most.
    """

    def __init__(self, name: str, concurrency: int) -> None:
        self.name = name
        self.concurrency = concurrency
        self._one_batch = threading.RLock()
        self._calls: list[_Call] = []
        self._is_working = False
        self._lock = threading.Lock()  # of the two above

    def _batch(
        self, batch: Sequence[Sequence[Message]], sampling: Sampling, schema: Schema | None
    ) -> list[Reply]:
        """Replies that are generated together; the batch is not empty. Raises: ProviderError."""
        raise NotImplementedError

    def complete(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None = None
    ) -> Reply:
        """One reply. Raises: ProviderError."""
        return self.complete_many([messages], sampling, schema)[0]

    def complete_many(
        self,
        batch: Sequence[Sequence[Message]],
        sampling: Sampling,
        schema: Schema | None = None,
    ) -> list[Reply]:
        """Replies that are generated together. Raises: ProviderError."""
        if not batch:
            return []
        with self._one_batch:
            return self._batch(batch, sampling, schema)

    async def acomplete(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None = None
    ) -> Reply:
        """One reply, generated with others that are asked for meanwhile. Raises: ProviderError."""
        call = _Call(messages, sampling, schema, Future())
        with self._lock:
            self._calls.append(call)
            is_new, self._is_working = not self._is_working, True
        if is_new:
            threading.Thread(target=self._work, name="egca-batches", daemon=True).start()
        return await asyncio.wrap_future(call.reply)

    def _work(self) -> None:
        while calls := self._next():
            asked = [call for call in calls if call.reply.set_running_or_notify_cancel()]
            self._answer(asked)

    def _next(self) -> list[_Call]:
        """The oldest call and those that go with it; none left ends the thread."""
        with self._lock:
            chosen = [call for call in self._calls if call.goes_with(self._calls[0])]
            chosen = chosen[: self.concurrency]
            self._calls = [call for call in self._calls if call not in chosen]
            self._is_working = bool(chosen)
            return chosen

    def _answer(self, calls: Sequence[_Call]) -> None:
        if not calls:
            return
        first = calls[0]
        try:
            replies = self.complete_many(
                [call.messages for call in calls], first.sampling, first.schema
            )
        except ProviderError as error:
            if len(calls) == 1:
                first.reply.set_exception(error)
                return
            for call in calls:  # one prompt that is too long must not fail the others
                self._answer([call])
        except BaseException as error:
            for call in calls:
                call.reply.set_exception(error)
        else:
            for call, reply in zip(calls, replies, strict=True):
                call.reply.set_result(reply)
