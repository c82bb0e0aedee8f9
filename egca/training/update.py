"""From rollouts with credit to a step of the optimizer: rows, micro-batches, loss, gradient.

A row is a sequence to learn from: usually a sampled completion with the advantage of each token.
Every row knows its share of the step's objective, so the gradient is the same however the rows are
cut into micro-batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from egca.training.config import Objective
from egca.training.metrics import Means
from egca.training.objectives import (
    clipped_surrogate,
    importance_correction,
    kl_penalty,
    sequence_factors,
)
from egca.training.policy import Policy, Reference, Scorer, Tokens, tokens_of

FloatArray = npt.NDArray[np.float32]


@dataclass(slots=True, eq=False)
class Row:
    """A sequence with an advantage for each completion token.

    advantages: (T,), what multiplies the ratio of a token; with uniform credit A_i everywhere.
    length: T_i that the loss is divided by where it is divided by lengths (not T for a part of a
    completion). sampler_logprobs: as the engine saw them, None for tokens that nobody sampled.
    old_logprobs, ref_logprobs: (T,), filled in before the first update where they are needed.
    """

    prompt: Sequence[int]
    completion: Sequence[int]
    advantages: FloatArray
    length: int
    sampler_logprobs: FloatArray | None = None
    old_logprobs: Tensor | None = None
    ref_logprobs: Tensor | None = None

    @property
    def n_tokens(self) -> int:
        """Of prompt and completion."""
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sampled completions of a whole step, over all processes: their number and their tokens."""

    n_sequences: int
    n_tokens: int
    max_length: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Micro-batches of rows, and the share of padded tokens that are padding, in [0, 1]."""

    batches: list[list[Row]] = field(default_factory=list)
    waste: float = 0.0


def plan(rows: Iterable[Row], budget: int) -> Plan:
    """Cut rows into micro-batches of at most `budget` padded tokens, similar lengths together.

    A row longer than the budget is a micro-batch of its own.
    """
    batches: list[list[Row]] = []
    for row in sorted(rows, key=lambda row: row.n_tokens):
        if not batches or (len(batches[-1]) + 1) * row.n_tokens > budget:
            batches.append([])
        batches[-1].append(row)
    padded = sum(len(batch) * batch[-1].n_tokens for batch in batches)
    used = sum(row.n_tokens for batch in batches for row in batch)
    return Plan(batches, 1.0 - used / padded if padded else 0.0)


class Updater:
    """Computes the loss of rows and its gradient.

    Args:
        scorer: the policy's, wrapped for several processes or not.
        reference: None where the KL term has no weight.
        importance_bound: of the correction for another engine's log-probabilities; None: none.
    """

    def __init__(
        self,
        policy: Policy,
        scorer: Scorer | Any,
        reference: Reference | None,
        objective: Objective,
        *,
        micro_batch_tokens: int,
        importance_bound: float | None = None,
    ) -> None:
        self._policy = policy
        self._scorer = scorer
        self._reference = reference
        self._objective = objective
        self._budget = micro_batch_tokens
        self._bound = importance_bound

    @property
    def is_repeated(self) -> bool:
        """Whether a step makes more than one update, so that old log-probabilities are needed."""
        return self._objective.num_iterations * self._objective.minibatches > 1

    @torch.no_grad()
    def prepare(self, rows: Sequence[Row]) -> None:
        """Fill in what the first update must not change: old and reference log-probabilities."""
        if not self.is_repeated and self._reference is None:
            return
        for batch in plan(rows, self._budget).batches:
            tokens = self._tokens(batch)
            if self.is_repeated:
                _fill(batch, "old_logprobs", self._scorer(tokens)[0])
            if self._reference is not None:
                _fill(batch, "ref_logprobs", self._reference.logprobs(tokens))

    def backward(self, rows: Sequence[Row], totals: Totals, means: Means, scale: float) -> None:
        """Add the gradient of these rows' share of the step's loss to the parameters.

        Args:
            means: what is logged; weighted by tokens.
            scale: of the loss: the number of processes, where gradients are averaged over them.
        """
        planned = plan(rows, self._budget)
        means.add("padding_waste", planned.waste)
        for batch in planned.batches:
            loss = self.loss(batch, totals, means)
            (loss * scale).backward()

    def loss(self, batch: Sequence[Row], totals: Totals, means: Means) -> Tensor:
        """The share of one micro-batch in the step's objective, a scalar with gradient."""
        options = self._objective
        tokens = self._tokens(batch)
        mask = tokens.mask
        logprobs, entropy = self._scorer(tokens)
        old = _stacked(batch, "old_logprobs", mask)
        old = logprobs.detach() if old is None else old
        advantages = _padded([row.advantages for row in batch], mask)
        surrogate = clipped_surrogate(
            logprobs, old, advantages,
            epsilon=options.epsilon, epsilon_high=options.epsilon_high,
        )  # fmt: skip
        per_token = surrogate.loss
        n = float(mask.sum())
        self._compare_samplers(batch, old, mask, means)
        if self._bound is not None:
            per_token = per_token * self._correction(batch, old, mask)
        means.add("clip_fraction", float((surrogate.is_clipped * mask).sum()) / n, n)
        means.add("entropy", float((entropy * mask).sum()) / n, n)
        ref = _stacked(batch, "ref_logprobs", mask)
        if ref is not None:
            penalty = kl_penalty(logprobs, ref, options.kl_estimator)
            means.add("kl", float((penalty.detach() * mask).sum()) / n, n)
            per_token = per_token + options.beta * penalty
        factors = sequence_factors(
            torch.tensor([row.length for row in batch], device=mask.device),
            options.loss_normalisation,
            n_sequences=totals.n_sequences,
            n_tokens=totals.n_tokens,
            max_length=totals.max_length,
        )
        loss: Tensor = (per_token * mask * factors[:, None]).sum()
        means.total("loss", float(loss.detach()))
        return loss

    def _tokens(self, batch: Sequence[Row]) -> Tokens:
        return tokens_of(
            [row.prompt for row in batch],
            [row.completion for row in batch],
            self._policy.pad,
            self._policy.device,
        )

    def _compare_samplers(
        self, batch: Sequence[Row], old: Tensor, mask: Tensor, means: Means
    ) -> None:
        """Log how far the sampling engine's log-probabilities are from the trainer's."""
        for row, mine in zip(batch, old, strict=True):
            if row.sampler_logprobs is not None:
                theirs = torch.from_numpy(row.sampler_logprobs).to(mine.device)
                gap = (mine[: len(theirs)] - theirs).abs()
                means.add("sampler_gap", float(gap.mean()), len(theirs))
                means.highest("sampler_gap_max", float(gap.max()))

    def _correction(self, batch: Sequence[Row], old: Tensor, mask: Tensor) -> Tensor:
        theirs = old.clone()
        for i, row in enumerate(batch):
            if row.sampler_logprobs is not None:
                n = len(row.sampler_logprobs)
                theirs[i, :n] = torch.from_numpy(row.sampler_logprobs).to(old.device)
        assert self._bound is not None
        return importance_correction(theirs, old, self._bound)


def _fill(batch: Sequence[Row], name: str, values: Tensor) -> None:
    for row, line in zip(batch, values, strict=True):
        setattr(row, name, line[: len(row.completion)].detach().clone())


def _stacked(batch: Sequence[Row], name: str, mask: Tensor) -> Tensor | None:
    """(B, T) of a field that all rows have or none has."""
    lines = [getattr(row, name) for row in batch]
    if any(line is None for line in lines):
        return None
    padded = torch.zeros_like(mask)
    for i, line in enumerate(lines):
        padded[i, : len(line)] = line
    return padded


def _padded(arrays: Sequence[FloatArray], mask: Tensor) -> Tensor:
    padded = np.zeros(tuple(mask.shape), dtype=np.float32)
    for i, array in enumerate(arrays):
        padded[i, : len(array)] = array
    return torch.from_numpy(padded).to(mask.device)
