#!/usr/bin/env bash
# One machine: FSDP and vLLM take turns on its GPUs, reward workers run beside them on its cores.
set -euo pipefail

GPUS=${GPUS:-8}

exec "$(dirname "$0")/train.sh" \
  trainer.nnodes=1 \
  trainer.n_gpus_per_node=$GPUS \
  "$@"
