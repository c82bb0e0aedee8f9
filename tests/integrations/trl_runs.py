"""Short runs of TRL's trainers with the small student, and what they compute on the way."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from egca.integrations.trl import EGCAConfig, EGCATrainer, problem_dataset
from egca.integrations.trl.data import task_of_row
from egca.training.assessment import Bench, Job, Rules

torch.set_num_threads(1)
warnings.filterwarnings("ignore", message=".*rollout_func.*")
COMMON: dict[str, Any] = {
    "per_device_train_batch_size": 12,
    "num_generations": 6,
    "max_completion_length": 96,
    "max_steps": 3,
    "learning_rate": 1e-3,
    "lr_scheduler_type": "constant",
    "loss_type": "grpo",
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "logging_steps": 1,
    "save_strategy": "no",
    "report_to": [],
    "disable_tqdm": True,
    "seed": 3,
}


class Recorded:
    """Keeps losses, gradients and scored batches of the trainer that it is mixed into."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.losses: list[float] = []
        self.gradients: list[dict[str, torch.Tensor]] = []
        self.batches: list[dict[str, Any]] = []
        super().__init__(*args, **options)
        self.remove_callback(PrinterCallback)  # type: ignore[attr-defined]
        self.add_callback(_Gradients(self))  # type: ignore[attr-defined]

    def compute_loss(self, *args: Any, **options: Any) -> Any:
        loss = super().compute_loss(*args, **options)  # type: ignore[misc]
        self.losses.append(float(loss.detach()))
        return loss

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        output = super()._generate_and_score_completions(inputs)  # type: ignore[misc]
        logged = list(self._logs["advantages"])  # type: ignore[attr-defined]
        accelerator = self.accelerator  # type: ignore[attr-defined]
        first = len(logged) - len(inputs) * (accelerator.num_processes - accelerator.process_index)
        plain = torch.tensor(logged[first : first + len(inputs)])
        self.batches.append({**output, "plain": plain})
        return output


class _Gradients(TrainerCallback):
    def __init__(self, trainer: Recorded) -> None:
        self._trainer = trainer

    def on_pre_optimizer_step(self, *args: Any, model: Any = None, **more: Any) -> None:
        found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        self._trainer.gradients.append(found)


class RecordedEGCA(Recorded, EGCATrainer):
    """EGCATrainer that keeps what it computes."""


class RecordedGRPO(Recorded, GRPOTrainer):
    """GRPOTrainer that keeps what it computes."""


def data_of(problems: Path, **options: Any) -> Any:
    """The student's tasks for TRL; it continues the bare statement."""
    return problem_dataset(problems, prompt="plain", **options)


def parts(student: Path) -> dict[str, Any]:
    """A fresh student."""
    return {
        "model": AutoModelForCausalLM.from_pretrained(student),
        "processing_class": AutoTokenizer.from_pretrained(student),
    }


def egca_run(
    student: Path,
    problems: Path,
    folder: Path,
    reward_funcs: Any = None,
    trainer: type[RecordedEGCA] = RecordedEGCA,
    **config: Any,
) -> RecordedEGCA:
    """EGCATrainer, ready to train; `config` over COMMON, and what is none of it to the trainer."""
    names = EGCAConfig.__dataclass_fields__
    more = {name: config.pop(name) for name in list(config) if name not in names}
    args = EGCAConfig(output_dir=str(folder), **{**COMMON, **config})
    given = {**parts(student), "train_dataset": data_of(problems), **more}
    return trainer(reward_funcs=reward_funcs, args=args, **given)


def grpo_run(student: Path, problems: Path, folder: Path, **config: Any) -> RecordedGRPO:
    """GRPOTrainer with the tests as a reward function of its own."""
    args = GRPOConfig(output_dir=str(folder), **{**COMMON, **config})
    return RecordedGRPO(
        reward_funcs=[passes], args=args, train_dataset=data_of(problems), **parts(student)
    )


def passes(
    completions: Sequence[Any], problem: Sequence[str], constraints: Sequence[str], **more: Any
) -> list[float]:
    """1 for a completion that passes its tests, else 0."""
    texts = [one if isinstance(one, str) else one[0]["content"] for one in completions]
    with Bench(Rules(), 1) as bench:
        jobs = [
            Job(task_of_row(row, demanded), text)
            for row, demanded, text in zip(problem, constraints, texts, strict=True)
        ]
        for job in jobs:
            bench.request(job)
        return [float(bench.judged(job).passed) for job in jobs]


def shortness(completion_ids: Sequence[Sequence[int]], **more: Any) -> list[float]:
    """Another reward, which differs within every group."""
    return [-len(ids) / 100 for ids in completion_ids]


def sometimes(completion_ids: Sequence[Sequence[int]], **more: Any) -> list[float | None]:
    """The same, where it says anything at all."""
    return [-len(ids) / 100 if i % 2 else None for i, ids in enumerate(completion_ids)]
