"""The critic of PPO and RLEF: how much reward is still to come, learned beside the policy.

It begins as a copy of the policy's trunk with a scalar head at zero, and has an optimizer of its
own. What becomes of its values is returns.py's."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from egca.training.config import Objective, Optimizer
from egca.training.distributed import Replica
from egca.training.metrics import Means
from egca.training.objectives import clipped_value_loss
from egca.training.policy import Policy, Tokens
from egca.training.stepping import Stepper
from egca.training.update import Row, Totals, fill, plan, sampled, stacked, tokens_for


class Critic(nn.Module):
    """Values of completion tokens. With LoRA the trunk's adapters are trained, as the policy's."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        model = copy.deepcopy(policy.model)
        plain = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.trunk = plain.model
        hidden = plain.config.get_text_config().hidden_size
        self.head = nn.Linear(hidden, 1, device=policy.device, dtype=plain.dtype)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, tokens: Tokens) -> Tensor:
        """V before each completion token is sampled, float32 (B, T), 0 behind the completion."""
        ids, _, _, index = tokens.read()
        hidden = self.trunk(input_ids=ids, use_cache=False).last_hidden_state
        row, t = tokens.mask.nonzero(as_tuple=True)
        values = self.head(hidden[index[row], tokens.starts[row] + t - 1]).float()[:, 0]
        return torch.zeros_like(tokens.mask).index_put((row, t), values)


class CriticUpdater:
    """Computes values and learns them.

    Args:
        policy: for padding and the device. replica: of a Critic.
        optimizer: the policy's options; the learning rate is objective.critic_learning_rate.
    """

    def __init__(
        self,
        policy: Policy,
        replica: Replica,
        objective: Objective,
        optimizer: Optimizer,
        *,
        micro_batch_tokens: int,
    ) -> None:
        self._policy = policy
        self._replica = replica
        self._objective = objective
        self._budget = micro_batch_tokens
        self._stepper = Stepper(replica, optimizer)
        # The value of a turn is that before its first token; no more of it is read.
        self._n_valued = 1 if objective.name == "rlef" else None

    def prepare(self, rows: Sequence[Row]) -> None:
        """Fill in the values that advantages and returns are made with; lessons have none."""
        with self._replica.scoring():
            for batch in self._replica.evened(plan(sampled(rows), self._budget).batches):
                tokens = tokens_for(batch or (), self._policy, n=self._n_valued)
                fill(batch or [], "old_values", self._replica.module(tokens))

    def update(self, rows: Sequence[Row], totals: Totals, means: Means, factor: float) -> None:
        """A step towards the returns of these rows, lessons apart.

        Args:
            totals: of the rows of all processes, which the loss is a mean over.
            factor: of the learning rate, by the schedule.
        """
        for batch in self._replica.evened(plan(sampled(rows), self._budget).batches):
            loss = self._loss(batch, totals, means)
            (loss * self._replica.world.n).backward()
        norm = self._stepper.apply(self._objective.critic_learning_rate * factor)
        means.add("critic_grad_norm", norm)
        means.total("skipped_critic_updates", self._stepper.is_bad(norm))

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return self._stepper.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._stepper.restore(state)

    def _loss(self, batch: Sequence[Row] | None, totals: Totals, means: Means) -> Tensor:
        tokens = tokens_for(batch or (), self._policy, n=self._n_valued)
        values: Tensor = self._replica.module(tokens)
        if batch is None:
            return values.sum() * 0
        mask = tokens.mask
        old = stacked(batch, "old_values", mask.device)
        returns = stacked(batch, "returns", mask.device)
        assert old is not None
        assert returns is not None
        returns = returns[:, : mask.shape[1]]
        loss = clipped_value_loss(values, old, returns, epsilon=self._objective.epsilon) * mask
        n = float(mask.sum())
        means.add("value_loss", float(loss.detach().sum()) / n, n)
        if self._objective.name == "rlef":
            return loss.sum() / totals.n_sequences
        factors = totals.factors(batch, self._objective.loss_normalisation).to(mask.device)
        total: Tensor = (loss * factors[:, None]).sum()
        return total
