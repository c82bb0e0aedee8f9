"""Students for the generated family: a small Llama and its tokenizer, trained here from scratch.

A warm start is trained on programs with confusable faults (egca/problems/generated/students.py), so
that it writes programs that run and are wrong in places: what reinforcement learning can mend. It
is kept in a cache under the digest of everything that decided it; nothing is downloaded."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from egca.errors import InputError
from egca.files import make_folder
from egca.problems.generated import FAMILIES, Family, Task
from egca.training.policy import Policy, Scorer, tokens_of

PAD, END = "<pad>", "<end>"
PREFIX = "tiny:"
_FIRST_TASK = 1_000_000  # numbers of tasks from here on are for warm starts, below for RL
_N_CORPUS = 3_000  # programs that the tokenizer is made of
_EMBEDDING_RATE = 3e-3
_VERSION = 1  # of everything in this file that decides a student


@dataclass(frozen=True, slots=True)
class Student:
    """What decides a warm start.

    family: of egca.problems.generated. freedom: how much of the form of the programs that it is
    taught is free, in [0, 1]. fault_rate: mean chance of a fault for a decision. steps: updates
    with
    batch_size programs each, from a pool of n_tasks tasks.
    """

    family: str = "medium"
    freedom: float = 0.0
    fault_rate: float = 0.1
    hidden: int = 96
    layers: int = 3
    heads: int = 3
    vocabulary: int = 512
    steps: int = 1_000
    batch_size: int = 32
    n_tasks: int = 12_000
    learning_rate: float = 1e-2
    seed: int = 0

    def factor(self, step: int) -> float:
        """Of the learning rate: a short rise, a plateau, a fall over the last four tenths."""
        rise = min(1.0, (step + 1) / 20)
        return rise * min(1.0, max(0.02, (self.steps - step) / (0.4 * self.steps)))

    @property
    def tasks(self) -> Family:
        """The family, with the freedom of form that the student is taught."""
        return replace(FAMILIES[self.family], freedom=self.freedom)

    @property
    def digest(self) -> str:
        """Of all that decides it."""
        text = json.dumps({"version": _VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


# Fault rates found by `python -m harness.studies.warm_starts`, which measures the pass rates.
STUDENTS: dict[str, Student] = {
    "medium-15": Student(fault_rate=0.195),
    "medium-30": Student(fault_rate=0.135),
    "medium-50": Student(fault_rate=0.07),
    "medium-15-free": Student(fault_rate=0.195, freedom=0.4, steps=1_600),
    "easy-15": Student(family="easy", fault_rate=0.3),
    "hard-15": Student(family="hard", fault_rate=0.15, steps=1_200),
}

# Larger and rarely wrong: whose programs or judgement a student is taught by.
TEACHERS: dict[str, Student] = {
    "teacher-medium": Student(fault_rate=0.02, hidden=160, layers=4, heads=5, steps=1_500),
}

Report = Callable[[int, float], None]


def cache_folder() -> Path:
    """Where students are kept: EGCA_CACHE, else the user's cache folder."""
    base = os.environ.get("EGCA_CACHE") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(base).expanduser()
    return folder if os.environ.get("EGCA_CACHE") else folder / "egca"


def student_named(name: str) -> Student:
    """The student or teacher of a name such as "medium-30". Raises: InputError."""
    known = STUDENTS | TEACHERS
    if name not in known:
        raise InputError(f"no student tiny:{name}; there are {', '.join(sorted(known))}")
    return known[name]


def student_folder(
    student: Student, folder: Path | None = None, report: Report | None = None
) -> Path:
    """The folder of a trained student, training it now if it is not there.

    Where another process is at it, this one waits for what that one makes.

    Args: report: called with the step and the loss while it is trained.
    Raises: InputError where it cannot be kept.
    """
    target = (folder or cache_folder() / "students") / student.digest
    if (target / "student.json").is_file():
        return target
    make_folder(target.parent)
    try:
        alone = FileLock(target.with_name(f".{target.name}.lock")).acquire()
    except OSError as error:
        raise InputError(f"{target}: the student cannot be kept: {error}") from None
    with alone:
        if not (target / "student.json").is_file():
            _make_student(student, target, report)
    return target


