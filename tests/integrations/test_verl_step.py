"""A training step of verl's FSDP engine with token credit, on processor cores.

Real: Ray, TransferQueue, the worker group, FSDP's forward and backward pass, verl's loss, AdamW,
and the trainer's own methods in the order in which it calls them. Not here: the rollouts, since
vLLM's servers want a GPU; the completions are written down."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("verl", reason="needs verl and Ray: make test-verl")

import ray
import torch
import transfer_queue as tq
from hydra import compose, initialize_config_module
from test_verl import options_of, proto_of, put
from verl.single_controller.ray.base import (
    RayClassWithInitArgs,
    RayResourcePool,
    RayWorkerGroup,
    create_colocated_worker_cls,
)
from verl.trainer.ppo.v1 import get_trainer_cls
from verl.workers.engine_workers import ActorRolloutRefWorker
from verl_cases import PROBLEMS, completions, sampled_ids

from egca.integrations.verl_data import ground_truth
from egca.integrations.verl_rewards import LastingRewardLoopManager

pytestmark = pytest.mark.verl


class ProcessorWorker(ActorRolloutRefWorker):
    """verl names its process group's backends by device, which on this platform is one twice."""

    def __init__(self, *args, **kwargs):
        store = torch.distributed.HashStore()
        torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
        super().__init__(*args, **kwargs)


@pytest.fixture
def config(tiny_model):
    small = [
        f"actor_rollout_ref.model.path={tiny_model}",
        "+actor_rollout_ref.model.override_config.attn_implementation=eager",
        "actor_rollout_ref.model.enable_gradient_checkpointing=False",
        "actor_rollout_ref.model.use_remove_padding=False",
        "actor_rollout_ref.actor.use_torch_compile=False",
        "actor_rollout_ref.actor.fsdp_config.use_torch_compile=False",
        "actor_rollout_ref.actor.optim.lr=1e-3",
        "actor_rollout_ref.actor.use_kl_loss=False",
        "actor_rollout_ref.actor.ppo_mini_batch_size=2",
        "actor_rollout_ref.rollout.n=8",
        "actor_rollout_ref.rollout.calculate_log_probs=False",  # nobody samples
        "data.train_batch_size=2",
        "reward.num_workers=1",
        "trainer.device=cpu",
        "trainer.n_gpus_per_node=1",
        "transfer_queue.enable=True",
        "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
    ]
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", [*options_of("train.sh"), *small])


@pytest.fixture
def cluster(config):
    env = {
        "VERL_PLATFORM": "processor",
        "VERL_ENGINE_DEVICE": "cuda",  # by this name the engine is registered
        "VERL_USE_EXTERNAL_MODULES": "verl_cpu_platform",
        "PYTHONPATH": os.pathsep.join(
            [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        ),
    }
    ray.init(
        num_cpus=6,  # of Ray's counting: the queue's actors take some and idle
        include_dashboard=False,
        runtime_env={"env_vars": env},
    )
    tq.init(config.transfer_queue)
    yield
    tq.close()
    ray.shutdown()


def worker_group(config):
    remote = ray.remote(ProcessorWorker)
    wanted = RayClassWithInitArgs(cls=remote, config=config.actor_rollout_ref, role="actor")
    pool = RayResourcePool([1], use_gpu=False, max_colocate_count=1)
    together = create_colocated_worker_cls({"actor": wanted})
    group = RayWorkerGroup(pool, together, device_name="cpu").spawn(prefix_set=["actor"])["actor"]
    group.init_model()
    return group


def read(meta):
    """Log-probabilities and advantages of each row."""
    names = ["old_log_probs", "advantages"]
    told = tq.kv_batch_get(keys=meta.keys, partition_id="train", select_fields=names)
    return [told[name].unbind() for name in names]


def test_a_step_raises_what_credit_says(cluster, config, tiny_model):
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    batch = [
        {
            "uid": f"u{g}",
            "ids": sampled_ids(tokenizer, text, is_odd=False),
            "truth": ground_truth(problem, None),
        }
        for g, problem in enumerate(PROBLEMS[:2])
        for text in completions(problem)
    ]
    (worker,) = LastingRewardLoopManager(config).reward_loop_worker_handles
    found = ray.get([worker.compute_score.remote(proto_of(row)) for row in batch])
    ray.kill(worker)
    trainer = get_trainer_cls("egca_sync")(config)
    trainer.global_steps = 1
    trainer.distillation_config = None
    trainer.actor_rollout_wg = worker_group(config)
    meta = put(batch, (found, 0))
    metrics = {}
    meta = trainer._compute_old_log_prob(meta, metrics)
    meta = trainer._compute_advantage(meta, metrics)
    logprobs, advantages = read(meta)
    trainer._update_actor(meta, metrics)
    moved, _ = read(trainer._compute_old_log_prob(meta, {}))
    assert metrics["egca/credited"] == 1.0
    assert metrics["actor/grad_norm"] > 0
    # The policy is still that of the samples, so nothing is clipped, and minus the loss is the mean
    # of sum_t a_{i,t} = A_i, which is 0 in each group.
    assert metrics["actor/pg_clipfrac"] == 0
    assert metrics["actor/pg_loss"] == pytest.approx(0, abs=1e-4)
    # What was raised has become likelier, each sequence by its own length.
    gain = sum(
        float((a * (new - old)).mean())
        for a, new, old in zip(advantages, moved, logprobs, strict=True)
    )
    assert gain > 0
