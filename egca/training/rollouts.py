"""Groups of rollouts: sampled, judged while others are still sampled, then given their advantages
and places.

Between `collect` and `locate` there is work for the model to do; the processes that localize use
that time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from egca.training.assessment import Bench, Job
from egca.training.crediting import Crediting, Group, Rollout
from egca.training.data import PLAIN, Prompt
from egca.training.metrics import Clock, Means
from egca.training.policy import Policy
from egca.training.sampling import Sampler
from egca.training.summary import summarise
from egca.training.supervised import supervised_row, target_of
from egca.training.teacher import Critique
from egca.training.update import Row


class Source(Protocol):
    """Where the rows of a step come from."""

    @property
    def sampler(self) -> Sampler:
        """Whose draws a checkpoint keeps."""
        ...

    @property
    def bench(self) -> Bench:
        """Where programs are judged."""
        ...

    def wanted(self, prompts_per_step: int) -> int:
        """Problems that the next step takes, over all processes."""
        ...

    def first(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """The groups of a step, of this process's problems."""
        ...

    def collect(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """Groups of other problems, in place of some without a signal."""
        ...

    def locate(self, groups: Sequence[Group], clock: Clock, seeds: Sequence[int]) -> None:
        """Assign credit, waiting for what it needs; a seed for each group."""
        ...

    def rows(self, groups: Sequence[Group], *, is_all: bool) -> list[Row]:
        """What is learned from groups; all of it, or what has credit."""
        ...

    def summarise(self, groups: Sequence[Group], means: Means) -> None:
        """Add what is logged of a step."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps besides the sampler's draws: plain containers."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        ...


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Makes groups of G rollouts each.

    check: called often; it raises where the run is to end. supervised_weight: of a lesson on the
    reference beside each group (RLTF). family: of prompts, which says how a reference is written.
    critique: of a teacher, mixed into rewards. max_tokens: of a lesson; longer ones are left out.
    """

    policy: Policy
    sampler: Sampler
    bench: Bench
    crediting: Crediting
    num_generations: int
    check: Callable[[], None]
    supervised_weight: float = 0.0
    family: str = PLAIN
    critique: Critique | None = None
    max_tokens: int | None = None

    def wanted(self, prompts_per_step: int) -> int:
        """Problems of a step."""
        return prompts_per_step

    def first(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """As collect."""
        return self.collect(prompts, clock)

    def collect(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """Sampled and judged groups with their advantages; places are asked for."""
        slots: list[list[Rollout | None]] = [[None] * self.num_generations for _ in prompts]
        with clock.phase("generate"):
            for completion in self.sampler.sample([p.ids for p in prompts], self.num_generations):
                prompt = prompts[completion.prompt]
                rollout = Rollout(
                    prompt.task, prompt.ids, completion, self.policy.decode(completion.ids)
                )
                slots[completion.prompt][completion.number] = rollout
                self.bench.request(Job(prompt.task, rollout.text))
                self.bench.collect()
                self.check()
        groups = [[rollout for rollout in slot if rollout is not None] for slot in slots]
        with clock.phase("judge"):
            for group in groups:
                for rollout in group:
                    rollout.judged = self.bench.judged(Job(rollout.task, rollout.text))
                self.crediting.advantages(group)
                if self.critique is None:
                    self._ask(group)
        if self.critique is not None:
            with clock.phase("critique"):
                self.critique.mix(groups, self.crediting)
            for group in groups:
                self._ask(group)
        return groups

    def _ask(self, group: Group) -> None:
        for rollout in group:
            if rollout.needs:
                self.bench.request(Job(rollout.task, rollout.text, rollout.needs))

    def locate(self, groups: Sequence[Group], clock: Clock, seeds: Sequence[int]) -> None:
        """Wait for the places that were asked for, and assign credit."""
        with clock.phase("localize"):
            for group in groups:
                for rollout in group:
                    if rollout.needs:
                        self.check()
                        job = Job(rollout.task, rollout.text, rollout.needs)
                        rollout.places = self.bench.places(job)
        with clock.phase("credit"):
            for group, seed in zip(groups, seeds, strict=True):
                self.crediting.credit(group, self.policy, seed)

    def rows(self, groups: Sequence[Group], *, is_all: bool) -> list[Row]:
        """What is learned: completions with credit, and lessons where they have a weight."""
        rows = [
            row
            for group in groups
            for rollout in group
            if is_all or _has_credit(rollout)
            for row in self.crediting.rows(rollout)
        ]
        if self.supervised_weight:
            lessons = [self._lesson(group) for group in groups]
            rows += [one for one in lessons if len(one.completion) <= (self.max_tokens or math.inf)]
        return rows

    def _lesson(self, group: Group) -> Row:
        """A reference, weighted so that the lessons of a step have a mean over their groups."""
        reference = group[0].task.problem.reference
        assert reference is not None
        target = target_of(reference, self.policy, self.family)
        return supervised_row(group[0].prompt, target, self.supervised_weight * len(group))

    def summarise(self, groups: Sequence[Group], means: Means) -> None:
        """Add what is logged of a step."""
        summarise(groups, means)
        if self.critique is not None:
            self.critique.summarise(groups, means)

    def state(self) -> dict[str, Any]:
        """Nothing: what is known of a step ends with it."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """As state."""


def _has_credit(rollout: Rollout) -> bool:
    """Whether any token has credit: under rltf that of an error also where A_i = 0."""
    assert rollout.credit is not None
    return bool(rollout.credit.advantages.any())


def is_waiting(group: Group) -> bool:
    """Whether the credit of a group depends on places that are still looked for."""
    return any(rollout.needs for rollout in group)
