"""Sampling completions with the policy itself: batched, with a key-value cache and early stop.

The prompts of a batch are read once, however many completions each gets; rows that have ended leave
the batch. What a completion is worth is decided elsewhere (assessment.py)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from egca.training.policy import Policy

_COMPACT = 0.75  # rows that have ended leave the batch when this share of it, or less, is left


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled sequence.

    ids: sampled tokens, the one that ended it included. logprobs: of each when it was sampled, at
    the temperature of sampling. has_ended: False where the bound on tokens cut it off.
    """

    prompt: int  # index of its prompt in the call
    number: int  # which of the prompt's completions, 0 to n - 1
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    has_ended: bool


class Sampler(Protocol):
    """Where rollouts come from."""

    def sample(self, prompts: Sequence[Sequence[int]], n: int) -> Iterator[Completion]:
        """n completions of each prompt, as they end."""
        ...

    def refresh(self) -> None:
        """The policy's weights have changed."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that sampling goes on with the same draws."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        ...


class PolicySampler:
    """Samples with the transformers model that is trained.

    Args:
        batch_size: completions under way at once.
        seed: of its own generator; nothing else draws from it.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        max_tokens: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        self._policy = policy
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._top_p = top_p
        self._batch_size = batch_size
        self._generator = torch.Generator(policy.device).manual_seed(seed)

    def sample(self, prompts: Sequence[Sequence[int]], n: int) -> Iterator[Completion]:
        """n completions of each prompt, as they end; greedy where the temperature is 0."""
        rows = [(i, k) for i in range(len(prompts)) for k in range(n)]
        model = self._policy.model
        was_training = model.training
        model.eval()
        try:
            for at in range(0, len(rows), self._batch_size):
                yield from self._batch(prompts, rows[at : at + self._batch_size])
        finally:
            model.train(was_training)

    def refresh(self) -> None:
        """Nothing to do: it is the same model."""

    def state(self) -> dict[str, Any]:
        """The generator's state."""
        return {"generator": self._generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._generator.set_state(state["generator"].cpu())

    @torch.inference_mode()
    def _batch(
        self, prompts: Sequence[Sequence[int]], rows: Sequence[tuple[int, int]]
    ) -> Iterator[Completion]:
        from egca.training.cache import roomy_cache

        policy, device = self._policy, self._policy.device
        wanted = sorted({i for i, _ in rows})
        width = max(len(prompts[i]) for i in wanted)
        padded = [[policy.pad] * (width - len(prompts[i])) + [*prompts[i]] for i in wanted]
        ids = torch.tensor(padded, device=device)
        mask = torch.tensor(
            [[0] * (width - len(prompts[i])) + [1] * len(prompts[i]) for i in wanted], device=device
        )
        cache = roomy_cache()
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        logits = policy.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache,
            use_cache=True, logits_to_keep=1,
        ).logits[:, -1]  # fmt: skip
        index = torch.tensor([wanted.index(i) for i, _ in rows], device=device)
        cache.batch_select_indices(index)
        logits, mask, position = logits[index], mask[index], positions[index, -1]
        live = _Live(rows, self._max_tokens, device)
        while True:
            token, logprob = self._draw(logits)
            yield from live.add(token, logprob, policy.ends)
            if not live.n_open:
                return
            if live.n_open <= _COMPACT * len(live.rows):
                keep = live.compact()
                cache.batch_select_indices(keep)
                token, mask, position = token[keep], mask[keep], position[keep]
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            position = position + 1
            logits = policy.model(
                input_ids=token[:, None], attention_mask=mask, position_ids=position[:, None],
                past_key_values=cache, use_cache=True,
            ).logits[:, -1]  # fmt: skip

    def _draw(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """A token for each row and its log-probability, (B,) both."""
        if self._temperature == 0:
            logprobs = torch.log_softmax(logits.float(), -1)
            token = logprobs.argmax(-1)
        else:
            logprobs = torch.log_softmax(logits.float() / self._temperature, -1)
            weights = logprobs.exp() if self._top_p == 1 else _nucleus(logprobs, self._top_p)
            token = _drawn(weights, self._generator)
        return token, logprobs.gather(-1, token[:, None])[:, 0]


def _drawn(weights: Tensor, generator: torch.Generator) -> Tensor:
    """An index for each row (B, V) of weights >= 0, with probability in proportion, (B,).

    One random number a row; torch.multinomial takes one for every token of the vocabulary, which is
    an eighth of the time of sampling from a model of a million parameters.
    """
    cumulated = weights.cumsum(-1, dtype=torch.float64)
    uniform = torch.rand(
        len(weights), 1, dtype=torch.float64, device=weights.device, generator=generator
    )
    # right: a token of weight 0 ends where the one before it does, and is never the first beyond
    drawn = torch.searchsorted(cumulated, uniform * cumulated[:, -1:], right=True)[:, 0]
    return drawn.clamp(max=weights.shape[1] - 1)


def _nucleus(logprobs: Tensor, top_p: float) -> Tensor:
    """Probabilities of the likeliest tokens that together have at least top_p, 0 elsewhere."""
    ordered, index = logprobs.exp().sort(-1, descending=True)
    before = ordered.cumsum(-1) - ordered
    ordered = ordered.masked_fill(before >= top_p, 0.0)
    return torch.zeros_like(ordered).scatter(-1, index, ordered)


class _Live:
    """The rows of a batch while they grow."""

    def __init__(
        self, rows: Sequence[tuple[int, int]], max_tokens: int, device: torch.device
    ) -> None:
        self.rows: list[tuple[int, int]] = list(rows)
        self._device = device
        self._max_tokens = max_tokens
        self._ids: list[list[int]] = [[] for _ in rows]
        self._logprobs: list[list[float]] = [[] for _ in rows]
        self._is_open = [True] * len(rows)

    @property
    def n_open(self) -> int:
        """Rows that go on."""
        return sum(self._is_open)

    def add(self, token: Tensor, logprob: Tensor, ends: Sequence[int]) -> list[Completion]:
        """Append a token to every open row; the completions that this ends."""
        ended = []
        for i, (t, p) in enumerate(zip(token.tolist(), logprob.tolist(), strict=True)):
            if not self._is_open[i]:
                continue
            self._ids[i].append(t)
            self._logprobs[i].append(p)
            has_ended = t in ends
            if has_ended or len(self._ids[i]) == self._max_tokens:
                self._is_open[i] = False
                prompt, number = self.rows[i]
                ids, logprobs = tuple(self._ids[i]), tuple(self._logprobs[i])
                ended.append(Completion(prompt, number, ids, logprobs, has_ended))
        return ended

    def compact(self) -> Tensor:
        """Drop the rows that have ended; the indices of those that stay."""
        keep = [i for i, is_open in enumerate(self._is_open) if is_open]
        self.rows = [self.rows[i] for i in keep]
        self._ids = [self._ids[i] for i in keep]
        self._logprobs = [self._logprobs[i] for i in keep]
        self._is_open = [True] * len(keep)
        return torch.tensor(keep, device=self._device)
