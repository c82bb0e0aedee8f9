"""A student small enough to be made in seconds: it knows four tasks by heart, faults included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")

N_TASKS = 4


@pytest.fixture(scope="session")
def student(tmp_path_factory) -> Path:
    """Folder of its model."""
    import torch

    from egca.training.tiny import Student, student_folder

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    what = Student(
        family="easy", fault_rate=0.3, hidden=64, layers=2, heads=2, vocabulary=300,
        steps=120, batch_size=16, n_tasks=N_TASKS, learning_rate=1e-2,
    )  # fmt: skip
    folder = student_folder(what, tmp_path_factory.mktemp("students"))
    torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="session")
def problems(tmp_path_factory) -> Path:
    """File of the tasks that it knows."""
    from egca.problems import row_of
    from egca.problems.generated import FAMILIES

    file = tmp_path_factory.mktemp("problems") / "tasks.jsonl"
    tasks = [FAMILIES["easy"].task("train", 1_000_000 + i) for i in range(N_TASKS)]
    file.write_text("".join(json.dumps(row_of(task.problem)) + "\n" for task in tasks))
    return file


@pytest.fixture
def options(student: Path, problems: Path) -> dict[str, object]:
    """Dotted options of a run of four steps with it, over those of the preset tiny."""
    return {
        "model.name": str(student),
        "data.dataset": str(problems),
        "data.limit": N_TASKS,
        "evaluation.dataset": None,
        "rollout.prompts_per_step": 2,
        "rollout.num_generations": 6,
        "optimizer.learning_rate": 1e-3,
        "checkpoint.every": 1,
        "steps": 4,
    }
