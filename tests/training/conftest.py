"""Options of a short run with the small student."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")


@pytest.fixture
def options(student: Path, problems: Path) -> dict[str, object]:
    """Dotted options of a run of four steps with it, over those of the preset tiny."""
    return {
        "model.name": str(student),
        "data.dataset": str(problems),
        "data.limit": 4,
        "evaluation.dataset": None,
        "rollout.prompts_per_step": 2,
        "rollout.num_generations": 6,
        "optimizer.learning_rate": 1e-3,
        "checkpoint.every": 1,
        "steps": 4,
    }
