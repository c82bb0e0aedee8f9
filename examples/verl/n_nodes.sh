#!/usr/bin/env bash
# N machines of one Ray cluster. Start it first, with the same environment on each machine:
#   head:    ray start --head --port=6379 --dashboard-host=0.0.0.0
#   others:  ray start --address=HEAD:6379
# Then run this on the head. Reward workers are spread over all machines in turn.
set -euo pipefail

NODES=${NODES:-8}
GPUS=${GPUS:-8}
WORKERS=${WORKERS:-64}
HEAD=${HEAD:-http://127.0.0.1:8265}

cd "$(dirname "$0")"
exec ray job submit --address "$HEAD" --working-dir . -- bash train.sh \
  trainer.nnodes=$NODES \
  trainer.n_gpus_per_node=$GPUS \
  reward.num_workers=$WORKERS \
  data.train_batch_size=512 \
  actor_rollout_ref.actor.ppo_mini_batch_size=512 \
  "$@"
