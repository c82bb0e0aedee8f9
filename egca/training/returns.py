"""Token advantages of REINFORCE++, PPO and RLEF: made of rewards and log-probabilities, not by a
credit rule. All take the KL penalty (k1) into the reward, of each token or of a turn, and bring the
advantages of a whole step to mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from egca.training.config import Objective
from egca.training.distributed import World
from egca.training.objectives import (
    generalised_advantages,
    kl_penalty,
    rewards_to_go,
    whitened,
)
from egca.training.policy import mask_of
from egca.training.update import Row, sampled, stacked


def token_advantages(rows: Sequence[Row], objective: Objective, world: World) -> None:
    """Fill in `advantages`, and with a critic `returns`, of this process's rows of a step.

    Lessons keep what they have: their advantages are weights of a cross-entropy.

    Args:
        rows: with rewards; with old and reference log-probabilities where beta > 0, for ppo and
            rlef with old values.
        world: whose rows the advantages are whitened over.
    """
    rows = sampled(rows)
    lengths = [len(row.completion) for row in rows]
    mask = mask_of(torch.tensor(lengths))
    rewards = torch.tensor([row.reward for row in rows])
    penalties = torch.zeros_like(mask)
    old = stacked(rows, "old_logprobs", mask.device)
    ref = stacked(rows, "ref_logprobs", mask.device)
    if old is not None and ref is not None:
        penalties = kl_penalty(old, ref, "k1")
    if objective.name == "rlef":
        found = turn_advantages(rows, objective, penalties, mask)
    elif objective.name == "ppo":
        values = stacked(rows, "old_values", mask.device)
        assert values is not None
        found, returns = generalised_advantages(
            with_outcome(rewards, -objective.beta * penalties, mask), values, mask,
            lam=objective.lam,
        )  # fmt: skip
        for row, line in zip(rows, returns, strict=True):
            row.returns = line[: len(row.completion)].clone()
    else:
        found = rewards_to_go(rewards, penalties, mask, objective.beta)
    parts = world.gather(found[mask.bool()])
    everything = torch.cat(parts)
    white = whitened(everything, torch.ones_like(everything))
    mine = white[sum(map(len, parts[: world.rank])) :][: sum(lengths)]
    for row, line in zip(rows, mine.split(lengths), strict=True):
        row.advantages = line.numpy().copy()


def turn_advantages(
    rows: Sequence[Row], objective: Objective, penalties: Tensor, mask: Tensor
) -> Tensor:
    """One advantage for all tokens of a turn, (B, T); fills in `returns` from the first token.

    A turn's value is the critic's before its first token. Its reward is r less beta times the mean
    of the penalties of its tokens, the log of the geometric mean of pi / pi_ref.
    Source: RLEF (arXiv 2410.02089), optimisation. GAE over the turns with `lam` is inferred.
    """
    kl = (penalties * mask).sum(1) / mask.sum(1)
    rewards = {id(row): row.reward - objective.beta * float(k)
               for row, k in zip(rows, kl, strict=True)}  # fmt: skip
    found = torch.zeros_like(mask)
    for i, row in enumerate(rows):
        advantage, weight = 0.0, 1.0
        turn: Row | None = row
        while turn is not None:
            value = _value_of(turn)
            after = 0.0 if turn.following is None else _value_of(turn.following)
            advantage += weight * (rewards[id(turn)] + after - value)
            weight *= objective.lam
            turn = turn.following
        found[i] = advantage
        row.returns = torch.full((len(row.completion),), advantage + _value_of(row))
    return found * mask


def _value_of(row: Row) -> float:
    assert row.old_values is not None
    return float(row.old_values[0])


def with_outcome(rewards: Tensor, per_token: Tensor, mask: Tensor) -> Tensor:
    """(B, T): r_i on the last token of each completion, added to what each token has of its own.

    >>> mask = torch.tensor([[1.0, 1.0, 0.0]])
    >>> with_outcome(torch.tensor([1.0]), mask * -0.5, mask)
    tensor([[-0.5000,  0.5000,  0.0000]])
    """
    last = mask.sum(1).long() - 1
    return per_token * mask + torch.zeros_like(mask).scatter(1, last[:, None], rewards[:, None])
