"""The training loop: sample, judge, localize, credit, update, until told to stop.

What each part does is its own file's (rollouts.py, crediting.py, update.py, checkpoint.py). A step
is the same whether it follows another or a checkpoint: on the CPU to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from egca.errors import InputError
from egca.training import checkpoint
from egca.training.config import TrainConfig
from egca.training.crediting import Group, Rollout
from egca.training.data import Order, Prompt
from egca.training.metrics import Clock, Means, MetricsLog
from egca.training.policy import Policy
from egca.training.rollouts import Rollouts, has_signal, is_waiting
from egca.training.summary import summarise
from egca.training.update import Row, Totals, Updater

EXPLODING = 1_000.0  # times the clip: a gradient of this norm is no step to take
Listener = Callable[[int, dict[str, Any], Sequence[Group]], None]


class Stopped(Exception):
    """The run was asked to end; its state is that before the step that was under way."""


class Trainer:
    """Trains a policy. Everything that a step depends on is in `state`.

    Args:
        prompts: of the problems that are trained on.
        listeners: called after each step with its number, its metrics and its groups.
    """

    def __init__(
        self,
        config: TrainConfig,
        policy: Policy,
        prompts: Sequence[Prompt],
        rollouts: Rollouts,
        updater: Updater,
        folder: Path,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._config = config
        self._policy = policy
        self._prompts = prompts
        self._rollouts = rollouts
        self._updater = updater
        self._folder = folder
        self._listeners = listeners
        self._order = Order(len(prompts), config.seed, shuffle=config.data.shuffle)
        self._parameters = [p for p in policy.model.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=config.optimizer.learning_rate,
            betas=config.optimizer.betas,
            weight_decay=config.optimizer.weight_decay,
            fused=True,
        )
        self._log = MetricsLog(folder / "metrics.jsonl")
        self._before: tuple[int, dict[str, Any]] = (0, rollouts.sampler.state())
        self.step = 0

    @property
    def n_steps(self) -> int:
        """Steps of the whole run."""
        if self._config.steps is not None:
            return self._config.steps
        n = len(self._prompts) * self._config.epochs / self._config.rollout.prompts_per_step
        return max(math.ceil(n), 1)

    def resume(self) -> bool:
        """Go on from the last checkpoint; whether there was one."""
        state = checkpoint.load_last(self._folder / "checkpoints")
        if state is None:
            self._log.cut(0)
            return False
        if state["config"] != self._config.digest():
            raise InputError(
                f"{self._folder}: its checkpoint was made with other options; use those of its "
                "config.yaml, or another folder"
            )
        weights = {name: p for name, p in self._policy.model.named_parameters() if p.requires_grad}
        with torch.no_grad():
            for name, tensor in state["weights"].items():
                weights[name].copy_(tensor)
        self._optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        self._order.taken = state["taken"]
        self._rollouts.sampler.restore(state["sampler"])
        self._rollouts.sampler.refresh()
        self.step = state["step"]
        self._log.cut(self.step)
        return True

    def save(self) -> Path:
        """Write a checkpoint of the state before the step that is under way, if any is."""
        taken, sampler = self._before
        weights = {
            name: p.detach().cpu()
            for name, p in self._policy.model.named_parameters()
            if p.requires_grad
        }
        state = {
            "step": self.step,
            "config": self._config.digest(),
            "weights": weights,
            "optimizer": self._optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "taken": taken,
            "sampler": sampler,
        }
        options = self._config.checkpoint
        return checkpoint.save(self._folder / "checkpoints", self.step, state, options.keep)

    def run(self) -> None:
        """Take the steps that are left; a checkpoint at the end of all, and where it is stopped.

        Raises: Stopped once it has saved; InputError for what a setting can mend.
        """
        try:
            while self.step < self.n_steps:
                self._before = self._order.taken, self._rollouts.sampler.state()
                metrics, groups = self._one_step()
                self.step += 1
                self._before = self._order.taken, self._rollouts.sampler.state()
                self._log.write({"step": self.step - 1, **metrics})
                for listener in self._listeners:
                    listener(self.step - 1, metrics, groups)
                if self.step % self._config.checkpoint.every == 0 or self.step == self.n_steps:
                    self.save()
        except Stopped:
            self.save()
            raise

    def _one_step(self) -> tuple[dict[str, Any], list[Group]]:
        clock, means = Clock(), Means()
        with _memory("rollout.batch_size"):
            groups = self._groups(clock, means)
        rollouts = [rollout for group in groups for rollout in group]
        totals = Totals(
            len(rollouts),
            sum(rollout.n_tokens for rollout in rollouts),
            self._config.rollout.max_completion_length,
        )
        with _memory("micro_batch_tokens"):
            norms = self._update(groups, totals, clock, means)
        self._rollouts.bench.forget()
        with clock.phase("refresh"):
            self._rollouts.sampler.refresh()
        metrics = {**summarise(groups), **means.values(), **norms}
        return {**metrics, "learning_rate": self._rate(), "seconds": clock.split()}, groups

    def _groups(self, clock: Clock, means: Means) -> list[Group]:
        """Groups of this step; those without a signal are sampled again from other problems."""
        config = self._config
        groups = self._collected(config.rollout.prompts_per_step, clock)
        for _ in range(config.objective.resample):
            silent = [i for i, group in enumerate(groups) if not has_signal(group)]
            if not silent:
                break
            means.total("resampled", len(silent))
            for i, group in zip(silent, self._collected(len(silent), clock), strict=True):
                groups[i] = group
        return groups

    def _collected(self, n: int, clock: Clock) -> list[Group]:
        prompts = [self._prompts[i] for i in self._order.take(n)]
        return self._rollouts.collect(prompts, clock)

    def _update(
        self, groups: Sequence[Group], totals: Totals, clock: Clock, means: Means
    ) -> dict[str, float]:
        """One or several updates; returns the gradient norm and the number of skipped updates."""
        seeds = {id(g): self._config.seed * 1_000_003 + self.step * 1_009 + i
                 for i, g in enumerate(groups)}  # fmt: skip
        ready = [group for group in groups if not is_waiting(group)]
        waiting = [group for group in groups if is_waiting(group)]
        norms: list[float] = []
        if not self._updater.is_repeated:
            for part in (ready, waiting):  # the first while places of the second are looked for
                rows = self._rows(part, clock, seeds)
                with clock.phase("train"):
                    self._updater.prepare(rows)
                    self._updater.backward(rows, totals, means, 1.0)
            with clock.phase("train"):
                norms.append(self._apply())
        else:
            rows = self._rows(groups, clock, seeds)
            with clock.phase("train"):
                self._updater.prepare(rows)
                for batch, share in self._batches(rows, totals):
                    self._updater.backward(batch, share, means, 1.0)
                    norms.append(self._apply())
        finite = [norm for norm in norms if math.isfinite(norm)]
        mean = sum(finite) / len(finite) if finite else math.nan
        return {"grad_norm": mean, "skipped_updates": float(sum(map(self._is_bad, norms)))}

    def _rows(self, groups: Sequence[Group], clock: Clock, seeds: dict[int, int]) -> list[Row]:
        """Rows to learn from; without a KL term those without an advantage teach nothing."""
        self._rollouts.locate(groups, clock, [seeds[id(group)] for group in groups])
        is_all = self._config.objective.beta > 0
        chosen: list[Rollout] = [
            rollout for group in groups for rollout in group if is_all or rollout.advantage != 0
        ]
        return [row for rollout in chosen for row in self._rollouts.crediting.rows(rollout)]

    def _batches(
        self, rows: Sequence[Row], totals: Totals
    ) -> Iterator[tuple[Sequence[Row], Totals]]:
        """The rows of each update, with the totals that make it a mean over its share."""
        objective = self._config.objective
        n = objective.minibatches
        share = Totals(
            max(totals.n_sequences // n, 1), max(totals.n_tokens // n, 1), totals.max_length
        )
        generator = torch.Generator().manual_seed(self._config.seed * 7_919 + self.step)
        for _ in range(objective.num_iterations):
            shuffled = torch.randperm(len(rows), generator=generator).tolist()
            for k in range(n):
                yield [rows[i] for i in shuffled[k::n]], share

    def _apply(self) -> float:
        """Clip the gradient and take a step, unless it is not finite or explodes; its norm."""
        bound = self._config.optimizer.max_grad_norm
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, bound))
        if not self._is_bad(norm):
            for group in self._optimizer.param_groups:
                group["lr"] = self._rate()
            self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return norm

    def _is_bad(self, norm: float) -> bool:
        return not math.isfinite(norm) or norm > EXPLODING * self._config.optimizer.max_grad_norm

    def _rate(self) -> float:
        """The learning rate of this step."""
        options = self._config.optimizer
        if self.step < options.warmup_steps:
            return options.learning_rate * (self.step + 1) / options.warmup_steps
        done = (self.step - options.warmup_steps) / max(self.n_steps - options.warmup_steps, 1)
        factors = {
            "constant": 1.0,
            "linear": 1.0 - done,
            "cosine": (1.0 + math.cos(math.pi * done)) / 2,
        }
        return options.learning_rate * factors[options.schedule]


@contextmanager
def _memory(setting: str) -> Iterator[None]:
    """Running out of memory names the setting that helps."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if not isinstance(error, MemoryError) and "out of memory" not in str(error).lower():
            raise
        raise InputError(f"out of memory: lower {setting}") from None
