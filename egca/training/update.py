"""From rollouts with credit to a step of the optimizer: rows, micro-batches, loss, gradient.

A row is a sequence to learn from: usually a sampled completion with the advantage of each token.
Every row knows its share of the step's objective, so the gradient is the same however the rows are
cut into micro-batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from egca.training.carriers import carriers_of
from egca.training.config import Objective
from egca.training.distributed import Replica
from egca.training.metrics import Means
from egca.training.objectives import (
    Normalisation,
    clipped_surrogate,
    importance_correction,
    kl_penalty,
    sequence_factors,
)
from egca.training.policy import Policy, Reference, Tokens, tokens_of

FloatArray = npt.NDArray[np.float32]


@dataclass(slots=True, eq=False)
class Row:
    """A sequence with an advantage for each completion token.

    advantages: (T,), what multiplies the ratio of a token; with uniform credit A_i everywhere.
    length: T_i that the loss is divided by where it is divided by lengths (not T for a part of a
    completion). sampler_logprobs: as the engine saw them, None for tokens that nobody sampled.
    reward: r_i, for objectives that make advantages of their own (returns.py). old_logprobs,
    ref_logprobs, old_values, returns: (T,), filled in before the first update where needed.
    following: the next turn of the same dialogue, in whose reward this row has a part (rlef).
    is_supervised: learned by cross-entropy weighted by its advantages, without a clip or KL term.
    """

    prompt: Sequence[int]
    completion: Sequence[int]
    advantages: FloatArray
    length: int
    sampler_logprobs: FloatArray | None = None
    reward: float = 0.0
    old_logprobs: Tensor | None = None
    ref_logprobs: Tensor | None = None
    old_values: Tensor | None = None
    returns: Tensor | None = None
    is_supervised: bool = False
    following: Row | None = None

    @property
    def n_tokens(self) -> int:
        """Of prompt and completion."""
        return len(self.prompt) + len(self.completion)

    @property
    def read(self) -> list[int]:
        """What a model has to read to predict the completion: all but its last token."""
        return [*self.prompt, *self.completion[:-1]]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sampled completions of a whole step, over all processes: their number and their tokens.

    Of one of several updates of a step, the share that it has of both, which need not be whole.
    """

    n_sequences: float
    n_tokens: float
    max_length: int

    def factors(self, rows: Sequence[Row], normalisation: Normalisation) -> Tensor:
        """What the token losses of each row are multiplied by, (B,), on the CPU."""
        return sequence_factors(
            torch.tensor([row.length for row in rows]),
            normalisation,
            n_sequences=self.n_sequences,
            n_tokens=self.n_tokens,
            max_length=self.max_length,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Micro-batches of rows, and the share of padded tokens that are padding, in [0, 1]."""

    batches: list[list[Row]] = field(default_factory=list)
    waste: float = 0.0


def plan(rows: Iterable[Row], budget: int) -> Plan:
    """Cut rows into micro-batches of at most `budget` padded tokens, similar lengths together.

    A row longer than the budget is a micro-batch of its own. Turns of a dialogue that begin a later
    one stay with it and count no tokens: they are read in its pass.
    """
    batches: list[list[list[Row]]] = []
    for read in sorted(_read_together(rows), key=lambda read: read[0].n_tokens):
        if not batches or (len(batches[-1]) + 1) * read[0].n_tokens > budget:
            batches.append([])
        batches[-1].append(read)
    padded = sum(len(batch) * batch[-1][0].n_tokens for batch in batches)
    used = sum(read[0].n_tokens for batch in batches for read in batch)
    flat = [[row for read in batch for row in read] for batch in batches]
    return Plan(flat, 1.0 - used / padded if padded else 0.0)


def _read_together(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that one pass reads, the one that carries the others first."""
    rows = list(rows)
    if not _is_dialogue(rows):
        return [[row] for row in rows]
    carriers = carriers_of([row.read for row in rows])
    found = {at: [row] for at, row in enumerate(rows) if carriers[at] == at}
    for at, (row, carrier) in enumerate(zip(rows, carriers, strict=True)):
        if at != carrier:
            found[carrier].append(row)
    return list(found.values())


def _is_dialogue(rows: Sequence[Row]) -> bool:
    return any(row.following is not None for row in rows)


class Updater:
    """Computes the loss of rows and its gradient.

    Args:
        replica: of the policy's scorer.
        reference: None where the KL term has no weight.
        importance_bound: of the correction for another engine's log-probabilities; None: none.
    """

    def __init__(
        self,
        policy: Policy,
        replica: Replica,
        reference: Reference | None,
        objective: Objective,
        *,
        micro_batch_tokens: int,
        importance_bound: float | None = None,
    ) -> None:
        self._policy = policy
        self.replica = replica
        self._reference = reference
        self._objective = objective
        self._budget = micro_batch_tokens
        self._bound = importance_bound

    @property
    def is_repeated(self) -> bool:
        """Whether a step makes more than one update, so that old log-probabilities are needed."""
        return self._objective.num_iterations * self._objective.minibatches > 1

    def prepare(self, rows: Sequence[Row]) -> None:
        """Fill in what the first update must not change: old and reference log-probabilities."""
        is_penalised = self._reference is not None and not self._objective.is_credited
        wants_old = self.is_repeated or is_penalised
        if not wants_old and self._reference is None:
            return
        with self.replica.scoring():
            for batch in self.replica.evened(plan(rows, self._budget).batches):
                tokens = tokens_for(batch or (), self._policy)
                if wants_old:
                    fill(batch or [], "old_logprobs", self.replica.module(tokens)[0])
                if self._reference is not None:
                    fill(batch or [], "ref_logprobs", self._reference.logprobs(tokens))

    def backward(self, rows: Sequence[Row], totals: Totals, means: Means) -> None:
        """Add the gradient of these rows' share of the step's loss to the parameters.

        Args: means: what is logged; weighted by tokens.
        """
        planned = plan(rows, self._budget)
        means.add("padding_waste", planned.waste)
        for batch in self.replica.evened(planned.batches):
            if batch is None:
                loss = self.replica.module(tokens_for((), self._policy))[0].sum() * 0
            else:
                loss = self.loss(batch, totals, means)
            (loss * self.replica.world.n).backward()  # a mean over processes follows

    def loss(self, batch: Sequence[Row], totals: Totals, means: Means) -> Tensor:
        """The share of one micro-batch in the step's objective, a scalar with gradient."""
        options = self._objective
        tokens = tokens_for(batch, self._policy)
        mask = tokens.mask
        logprobs, entropy = self.replica.module(tokens)
        old = stacked(batch, "old_logprobs", mask.device)
        old = logprobs.detach() if old is None else old
        advantages = pad_sequence(
            [torch.from_numpy(row.advantages) for row in batch], batch_first=True
        ).to(mask.device)
        surrogate = clipped_surrogate(
            logprobs, old, advantages,
            epsilon=options.epsilon, epsilon_high=options.epsilon_high,
        )  # fmt: skip
        n = float(mask.sum())
        supervised = torch.tensor([row.is_supervised for row in batch], device=mask.device)[:, None]
        per_token = torch.where(supervised, -logprobs * advantages, surrogate.loss)
        self._compare_samplers(batch, old, mask, means)
        if self._bound is not None:
            per_token = per_token * self._correction(batch, old, mask)
        means.add("clip_fraction", float((surrogate.is_clipped * mask).sum()) / n, n)
        means.add("entropy", float((entropy * mask).sum()) / n, n)
        ref = stacked(batch, "ref_logprobs", mask.device)
        if ref is not None:
            penalty = kl_penalty(logprobs, ref, options.kl_estimator)
            means.add("kl", float((penalty.detach() * mask).sum()) / n, n)
            if options.is_credited:  # the others have it in the reward
                per_token = per_token + options.beta * penalty * ~supervised
        factors = totals.factors(batch, options.loss_normalisation).to(mask.device)
        loss: Tensor = (per_token * mask * factors[:, None]).sum()
        means.total("loss", float(loss.detach()))
        return loss

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


def tokens_for(batch: Sequence[Row], policy: Policy, *, n: int | None = None) -> Tokens:
    """Rows as a model reads them; of none one token, for a process that has no more rows while
    others go on.

    Args: n: of each completion only the first n tokens; None: all.
    """
    prompts = [row.prompt for row in batch] or [[policy.pad]]
    completions = [row.completion[:n] for row in batch] or [[policy.pad]]
    tokens = tokens_of(prompts, completions, policy.pad, policy.device)
    if any(row.is_supervised for row in batch):
        lessons = torch.tensor([row.is_supervised for row in batch], device=policy.device)
        tokens = replace(tokens, lessons=lessons)
    if not _is_dialogue(batch):
        return tokens
    reads = [[*p, *c[:-1]] for p, c in zip(prompts, completions, strict=True)]
    return replace(tokens, carriers=torch.tensor(carriers_of(reads), device=policy.device))


def sampled(rows: Sequence[Row]) -> list[Row]:
    """The rows that the policy sampled: those with a reward, lessons left out."""
    return [row for row in rows if not row.is_supervised]


def fill(batch: Sequence[Row], name: str, values: Tensor) -> None:
    """Keep of each line of (B, T) what belongs to its row."""
    for row, line in zip(batch, values, strict=bool(batch)):
        setattr(row, name, line[: len(row.completion)].detach().clone())


def stacked(batch: Sequence[Row], name: str, device: torch.device) -> Tensor | None:
    """(B, T) of a field that all rows have or none has."""
    lines = [getattr(row, name) for row in batch]
    if any(line is None for line in lines):
        return None
    return pad_sequence(lines, batch_first=True).to(device)
