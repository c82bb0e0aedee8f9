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

from egca.errors import InputError, is_out_of_memory
from egca.training import checkpoint
from egca.training.config import TrainConfig
from egca.training.crediting import Group
from egca.training.critic import CriticUpdater
from egca.training.data import Order, Prompt
from egca.training.metrics import Clock, Means, MetricsLog
from egca.training.returns import token_advantages
from egca.training.rollouts import Source, is_waiting
from egca.training.stepping import Stepper
from egca.training.summary import is_silent, summary_of
from egca.training.update import Row, Totals, Updater

Listener = Callable[[int, dict[str, Any], Sequence[Group]], None]


def steps_of(config: TrainConfig, n_prompts: int) -> int:
    """Steps of a whole run on so many problems, or lessons."""
    if config.steps is not None:
        return config.steps
    return max(math.ceil(n_prompts * config.epochs / config.rollout.prompts_per_step), 1)


class Stopped(Exception):
    """The run was asked to end; its state is that before the step that was under way."""


class Trainer:
    """Trains a policy. Everything that a step depends on is in `state`.

    Args:
        prompts: of the problems that are trained on.
        critic: for ppo, which has one.
        check: called before steps and updates, in all processes; it raises Stopped where the run is
            to end.
        listeners: called after each step with its number, its metrics and this process's groups.
    """

    def __init__(
        self,
        config: TrainConfig,
        prompts: Sequence[Prompt],
        rollouts: Source,
        updater: Updater,
        folder: Path,
        check: Callable[[], None],
        listeners: Sequence[Listener] = (),
        critic: CriticUpdater | None = None,
    ) -> None:
        self._config = config
        self._world = updater.replica.world
        self._prompts = prompts
        self._rollouts = rollouts
        self._updater = updater
        self._critic = critic
        self._folder = folder
        self._check = check
        self._listeners = listeners
        self._order = Order(len(prompts), config.seed, shuffle=config.data.shuffle)
        self._stepper = Stepper(updater.replica, config.optimizer)
        self._log = MetricsLog(folder / "metrics.jsonl")
        self._before = self._position()
        self.step = 0

    def _position(self) -> dict[str, Any]:
        """Where the draws of this process stand."""
        return {
            "taken": self._order.taken,
            "sampler": self._rollouts.sampler.state(),
            "rollouts": self._rollouts.state(),
            "random": torch.get_rng_state(),
        }

    @property
    def n_steps(self) -> int:
        """Steps of the whole run."""
        return steps_of(self._config, len(self._prompts))

    def resume(self) -> bool:
        """Go on from the last checkpoint; whether there was one."""
        state = checkpoint.load_last(self._folder / "checkpoints")
        if state is None:
            if self._world.is_main:
                self._log.cut(0)
            return False
        if state["config"] != self._config.digest():
            raise InputError(
                f"{self._folder}: its checkpoint was made with other options; use those of its "
                "config.yaml, or another folder"
            )
        rank, n = self._world.rank, self._world.n
        if len(state["processes"]) != n:
            raise InputError(
                f"{self._folder}: its checkpoint is of {len(state['processes'])} processes, and "
                f"here are {n}: go on with as many"
            )
        self._stepper.restore(state["policy"])
        if self._critic is not None:
            self._critic.restore(state["critic"])
        own = state["processes"][rank]
        torch.set_rng_state(own["random"])
        self._rollouts.sampler.restore(own["sampler"])
        self._rollouts.sampler.refresh()
        self._rollouts.restore(own.get("rollouts", {}))
        self._order.taken = own["taken"]
        self.step = state["step"]
        if self._world.is_main:
            self._log.cut(self.step)
        return True

    def save(self) -> None:
        """Write a checkpoint of the state before the step that is under way, if any is."""
        state = {
            "step": self.step,
            "config": self._config.digest(),
            "policy": self._stepper.state(),
            "critic": None if self._critic is None else self._critic.state(),
            "processes": self._world.gather(self._before),
        }
        if self._world.is_main:
            keep = self._config.checkpoint.keep
            checkpoint.save(self._folder / "checkpoints", self.step, state, keep)

    def run(self) -> None:
        """Take the steps that are left; a checkpoint at the end of all, and where it is stopped.

        Raises: Stopped once it has saved; InputError for what a setting can mend.
        """
        try:
            while self.step < self.n_steps:
                self._before = self._position()
                self._check()
                metrics, groups = self._one_step()
                self.step += 1
                self._before = self._position()
                if self._world.is_main:
                    self._log.write({"step": self.step - 1, **metrics})
                if self.step % self._config.checkpoint.every == 0 or self.step == self.n_steps:
                    self.save()  # whatever a listener runs into
                for listener in self._listeners:
                    listener(self.step - 1, metrics, groups)
        except Stopped:
            self.save()
            raise

    def _one_step(self) -> tuple[dict[str, Any], list[Group]]:
        clock, means = Clock(), Means()
        means.total("loss", 0.0)  # also where nothing is learned from
        with _memory("rollout.batch_size"):
            groups = self._groups(clock, means)
        rollouts = [rollout for group in groups for rollout in group]
        n, n_tokens = self._world.total(len(rollouts), sum(r.n_tokens for r in rollouts))
        totals = Totals(n, n_tokens, self._config.rollout.max_completion_length)
        with _memory("micro_batch_tokens"):
            norms = self._update(groups, totals, clock, means)
        self._rollouts.summarise(groups, means)
        self._rollouts.bench.forget()
        with clock.phase("refresh"):
            self._updater.replica.publish()
            self._rollouts.sampler.refresh()
        merged = Means()
        for part in self._world.gather(means):
            merged.include(part)
        metrics = {**summary_of(merged), **norms}
        return {**metrics, "learning_rate": self._rate(), "seconds": clock.split()}, groups

    def _groups(self, clock: Clock, means: Means) -> list[Group]:
        """Groups of this step; those without a signal are sampled again from other problems."""
        world, config = self._world, self._config
        taken = self._order.take(self._rollouts.wanted(config.rollout.prompts_per_step))
        groups = self._rollouts.first(self._chosen(world.share(taken)), clock)
        for _ in range(config.objective.resample):
            silent = [i for i, group in enumerate(groups) if is_silent(group)]
            counts = world.gather(len(silent))
            if not any(counts):
                break
            means.total("resampled", len(silent))
            means.total("tokens", sum(one.n_tokens for i in silent for one in groups[i]))
            at = sum(counts[: world.rank])
            mine = self._order.take(sum(counts))[at : at + len(silent)]
            found = self._rollouts.collect(self._chosen(mine), clock)
            for i, group in zip(silent, found, strict=True):
                groups[i] = group
        return groups

    def _chosen(self, indices: Sequence[int]) -> list[Prompt]:
        return [self._prompts[i] for i in indices]

    def _update(
        self, groups: Sequence[Group], totals: Totals, clock: Clock, means: Means
    ) -> dict[str, float]:
        """One or several updates; returns the gradient norm and the number of skipped updates."""
        first = self._config.seed * 1_000_003 + self.step * 1_009 + self._world.rank
        seeds = {id(group): first + i * self._world.n for i, group in enumerate(groups)}
        ready = [group for group in groups if not is_waiting(group)]
        waiting = [group for group in groups if is_waiting(group)]
        norms: list[float] = []
        objective = self._config.objective
        if not self._updater.is_repeated and objective.is_credited:
            # The first part while places of the second are looked for.
            for part in (ready, waiting):
                rows = self._rows(part, clock, seeds)
                with clock.phase("train"):
                    self._updater.prepare(rows)
                    self._updater.backward(rows, totals, means)
            self._check()  # a launcher's signal also ends who judges, so this step may be spoiled
            with clock.phase("train"):
                norms.append(self._stepper.apply(self._rate()))
        else:
            rows = self._rows(groups, clock, seeds)
            self._check()
            with clock.phase("train"):
                self._updater.prepare(rows)
                if self._critic is not None:
                    self._critic.prepare(rows)
                if not objective.is_credited:
                    token_advantages(rows, objective, self._world)
                for batch, share in self._batches(rows, totals):
                    self._updater.backward(batch, share, means)
                    norms.append(self._stepper.apply(self._rate()))
                    if self._critic is not None:
                        self._critic.update(batch, share, means, self._factor())
        finite = [norm for norm in norms if math.isfinite(norm)]
        mean = sum(finite) / len(finite) if finite else math.nan
        return {"grad_norm": mean, "skipped_updates": float(sum(map(self._stepper.is_bad, norms)))}

    def _rows(self, groups: Sequence[Group], clock: Clock, seeds: dict[int, int]) -> list[Row]:
        """Rows to learn from; without a KL term those without credit teach nothing."""
        self._rollouts.locate(groups, clock, [seeds[id(group)] for group in groups])
        objective = self._config.objective
        is_all = objective.beta > 0 or not objective.is_credited
        return self._rollouts.rows(groups, is_all=is_all)

    def _batches(
        self, rows: Sequence[Row], totals: Totals
    ) -> Iterator[tuple[Sequence[Row], Totals]]:
        """The rows of each update, with the totals of an n-th of the step.

        Where n does not divide the rows, updates differ in size, and every row counts the same.
        """
        objective = self._config.objective
        n = objective.minibatches
        share = Totals(totals.n_sequences / n, totals.n_tokens / n, totals.max_length)
        generator = torch.Generator().manual_seed(self._config.seed * 7_919 + self.step)
        for _ in range(objective.num_iterations):
            shuffled = torch.randperm(len(rows), generator=generator).tolist()
            for k in range(n):
                yield [rows[i] for i in shuffled[k::n]], share

    def _rate(self) -> float:
        return self._config.optimizer.learning_rate * self._factor()

    def _factor(self) -> float:
        """What the schedule makes of the learning rates in this step."""
        options = self._config.optimizer
        if self.step < options.warmup_steps:
            return (self.step + 1) / options.warmup_steps
        done = (self.step - options.warmup_steps) / max(self.n_steps - options.warmup_steps, 1)
        if options.schedule == "constant":
            return 1.0
        return 1.0 - done if options.schedule == "linear" else (1.0 + math.cos(math.pi * done)) / 2


@contextmanager
def _memory(setting: str) -> Iterator[None]:
    """Running out of memory names the setting that helps."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise InputError(f"out of memory: lower {setting}") from None
