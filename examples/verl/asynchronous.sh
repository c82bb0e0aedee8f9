#!/usr/bin/env bash
# Rollouts on GPUs of their own, which go on sampling while the others train (verl's separate_async).
# Weights reach them every SYNC updates, so completions are up to that much older than the policy.
set -euo pipefail

NODES=${NODES:-1}
GPUS=${GPUS:-4}
ROLLOUT_NODES=${ROLLOUT_NODES:-1}
ROLLOUT_GPUS=${ROLLOUT_GPUS:-4}

exec "$(dirname "$0")/train.sh" \
  trainer.v1.trainer_mode=egca_separate_async \
  trainer.v1.separate_async.parameter_sync_step=4 \
  trainer.v1.separate_async.num_warmup_batches=1 \
  data.train_batch_size=64 \
  actor_rollout_ref.actor.ppo_mini_batch_size=16 \
  trainer.nnodes=$NODES \
  trainer.n_gpus_per_node=$GPUS \
  actor_rollout_ref.rollout.nnodes=$ROLLOUT_NODES \
  actor_rollout_ref.rollout.n_gpus_per_node=$ROLLOUT_GPUS \
  actor_rollout_ref.rollout.checkpoint_engine.backend=nccl \
  actor_rollout_ref.rollout.calculate_log_probs=True \
  "$@"
