"""A run whose completions do not depend on how many processes share it: python this CONFIG FOLDER.

Each prompt is sampled with a seed of its own, so that two processes see what one sees."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from egca.training import run
from egca.training.config import TrainConfig, load_config
from egca.training.distributed import World, open_world
from egca.training.policy import Policy, load_policy
from egca.training.sampling import Completion, PolicySampler


class ByPrompt:
    """Samples each prompt by itself."""

    def __init__(self, policy: Policy, max_tokens: int) -> None:
        self._policy = policy
        self._max_tokens = max_tokens

    def sample(self, prompts: Sequence[Sequence[int]], n: int) -> Iterator[Completion]:
        for i, prompt in enumerate(prompts):
            seed = zlib.crc32(f"2 {prompt}".encode())
            sampler = PolicySampler(self._policy, max_tokens=self._max_tokens, seed=seed)
            for completion in sampler.sample([prompt], n):
                yield replace(completion, prompt=i)

    def refresh(self) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


def by_prompt(
    config: TrainConfig, policy: Policy, folder: Path, world: World | None = None
) -> ByPrompt:
    return ByPrompt(policy, config.rollout.max_completion_length)


if __name__ == "__main__":
    config, folder = load_config(None, Path(sys.argv[1])), Path(sys.argv[2])
    run.open_sampler = by_prompt  # type: ignore[assignment]
    torch.set_num_threads(1)
    world = open_world()
    policy = load_policy(config.model, "cpu")
    run.train(config, folder, policy=policy, world=world)
    torch.save(policy.model.state_dict(), folder / f"rank-{world.rank}.pt")
    world.close()
