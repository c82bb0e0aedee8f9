"""The two sides of train_vs_trl.py: TRL's GRPOTrainer and egca's Trainer on the same work.

Each runs in a process of its own and goes a step at a time, when it is told to, so that the two can
take turns on one core. Both get the same model, prompts and settings, and rewards from the same
cheap function: what judging costs is not compared here."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch

from egca.problems.generated import FAMILIES
from egca.training import tiny
from egca.training.assessment import Bench, Job, Judged, task_of
from egca.training.config import TrainConfig, config_of
from egca.training.crediting import Group
from egca.training.data import Prompt
from egca.training.distributed import Replica, World
from egca.training.loop import Trainer
from egca.training.policy import Policy, Reference, Scorer
from egca.training.rollouts import Rollouts
from egca.training.sampling import Completion, PolicySampler
from egca.training.update import Updater
from egca.types import Cause, Mode

LossType = Literal["grpo", "dapo", "dr_grpo"]
NORMALISATIONS = {"grpo": "sequence", "dapo": "token", "dr_grpo": "constant"}
FAMILY = "medium"
_MAX_PROMPT = 256


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a Llama made from scratch; heads are also those of keys and values."""

    hidden: int
    layers: int
    heads: int
    intermediate: int


SHAPES = {
    "0.1M": Shape(48, 2, 2, 128),
    "1M": Shape(128, 4, 4, 416),
    "10M": Shape(320, 8, 5, 848),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What both sides are given.

    micro_batch: completions that are learned from at once; TRL wants a divisor of all completions.
    forced: completions of each step, in TRL's order, in place of sampling; for egca's side only.
    """

    size: str
    n_steps: int
    n_prompts: int = 8
    num_generations: int = 8
    max_completion_length: int = 112
    micro_batch: int = 16
    beta: float = 0.0
    loss_type: LossType = "grpo"
    learning_rate: float = 1e-5
    seed: int = 0
    forced: tuple[tuple[tuple[int, ...], ...], ...] | None = None


class Wire(Protocol):
    """An end of a multiprocessing.Pipe."""

    def send(self, message: Any) -> None: ...

    def recv(self) -> Any: ...


def reward_of(text: str) -> float:
    """The share of letters in a completion: cheap, deterministic, and hardly ever equal twice."""
    return sum(map(str.isalpha, text)) / max(len(text), 1)


def new_policy(setting: Setting) -> Policy:
    """The untrained model, equal in both processes, and the tokenizer of the generated tasks."""
    shape = SHAPES[setting.size]
    return tiny.new_policy(
        tiny.new_tokenizer(FAMILIES[FAMILY], 1024),
        hidden=shape.hidden,
        intermediate=shape.intermediate,
        layers=shape.layers,
        heads=shape.heads,
        seed=setting.seed,
    )


class Turns:
    """Waits for its turn, and says after each step what it took."""

    def __init__(self, wire: Wire, policy: Policy) -> None:
        self._wire = wire
        parameters = sum(p.numel() for p in policy.model.parameters())
        wire.send({"n_parameters": parameters, "memory_mb": memory_mb("VmRSS")})
        self.wait()

    def wait(self) -> None:
        """Until it is told to go on."""
        self._wire.recv()
        self._started = time.perf_counter(), time.process_time()

    def done(self, n_tokens: int, split: dict[str, float], **more: Any) -> None:
        """A step is over: its time since the turn began, and what else is known of it."""
        seconds = time.perf_counter() - self._started[0]
        cpu_s = time.process_time() - self._started[1]
        split = {**split, "rest": seconds - sum(split.values())}
        self._wire.send(
            {"seconds": seconds, "cpu_s": cpu_s, "n_tokens": n_tokens, "split": split, **more}
        )


def memory_mb(field: str) -> float:
    """VmRSS (now) or VmHWM (at most) of this process, from /proc; 0 where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def egca_side(wire: Wire, settings: Sequence[Setting]) -> None:
    """The process of egca's trainer: one run after the other."""
    torch.set_num_threads(1)
    for setting in settings:
        policy = new_policy(setting)
        with tempfile.TemporaryDirectory() as folder:
            trainer_of(setting, policy, Path(folder), wire).run()
    wire.send({"peak_mb": memory_mb("VmHWM")})


def trainer_of(setting: Setting, policy: Policy, folder: Path, wire: Wire) -> Trainer:
    """A trainer whose steps wait for their turns."""
    family = FAMILIES[FAMILY]
    tasks = [family.task("train", i) for i in range(setting.n_prompts)]
    prompts = [
        Prompt(task_of(task.problem, None), tuple(policy.encode(text, special=True)))
        for task, text in zip(tasks, prompt_texts(setting), strict=True)
    ]
    config = config_for(setting, max(len(prompt.ids) for prompt in prompts))
    crediting = _uniform(config)
    sampler: Any = PolicySampler(
        policy, max_tokens=setting.max_completion_length, batch_size=_n(setting), seed=setting.seed
    )
    if setting.forced is not None:
        sampler = Given(setting.forced, setting)
    bench = CheapBench()
    rollouts = Rollouts(policy, sampler, bench, crediting, setting.num_generations, lambda: None)
    reference = Reference(policy, 1.0, config.chunk_tokens) if setting.beta else None
    updater = Updater(
        policy, Replica(Scorer(policy.model, 1.0, config.chunk_tokens), World()), reference,
        config.objective, micro_batch_tokens=config.micro_batch_tokens,
    )  # fmt: skip
    turns = Turns(wire, policy)
    after = _listener(turns, setting)
    return Trainer(config, prompts, rollouts, updater, folder, lambda: None, [after])


def _listener(turns: Turns, setting: Setting) -> Callable[..., None]:
    def after(step: int, metrics: dict[str, Any], groups: Sequence[Group]) -> None:
        seconds = metrics["seconds"]
        split = {
            "generate": seconds["generate"],
            "score": seconds["judge"] + seconds["localize"] + seconds["credit"],
            "update": seconds["train"],
        }
        n_tokens = sum(rollout.n_tokens for group in groups for rollout in group)
        turns.done(n_tokens, split, loss=metrics["loss"], grad_norm=metrics["grad_norm"])
        if step + 1 < setting.n_steps:
            turns.wait()

    return after


def _uniform(config: TrainConfig) -> Any:
    from egca.credit import find_strategy, options_from
    from egca.training.crediting import Crediting

    credit = config.credit
    strategy = find_strategy(credit.strategy)
    return Crediting(
        strategy, options_from(credit.options), credit.scale, credit.span, config.reward.kind
    )


def config_for(setting: Setting, longest_prompt: int) -> TrainConfig:
    """egca's configuration of a setting; its micro-batches hold as many rows as TRL's."""
    tree = {
        "model": {"name": "benchmark"},
        "data": {"dataset": "tiny", "prompt": "plain", "shuffle": False},
        "rollout": {
            "prompts_per_step": setting.n_prompts,
            "num_generations": setting.num_generations,
            "max_completion_length": setting.max_completion_length,
            "max_prompt_length": _MAX_PROMPT,
            "importance_bound": None,
        },
        "reward": {"kind": "fraction"},
        "credit": {"strategy": "uniform"},
        "objective": {
            "beta": setting.beta,
            "loss_normalisation": NORMALISATIONS[setting.loss_type],
        },
        "optimizer": {"learning_rate": setting.learning_rate},
        "checkpoint": {"every": setting.n_steps + 1},
        "steps": setting.n_steps,
        "micro_batch_tokens": setting.micro_batch
        * (longest_prompt + setting.max_completion_length),
        "seed": setting.seed,
    }
    return config_of(tree, "benchmark")


class CheapBench(Bench):
    """Rewards by `reward_of` at once: no processes, nothing judged."""

    def __init__(self) -> None:
        pass

    def request(self, job: Job) -> None:
        """Nothing is under way."""

    def collect(self, timeout_s: float | None = 0.0) -> None:
        """Nothing to wait for."""

    def judged(self, job: Job) -> Judged:
        """A failed program whose share of passed tests is the reward."""
        return Judged(Mode.LOGIC, Cause.WRONG_OUTPUT, reward_of(job.completion))

    def forget(self) -> None:
        """Nothing is kept."""


class Given:
    """A sampler that hands out the completions that another trainer has sampled."""

    def __init__(self, steps: Sequence[Sequence[Sequence[int]]], setting: Setting) -> None:
        self._steps = iter(steps)
        self._limit = setting.max_completion_length

    def sample(self, prompts: Sequence[Sequence[int]], n: int) -> Iterator[Completion]:
        """Those of the next step."""
        for i, ids in enumerate(next(self._steps)):
            zeros = (0.0,) * len(ids)
            yield Completion(i // n, i % n, tuple(ids), zeros, len(ids) < self._limit)

    def refresh(self) -> None:
        """No weights here."""

    def state(self) -> dict[str, Any]:
        """Of no use: nothing is resumed."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Of no use: nothing is resumed."""


def prompt_texts(setting: Setting) -> list[str]:
    """Specifications of generated tasks."""
    family = FAMILIES[FAMILY]
    return [family.task("train", i).specification + "\n" for i in range(setting.n_prompts)]


def _n(setting: Setting) -> int:
    """Completions of a step."""
    return setting.n_prompts * setting.num_generations


def trl_side(wire: Wire, settings: Sequence[Setting]) -> None:
    """The process of TRL's trainer: one run after the other."""
    torch.set_num_threads(1)
    for setting in settings:
        _train_trl(wire, setting)
    wire.send({"peak_mb": memory_mb("VmHWM")})


def _train_trl(wire: Wire, setting: Setting) -> None:
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import GRPOTrainer

    policy = new_policy(setting)

    class Timed(GRPOTrainer):
        """TRL's trainer, with a clock around what it calls and a look at what it samples."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.spent = {"generate": 0.0, "score": 0.0}
            self.losses: list[float] = []
            self.completions: list[list[int]] = []

        def _generate(self, *args: Any, **options: Any) -> Any:
            started = time.perf_counter()
            found = super()._generate(*args, **options)
            self.spent["generate"] += time.perf_counter() - started
            self.completions = found[1]
            return found

        def _generate_and_score_completions(self, *args: Any, **options: Any) -> Any:
            started = time.perf_counter()
            found = super()._generate_and_score_completions(*args, **options)
            passed = time.perf_counter() - started
            self.spent["score"] += passed - self.spent["generate"]
            return found

        def compute_loss(self, *args: Any, **options: Any) -> Any:
            loss = super().compute_loss(*args, **options)
            self.losses.append(float(loss.detach()))
            return loss

    class Steps(TrainerCallback):
        """Takes turns: a step is all that happens between the log lines of two of them."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            self.turns = Turns(wire, policy)
            self.before = time.perf_counter()

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any], **more: Any
        ) -> None:
            if "grad_norm" not in logs:  # the summary of the whole run
                return
            spent = dict(trainer.spent)
            n_tokens = sum(map(len, trainer.completions))
            whole = time.perf_counter() - self.before
            split = {**spent, "update": whole - sum(spent.values())}
            self.turns.done(
                n_tokens, split, loss=sum(trainer.losses), grad_norm=float(logs["grad_norm"]),
                completions=[tuple(ids) for ids in trainer.completions],
            )  # fmt: skip
            trainer.spent.update(generate=0.0, score=0.0)
            trainer.losses.clear()
            if state.global_step < setting.n_steps:
                self.turns.wait()
                self.before = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        if setting.beta:  # TRL loads the reference of a KL term from where the model came from
            policy.save(Path(folder))
            policy.model.config._name_or_path = folder
        trainer = Timed(
            model=policy.model,
            reward_funcs=_rewards,
            args=trl_config(setting, folder),
            train_dataset=Dataset.from_list([{"prompt": p} for p in prompt_texts(setting)]),
            processing_class=policy.tokenizer,
            callbacks=[Steps()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def _rewards(completions: Sequence[str], **more: Any) -> list[float]:
    return [reward_of(text) for text in completions]


def trl_config(setting: Setting, folder: str) -> Any:
    """TRL's configuration of a setting: float32, no recomputation, no reports, as egca's."""
    from trl import GRPOConfig

    n_parts = _n(setting) // setting.micro_batch
    return GRPOConfig(
        output_dir=folder,
        per_device_train_batch_size=setting.micro_batch,
        gradient_accumulation_steps=n_parts,
        steps_per_generation=n_parts,
        num_generations=setting.num_generations,
        max_completion_length=setting.max_completion_length,
        shuffle_dataset=False,
        temperature=1.0,
        beta=setting.beta,
        epsilon=0.2,
        loss_type=setting.loss_type,
        scale_rewards="group",
        learning_rate=setting.learning_rate,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        max_steps=setting.n_steps,
        seed=setting.seed,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
