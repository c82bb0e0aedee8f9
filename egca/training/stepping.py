"""Steps of the optimizer: clipped, and skipped where a gradient is none to follow."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from egca.training.config import Optimizer
from egca.training.distributed import Replica, spread, whole

EXPLODING = 1_000.0  # times the clip: a gradient of this norm is no step to take


class Stepper:
    """AdamW on what a replica trains. Its state is whole, however many processes there are."""

    def __init__(self, replica: Replica, options: Optimizer) -> None:
        self._replica = replica
        self._bound = options.max_grad_norm
        self._parameters = list(replica.named.values())
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=options.learning_rate,
            betas=options.betas,
            weight_decay=options.weight_decay,
            fused=True,
        )

    def apply(self, rate: float) -> float:
        """Clip the gradient of all processes and take a step, unless it is not finite or explodes.

        Returns: its norm.
        """
        self._replica.average()
        norm = float(whole(torch.nn.utils.clip_grad_norm_(self._parameters, self._bound)))
        if not self.is_bad(norm):
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            self._optimizer.step()
            self._replica.round_off()
        self._optimizer.zero_grad(set_to_none=True)
        return norm

    def is_bad(self, norm: float) -> bool:
        """Whether a gradient of this norm was skipped."""
        return not math.isfinite(norm) or norm > EXPLODING * self._bound

    def state(self) -> dict[str, Any]:
        """Weights as the optimizer has them, in float32, and its state, for a checkpoint."""
        optimizer = self._optimizer.state_dict()
        optimizer["state"] = {
            i: {name: whole(value) for name, value in entry.items()}
            for i, entry in optimizer["state"].items()
        }
        return {"weights": self._replica.weights(), "optimizer": optimizer}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._replica.load(state["weights"])
        optimizer = dict(state["optimizer"])
        optimizer["state"] = {
            i: {name: _like(value, self._parameters[i]) for name, value in entry.items()}
            for i, entry in optimizer["state"].items()
        }
        self._optimizer.load_state_dict(optimizer)


def _like(value: Tensor, parameter: Tensor) -> Tensor:
    """A moment in shards as its parameter is; the count of steps as it is."""
    return spread(value, parameter) if value.shape == parameter.shape else value
