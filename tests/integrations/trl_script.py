"""A run whose completions do not depend on how many processes share it.

    python trl_script.py STUDENT PROBLEMS FOLDER CREDIT NUM_GENERATIONS

Each completion is sampled with a seed of its own, so that two processes see what one sees."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path
from typing import Any

import torch
from trl_runs import egca_run, shortness

from egca.training.policy import Policy
from egca.training.sampling import PolicySampler

N_ROWS = 12
DRAW = 1  # with it the second group has failures and passes
N_PROCESSES = int(os.environ.get("WORLD_SIZE", "1"))


def main(student: Path, problems: Path, folder: Path, credit: str, n: int) -> None:
    """Two steps; what each process saw goes to a file of its own."""

    def rollout(prompts: list[str], trainer: Any) -> dict[str, Any]:
        policy = Policy(
            trainer.accelerator.unwrap_model(trainer.model),
            trainer.processing_class,
            tuple(trainer.eos_token_ids),
        )
        first = trainer.accelerator.process_index * len(prompts)
        ids = [policy.encode(prompt, special=True) for prompt in prompts]
        found = []
        for i, prompt in enumerate(ids):
            seed = zlib.crc32(f"{DRAW} {first + i} {prompt}".encode())
            found += PolicySampler(policy, max_tokens=96, seed=seed).sample([prompt], 1)
        return {
            "prompt_ids": ids,
            "completion_ids": [list(one.ids) for one in found],
            "logprobs": [list(one.logprobs) for one in found],
        }

    trainer = egca_run(
        student, problems, folder, [shortness], credit=credit, num_generations=n, max_steps=2,
        per_device_train_batch_size=N_ROWS // N_PROCESSES, rollout_func=rollout,
        shuffle_dataset=False, reward_weights=[1.0, 0.1],
    )  # fmt: skip
    trainer.train()
    rank = trainer.accelerator.process_index
    kept = [{name: batch[name] for name in ("advantages", "completion_ids", "plain")}
            for batch in trainer.batches]  # fmt: skip
    lines = [line for line in trainer.state.log_history if "loss" in line]
    weights = trainer.accelerator.unwrap_model(trainer.model).state_dict()
    torch.save({"batches": kept, "lines": lines, "weights": weights}, folder / f"rank-{rank}.pt")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), sys.argv[4], int(sys.argv[5]))
