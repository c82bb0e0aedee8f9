"""verl's trainers with token credit: `egca_sync` and two asynchronous ones beside it.

Each is verl's own, with one method extended through super(): once verl has A_i of every completion,
`_compute_advantage` puts an advantage for each token in its place. Sampling, the loss and
everything else is verl's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import transfer_queue as tq
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.v1.trainer_base import PPOTrainer, register_trainer
from verl.trainer.ppo.v1.trainer_colocate_async import PPOTrainerColocateAsync
from verl.trainer.ppo.v1.trainer_separate_async import PPOTrainerSeparateAsync
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.workers.utils.padding import response_to_nested

from egca.integrations.verl_findings import KEY, Sampled, metrics_of, token_advantages
from egca.integrations.verl_options import MODES, check_fits, crediting_of, settings_of
from egca.integrations.verl_rewards import lasting_rewards
from egca.training.crediting import Crediting

_FIELDS = ["uid", "responses", "response_mask", "advantages", "extra_fields"]


def credit_batch(data: DataProto, crediting: Crediting, seed: int = 0) -> dict[str, float]:
    """Put T_i a_{i,t} where verl put A_i, in place.

    Args:
        data: responses, response_mask and advantages of shape (B, T), with A_i on each token of a
            row, padded on the right; non-tensors uid and extra_fields (B,), with the reward's
            extra info in the latter.
        seed: of rules that draw at random.
    Returns: metrics under egca/.
    """
    mask, advantages = data.batch["response_mask"], data.batch["advantages"]
    rows = []
    lengths = mask.sum(-1).tolist()
    for i, n in enumerate(int(length) for length in lengths):
        # A hole in the mask is another speaker's text or a rejected token: verl's A_i stays.
        whole = bool(mask[i, :n].all())
        rows.append(
            Sampled(
                data.batch["responses"][i, :n].tolist(),
                float(advantages[i, 0]) if n else 0.0,
                str(data.non_tensor_batch["uid"][i]),
                _finding(data.non_tensor_batch["extra_fields"][i]) if whole else None,
            )
        )
    made = token_advantages(rows, crediting, seed)
    for i, one in enumerate(made):
        if one is not None:
            found = torch.from_numpy(one.advantages)
            advantages[i, : len(found)] = found.to(advantages)
    return metrics_of(rows, made)


class _Credited(PPOTrainer):
    """What the trainers below have in common; in front of one of verl's in the bases."""

    def __init__(self, config: Any) -> None:
        told = OmegaConf.to_container(config, resolve=True)
        assert isinstance(told, dict)
        check_fits(told)
        self._crediting = crediting_of(settings_of(told))
        super().__init__(config)

    def _build_replay_buffer(self) -> Any:
        # verl takes options and decides by this name, and knows only its own: under any other it
        # would sample like an asynchronous trainer.
        self.trainer_mode = MODES[self.config.trainer.v1.trainer_mode]
        options = self.config.trainer.v1.get(self.trainer_mode, {})
        self.parameter_sync_step = options.get("parameter_sync_step", 1)
        return super()._build_replay_buffer()

    def _setup(self) -> None:
        with lasting_rewards():
            super()._setup()

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        batch = super()._compute_advantage(batch, metrics)
        told = tq.kv_batch_get(
            keys=batch.keys, partition_id=batch.partition_id, select_fields=_FIELDS
        )
        response_mask = told["response_mask"]
        non_tensors = {name: _objects(told.pop(name)) for name in ("uid", "extra_fields")}
        data = DataProto(batch=told.to_padded_tensor(), non_tensor_batch=non_tensors)
        seed = int(self.global_steps)
        metrics.update(credit_batch(data, self._crediting, seed))
        nested = response_to_nested(data.batch["advantages"], response_mask)
        fields = TensorDict({"advantages": nested}, batch_size=len(batch))
        return tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=fields)


@register_trainer("egca_sync")
class EGCATrainerSync(_Credited, PPOTrainerSync):
    """verl's `sync` with token credit."""


@register_trainer("egca_colocate_async")
class EGCATrainerColocateAsync(_Credited, PPOTrainerColocateAsync):
    """verl's `colocate_async` with token credit."""


@register_trainer("egca_separate_async")
class EGCATrainerSeparateAsync(_Credited, PPOTrainerSeparateAsync):
    """verl's `separate_async` with token credit."""


def _finding(extra_fields: Any) -> str | None:
    told = extra_fields.get("reward_extra_info") if isinstance(extra_fields, Mapping) else None
    return told.get(KEY) if isinstance(told, Mapping) else None


def _objects(column: Any) -> Any:
    """(B,) of Python objects."""
    values = column.tolist()
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made