def _make_student(student: Student, target: Path, report: Report | None) -> None:
    started = time.perf_counter()
    policy = train_student(student, report)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        policy.save(temporary)
        said = {
            **asdict(student),
            "n_parameters": sum(p.numel() for p in policy.model.parameters()),
            "seconds": round(time.perf_counter() - started, 1),
        }
        (temporary / "student.json").write_text(json.dumps(said, indent=1), "utf-8")
        if not target.exists():
            temporary.rename(target)
    except OSError as error:
        raise InputError(f"{target}: the student cannot be kept: {error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def new_tokenizer(family: Family, vocabulary: int) -> Any:
    """A BPE tokenizer made of the family's specifications and programs, and their characters alone.

    Without the bytes that never occur, the vocabulary holds whole words.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    rng = random.Random(0)
    corpus = []
    for index in range(_N_CORPUS // 3):
        task = family.task("train", _FIRST_TASK + index)
        corpus.append(task.specification + "\n")
        corpus += [task.student(rng, 0.1).source for _ in range(2)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END],
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, clean_up_tokenization_spaces=False
    )


def new_student(student: Student) -> Policy:
    """An untrained student."""
    tokenizer = new_tokenizer(student.tasks, student.vocabulary)
    return new_policy(
        tokenizer,
        hidden=student.hidden,
        intermediate=student.hidden * 8 // 3 // 8 * 8,
        layers=student.layers,
        heads=student.heads,
        seed=student.seed,
    )


def new_policy(
    tokenizer: Any, *, hidden: int, intermediate: int, layers: int, heads: int, seed: int
) -> Policy:
    """An untrained Llama over a tokenizer of `new_tokenizer`."""
    from transformers import LlamaConfig, LlamaForCausalLM, logging

    logging.disable_progress_bar()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    return Policy(LlamaForCausalLM(config), tokenizer, (tokenizer.eos_token_id,))


def train_student(student: Student, report: Report | None = None) -> Policy:
    """A student trained on fresh programs of a pool of tasks, some of their decisions wrong."""
    family = student.tasks
    policy = new_student(student)
    tasks = [family.task("train", _FIRST_TASK + i) for i in range(student.n_tasks)]
    rng = random.Random(student.seed)
    scorer = Scorer(policy.model, chunk=1 << 30)
    optimizers = _optimizers(policy, student.learning_rate)
    schedules = [torch.optim.lr_scheduler.LambdaLR(one, student.factor) for one in optimizers]
    policy.model.train()
    for step in range(student.steps):
        batch = [tasks[int(rng.random() * len(tasks))] for _ in range(student.batch_size)]
        loss = _loss(policy, scorer, batch, rng, student.fault_rate)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
        if report is not None:
            report(step, loss.item())
    return policy


def _optimizers(policy: Policy, learning_rate: float) -> list[Any]:
    """Muon for the matrices, AdamW for embeddings and norms.

    At 3,200 programs the loss is 0.8 with Muon and over 1.5 with AdamW at its best rate.
    """
    model = policy.model
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(
            matrices, lr=learning_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=_EMBEDDING_RATE, weight_decay=0.0, fused=True),
    ]


def _loss(
    policy: Policy, scorer: Scorer, batch: Sequence[Task], rng: random.Random, fault_rate: float
) -> Any:
    """Cross-entropy per token of one fresh program for each task."""
    prompts = policy.tokenizer([task.specification + "\n" for task in batch])["input_ids"]
    sources = [task.student(rng, fault_rate).source for task in batch]
    completions = [[*ids, policy.ends[0]] for ids in policy.tokenizer(sources)["input_ids"]]
    tokens = tokens_of(prompts, completions, policy.pad, policy.device)
    logprobs, _ = scorer(tokens)
    return -logprobs.sum() / tokens.lengths.sum()
