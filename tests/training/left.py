"""What a run left in its folder, for comparing one run with another, killed or whole."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from egca.training import checkpoint
from egca.training.config import TrainConfig
from egca.training.metrics import read_metrics
from egca.training.run import Report, train


def timeless(folder: Path) -> list[dict[str, object]]:
    """Metrics of each step without what depends on the clock."""
    lines = read_metrics(folder / "metrics.jsonl")
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The policy of the last checkpoint."""
    state = checkpoint.load_last(folder / "checkpoints")
    assert state is not None
    return state["policy"]["weights"]


def are_same(mine: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor]) -> bool:
    """Whether weights are equal to the bit."""
    return mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in theirs)


class Killed(Exception):
    """In place of a signal that nobody can catch."""


def killed_and_resumed(config: TrainConfig, folder: Path, n_steps: int) -> Report:
    """A run that is killed after so many steps and one more, before it has saved that, and goes on.

    The checkpoint of the last step is taken away: a step is saved before others hear of it.
    """

    def kill(step: int, metrics: object, groups: object) -> None:
        if step == n_steps:
            raise Killed

    with pytest.raises(Killed):
        train(config, folder, listeners=[kill])
    for path in checkpoint.found(folder / "checkpoints"):
        if path.name > f"step-{n_steps:06d}":
            shutil.rmtree(path)
    return train(config, folder, resume=True)
