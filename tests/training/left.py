"""What a run left in its folder, for comparing one run with another."""

from __future__ import annotations

from pathlib import Path

import torch

from egca.training import checkpoint
from egca.training.metrics import read_metrics


def timeless(folder: Path) -> list[dict[str, object]]:
    """Metrics of each step without what depends on the clock."""
    lines = read_metrics(folder / "metrics.jsonl")
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The policy of the last checkpoint."""
    state = checkpoint.load_last(folder / "checkpoints")
    assert state is not None
    return state["policy"]["weights"]
