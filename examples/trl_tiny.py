"""EGCATrainer on two CPU cores, with nothing to download: `python examples/trl_tiny.py [RULE]`.

A student of 0.1M parameters, made here in seconds, knows four tasks with some of its decisions
wrong; TRL trains it with token credit for twenty steps. That shows how the parts fit, and nothing
about a rule: twenty steps of one seed cannot. Needs egca[trl]."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a model this small is slower on two

from egca.integrations.trl import EGCAConfig, EGCATrainer, problem_dataset
from egca.problems.generated import FAMILIES
from egca.training.tiny import Student, student_folder

FIRST, N_TASKS = 1_000_000, 4
STUDENT = Student(
    family="easy", fault_rate=0.3, hidden=64, layers=2, heads=2, vocabulary=300,
    steps=120, batch_size=16, n_tasks=N_TASKS, learning_rate=1e-2,
)  # fmt: skip


def main(credit: str = "egca", steps: int = 20) -> list[dict[str, float]]:
    """Train; the lines of TRL's log."""
    tasks = [FAMILIES["easy"].task("train", FIRST + i).problem for i in range(N_TASKS)]
    with tempfile.TemporaryDirectory() as folder:
        args = EGCAConfig(
            output_dir=folder,
            credit=credit,
            loss_type="grpo",
            num_generations=8,
            per_device_train_batch_size=32,
            max_completion_length=96,
            learning_rate=3e-4,
            lr_scheduler_type="constant",
            max_steps=steps,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = EGCATrainer(
            model=str(student_folder(STUDENT, Path(folder))),
            args=args,
            train_dataset=problem_dataset(tasks, prompt="plain"),
        )
        trainer.train()
    return [line for line in trainer.state.log_history if "loss" in line]


if __name__ == "__main__":
    lines = main(*sys.argv[1:2])
    for name in ("rewards/tests/mean", "egca/modes/logic", "egca/modes/syntax"):
        half = len(lines) // 2
        first, second = (sum(line[name] for line in part) / len(part)
                         for part in (lines[:half], lines[half:]))  # fmt: skip
        print(f"{name:22} {first:.2f} in the first {half} steps, {second:.2f} in the rest")
