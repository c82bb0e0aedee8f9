#!/usr/bin/env bash
# GRPO with egca's token credit in verl, as published: G = 16, clip 0.2, KL 0.05, lr 5e-7.
# The other launch files call this one; further options are given behind and win.
set -euo pipefail

MODEL=${MODEL:-deepseek-ai/deepseek-coder-6.7b-instruct}
DATA=${DATA:-data}

exec python -m verl.trainer.main_ppo \
  trainer.v1.trainer_mode=egca_sync \
  algorithm.adv_estimator=grpo \
  algorithm.norm_adv_by_std_in_grpo=True \
  algorithm.use_kl_in_reward=False \
  reward.num_workers=16 \
  reward.reward_manager.source=importlib \
  reward.reward_manager.module.path=pkg://egca.integrations.verl_rewards \
  reward.reward_manager.name=EGCARewardManager \
  ++egca.credit.strategy=egca \
  ++egca.credit.span=statement \
  data.train_files=$DATA/train.parquet \
  data.val_files=$DATA/val.parquet \
  data.train_batch_size=64 \
  data.max_prompt_length=1024 \
  data.max_response_length=512 \
  actor_rollout_ref.model.path=$MODEL \
  actor_rollout_ref.model.enable_gradient_checkpointing=True \
  actor_rollout_ref.actor.strategy=fsdp2 \
  actor_rollout_ref.actor.optim.lr=5e-7 \
  actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-mean \
  actor_rollout_ref.actor.clip_ratio=0.2 \
  actor_rollout_ref.actor.use_kl_loss=True \
  actor_rollout_ref.actor.kl_loss_coef=0.05 \
  actor_rollout_ref.actor.kl_loss_type=low_var_kl \
  actor_rollout_ref.actor.ppo_mini_batch_size=64 \
  actor_rollout_ref.actor.use_dynamic_bsz=True \
  actor_rollout_ref.rollout.name=vllm \
  actor_rollout_ref.rollout.n=16 \
  actor_rollout_ref.rollout.temperature=1.0 \
  actor_rollout_ref.rollout.tensor_model_parallel_size=1 \
  actor_rollout_ref.rollout.gpu_memory_utilization=0.6 \
  trainer.project_name=egca \
  trainer.total_epochs=3 \
  trainer.test_freq=10 \
  trainer.save_freq=50 \
  trainer.logger=console \
  "$@"
