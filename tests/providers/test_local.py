"""Models in this process: calls that wait for each other become batches."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from egca.errors import ProviderError
from egca.providers import Message, Reply, Sampling, Schema, Usage, metered
from egca.providers.local import LocalModel

SAMPLING = Sampling()


class Echo(LocalModel):
    """Says what it is told, a batch in 0.05 s; prompts of more than 20 characters are too long."""

    def __init__(self, concurrency: int = 4) -> None:
        super().__init__("echo", concurrency)
        self.sizes: list[int] = []
        self.n_under_way = 0

    def _batch(
        self, batch: Sequence[Sequence[Message]], sampling: Sampling, schema: Schema | None
    ) -> list[Reply]:
        self.n_under_way += 1
        assert self.n_under_way == 1
        time.sleep(0.05)
        self.n_under_way -= 1
        self.sizes.append(len(batch))
        said = [messages[-1].content for messages in batch]
        if "a bug" in said:
            raise RuntimeError("of ours")
        if max(map(len, said)) > 20:
            raise ProviderError("echo: too long")
        return [Reply(f"{text} {sampling.seed}", "stop", 3, 2, "echo", 0.0) for text in said]


def turn(text: str) -> list[Message]:
    return [Message("user", text)]


def test_calls_that_wait_become_batches() -> None:
    model = Echo(concurrency=4)

    async def all_of_them() -> list[Reply]:
        calls = [model.acomplete(turn(str(n)), Sampling(seed=n % 2)) for n in range(12)]
        return await asyncio.gather(*calls)

    replies = asyncio.run(all_of_them())
    assert [reply.text for reply in replies] == [f"{n} {n % 2}" for n in range(12)]
    assert sum(model.sizes) == 12
    assert max(model.sizes) == 4
    assert len(model.sizes) <= 6  # the first call begins alone; seeds are kept apart
    again = asyncio.run(all_of_them())  # the thread that answered has ended, another begins
    assert [reply.text for reply in again] == [reply.text for reply in replies]


def test_a_prompt_that_fails_fails_alone() -> None:
    model = Echo()

    async def all_of_them() -> list[Reply | BaseException]:
        texts = ["one", "x" * 30, "two", "three"]
        calls = [model.acomplete(turn(text), SAMPLING) for text in texts]
        return await asyncio.gather(*calls, return_exceptions=True)

    found = asyncio.run(all_of_them())
    assert [one.text if isinstance(one, Reply) else str(one) for one in found] == [
        "one 0", "echo: too long", "two 0", "three 0",
    ]  # fmt: skip
    with pytest.raises(RuntimeError, match="of ours"):
        asyncio.run(model.acomplete(turn("a bug"), SAMPLING))


def test_a_call_that_is_cancelled_is_not_generated() -> None:
    model = Echo(concurrency=1)

    async def one_of_two() -> Reply:
        first = asyncio.ensure_future(model.acomplete(turn("first"), SAMPLING))
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(model.acomplete(turn("second"), SAMPLING))
        await asyncio.sleep(0.01)
        second.cancel()
        return await first

    assert asyncio.run(one_of_two()).text == "first 0"
    assert model.sizes == [1]


def test_threads_may_share_a_model_and_its_tally() -> None:
    model = metered(Echo(), usage=Usage())

    def ask(number: int) -> None:
        for _ in range(3):
            if number % 2:
                model.complete(turn("hello"), SAMPLING)
            else:
                asyncio.run(model.acomplete(turn("hello"), SAMPLING))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (model.usage.calls, model.usage.completion_tokens) == (24, 48)
    assert sum(model.provider.sizes) == 24  # type: ignore[attr-defined]
