"""Steps of CodeRL+: code prompts, and exercises made of the programs that failed before.

A buffer is filled first; from then on exercises take their share of a step's prompts. Groups are of
one kind each, so advantages are relative to the same task; credit on answers is uniform."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from egca.credit import group_advantages
from egca.training.alignment import (
    NO_ANSWER,
    Exercise,
    Grade,
    exercise_of,
    graded,
    reward_of,
)
from egca.training.assessment import Bench, Job, Task
from egca.training.config import TrainConfig
from egca.training.crediting import Group, Rollout
from egca.training.data import Prompt
from egca.training.distributed import World
from egca.training.held import Asked
from egca.training.metrics import Clock, Means
from egca.training.rollouts import Rollouts
from egca.training.sampling import Sampler
from egca.training.update import Row
from egca.types import Cause

_TRACED = frozenset({Cause.WRONG_OUTPUT, Cause.EXCEPTION})  # failures of programs that end


@dataclass(slots=True, eq=False)
class Answer(Rollout):
    """A completion of an exercise; task is whose program it is about."""

    grade: Grade = NO_ANSWER
    is_right: bool = False


class AlignedRollouts:
    """Rollouts, with exercises beside them. The buffer is this process's own.

    Args: tasks: by task id, of all problems that are trained on.
    """

    def __init__(
        self, code: Rollouts, config: TrainConfig, tasks: Mapping[str, Task], world: World
    ) -> None:
        self._tasks = tasks
        self._code = code
        self._config = config
        self._options = config.alignment
        self._world = world
        options = self._options
        self._asked = Asked(options.max_variables, options.input == "longest")
        self._buffer: deque[Exercise] = deque(maxlen=-(-options.capacity // world.n))
        self._n_taken = 0
        self._n_mixed = 0  # exercises of this step, over all processes

    @property
    def sampler(self) -> Sampler:
        """Of programs and of answers."""
        return self._code.sampler

    @property
    def bench(self) -> Bench:
        """Where programs are judged and traced."""
        return self._code.bench

    def wanted(self, prompts_per_step: int) -> int:
        """Problems of the next step: all, or what exercises leave once every buffer has its fill.

        Without learning from code all are sampled all the same, for exercises.
        """
        fill = max(self._options.fill / self._world.n, 1)
        fewest = min(self._world.gather(len(self._buffer)))
        n = round(self._options.share * prompts_per_step) if fewest >= fill else 0
        if n and not self._options.learns_code:
            self._n_mixed = prompts_per_step
            return prompts_per_step
        self._n_mixed = min(n, prompts_per_step - 1)
        return prompts_per_step - self._n_mixed

    def first(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """Groups of programs, then groups of answers."""
        groups = self._code.collect(prompts, clock)
        for group in groups:
            job = self._job(group)
            if job is not None:
                self.bench.request(job)
        n = len(self._world.share(range(self._n_mixed)))
        return groups + self._answers(self._taken(n), clock)

    def collect(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """Groups of programs; no exercises are made of them."""
        return self._code.collect(prompts, clock)

    def locate(self, groups: Sequence[Group], clock: Clock, seeds: Sequence[int]) -> None:
        """Credit of programs, and exercises out of those that failed."""
        pairs = [(g, s) for g, s in zip(groups, seeds, strict=True) if _is_code(g)]
        self._code.locate([group for group, _ in pairs], clock, [seed for _, seed in pairs])
        with clock.phase("trace"):
            for group, _ in pairs:
                self._keep(group)

    def rows(self, groups: Sequence[Group], *, is_all: bool) -> list[Row]:
        """What is learned from both."""
        rows: list[Row] = []
        if self._options.learns_code:
            rows = self._code.rows([group for group in groups if _is_code(group)], is_all=is_all)
        return rows + [
            _row(rollout)
            for group in groups
            if not _is_code(group)
            for rollout in group
            if is_all or rollout.advantage != 0
        ]

    def summarise(self, groups: Sequence[Group], means: Means) -> None:
        """As of rollouts, and shares of answers that have the form and that are right."""
        self._code.summarise([group for group in groups if _is_code(group)], means)
        means.total("exercises_kept", len(self._buffer))
        for one in (one for group in groups for one in group if isinstance(one, Answer)):
            means.add("alignment_reward", one.reward)
            means.add("alignment_format", one.grade.is_formatted)
            means.add("alignment_right", one.is_right)
            means.total("tokens", one.n_tokens)

    def state(self) -> dict[str, Any]:
        """The buffer, and how many were taken from it."""
        kept = [
            [one.task_id, list(one.prompt), list(map(list, one.answers)), one.is_plain]
            for one in self._buffer
        ]
        return {"exercises": kept, "n_taken": self._n_taken}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._buffer.clear()
        for task_id, prompt, answers, is_plain in state["exercises"]:
            pairs = tuple((name, text) for name, text in answers)
            self._buffer.append(Exercise(task_id, tuple(prompt), pairs, is_plain))
        self._n_taken = state["n_taken"]

    def _job(self, group: Group) -> Job | None:
        """The trace of a group's first program that fails and ends."""
        for rollout in group:
            judged = rollout.judged
            if judged is not None and not judged.passed and judged.cause in _TRACED:
                return Job(rollout.task, rollout.text, asked=self._asked)
        return None

    def _keep(self, group: Group) -> None:
        job = self._job(group)
        if job is None:
            return
        self.bench.request(job)  # known, unless the group came in place of another
        held = self.bench.held(job)
        if held is None:
            return
        limit = self._config.rollout.max_prompt_length
        task_id = job.task.problem.task_id
        made = exercise_of(task_id, held, self._code.policy, self._config.data.prompt, limit)
        if made is not None and made not in self._buffer:
            self._buffer.append(made)

    def _taken(self, n: int) -> list[Exercise]:
        """Exercises at random, each used once; the same after a resumption."""
        n = min(n, len(self._buffer))
        rng = random.Random(f"{self._config.seed}/{self._world.rank}/{self._n_taken}")
        chosen = sorted(rng.sample(range(len(self._buffer)), n))
        taken = [self._buffer[i] for i in chosen]
        for i in reversed(chosen):
            del self._buffer[i]
        self._n_taken += n
        return taken

    def _answers(self, exercises: Sequence[Exercise], clock: Clock) -> list[Group]:
        code = self._code
        groups: list[Group] = [[] for _ in exercises]
        found = []
        with clock.phase("generate"):
            prompts = [one.prompt for one in exercises]
            for completion in code.sampler.sample(prompts, code.num_generations) if prompts else ():
                found.append(completion)
                code.check()
        for one in sorted(found, key=lambda one: (one.prompt, one.number)):
            exercise = exercises[one.prompt]
            text = code.policy.decode(one.ids)
            grade = graded(text, exercise)
            n = len(exercise.answers)
            answer = Answer(self._tasks[exercise.task_id], exercise.prompt, one, text)
            answer.grade, answer.is_right = grade, grade.n_correct == n
            answer.reward = reward_of(grade, n, self._options.reward)
            groups[one.prompt].append(answer)
        for group in groups:
            rewards = [rollout.reward for rollout in group]
            advantages = group_advantages(rewards, len(group), scale=code.crediting.scale)
            for rollout, advantage in zip(group, advantages, strict=True):
                rollout.advantage = float(advantage)
        return groups


def _is_code(group: Group) -> bool:
    return not isinstance(group[0], Answer)


def _row(rollout: Rollout) -> Row:
    n = rollout.n_tokens
    return Row(
        rollout.prompt,
        rollout.completion.ids,
        np.full(n, rollout.advantage, dtype=np.float32),
        n,
        np.asarray(rollout.completion.logprobs, dtype=np.float32),
        rollout.reward,
    )
