"""Learning from programs that are known to be right: lessons, and the run whose data they all are.

A lesson is a program behind a problem's prompt, as the policy would have written it. Whose programs
they are is decided elsewhere: the references, or what a teacher wrote and the tests let pass
(teacher.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from egca.errors import InputError
from egca.training.assessment import Bench
from egca.training.config import TrainConfig
from egca.training.crediting import Group, Rollout
from egca.training.data import PLAIN, Prompt, SetAside
from egca.training.metrics import Clock, Means
from egca.training.policy import Policy
from egca.training.sampling import Completion, Sampler
from egca.training.sections import n_learned
from egca.training.update import Row


@dataclass(frozen=True, slots=True)
class Lesson(Prompt):
    """A prompt with the tokens to learn behind it, the one that ends them included."""

    target: tuple[int, ...] = ()


def target_of(source: str, policy: Policy, family: str) -> tuple[int, ...]:
    """A program as a completion: bare where the prompt is plain, else in the block it asks for."""
    text = source if family == PLAIN else f"```python\n{source.rstrip()}\n```"
    return (*policy.encode(text, special=False), policy.ends[0])


def lessons_of(
    prompts: Sequence[Prompt],
    programs: Mapping[str, Sequence[str]],
    policy: Policy,
    family: str,
    max_tokens: int,
) -> tuple[list[Lesson], list[SetAside]]:
    """A lesson for every program, and the problems that have none.

    Args:
        programs: by task id. max_tokens: of a completion; longer programs are left out.
    Raises: InputError if there is no lesson at all.
    """
    lessons, aside = [], []
    for prompt in prompts:
        task_id = prompt.task.problem.task_id
        targets = [target_of(source, policy, family) for source in programs.get(task_id, ())]
        fitting = [target for target in targets if len(target) <= max_tokens]
        lessons += [Lesson(prompt.task, prompt.ids, target) for target in fitting]
        if not targets:
            aside.append(SetAside(task_id, "there is no program to learn from"))
        elif not fitting:
            shortest = min(map(len, targets))
            aside.append(SetAside(task_id, f"its shortest program has {shortest} tokens"))
    if not lessons:
        raise InputError(f"none of {len(prompts)} problems has a program to learn; the first: "
                         f"{aside[0].task_id}: {aside[0].reason}")  # fmt: skip
    return lessons, aside


def with_budget(config: TrainConfig, lessons: Sequence[Lesson]) -> TrainConfig:
    """What the loop works by: lessons a step, and steps for a budget of tokens."""
    options, rollout = config.supervised, config.rollout
    n = n_learned(options, rollout.prompts_per_step, rollout.num_generations)
    steps = config.steps
    if options.tokens is not None:
        mean = sum(len(lesson.target) for lesson in lessons) / len(lessons)
        steps = ceil(options.tokens / (n * mean))
    return config.model_copy(
        update={"steps": steps, "rollout": rollout.model_copy(update={"prompts_per_step": n})}
    )


@dataclass(frozen=True, slots=True)
class Lessons:
    """In place of rollouts: nothing is sampled, judged or credited."""

    sampler: Sampler
    bench: Bench

    def wanted(self, prompts_per_step: int) -> int:
        """Lessons of a step."""
        return prompts_per_step

    def first(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """A group of one for each lesson."""
        return self.collect(prompts, clock)

    def collect(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """As first."""
        groups = []
        for prompt in prompts:
            assert isinstance(prompt, Lesson)
            known = Completion(0, 0, prompt.target, (), has_ended=True)
            groups.append([Rollout(prompt.task, prompt.ids, known, "", advantage=1.0)])
        return groups

    def locate(self, groups: Sequence[Group], clock: Clock, seeds: Sequence[int]) -> None:
        """There are no places."""

    def rows(self, groups: Sequence[Group], *, is_all: bool) -> list[Row]:
        """What is learned."""
        return [
            supervised_row(one.prompt, one.completion.ids, 1.0) for group in groups for one in group
        ]

    def summarise(self, groups: Sequence[Group], means: Means) -> None:
        """Add what is logged of a step."""
        for rollout in (rollout for group in groups for rollout in group):
            means.add("completion_tokens", rollout.n_tokens)
            means.total("tokens", rollout.n_tokens)

    def state(self) -> dict[str, object]:
        """Nothing that the order of lessons does not know."""
        return {}

    def restore(self, state: Mapping[str, object]) -> None:
        """As state."""


def supervised_row(prompt: Sequence[int], target: Sequence[int], weight: float) -> Row:
    """Cross-entropy on the target's tokens, weighted."""
    n = len(target)
    return Row(prompt, target, np.full(n, weight, dtype=np.float32), n, is_supervised=True)
