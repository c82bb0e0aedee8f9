"""What is put around a model from outside: second tries, a tally with a ceiling, a cache on disk.

    cached(metered(retried(model), max_cost=5.0), folder, max_bytes)

Each takes any ChatModel and is one, with the model's name; their order is open_model's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Sequence

from egca.errors import CostError, ProviderError
from egca.prompts import Message
from egca.providers.chat import ChatModel, Reply, Sampling, Schema, Usage
from egca.providers.prices import Price
from egca.providers.remote import RemoteModel, gathered, waited

_LOOK_S = 0.02  # between two looks at what calls under way have cost


class Wrapper(ChatModel):
    """A model around another, `inner`. usage: the tally that all around one model share."""

    def __init__(self, inner: ChatModel, usage: Usage | None = None) -> None:
        self.inner = inner
        self.name = inner.name
        self.concurrency = inner.concurrency
        theirs = getattr(inner, "usage", None)
        self.usage: Usage = usage or (theirs if isinstance(theirs, Usage) else Usage())

    @property
    def is_remote(self) -> bool:
        """Whether calls go to a network; else batches are given to the model whole."""
        return isinstance(self.provider, RemoteModel)

    @property
    def identity(self) -> dict[str, object]:
        """The inner model's: what is around it changes no reply."""
        return self.inner.identity

    @property
    def provider(self) -> ChatModel:
        """The model that all wrappers are around."""
        return self.inner.provider if isinstance(self.inner, Wrapper) else self.inner

    async def _ask(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> Reply:
        """One reply of the inner model, with what this wrapper does about it."""
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
        """Replies in order, so many at once as the model takes. Raises: ProviderError."""

        def ask(messages: Sequence[Message]) -> Awaitable[Reply]:
            return self._ask(messages, sampling, schema)

        return waited(gathered(ask, batch, self.concurrency))

    async def acomplete(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None = None
    ) -> Reply:
        """One reply. Raises: ProviderError."""
        return await self._ask(messages, sampling, schema)


class Metered(Wrapper):
    """Counts calls, tokens and dollars, and begins no call that could pass the ceiling."""

    def __init__(self, inner: ChatModel, max_cost: float | None, usage: Usage | None) -> None:
        super().__init__(inner, usage)
        self.max_cost = max_cost
        self.price = _price(self.provider)
        self._pending = 0.0  # dollars that the calls under way can cost at most
        self._lock = threading.Lock()  # calls may come from the loops of several threads
        if max_cost is not None and max_cost <= 0:
            raise CostError(f"the cost ceiling is {max_cost:g}, but must be above 0")
        if max_cost is not None and self.price is None:
            raise unpriced(self.name)

    async def _ask(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> Reply:
        held = await self._hold(messages, sampling, schema)
        try:
            reply = await self.inner.acomplete(messages, sampling, schema)
        except BaseException:
            self._release(held)
            raise
        self.usage.count(reply)  # before its room is free, so that the two never add up to less
        self._release(held)
        return reply

    def _release(self, held: float) -> None:
        with self._lock:
            self._pending -= held

    def complete_many(
        self,
        batch: Sequence[Sequence[Message]],
        sampling: Sampling,
        schema: Schema | None = None,
    ) -> list[Reply]:
        """Replies in order; a model in this process gets the batch whole."""
        if self.is_remote or self.max_cost is not None:
            return super().complete_many(batch, sampling, schema)
        replies = whole(self.inner, batch, sampling, schema)
        for reply in replies:
            self.usage.count(reply)
        return replies

    async def _hold(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> float:
        """Set aside what a call can cost at most, once calls under way have left room for it.

        Raises: CostError when there will be none.
        """
        if self.max_cost is None or self.price is None:
            return 0.0
        most = self.price.most(messages, sampling.max_tokens, schema)
        while True:
            with self._lock:
                spent = self.usage.cost_usd
                if spent + self._pending + most <= self.max_cost:
                    self._pending += most
                    return most
            if spent + most > self.max_cost:
                raise CostError(
                    f"{self.name}: ${spent:.4f} of ${self.max_cost:g} are spent, and "
                    f"the next call can cost ${most:.4f}; raise --max-cost to go on"
                )
            await asyncio.sleep(_LOOK_S)


def metered(model: ChatModel, max_cost: float | None = None, usage: Usage | None = None) -> Metered:
    """Count what a model takes, in `usage`. max_cost: dollars that all calls may cost together.

    The ceiling is kept, not noticed: a call is begun only if its longest reply still fits.
    Raises: ProviderError for a ceiling on a model without a price.
    """
    return Metered(model, max_cost, usage)


def unpriced(name: str) -> ProviderError:
    """What is said of a ceiling on a model that has no price."""
    return ProviderError(
        f"{name}: no price is known, so no cost ceiling can be kept; leave out --max-cost "
        "(egca providers lists the models with a price)"
    )


def _price(provider: ChatModel) -> Price | None:
    price = getattr(provider, "price", None)
    return price if isinstance(price, Price) else None


def whole(
    model: ChatModel,
    batch: Sequence[Sequence[Message]],
    sampling: Sampling,
    schema: Schema | None,
) -> list[Reply]:
    if schema is None:
        return model.complete_many(batch, sampling)
    return model.complete_many(batch, sampling, schema)
