"""What models behind a network share: one event loop, several calls at once, one way to fail.

Every call runs in an event loop of its own thread, so that connections are kept from call to call,
Ctrl-C in the main thread ends a wait at once, and a notebook's loop is no obstacle."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from importlib.util import find_spec
from typing import Any, TypeVar

from egca.errors import InputError, MissingExtraError
from egca.prompts import Message
from egca.providers.chat import ChatModel, Reply, Sampling, Schema

T = TypeVar("T")
_CONNECT_S = 10.0
Ask = Callable[[Sequence[Message]], Awaitable[Reply]]

_loops: dict[int, asyncio.AbstractEventLoop] = {}  # by process: a fork leaves the thread behind
_starting = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    with _starting:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="egca-providers", daemon=True).start()
            _loops[os.getpid()] = loop
        return loop


def waited(work: Coroutine[Any, Any, T]) -> T:
    """The result of work in the providers' loop; whatever ends the wait cancels the work."""
    if threading.current_thread().name == "egca-providers":
        work.close()
        raise RuntimeError("complete would wait for its own thread; await acomplete there")
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def hopped(work: Coroutine[Any, Any, T]) -> T:
    """The result of work in the providers' loop, awaited from any loop."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _loop()))


async def gathered(ask: Ask, batch: Sequence[Sequence[Message]], limit: int) -> list[Reply]:
    """A reply to each, in order, at most `limit` under way.

    After a failure no call is begun; those under way are waited for, since they are paid, and then
    the first failure is raised. A cancellation ends all of them.
    """
    replies: list[Reply | None] = [None] * len(batch)
    failures: list[Exception] = []
    todo = iter(enumerate(batch))

    async def work() -> None:
        for index, messages in todo:
            if failures:
                return
            try:
                replies[index] = await ask(messages)
            except Exception as error:
                failures.append(error)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(limit, len(batch))):
            group.create_task(work())
    if failures:
        raise failures[0]
    return [reply for reply in replies if reply is not None]


def check_client(package: str, concurrency: int) -> None:
    """Whether a protocol's client can be used. Raises: MissingExtraError, InputError."""
    if not (find_spec(package) and find_spec("tenacity")):
        raise MissingExtraError(f"a model of the provider {package}", "llm")
    if concurrency < 1:
        raise InputError(f"concurrency is {concurrency}, but must be at least 1")


def patience(timeout_s: float) -> Any:
    """A client's timeouts: how long a server may be silent, and take to be reached."""
    import httpx2

    return httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s))


class NoStreamError(Exception):
    """What came in answer to a request for a stream is none; it is asked for whole then."""


def check_stream(response: Any) -> None:
    """Raises: NoStreamError for a server that ignores the option, or is no such server at all."""
    if "event-stream" not in response.headers.get("content-type", ""):
        raise NoStreamError


class RemoteModel(ChatModel):
    """A model behind a network: a provider defines `_answer`, one call without second tries.

    concurrency bounds the calls under way, from complete_many and acomplete together. refused: the
    options that the server turned down.
    """

    def __init__(self, name: str, concurrency: int) -> None:
        self.name = name
        self.concurrency = concurrency
        self.refused: set[str] = set()
        self._places: asyncio.Semaphore | None = None

    def leave_out(self, option: str) -> None:
        """Do without an option from now on, and say so."""
        self.refused.add(option)
        logging.getLogger(__name__).warning(
            "egca: note: %s takes no %s; it is left out", self.name, option
        )

    async def _answer(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> Reply:
        raise NotImplementedError

    async def _placed(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> Reply:
        if self._places is None:
            self._places = asyncio.Semaphore(self.concurrency)
        async with self._places:
            return await self._answer(messages, sampling, schema)

    def complete(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None = None
    ) -> Reply:
        """One reply. Raises: ProviderError."""
        return waited(self._placed(messages, sampling, schema))

    def complete_many(
        self,
        batch: Sequence[Sequence[Message]],
        sampling: Sampling,
        schema: Schema | None = None,
    ) -> list[Reply]:
        """Replies that are waited for together. Raises: ProviderError."""

        def ask(messages: Sequence[Message]) -> Awaitable[Reply]:
            return self._placed(messages, sampling, schema)

        return waited(gathered(ask, batch, self.concurrency))

    async def acomplete(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None = None
    ) -> Reply:
        """One reply; a cancellation closes the connection. Raises: ProviderError."""
        return await hopped(self._placed(messages, sampling, schema))
