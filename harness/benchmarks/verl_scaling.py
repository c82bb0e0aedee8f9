"""Completions that verl's reward workers judge and localize in a second, against their number.

    python -m harness.benchmarks.verl_scaling [--workers 1,2] [--completions 256] [--save]

Needs the extra "verl" (make test-verl sets it up). On a Ray cluster of this machine, started here,
or on the one that RAY_ADDRESS names. Programs are those of a generated family's students, a third
of which pass; each is new, so nothing is known from before. Starting the workers is not counted.
Processor time is that of the workers and all processes below them."""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from egca.files import save_text
from egca.problems.generated import FAMILIES
from harness.provenance import ROOT, provenance

OUTPUT = ROOT / "results/measured/verl_scaling.json"
FAMILY, PASS_AT_1 = "medium", 1 / 3
_VOCABULARY = 400


def programs(n: int, seed: int) -> list[tuple[str, str]]:
    """(ground truth, completion) of n programs that differ, eight a problem."""
    from egca.integrations.verl_data import ground_truth

    family = FAMILIES[FAMILY]
    rate = family.fault_rate_for(PASS_AT_1)
    rng = random.Random(seed)
    made = []
    for task in islice(family.tasks("train", 500_000 + 1_000 * seed), -(-n // 8)):
        truth = ground_truth(task.problem, None)
        made += [(truth, task.student(rng, rate).source) for _ in range(8)]
    return made[:n]


def measure(config: Any, tokenizer: Any, n_workers: int, n: int, seed: int) -> dict[str, Any]:
    """One number of workers: each warms up with a completion, then all share n."""
    import ray

    from egca.integrations.verl_rewards import LastingRewardLoopManager

    config.reward.num_workers = n_workers
    workers = LastingRewardLoopManager(config).reward_loop_worker_handles
    warm, rows = programs(n_workers, 99), programs(n, seed)
    ray.get([
        worker.compute_score.remote(row_of(tokenizer, *one))
        for worker, one in zip(workers, warm, strict=True)
    ])  # fmt: skip
    protos = [ray.put(row_of(tokenizer, *one)) for one in rows]
    before = ray.get([worker.__ray_call__.remote(cpu_seconds) for worker in workers])
    started = time.perf_counter()
    asked = [workers[i % n_workers].compute_score.remote(p) for i, p in enumerate(protos)]
    found = ray.get(asked)
    seconds = time.perf_counter() - started
    after = ray.get([worker.__ray_call__.remote(cpu_seconds) for worker in workers])
    for worker in workers:
        ray.kill(worker)
    passed = sum(one["reward_score"] for one in found)
    return {
        "workers": n_workers,
        "completions": n,
        "seconds": round(seconds, 2),
        "completions_per_s": round(n / seconds, 2),
        "cpu_s_per_completion": round((sum(after) - sum(before)) / n, 4),
        "pass_rate": round(passed / n, 3),
    }


def cpu_seconds(_: object) -> float:
    """Processor time of this process and of those below it, the ended ones included."""
    import psutil

    own = psutil.Process()
    return sum(sum(one.cpu_times()[:4]) for one in [own, *own.children(recursive=True)])


def row_of(tokenizer: Any, truth: str, text: str) -> Any:
    """A completion as verl hands it to a reward worker."""
    import numpy as np
    import torch
    from tensordict import TensorDict
    from verl import DataProto

    ids = torch.tensor([[*tokenizer(text, add_special_tokens=False).input_ids, 0]])
    batch = TensorDict({"responses": ids, "attention_mask": torch.ones_like(ids)}, batch_size=1)
    told = np.array([{"ground_truth": truth}], dtype=object)
    return DataProto(batch=batch, non_tensor_batch={"reward_model": told})


def config_of(model: Path) -> Any:
    """verl's configuration with egca's reward manager."""
    from hydra import compose, initialize_config_module

    options = [
        "algorithm.adv_estimator=grpo",
        f"actor_rollout_ref.model.path={model}",
        "actor_rollout_ref.rollout.name=vllm",
        "reward.reward_manager.source=importlib",
        "reward.reward_manager.module.path=pkg://egca.integrations.verl_rewards",
        "reward.reward_manager.name=EGCARewardManager",
    ]
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", options)


def main(
    workers: Annotated[str, typer.Option(help="Numbers of reward workers.")] = "1,2",
    completions: Annotated[int, typer.Option(min=8, help="For each number.")] = 256,
    save: Annotated[bool, typer.Option(help="Write results/measured.")] = False,
) -> None:
    """Measure, and print a line for each number of workers."""
    import ray
    from transformers import LlamaConfig

    from egca.training.tiny import new_tokenizer

    ray.init(include_dashboard=False, log_to_driver=False)
    rows = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            tokenizer = new_tokenizer(FAMILIES[FAMILY], _VOCABULARY)
            tokenizer.save_pretrained(folder)
            LlamaConfig().save_pretrained(folder)
            config = config_of(Path(folder))
            for seed, n in enumerate(map(int, workers.split(","))):
                rows.append(measure(config, tokenizer, n, completions, seed))
                print(json.dumps(rows[-1]), flush=True)
        cores = ray.cluster_resources().get("CPU", 0)
    finally:
        ray.shutdown()
    if save:
        head = provenance(
            f"python -m harness.benchmarks.verl_scaling --workers {workers} "
            f"--completions {completions} --save",
            paths=("egca",),
            packages=("verl", "ray", "torch"),
        )
        load = [round(one, 1) for one in os.getloadavg()]
        found = {"provenance": head, "cores": cores, "load_average": load, "rows": rows}
        save_text(OUTPUT, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
